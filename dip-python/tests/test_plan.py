"""Plans are made, printed, drawn and explained."""

import json
import signal
import threading
import time

import dip
import pytest
from table import Table


@pytest.fixture
def plan(site):
    return dip.plan(site, sandbox=dip.Sandbox(site))


def test_a_plan_prints_what_will_be_done(plan, site):
    text = str(plan)
    assert text.startswith(f"Plan {plan.id[:12]} for demo: ")
    assert "power_on × 8" in text and "boots: 8 in all" in text
    assert len(plan) == len(plan.steps) > 8
    assert plan.site == site.name and not plan.is_empty


def test_a_plan_is_data_too(plan):
    document = json.loads(plan.to_json())
    assert document["id"] == plan.id and len(document["steps"]) == len(plan)
    assert plan.to_dot().startswith("digraph") and plan.to_mermaid()


def test_equal_sites_have_equal_plans(site, plan):
    assert dip.plan(site, sandbox=dip.Sandbox(site, seed=1)).id == plan.id


def test_ready_state_is_planned_without_what_stands_on_it(site, plan):
    ready = dip.plan(site, sandbox=dip.Sandbox(site), through="ready")
    assert 0 < len(ready) < len(plan)
    with pytest.raises(ValueError, match='not "redy"'):
        dip.plan(site, through="redy")


def test_every_step_tells_why_it_is_there(plan):
    stories = plan.why("node/r1-n1")
    power_on = next(story for story in stories if "power_on" in story.step)
    assert power_on.after and power_on.before and power_on.reason
    assert str(power_on).startswith(power_on.step) and power_on.reason in str(power_on)
    assert {story.step for story in plan.why("power_on")} >= {power_on.step}


def test_a_question_that_fits_nothing_names_the_nearest(plan):
    with pytest.raises(dip.NoSuchStep, match="^no step fits `r1-n11`; did you mean `r1-n1`\\?$") as raised:
        plan.why("r1-n11")
    assert isinstance(raised.value, LookupError) and isinstance(raised.value, dip.DipError)


def test_no_plan_is_told_with_all_reasons():
    text = dip.datacenter(nodes=4, racks=2).replace("domain: demo.example\n", "")
    site = dip.Site.parse(text)
    with pytest.raises(dip.PlanError) as raised:
        dip.plan(site, sandbox=dip.Sandbox(site))
    reasons = raised.value.reasons
    assert len([reason for reason in reasons if "has no domain, so its name `r" in reason]) == 4
    assert str(raised.value) == "\n".join(reasons)


def test_services_that_cannot_be_used_are_told(site, monkeypatch):
    for name in ("DIP_TSIG_SECRET", "DIP_BMC_PASSWORD", "DIP_SSH_KEY"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(dip.ConnectError, match="DIP_TSIG_SECRET") as raised:
        dip.plan(site)
    reasons = raised.value.reasons
    assert len(reasons) > 8 and str(raised.value) == "\n".join(reasons)


def test_a_site_that_changed_is_planned_in_the_same_sandbox(site):
    sandbox = dip.Sandbox(site)
    assert dip.apply(dip.plan(site, sandbox=sandbox)).outcome == "ready"
    overlay = 'profiles: {base: {os: {sysctl: {vm.swappiness: "1"}}}}'
    changed = dip.Site.parse(dip.datacenter(nodes=8, racks=2), overlays=[overlay])
    plan = dip.plan(changed, sandbox=sandbox)
    assert len(plan) == 8 and all("kernel_settings" in step for step in plan.steps)
    assert dip.apply(plan).changes == 8
    assert dip.plan(changed, sandbox=sandbox).is_empty


def test_a_sandbox_has_the_nodes_of_its_site_alone(site):
    other = dip.Site.parse(dip.datacenter(nodes=4, racks=2))
    with pytest.raises(ValueError, match="^the sandbox has no node `r1-n3`; it was made for another site"):
        dip.plan(site, sandbox=dip.Sandbox(other))


def test_ctrl_c_ends_a_plan(site):
    class Hangs(Table):
        def name(self, name):
            hangs.set()
            over.wait()

    def press():
        hangs.wait()
        signal.pthread_kill(threading.main_thread().ident, signal.SIGINT)

    hangs, over = threading.Event(), threading.Event()
    person = threading.Thread(target=press)
    person.start()
    began = time.monotonic()
    try:
        with pytest.raises(KeyboardInterrupt):
            dip.plan(site, sandbox=dip.Sandbox(site), dns={"dns": Hangs()})
    finally:
        hangs.set()
        over.set()
        person.join()
    assert time.monotonic() - began < 20
