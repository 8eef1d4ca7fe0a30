//! What goes wrong on the way, and how it goes on.

use std::sync::Arc;

use dip_core::engine::{Converge, ConvergeEnd, Engine, EngineError, Planner, Round, Stop};
use dip_core::journal::{Journal, MemoryJournal};
use dip_core::plan::{Goal, PlanError};
use dip_sandbox::Fault;

use super::mortal_journal::Mortal;
use super::scene::{ALL, AT_ONE_BOOT, Scene, failures, is_as_wanted, layers, node, ready};

#[test]
fn whoever_dies_in_the_middle_goes_on_and_flashes_and_makes_nothing_twice() {
    let mut wanted = None;
    // Every twelfth moment will do: a run has some hundreds of records.
    for life in (4..).step_by(12) {
        let scene = Scene::new(1, ALL);
        let is_whole = scene.sandbox.clone().block_on(async {
            let plan = scene.prepare().await.plan;
            let guard = scene.consent_to(&plan);
            let journal = Arc::new(Mortal { life, ..Mortal::default() });
            let engine = scene.engine().guard(guard);
            let first = engine.run("r1", plan, Arc::clone(&journal) as Arc<dyn Journal>, &Stop::new()).await;
            if first.is_err() {
                let records = journal.records.lock().expect("nobody panics with the records locked").clone();
                // Another process: it knows nothing of tasks that the first one has started.
                let report = scene.engine().resume(&records, Arc::new(MemoryJournal::new()), &Stop::new()).await;
                ready(&report.unwrap_or_else(|error| panic!("it does not go on after {life} records: {error}")));
            }
            is_as_wanted(&scene.machine("r1-n1"));
            let done = (scene.count("make volume"), scene.count("flash BIOS"), scene.count("flash BMC"));
            assert_eq!(done, (1, 1, 1), "after {life} records");
            let machine = scene.machine("r1-n1");
            assert_eq!(wanted.get_or_insert_with(|| machine.clone()), &machine);
            first.is_ok()
        });
        if is_whole {
            assert!(life > 60, "the run has {life} records");
            break;
        }
    }
}

#[test]
fn rounds_end_where_all_is_as_wanted() {
    let scene = Scene::new(2, ALL);
    scene.sandbox.clone().block_on(async {
        let (layers, providers, clock) = (layers(), scene.sandbox.providers(), scene.sandbox.clock());
        let planner = Planner::new(&layers, &providers).goal(Goal::Ready).clock(&clock);
        let stop = Stop::new();
        let mut plans = Vec::new();
        let mut converge = Converge::new(planner, Arc::clone(&scene.site));
        let converged = converge
            .run(&stop, async |round: Round<'_>| {
                plans.push(round.plan.steps().len());
                let engine = Engine::new(layers.operations(), providers.clone()).clock(Arc::new(clock.clone()));
                let engine = engine.guard(scene.consent_to(&round.plan));
                let journal = round.journal(Arc::new(MemoryJournal::new()));
                Ok::<_, Failed>(Some(engine.run("r1", round.plan, journal, &stop).await?))
            })
            .await
            .unwrap_or_else(|error| panic!("{error:?}"));
        assert_eq!(converged.end, ConvergeEnd::Ready, "{converged}");
        assert_eq!(plans.len(), 1, "{plans:?}");
        assert_eq!(scene.sandbox.boots(&node("r1-n1")), 2);
    });
}

/// Why rounds end early.
#[derive(Debug)]
enum Failed {
    Plan(#[expect(dead_code, reason = "it is told by Debug")] PlanError),
    Engine(#[expect(dead_code, reason = "it is told by Debug")] EngineError),
}

impl From<PlanError> for Failed {
    fn from(error: PlanError) -> Self {
        Self::Plan(error)
    }
}

impl From<EngineError> for Failed {
    fn from(error: EngineError) -> Self {
        Self::Engine(error)
    }
}

#[test]
fn an_image_that_the_controller_refuses_is_told_in_its_own_words_and_a_lost_task_is_no_harm() {
    let scene = Scene::new(2, ALL);
    scene.sandbox.inject(Fault::UpdateFails { node: node("r1-n1"), times: 1 });
    scene.sandbox.inject(Fault::TaskLost { node: node("r1-n2"), times: 1 });
    scene.sandbox.clone().block_on(async {
        let report = scene.run_with_consent().await;
        let told = failures(&report);
        assert!(told.contains("has failed: the signature of the image is wrong"), "{told}");
        is_as_wanted(&scene.machine("r1-n2"));
        assert_eq!(
            scene.sandbox.log().iter().filter(|incident| format!("{incident:?}").contains("forgets")).count(),
            2
        );
        ready(&scene.run_with_consent().await);
        is_as_wanted(&scene.machine("r1-n1"));
    });
}

#[test]
fn settings_that_a_self_test_drops_are_told_and_set_again_by_the_next_run() {
    let scene = Scene::new(1, AT_ONE_BOOT);
    scene.sandbox.inject(Fault::SettingsDropped { node: node("r1-n1"), times: 1 });
    scene.sandbox.clone().block_on(async {
        let told = failures(&scene.run_with_consent().await);
        assert!(
            told.contains("did not come true within") && told.contains("ProcVirtualization Disabled → Enabled"),
            "{told}"
        );
        ready(&scene.run_with_consent().await);
        assert!(scene.machine("r1-n1").secure_boot.enforced);
    });
}
