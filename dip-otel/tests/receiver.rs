//! A run in the sandbox, exported to a receiver that speaks as much HTTP as it takes to read OTLP.

use dip::core::journal::MemoryJournal;
use dip::core::site::{Format, Lock, Source};
use dip::sandbox::{Sandbox, datacenter};
use dip::{Engine, Observed, Outcome, Planner, Report, Site, Stop};
use dip_otel::Export;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue};
use opentelemetry_proto::tonic::trace::v1::Span;
use prost::Message;
use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use tracing_subscriber::layer::SubscriberExt;

/// What a receiver was sent: the paths, and the requests.
type Received = Arc<Mutex<Vec<(String, ExportTraceServiceRequest)>>>;

/// Answers every request with an empty success, for as long as the test runs.
fn receiver() -> (SocketAddr, Received) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let addr = listener.local_addr().expect("a bound socket has an address");
    let received = Received::default();
    let kept = Arc::clone(&received);
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = BufReader::new(stream.expect("a connection"));
            while let Some((path, body)) = request(&mut stream) {
                let spans = ExportTraceServiceRequest::decode(&*body).expect("the body is OTLP");
                kept.lock().expect("no test panics with it locked").push((path, spans));
                let answer = b"HTTP/1.1 200 OK\r\ncontent-type: application/x-protobuf\r\ncontent-length: 0\r\n\r\n";
                stream.get_mut().write_all(answer).expect("the client listens");
            }
        }
    });
    (addr, received)
}

/// The next request of a connection; `None` where it was closed.
fn request(stream: &mut impl BufRead) -> Option<(String, Vec<u8>)> {
    let mut line = String::new();
    stream.read_line(&mut line).ok().filter(|read| *read > 0)?;
    let path = line.split(' ').nth(1).expect("a request line").to_owned();
    assert!(line.starts_with("POST "), "{line}");
    let mut length = 0;
    loop {
        line.clear();
        stream.read_line(&mut line).expect("a header");
        let Some((name, value)) = line.trim_end().split_once(": ") else { break };
        match (name.to_ascii_lowercase().as_str(), value) {
            ("content-length", value) => length = value.parse().expect("a length"),
            ("content-type", value) => assert_eq!(value, "application/x-protobuf"),
            _ => {}
        }
    }
    let mut body = vec![0; length];
    stream.read_exact(&mut body).expect("the whole body");
    Some((path, body))
}

/// Brings a small simulated site to ready state.
fn run() -> Report {
    let layers = dip::layers();
    let source = Source::new("site.yaml", Format::Yaml, datacenter(2, 1));
    let site = Arc::new(Site::parse(&[source], &layers.settings(), &Lock::default()).expect("a site").site);
    let sandbox = Sandbox::new(&site, 1);
    let (providers, clock) = (sandbox.providers(), sandbox.clock());
    sandbox.block_on(async {
        let prepared =
            Planner::new(&layers, &providers).clock(&clock).prepare(site, &mut Observed::new()).await.expect("a plan");
        let engine = Engine::new(layers.operations(), providers.clone()).clock(Arc::new(clock));
        engine.run("exported", prepared.plan, Arc::new(MemoryJournal::new()), &Stop::new()).await.expect("a run")
    })
}

fn words(attributes: &[KeyValue]) -> BTreeMap<&str, String> {
    let word = |value: &Option<AnyValue>| match value.as_ref().and_then(|value| value.value.as_ref()) {
        Some(Value::StringValue(text)) => text.clone(),
        Some(Value::IntValue(number)) => number.to_string(),
        other => format!("{other:?}"),
    };
    attributes.iter().map(|pair| (pair.key.as_str(), word(&pair.value))).collect()
}

#[test]
fn a_run_arrives_with_its_steps_under_it_and_their_attributes() {
    let (addr, received) = receiver();
    let (layer, flush) = Export::to(&format!("http://{addr}/"), "dip-test").start().expect("an exporter");
    let report = tracing::subscriber::with_default(tracing_subscriber::registry().with(layer), run);
    assert_eq!(report.outcome, Outcome::Ready);
    drop(flush);
    let received = received.lock().expect("no test panics with it locked");
    assert!(received.iter().all(|(path, _)| path == "/v1/traces"), "that is where OTLP over HTTP goes");
    let resources: Vec<_> = received.iter().flat_map(|(_, request)| &request.resource_spans).collect();
    for resource in &resources {
        let resource = resource.resource.as_ref().expect("whose spans they are");
        assert_eq!(words(&resource.attributes)["service.name"], "dip-test");
    }
    let spans: Vec<&Span> = resources.iter().flat_map(|one| &one.scope_spans).flat_map(|one| &one.spans).collect();
    let named = |name: &str| spans.iter().copied().filter(|span| span.name == name).collect::<Vec<_>>();
    let [run] = named("run")[..] else { panic!("one run, and not {}", named("run").len()) };
    let told = words(&run.attributes);
    assert_eq!((&*told["run"], &*told["plan"], &*told["outcome"]), ("exported", report.plan.short(), "ready"));
    let steps = named("step");
    for step in &report.steps {
        let of_step =
            |span: &&&Span| words(&span.attributes).get("step").is_some_and(|name| *name == step.name.as_str());
        let mine: Vec<&&Span> = steps.iter().filter(of_step).collect();
        let last = mine.last().unwrap_or_else(|| panic!("`{}` has a span", step.name));
        assert!(mine.iter().all(|span| span.parent_span_id == run.span_id && span.trace_id == run.trace_id));
        let told = words(&last.attributes);
        assert_eq!(told["layer"], step.layer.to_string());
        assert_eq!(told["subject"], step.subject.to_string());
        assert!(step.name.as_str().starts_with(&told["operation"]), "{told:?}");
        assert!(
            mine.iter().any(|span| ["changed", "held"].contains(&&*words(&span.attributes)["outcome"])),
            "{told:?}"
        );
    }
    let [survey] = named("survey")[..] else { panic!("one survey") };
    let checks = named("check");
    assert!(checks.iter().any(|check| words(&check.attributes)["outcome"] == "differs"), "machines are off");
    assert!(checks.iter().all(|check| check.parent_span_id == survey.span_id));
    assert_eq!(named("plan").len(), 1);
}

/// Keeps the warnings of this crate.
#[derive(Clone, Default)]
struct Warnings(Arc<Mutex<Vec<u8>>>);

impl Write for Warnings {
    fn write(&mut self, text: &[u8]) -> std::io::Result<usize> {
        self.0.lock().expect("no test panics with it locked").extend(text);
        Ok(text.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// This test alone sets the subscriber of the whole process, because the warning comes from the exporter's own thread.
#[test]
fn a_receiver_that_is_away_costs_one_warning_and_no_step() {
    let closed = TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).expect("a free port");
    let warnings = Warnings::default();
    let kept = warnings.clone();
    let log = tracing_subscriber::fmt::layer().with_ansi(false).with_writer(move || kept.clone());
    let began = Instant::now();
    let (layer, flush) = Export::to(&format!("http://{closed}"), "dip-test").start().expect("an exporter");
    let filter = tracing_subscriber::filter::LevelFilter::WARN;
    let log = tracing_subscriber::Layer::with_filter(log, filter);
    tracing::subscriber::set_global_default(tracing_subscriber::registry().with(layer).with(log)).expect("the first");
    for _ in 0..2 {
        assert_eq!(run().outcome, Outcome::Ready, "it goes on without");
    }
    drop(flush);
    assert!(began.elapsed() < Duration::from_secs(20), "nobody waits for long: {:?}", began.elapsed());
    let told = String::from_utf8(warnings.0.lock().expect("no test panics with it locked").clone()).expect("text");
    let mine: Vec<&str> = told.lines().filter(|line| line.contains("dip_otel")).collect();
    assert_eq!(mine.len(), 1, "{told}");
    assert!(mine[0].contains("spans cannot be exported") && mine[0].contains("error="), "{told}");
}
