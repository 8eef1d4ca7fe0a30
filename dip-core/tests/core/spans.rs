//! Traces: who follows a run by its spans finds each step under its run, with the fields that tell it apart, and no secret.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use dip_core::engine::{Engine, Planner, Stop, TokioClock};
use dip_core::fact::FactRegistry;
use dip_core::id::{LayerId, SiteName};
use dip_core::journal::{Journal, MemoryJournal};
use dip_core::layer::{ConnectError, Layer, Layers, Note};
use dip_core::observed::Observed;
use dip_core::operation::{Applied, Check, Context, Diff, Operation, OperationError, Operations};
use dip_core::provider::{ErrorKind, ProviderError, Providers};
use dip_core::report::Outcome;
use dip_core::secret::{LocalSecrets, SecretRef, Secrets};
use dip_core::site::{SettingsSchema, Site};
use dip_core::step::{Boot, Step};
use serde::{Deserialize, Serialize};
use tracing::{Level, subscriber};

use crate::recorder::Recorder;
use crate::toy::{Stage, set, thing};

/// Whether the test has a process of its own; where it has not, it is run in one and judged here. Whether anybody wants a span
/// is kept for the whole process: a span that a test beside this one meets first, while nobody records, may never be recorded.
fn is_alone(test: &str) -> bool {
    if std::env::var_os("DIP_ALONE").is_some() {
        return true;
    }
    let program = std::env::current_exe().expect("this program");
    let done =
        std::process::Command::new(program).args(["--exact", test, "--nocapture"]).env("DIP_ALONE", "1").output();
    let done = done.expect("the program starts");
    let said = String::from_utf8_lossy(&done.stdout).into_owned() + &String::from_utf8_lossy(&done.stderr);
    assert!(done.status.success() && said.contains("1 passed"), "{said}");
    false
}

#[tokio::test(start_paused = true)]
async fn a_run_gives_its_spans_with_their_fields() {
    if !is_alone("spans::a_run_gives_its_spans_with_their_fields") {
        return;
    }
    let stage =
        Stage::new(vec![set("a", &[]), set("b", &["a"]), set("slow", &[]), set("held", &[]), set("taken", &[])]);
    stage.change(|world| {
        world.things.insert("held".into());
        world.fails.insert("b".into(), (1, ErrorKind::Busy));
        world.fails.insert("taken".into(), (9, ErrorKind::Conflict));
        world.slow.insert("slow".into(), Duration::from_secs(5));
    });
    let recorder = Recorder::default();
    let recording = subscriber::set_default(recorder.clone());
    let prepared = stage.prepare().await.expect("a plan");
    let journal = Arc::new(MemoryJournal::new());
    let plan = Arc::clone(&prepared.plan);
    let report = stage.engine().run("traced", plan, journal, &Stop::new()).await.expect("a run");
    drop(recording);
    let log = recorder.log();

    let page = include_str!("../../../docs/observability.md");
    for span in &log.spans {
        let name = span.metadata.name();
        let row = page.lines().find(|line| line.starts_with(&format!("| `{name}` | ")));
        let row = row.unwrap_or_else(|| panic!("the page does not tell of the span {name}"));
        assert!(row.contains(&format!("| {} |", span.metadata.level().as_str().to_lowercase())), "{row}");
        for field in span.metadata.fields().iter().filter(|field| !field.name().starts_with("otel.")) {
            assert!(row.contains(&format!("`{}`", field.name())), "the page does not tell of {field} of {name}");
        }
    }

    let [run] = log.named("run")[..] else { panic!("one run: {:#?}", log.spans) };
    assert_eq!(*run.metadata.level(), Level::INFO);
    let field = |name: &str| run.fields[name].as_str();
    assert_eq!((field("run"), field("plan"), field("site")), ("traced", report.plan.short(), "toy"));
    assert_eq!((field("steps"), field("outcome")), ("4", "failed"));

    let steps = log.named("step");
    assert!(steps.iter().all(|step| log.parent(step) == "run" && *step.metadata.level() == Level::INFO));
    let told: Vec<[&str; 3]> = steps
        .iter()
        .map(|step| ["subject", "attempt", "outcome"].map(|name| step.fields[name].as_str()))
        .filter(|[subject, ..]| *subject != "thing/slow")
        .collect();
    let wanted = [
        ["thing/a", "1", "changed"],
        ["thing/taken", "1", "conflict"],
        ["thing/b", "1", "retrying"],
        ["thing/b", "2", "changed"],
    ];
    assert_eq!(told, wanted);
    let slow: Vec<&str> = steps
        .iter()
        .filter(|step| step.fields["subject"] == "thing/slow")
        .map(|step| step.fields["outcome"].as_str())
        .collect();
    let (last, looks) = slow.split_last().expect("it was worked on");
    assert!(*last == "changed" && looks.len() >= 5 && looks.iter().all(|look| *look == "waiting"), "{slow:?}");
    for step in &steps {
        let field = |name: &str| step.fields[name].as_str();
        assert_eq!((field("layer"), field("operation")), ("os", "toy.set"));
        assert_eq!(field("step"), format!("toy.set {}", field("subject")));
    }
    let error = log.events.iter().find(|event| event.fields["message"] == "the step failed").expect("it is told");
    assert_eq!(log.parent(error), "step");
    assert!(error.fields["error"].contains("set taken") && *error.metadata.level() == Level::INFO, "{error:?}");

    for name in ["draft", "survey", "plan"] {
        let [span] = log.named(name)[..] else { panic!("one {name}: {:#?}", log.spans) };
        assert_eq!((log.parent(span), span.fields["site"].as_str()), ("", "toy"));
    }
    assert_eq!(log.named("plan")[0].fields["plan"], report.plan.short());
    let checks = log.named("check");
    assert!(checks.iter().all(|check| log.parent(check) == "survey" && *check.metadata.level() == Level::DEBUG));
    let seen: Vec<[&str; 2]> =
        checks.iter().map(|check| ["subject", "outcome"].map(|name| check.fields[name].as_str())).collect();
    assert!(seen.contains(&["thing/held", "holds"]) && seen.contains(&["thing/b", "differs"]), "{seen:?}");
}

/// Logs in at a door, which refuses.
#[derive(Debug, Serialize, Deserialize)]
struct LogIn {
    password: SecretRef,
}

#[async_trait]
impl Operation for LogIn {
    const NAME: &'static str = "toy.log_in";

    async fn check(&self, _: &Context<'_>) -> Result<Check, OperationError> {
        Ok(Check::Differs(Diff::missing("session", "door")))
    }

    async fn apply(&self, cx: &Context<'_>) -> Result<Applied, OperationError> {
        let secrets = cx.provider::<dyn Secrets>(&thing("door"))?;
        let password = secrets.resolve(&self.password).expect("the file is there");
        // What a careless author writes: the type of a secret shows nothing.
        tracing::info!(?password, ?self, "logging in");
        assert_eq!(password.expose(), SECRET);
        Err(ProviderError::new(ErrorKind::Denied, "toy", "log in").into())
    }
}

const SECRET: &str = "zsXhwDwz7c";

#[derive(Debug)]
struct Door(Vec<Step>);

impl Layer for Door {
    fn id(&self) -> LayerId {
        LayerId::Os
    }

    fn facts(&self, _: &mut FactRegistry) {}

    fn operations(&self, known: &mut Operations) {
        known.register::<LogIn>();
    }

    fn settings(&self) -> SettingsSchema {
        SettingsSchema::default()
    }

    fn connect(&self, _: &Site, _: &dyn Secrets, _: &mut Providers) -> Result<(), Vec<ConnectError>> {
        Ok(())
    }

    fn propose(&self, _: &Site, _: &Observed) -> Result<Vec<Step>, Vec<Note>> {
        Ok(self.0.clone())
    }

    fn enter(&self, _: &Site, _: &Boot) -> Vec<Step> {
        Vec::new()
    }
}

#[tokio::test(start_paused = true)]
async fn a_secret_is_in_no_field_and_no_record() {
    if !is_alone("spans::a_secret_is_in_no_field_and_no_record") {
        return;
    }
    let file = format!("{}/spans-secret", env!("CARGO_TARGET_TMPDIR"));
    std::fs::write(&file, SECRET).expect("a file for the secret");
    let log_in = LogIn { password: format!("file:{file}").parse().expect("a reference") };
    let layers = Layers::new().with(Door(vec![Step::new(LayerId::Os, thing("door"), &log_in)]));
    let mut providers = Providers::new();
    providers.insert::<dyn Secrets>(&thing("door"), Arc::new(LocalSecrets::new(".".as_ref())));
    let clock = TokioClock::starting_at("2026-01-01T00:00:00Z".parse().expect("a time"));
    let recorder = Recorder::default();
    let recording = subscriber::set_default(recorder.clone());
    let site = Arc::new(Site::new(SiteName::new("toy").expect("a name")));
    let prepared =
        Planner::new(&layers, &providers).clock(&clock).prepare(site, &mut Observed::new()).await.expect("a plan");
    let journal = Arc::new(MemoryJournal::new());
    let engine = Engine::new(layers.operations(), providers).clock(Arc::new(clock));
    let kept = Arc::clone(&journal) as Arc<dyn Journal>;
    let report = engine.run("secret", prepared.plan, kept, &Stop::new()).await.expect("a run");
    drop(recording);
    assert_eq!(report.outcome, Outcome::Failed);
    let log = format!("{:#?}", recorder.log());
    assert!(log.contains("Secret(..)") && log.contains("toy.log_in") && log.contains("log in"), "it was logged: {log}");
    assert!(!log.contains(SECRET), "{log}");
    let records = serde_json::to_string(&journal.records()).expect("records are JSON");
    assert!(records.contains("toy.log_in") && !records.contains(SECRET), "{records}");
}
