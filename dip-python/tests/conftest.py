"""Sites that several tests use."""

import dip
import pytest

#: The machines of the simulation ask its own DNS server. Where the names are in another one, they ask none.
NO_RESOLVER = "profiles: {base: {opsclients: {resolver: null}}}"


@pytest.fixture
def site():
    return dip.Site.parse(dip.datacenter(nodes=8, racks=2))


@pytest.fixture
def site_without_resolver():
    return dip.Site.parse(dip.datacenter(nodes=8, racks=2), overlays=[NO_RESOLVER])
