"""Plans are carried out in the sandbox, with events, faults, journals and Ctrl-C."""

import json
import signal
import threading
import time
from datetime import datetime, timezone

import dip
import pytest
from table import Table

#: When every simulation starts.
START = datetime(2026, 1, 5, 8, tzinfo=timezone.utc)


@pytest.fixture
def sandbox(site):
    return dip.Sandbox(site, seed=1)


@pytest.fixture
def plan(site, sandbox):
    return dip.plan(site, sandbox=sandbox)


def test_eight_nodes_come_to_ready_state_and_a_second_plan_is_empty(site, sandbox, plan):
    report = dip.apply(plan)
    assert report.outcome == "ready", report
    assert report.plan == plan.id and report.failures == []
    assert 0 < report.changes <= len(plan) == len(report.to_dict()["steps"])
    assert str(report).startswith(f"Run python is ready: {report.changes} changed, ")
    assert json.loads(report.to_json()) == report.to_dict()
    nodes = sandbox.snapshot()["nodes"]
    assert len(nodes) == 8 and all(node["answers"] for node in nodes.values())
    assert [sandbox.boots(node) for node in site.nodes] == [1] * 8
    # Machines take minutes to boot; the simulation's do so in no time.
    assert sandbox.elapsed >= report.took > 60
    again = dip.plan(site, sandbox=sandbox)
    assert again.is_empty and len(again) == 0 and str(again).startswith("Nothing to do")


def test_events_come_in_order_in_the_calling_thread(plan):
    events, threads = [], set()

    def hear(event):
        events.append(event)
        threads.add(threading.get_ident())

    report = dip.apply(plan, on_event=hear)
    assert threads == {threading.get_ident()}
    kinds = [event["event"] for event in events]
    assert kinds[:2] == ["began", "opened"] and kinds[-1] == "ended"
    assert [event["sequence"] for event in events] == list(range(len(events)))
    assert [event["at"] for event in events] == sorted(event["at"] for event in events)
    assert events[0]["plan"] == plan.id and events[-1]["outcome"] == report.outcome == "ready"
    assert events[-1]["took"] == report.took
    settled = [event["step"] for event in events if event["event"] == "settled"]
    assert sorted(settled) == sorted(plan.steps)

    def first(kind, verb, subject):
        return next(
            event["sequence"]
            for event in events
            if event["event"] == kind and verb in event["step"] and event["subject"] == subject
        )

    for node in ("node/r1-n1", "node/r2-n4"):
        asked = first("started", "power_on", node)
        assert asked < first("applying", "power_on", node) < first("settled", "power_on", node)
        assert first("settled", "power_on", node) < first("started", "os.", node)


def test_a_lost_power_command_is_survived(site, sandbox, plan):
    sandbox.inject("power_command_lost", node="r1-n2", times=1)
    report = dip.apply(plan)
    assert report.outcome == "ready", report
    (told, hit) = sandbox.log()
    assert "fault set: node/r1-n2: the BMC loses 1 power command" in told and "fault hit: node/r1-n2" in hit
    assert dip.plan(site, sandbox=sandbox).is_empty


def test_time_stands_still_while_a_listener_works(sandbox, plan):
    lags = []

    def hear(event):
        since_start = datetime.fromisoformat(event["at"].replace("Z", "+00:00")) - START
        lags.append(sandbox.elapsed - since_start.total_seconds())

    assert dip.apply(plan, on_event=hear).outcome == "ready"
    assert len(lags) > len(plan) and max(lags) < 0.01, max(lags)


def test_a_fault_can_be_set_when_an_event_comes(sandbox, plan):
    def strike(event):
        if event["event"] == "applying" and "power_on" in event["step"] and event["subject"] == "node/r1-n2":
            sandbox.inject("boot_slow", node="r1-n2", by=600, times=1)

    assert dip.apply(plan, on_event=strike).outcome == "ready"
    assert [line.split(": ", 1)[1] for line in sandbox.log()] == ["node/r1-n2: 1 boot takes 600 s longer"] * 2
    assert sandbox.elapsed > 600


def test_faults_that_could_never_strike_are_refused(sandbox):
    with pytest.raises(ValueError, match="site `demo` has no node `r9-n9`"):
        sandbox.inject("host_dies", node="r9-n9")
    with pytest.raises(ValueError, match="`bmc_sleeps` with these fields is no fault: unknown variant"):
        sandbox.inject("bmc_sleeps", node="r1-n1")
    with pytest.raises(ValueError, match="-1 is not a number of seconds"):
        sandbox.inject("bmc_silent", node="r1-n1", lasting=-1)
    assert sandbox.log() == []


def test_a_step_that_fails_is_told_by_the_report(site, sandbox, plan):
    sandbox.inject("service_refuses", service="dns", times=1)
    report = dip.apply(plan)
    assert report.outcome == "failed"
    (failure,) = report.failures
    assert (failure.layer, failure.kind) == ("opsmgmt", "error") and failure.subject.removeprefix("node/") in site.nodes
    assert "denied" in failure.error and f"{failure.step} — {failure.error}" in str(report)


def test_a_run_is_written_to_its_journal(tmp_path, plan):
    path = tmp_path / "first.journal"
    report = dip.apply(plan, journal=path)
    assert report.run == "first" and path.stat().st_size > 0
    with pytest.raises(dip.RunError, match="^journal .*first.journal cannot be made: File exists"):
        dip.apply(plan, journal=path)


def test_an_exception_of_a_listener_stops_the_run(sandbox, plan):
    def refuse(event):
        if event["event"] == "applying":
            raise KeyError("not this one")

    with pytest.raises(KeyError, match="not this one") as raised:
        dip.apply(plan, on_event=refuse)
    assert raised.value.report.outcome == "interrupted"
    assert not all(node["answers"] for node in sandbox.snapshot()["nodes"].values())


def test_ctrl_c_stops_a_run_gently(site, sandbox, plan):
    events = []

    def press(event):
        events.append(event["event"])
        if events.count("settled") == 1 and event["event"] == "settled":
            signal.raise_signal(signal.SIGINT)

    with pytest.raises(KeyboardInterrupt) as raised:
        dip.apply(plan, on_event=press)
    report = raised.value.report
    assert report.outcome == "interrupted" and not report.failures
    assert "stopping" in events and events[-1] == "ended"
    # What was left undone is what the next plan has.
    rest = dip.plan(site, sandbox=sandbox)
    assert 0 < len(rest) < len(plan)
    assert dip.apply(rest).outcome == "ready"


def test_a_second_ctrl_c_abandons_what_hangs(site_without_resolver):
    class Hangs(Table):
        def ensure(self, wanted, owner):
            hangs.set()
            over.wait()

    def press_twice():
        hangs.wait()
        signal.pthread_kill(threading.main_thread().ident, signal.SIGINT)
        stopping.wait()
        signal.pthread_kill(threading.main_thread().ident, signal.SIGINT)

    def hear(event):
        if event["event"] == "stopping":
            stopping.set()

    hangs, stopping, over = threading.Event(), threading.Event(), threading.Event()
    sandbox = dip.Sandbox(site_without_resolver)
    plan = dip.plan(site_without_resolver, sandbox=sandbox, dns={"dns": Hangs()}, through="ready")
    person = threading.Thread(target=press_twice)
    person.start()
    began = time.monotonic()
    try:
        with pytest.raises(KeyboardInterrupt) as raised:
            dip.apply(plan, on_event=hear)
    finally:
        for event in (hangs, stopping, over):
            event.set()
        person.join()
    # A call may take 30 s before it is given up; nobody waited for that.
    assert time.monotonic() - began < 20
    assert raised.value.report.outcome == "interrupted"


def test_a_sandbox_serves_one_run_at_a_time(site, sandbox, plan):
    def nest(event):
        dip.plan(site, sandbox=sandbox)

    with pytest.raises(dip.RunError, match="^the sandbox is in use by another plan or run"):
        dip.apply(plan, on_event=nest)


def test_equal_seeds_have_equal_courses(site):
    def course(seed):
        sandbox = dip.Sandbox(site, seed=seed)
        events = []
        dip.apply(dip.plan(site, sandbox=sandbox), on_event=events.append)
        return [(event["at"], event["event"], event.get("step")) for event in events]

    assert course(7) == course(7) != course(8)
