"""A DNS service written in Python takes the place of the site's own."""

import threading
import time

import dip
import pytest
from table import Table


def plan_of(site, sandbox, dns):
    """Ready state alone: members of a cluster find each other by the names of the simulated DNS server."""
    return dip.plan(site, sandbox=sandbox, dns={"dns": dns}, through="ready")


def run(site, dns):
    return dip.apply(plan_of(site, dip.Sandbox(site), dns))


def names_of(site):
    return {f"{node}.demo.example" for node in site.nodes}


def failures_of(site, dns):
    """How each name failed; each failed in the same way."""
    failures = run(site, dns).failures
    assert len(failures) == len(site.nodes) and {failure.layer for failure in failures} == {"opsmgmt"}
    return {(failure.kind, failure.error.replace(failure.subject.removeprefix("node/"), "{}")) for failure in failures}


def test_all_names_come_to_a_python_class(site_without_resolver):
    site, table = site_without_resolver, Table()
    report = run(site, table)
    assert report.outcome == "ready", report
    assert set(table.held) == names_of(site)
    assert {held["owner"] for held in table.held.values()} == {"demo"}
    node = site.to_dict()["nodes"]["r1-n1"]
    (nic,) = node["nics"].values()
    assert sorted(table.held["r1-n1.demo.example"]["addresses"]) == sorted(held["address"] for held in nic["addresses"])


def test_the_second_plan_is_empty(site_without_resolver):
    site, table = site_without_resolver, Table()
    sandbox = dip.Sandbox(site)
    assert dip.apply(plan_of(site, sandbox, table)).outcome == "ready"
    assert plan_of(site, sandbox, table).is_empty
    # The simulated DNS server has heard of nothing.
    assert sandbox.snapshot()["names"]["dns"] == {}


def test_methods_may_be_coroutines(site_without_resolver):
    class Async(Table):
        async def name(self, name):
            return Table.name(self, name)

        async def ensure(self, wanted, owner):
            Table.ensure(self, wanted, owner)

    table = Async()
    assert run(site_without_resolver, table).outcome == "ready"
    assert set(table.held) == names_of(site_without_resolver)


def test_a_conflict_is_left_alone_and_told(site_without_resolver):
    table = Table()
    foreign = {"addresses": ["192.0.2.1"], "owner": "elsewhere"}
    table.held["r1-n1.demo.example"] = foreign
    report = run(site_without_resolver, table)
    assert report.outcome == "failed" and table.held["r1-n1.demo.example"] is foreign
    (failure,) = report.failures
    assert (failure.kind, failure.subject) == ("conflict", "node/r1-n1")
    assert "the mark of site `elsewhere`" in failure.error and "left alone" in str(report)


def test_exceptions_of_dip_keep_their_kind_advice_and_text(site_without_resolver):
    class Taken(Table):
        def ensure(self, wanted, owner):
            raise dip.Conflict("ops holds it", advice="ask ops for it")

    expected = "Python DNS could not register {}.demo.example: conflict: ops holds it; ask ops for it"
    assert failures_of(site_without_resolver, Taken()) == {("conflict", expected)}

    class Locked(Table):
        def ensure(self, wanted, owner):
            raise dip.Denied

    expected = "Python DNS could not register {}.demo.example: denied"
    assert failures_of(site_without_resolver, Locked()) == {("error", expected)}


def test_any_other_exception_is_told_with_its_text_and_line(site_without_resolver):
    class Broken(Table):
        def ensure(self, wanted, owner):
            return wanted["adresses"]

    line = Broken.ensure.__code__.co_firstlineno + 1
    expected = (
        "Python DNS could not register {}.demo.example: unexpected answer: "
        f"KeyError: 'adresses' (test_dns.py, line {line})"
    )
    assert failures_of(site_without_resolver, Broken()) == {("error", expected)}


def test_an_answer_of_another_form_is_told(site_without_resolver):
    class Odd(Table):
        def name(self, name):
            return 5

    ((kind, error),) = failures_of(site_without_resolver, Odd())
    assert kind == "error" and "`name` must return None or" in error and error.endswith("not 5")


def test_who_is_busy_is_asked_again(site_without_resolver):
    class Busy(Table):
        refused = set()

        def ensure(self, wanted, owner):
            with self.lock:
                first = wanted["name"] not in self.refused
                self.refused.add(wanted["name"])
            if first:
                raise dip.Busy("the zone is being reloaded", retry_after=20)
            Table.ensure(self, wanted, owner)

    events = []
    sandbox, table = dip.Sandbox(site_without_resolver), Busy()
    plan = plan_of(site_without_resolver, sandbox, table)
    assert dip.apply(plan, on_event=events.append).outcome == "ready"
    again = [event for event in events if event["event"] == "retrying"]
    assert len(again) == 8 and all("busy: the zone is being reloaded" in event["error"] for event in again)
    assert set(table.held) == names_of(site_without_resolver)


def test_a_call_that_hangs_is_given_up(site_without_resolver):
    class Hangs(Table):
        timeout = 0.05

        def name(self, name):
            over.wait()

    over = threading.Event()
    began = time.monotonic()
    try:
        ((kind, error),) = failures_of(site_without_resolver, Hangs())
    finally:
        over.set()
    assert kind == "error" and "unreachable: no answer within 50ms" in error
    assert time.monotonic() - began < 30


def test_time_stands_still_while_python_works(site_without_resolver):
    class Slow(Table):
        def name(self, name):
            time.sleep(0.01)
            return Table.name(self, name)

    sandbox = dip.Sandbox(site_without_resolver)
    plan = plan_of(site_without_resolver, sandbox, Slow())
    # Looks at a server may take 30 s of simulated time; had it gone on, these would have failed.
    assert sandbox.elapsed < 30
    assert dip.apply(plan).outcome == "ready"


def test_another_dns_can_be_given_to_a_run(site_without_resolver):
    sandbox = dip.Sandbox(site_without_resolver)
    planned, applied = Table(), Table()
    plan = plan_of(site_without_resolver, sandbox, planned)
    assert dip.apply(plan, dns={"dns": applied}).outcome == "ready"
    assert planned.held == {} and set(applied.held) == names_of(site_without_resolver)


def test_what_is_no_dns_service_is_refused(site):
    with pytest.raises(TypeError, match="`object` is no DNS service: it has no method `name`; see dip.Dns"):
        dip.plan(site, sandbox=dip.Sandbox(site), dns={"dns": object()})
    with pytest.raises(ValueError, match="site `demo` has no service `dsn`; it has `cmdb`, `dhcp`, `dns`"):
        dip.plan(site, sandbox=dip.Sandbox(site), dns={"dsn": Table()})
