//! Twice equals once: after a run that came to ready state each operation of its plan is applied a second time.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use dip_core::engine::Stop;
use dip_core::fact::Facts;
use dip_core::id::StepId;
use dip_core::journal::{Event, MemoryJournal};
use dip_core::operation::{Applied, Assignment, Check, Context};
use dip_core::plan::Plan;
use dip_sandbox::Sandbox;
use tokio_util::sync::CancellationToken;

use crate::scene::{engine, layers, plan, ready, site};

/// What a step of a run would be given, were it asked once more.
fn assignment(sandbox: &Sandbox, plan: &Plan, step: StepId, known: &Facts) -> Assignment {
    let planned = &plan.step(step).step;
    let mut facts = Facts::new();
    for key in planned.needs.iter().flat_map(|need| need.facts()) {
        if let Some(value) = known.raw(key) {
            facts.insert(key.clone(), value.clone());
        }
    }
    Assignment {
        run: "test".to_owned(),
        step,
        name: planned.name.clone(),
        call: planned.call.clone(),
        facts,
        attempt: 1,
        deadline: dip_core::engine::Clock::now(&sandbox.clock())
            .saturating_add(Duration::from_secs(3600))
            .expect("a time"),
        fence: 1,
    }
}

/// The operations that a datacenter uses on its way from all off to ready state.
const OPERATIONS: [&str; 19] = [
    "apps.start_member",
    "cluster.await_quorum",
    "cluster.verify_write",
    "firmware.power_on",
    "firmware.set_boot_device",
    "network.reserve_address",
    "network.set_port",
    "opsclients.follow_time",
    "opsclients.serve_metrics",
    "opsclients.use_resolver",
    "opsmgmt.monitor_node",
    "opsmgmt.record_node",
    "opsmgmt.register_name",
    "os.await_answer",
    "os.install_packages",
    "os.make_users",
    "os.set_host_name",
    "os.set_kernel_settings",
    "os.write_files",
];

#[test]
fn each_operation_that_is_applied_a_second_time_changes_nothing() {
    let site = site(6, 2);
    let sandbox = Sandbox::new(&site, 1);
    sandbox.block_on(async {
        let prepared = plan(&site, &sandbox).await;
        let journal = Arc::new(MemoryJournal::new());
        let (engine, stop) = (engine(&sandbox), Stop::new());
        let run = engine.run("test", Arc::clone(&prepared.plan), Arc::<MemoryJournal>::clone(&journal), &stop);
        ready(&run.await.expect("memory takes every record"));
        let mut known = Facts::new();
        prepared.plan.known().iter().for_each(|fact| known.insert(fact.key.clone(), fact.value.clone()));
        for record in journal.records() {
            if let Event::Settled { facts, .. } = record.event {
                known.extend(facts);
            }
        }
        let (operations, providers, cancel) = (layers().operations(), sandbox.providers(), CancellationToken::new());
        let before = sandbox.snapshot();
        let mut repeated = BTreeSet::new();
        for (index, planned) in prepared.plan.steps().iter().enumerate() {
            let name = &planned.step.name;
            let assignment = assignment(&sandbox, &prepared.plan, StepId::at(index), &known);
            let context = Context::new(&assignment, &providers, &cancel);
            let operation = operations.load(&planned.step.call).expect("it ran a moment ago");
            let applied =
                operation.apply(&context).await.unwrap_or_else(|error| panic!("{name} a second time: {error}"));
            let mut check = operation.check(&context).await;
            // What takes its time may take it again.
            if let Applied::Wait { poll, .. } | Applied::Watch { poll, .. } = applied {
                for _ in 0..60 {
                    if matches!(check, Ok(Check::Holds(_))) {
                        break;
                    }
                    tokio::time::sleep(poll).await;
                    check = operation.check(&context).await;
                }
            }
            assert!(matches!(check, Ok(Check::Holds(_))), "{name} a second time: {check:?}");
            assert_eq!(sandbox.snapshot(), before, "{name} a second time");
            repeated.insert(planned.step.call.operation().to_owned());
        }
        assert_eq!(repeated, OPERATIONS.map(str::to_owned).into(), "an operation that is new here is repeated too");
        for (index, planned) in prepared.plan.steps().iter().enumerate() {
            let assignment = assignment(&sandbox, &prepared.plan, StepId::at(index), &known);
            let operation = operations.load(&planned.step.call).expect("it ran a moment ago");
            let check = operation.check(&Context::new(&assignment, &providers, &cancel)).await;
            assert!(matches!(check, Ok(Check::Holds(_))), "{} in the end: {check:?}", planned.step.name);
        }
    });
}
