"""Without a sandbox, plans look at real services, in real time, and chosen addresses are kept."""

import base64

import dip
import pytest
from table import Table

SITE = """\
version: 1
site: lab
domain: lab.example
networks:
  prod: {prefixes: [{prefix: 10.1.0.0/24, ranges: [10.1.0.10-10.1.0.99]}]}
services:
  dns:
    kind: rfc2136
    server: 127.0.0.1:9
    key: {name: dip, algorithm: hmac-sha256, secret: env:DIP_TEST_TSIG_SECRET}
nodes:
  n{1..3}:
    nics:
      eth0: {primary: true, mac: "52:54:00:00:00:{n:02x}", network: prod}
"""


@pytest.fixture
def path(tmp_path, monkeypatch):
    monkeypatch.setenv("DIP_TEST_TSIG_SECRET", base64.b64encode(b"k" * 32).decode())
    path = tmp_path / "site.yaml"
    path.write_text(SITE)
    return path


def test_real_names_are_registered_and_their_addresses_kept(path):
    site, table, lock = dip.Site.load(path), Table(), path.with_name("dip.lock")
    plan = dip.plan(site, dns={"dns": table})
    assert len(plan) == 3 and not lock.exists() and table.held == {}
    report = dip.apply(plan, journal=path.with_name("first.journal"))
    assert report.outcome == "ready" and report.changes == 3
    assert set(table.held) == {f"n{number}.lab.example" for number in (1, 2, 3)}
    kept = lock.read_text()
    assert all(address in kept for held in table.held.values() for address in held["addresses"])
    again = dip.Site.load(path)
    assert again.to_dict()["nodes"] == site.to_dict()["nodes"]
    assert dip.plan(again, dns={"dns": table}).is_empty


def test_a_real_plan_can_be_tried_in_a_sandbox_first(path):
    site, table = dip.Site.load(path), Table()
    sandbox = dip.Sandbox(site)
    plan = dip.plan(site, dns={"dns": table})
    assert dip.apply(plan, sandbox=sandbox, dns={}).outcome == "ready"
    assert table.held == {} and len(sandbox.snapshot()["names"]["dns"]) == 3
    assert not path.with_name("dip.lock").exists()


def test_one_name_that_fails_leaves_the_others_alone(path):
    class Part(Table):
        def ensure(self, wanted, owner):
            if wanted["name"].startswith("n2."):
                raise dip.NotFound("the zone is gone")
            Table.ensure(self, wanted, owner)

    table = Part()
    report = dip.apply(dip.plan(dip.Site.load(path), dns={"dns": table}))
    (failure,) = report.failures
    assert report.outcome == "failed" and report.changes == 2
    assert failure.error == "Python DNS could not register n2.lab.example: not found: the zone is gone"
    assert set(table.held) == {"n1.lab.example", "n3.lab.example"}
