"""The compiled part of dip, as types."""

from os import PathLike
from typing import Any, Callable, Mapping, Sequence, final

from .dns import Dns

__all__ = [
    "Explanation",
    "Failure",
    "Plan",
    "Report",
    "Sandbox",
    "Site",
    "SiteFault",
    "apply",
    "datacenter",
    "plan",
]

@final
class Site:
    """What is wanted of one site. Every name in it resolves."""

    @staticmethod
    def load(path: str | PathLike[str], overlays: Sequence[str | PathLike[str]] = ...) -> Site:
        """Reads a site file (YAML, TOML or JSON) and overlays over it, the last one on top. Nothing is written.

        Raises SiteError with all that is wrong.
        """

    @staticmethod
    def parse(text: str, *, name: str = "site.yaml", overlays: Sequence[str] = ...) -> Site:
        """Reads a site from text. ``name`` stands in faults, and its ending says how text and overlays are written."""

    @property
    def name(self) -> str:
        """The site's name: the owner mark of the records that dip writes."""

    @property
    def nodes(self) -> list[str]:
        """The names of its nodes, sorted."""

    @property
    def services(self) -> list[str]:
        """The names of its services, sorted."""

    @property
    def warnings(self) -> list[str]:
        """What is not wrong and still worth a look."""

    def to_dict(self) -> dict[str, Any]:
        """The whole site; of secrets only where they are found."""

    def to_json(self) -> str:
        """As ``to_dict``, as JSON."""

@final
class SiteFault:
    """Something wrong in a site file. Its text is what the dip command prints, with the line and a mark under the place."""

    @property
    def message(self) -> str:
        """What is wrong."""

    @property
    def file(self) -> str | None:
        """The file; None where it is about no place in a file."""

    @property
    def line(self) -> int | None:
        """The line, from 1."""

    @property
    def column(self) -> int | None:
        """The column, from 1, in characters."""

    @property
    def label(self) -> str | None:
        """What stands beside the marked place."""

    @property
    def advice(self) -> str | None:
        """What to do about it."""

    @property
    def text(self) -> str:
        """All of it, as ``str()`` gives it."""

@final
class Sandbox:
    """A simulated datacenter: all machines of a site, powered off, and its services, empty. Its time is virtual."""

    def __new__(cls, site: Site, *, seed: int = 1) -> Sandbox:
        """The seed decides how long everything takes."""

    def inject(self, fault: str, *, at: float | None = None, **fields: object) -> None:
        """Sets a fault, from now on or from ``at`` seconds since the start.

        Of a node (``node=``): ``power_command_lost`` (``times``), ``boot_hangs`` (``times``), ``boot_slow`` (``by``,
        ``times``), ``bmc_silent`` (``lasting``), ``host_dies``. Of a service (``service=``): ``service_refuses`` (``times``),
        ``service_busy`` (``times``), ``service_silent`` (``lasting``), ``service_slow`` (``by``, ``lasting``). ``by`` and
        ``lasting`` are seconds.
        """

    def log(self) -> list[str]:
        """Which faults were set and when they took effect."""

    @property
    def elapsed(self) -> float:
        """The simulated seconds since the start."""

    def boots(self, node: str) -> int:
        """How often a node was started."""

    def snapshot(self) -> dict[str, Any]:
        """The state of everything: nodes, ports, outlets, reservations, names, records, targets, keys."""

@final
class Plan:
    """What will be done, in which order and why. Its text is what ``dip plan`` prints, its length the number of steps."""

    @property
    def id(self) -> str:
        """A hash of what it will do and of the values that it was made from."""

    @property
    def site(self) -> str:
        """The name of its site."""

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to do. (A plan is never false, also an empty one.)"""

    @property
    def steps(self) -> list[str]:
        """The names of its steps, in no order of time."""

    def why(self, wanted: str) -> list[Explanation]:
        """The stories of all steps that fit: a step's name, a part of it, or a subject (``node/r1-n3`` or ``r1-n3``).

        Raises NoSuchStep where none fits.
        """

    def to_json(self) -> str:
        """The plan as JSON, which ``dip apply`` reads."""

    def to_dot(self) -> str:
        """Its graph for Graphviz."""

    def to_mermaid(self) -> str:
        """Its graph for Mermaid."""

    def __len__(self) -> int: ...
    def __bool__(self) -> bool: ...

@final
class Explanation:
    """The story of one step."""

    @property
    def step(self) -> str:
        """The step."""

    @property
    def reason(self) -> str:
        """Why it is in the plan, or is not."""

    @property
    def origin(self) -> str | None:
        """Where the site file asks for it."""

    @property
    def after(self) -> list[str]:
        """What it waits for, each with the reason."""

    @property
    def before(self) -> list[str]:
        """What waits for it."""

    @property
    def behind(self) -> int | None:
        """How many steps wait for it, directly or through others."""

    @property
    def reruns(self) -> int | None:
        """How many steps are looked at again at most when a value that it gives changes."""

    @property
    def text(self) -> str:
        """All of it, as ``str()`` gives it."""

@final
class Report:
    """How a run ended. Its text is what ``dip apply`` prints at the end."""

    @property
    def run(self) -> str:
        """The run's name."""

    @property
    def plan(self) -> str:
        """The id of the plan that it carried out."""

    @property
    def outcome(self) -> str:
        """``ready``, ``failed`` or ``interrupted``."""

    @property
    def changes(self) -> int:
        """How many steps changed something."""

    @property
    def took(self) -> float:
        """How many seconds it took; simulated ones in a sandbox."""

    @property
    def failures(self) -> list[Failure]:
        """The steps that failed."""

    def to_dict(self) -> dict[str, Any]:
        """The whole report, step by step."""

    def to_json(self) -> str:
        """As ``to_dict``, as JSON."""

@final
class Failure:
    """A step that failed."""

    @property
    def step(self) -> str:
        """The step."""

    @property
    def layer(self) -> str:
        """Its layer: ``network``, ``firmware``, ``os``, ``opsclients``, ``apps``, ``opsmgmt`` or ``cluster``."""

    @property
    def subject(self) -> str:
        """What it is about: ``node/r1-n1``."""

    @property
    def error(self) -> str:
        """Why, as a sentence."""

    @property
    def kind(self) -> str:
        """``error``; ``conflict``: somebody else holds it, and it was left alone; ``unsettled``: done, and it did not come true;
        ``refused``: it may not be done."""

def datacenter(nodes: int = 8, racks: int = 2) -> str:
    """The text of a site file (YAML) for a datacenter to simulate."""

def plan(
    site: Site,
    *,
    sandbox: Sandbox | None = None,
    dns: Mapping[str, Dns] | None = None,
    through: str = "everything",
) -> Plan:
    """Looks at a site and plans what has to be done. Changes nothing.

    It asks the sandbox, or else the site's own services; ``dns`` puts objects of yours in the place of DNS services of the
    site, by their names in the site file. ``through="ready"`` plans ready state alone, without applications and clusters.

    Raises PlanError with all the reasons why there is no plan, and ConnectError where services cannot be used.
    """

def apply(
    plan: Plan,
    *,
    sandbox: Sandbox | None = None,
    dns: Mapping[str, Dns] | None = None,
    on_event: Callable[[dict[str, Any]], object] | None = None,
    journal: str | PathLike[str] | None = None,
) -> Report:
    """Carries out a plan, through those who were asked for it: what was planned in a sandbox happens in that sandbox.

    ``sandbox`` and ``dns`` name others. ``on_event`` is called in this thread with each event, a dict with ``sequence``,
    ``at``, ``event`` (``began``, ``opened``, ``started``, ``applying``, ``waiting``, ``settled``, ``retrying``, ``failed``,
    ``stopping``, ``ended``), where it is about a step ``step``, ``layer`` and ``subject``, and the event's own fields. In a
    sandbox, time stands still meanwhile. ``journal`` is a new file that the run is written to.

    A step that fails is no exception: the report tells it. On Ctrl-C running steps end and KeyboardInterrupt is raised;
    a second Ctrl-C abandons them. An exception of ``on_event`` stops the run in the same way. Either carries the report as
    its attribute ``report``. Raises RunError where the run could not go on.
    """
