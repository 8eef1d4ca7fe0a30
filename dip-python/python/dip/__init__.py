"""dip brings racks of machines to ready state, in the right order, with the services that a site already has.

>>> import dip
>>> site = dip.Site.parse(dip.datacenter(nodes=4, racks=2))
>>> sandbox = dip.Sandbox(site)
>>> report = dip.apply(dip.plan(site, sandbox=sandbox))
>>> report.outcome
'ready'
"""

from ._native import (
    Explanation,
    Failure,
    Plan,
    Report,
    Sandbox,
    Site,
    SiteFault,
    apply,
    datacenter,
    plan,
)
from .dns import Dns, HeldName, HostName
from .errors import (
    Busy,
    Conflict,
    ConnectError,
    Denied,
    DipError,
    Invalid,
    NoSuchStep,
    NotFound,
    PlanError,
    ProviderError,
    RunError,
    SiteError,
    Unexpected,
    Unreachable,
    Unsupported,
)

__all__ = [
    "Busy",
    "Conflict",
    "ConnectError",
    "Denied",
    "DipError",
    "Dns",
    "Explanation",
    "Failure",
    "HeldName",
    "HostName",
    "Invalid",
    "NoSuchStep",
    "NotFound",
    "Plan",
    "PlanError",
    "ProviderError",
    "Report",
    "RunError",
    "Sandbox",
    "Site",
    "SiteError",
    "SiteFault",
    "Unexpected",
    "Unreachable",
    "Unsupported",
    "apply",
    "datacenter",
    "plan",
]
