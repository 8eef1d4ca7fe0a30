//! The `dip` command as a person or a script meets it: what it prints where, and the status with which it ends. Everything
//! here is simulated; the command on real servers is in `lab`.

mod bmc;
mod boots;
mod converge;
mod explain;
mod guards;
mod identity;
mod import;
mod metrics;
mod orders;
mod place;
mod portable;
mod ready;
mod removal;
mod time;

use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;

use dip::core::observed::{Observed, Survey};
use dip::core::plan::Draft;
use dip::{Goal, Plan, Site};
use serde_json::Value;

use crate::place::{Done, Place, json_lines};

#[test]
fn help_names_every_command_and_the_exit_status() {
    let place = Place::new("help");
    let help = place.dip(&["--help"]).ends(0);
    for command in [
        "demo", "check", "pin", "plan", "apply", "converge", "approve", "consent", "resume", "retry", "skip", "hold",
        "continue", "runs", "show", "why", "drift", "impact", "lint", "diff", "outliers", "ready", "export", "orphans",
        "claim", "schema",
    ] {
        place.dip(&[command, "--help"]).ends(0).prints("Usage: dip");
        assert!(help.out.lines().any(|line| line.trim_start().starts_with(command)), "{}", help.out);
    }
    help.prints("130  interrupted");
    place.dip(&["aply"]).ends(2).tells("similar subcommand exists: 'apply'");
    place.dip(&[]).ends(2).tells("Usage: dip");
}

#[test]
fn a_sound_site_is_told_in_numbers() {
    let place = Place::new("check");
    place.dip(&["check", "site.yaml"]).ends(0).prints("site.yaml is sound").prints("4 nodes, 2 racks, 1 network,");
    let out = place.dip(&["check", "site.yaml", "--json"]).ends(0).out;
    assert_eq!(json_lines(&out)[0]["nodes"].as_object().map(serde_json::Map::len), Some(4), "{out}");
}

#[test]
fn a_typo_is_told_with_its_place_and_the_nearest_right_name() {
    let place = Place::new("typo");
    let text = place.read("site.yaml").replace("network: prod}", "network: prodd}");
    let line = text.lines().position(|line| line.contains("prodd")).expect("the typo") + 1;
    let excerpt = text.lines().nth(line - 1).expect("the line of the typo");
    let column = excerpt.find("prodd").expect("the typo") + 1;
    place.write("site.yaml", &format!("{text}\nnetwork: {{}}\n"));
    let done = place.dip(&["check", "site.yaml"]).ends(2);
    assert_eq!(done.out, "", "faults are no result");
    let bar = " ".repeat(line.to_string().len());
    let expected = format!(
        "error: unknown network `prodd` (and 3 times more from here)\n{bar}--> site.yaml:{line}:{column}\n{bar} |\n{line} | {excerpt}\n{bar} | {}^^^^^ did you mean `prod`?\n",
        " ".repeat(column - 1),
    );
    assert!(done.err.starts_with(&expected), "expected\n{expected}\ninstead of\n{}", done.err);
    done.tells("unknown key `network`").tells("\n\n2 faults in site.yaml\n");
}

#[test]
fn what_cannot_be_connected_is_told_with_its_place_in_the_order_of_the_file_and_each_reason_once() {
    let place = Place::new("connect");
    let text = "version: 1
site: north
nodes:
  n1:
    bmc: {address: 10.9.0.8, user: admin, password: \"env:DIP_TEST_NO_BMC\", protocols: [{kind: ipmi}]}
  n2:
    bmc: {address: 10.9.0.9, user: admin, password: \"env:DIP_TEST_NO_BMC\", protocols: [{kind: ipmi}]}
services:
  ca: {kind: authority, certificate: /nonexistent/ca.pem, key: \"env:DIP_TEST_NO_KEY\"}
";
    place.write("north.yaml", text);
    let done = place.dip(&["plan", "north.yaml"]).ends(2);
    assert_eq!(done.out, "", "faults are no result");
    let told: Vec<&str> = done.err.lines().filter(|line| line.starts_with("  ")).collect();
    let [bmcs, authority] = told[..] else { panic!("{told:?}") };
    let secret = "secret `env:DIP_TEST_NO_BMC` cannot be read: set that environment variable";
    assert_eq!(bmcs, format!("  north.yaml:5:5: the BMC of node `n1` and 1 more: {secret}"));
    assert!(authority.starts_with("  north.yaml:9:3: service `ca`: its certificate `/nonexistent/ca.pem`"), "{told:?}");
}

#[test]
fn a_file_that_is_not_there_is_told() {
    let place = Place::new("missing");
    for command in ["check", "plan", "drift"] {
        place.dip(&[command, "nowhere.yaml"]).ends(2).tells("`nowhere.yaml` cannot be read: No such file");
    }
    place.dip(&["apply", "nowhere.yaml", "--yes"]).ends(2).tells("nowhere.yaml cannot be read: No such file");
}

#[test]
fn overlays_are_laid_over_the_site_the_last_one_on_top() {
    let place = Place::new("overlay");
    place.write("a.yaml", "site: first\n");
    place.write("b.yaml", "site: second\n");
    let done = place.dip(&["check", "site.yaml", "--overlay", "a.yaml", "--overlay", "b.yaml"]);
    done.ends(0).prints("site second");
}

#[test]
fn a_plan_is_text_for_people_within_80_columns() {
    let place = Place::new("plan-text");
    let done = place.dip(&["plan", "site.yaml", "--sandbox"]).ends(0).prints("\n2 firmware\n").prints("power_on × 4");
    assert!(done.out.lines().all(|line| line.chars().count() <= 80), "{}", done.out);
    assert!(!done.out.contains('\x1b'), "no colours in a pipe");
    done.prints("r{1..2}-n{1..2}").tells("dip.lock would change");
    assert!(!place.0.join("dip.lock").exists(), "plan writes nothing");
    place.dip(&["plan", "site.yaml", "--sandbox", "--exit-code"]).ends(3);
}

#[test]
fn a_plan_has_forms_for_pictures_and_machines() {
    let place = Place::new("plan-forms");
    let dot = place.dip(&["plan", "site.yaml", "--sandbox", "--format", "dot"]).ends(0).out;
    assert!(dot.starts_with("digraph \"") && dot.ends_with("}\n"), "{dot}");
    let edges = dot.lines().filter(|line| line.contains(" -> ")).count();
    let mermaid = place.dip(&["plan", "site.yaml", "--sandbox", "--format", "mermaid"]).ends(0).out;
    assert!(mermaid.starts_with("flowchart LR\n"), "{mermaid}");
    assert_eq!(mermaid.lines().filter(|line| line.contains(" -->")).count(), edges, "both draw the same graph");
    let json = place.dip(&["plan", "site.yaml", "--sandbox", "--format", "json"]).ends(0).out;
    let plan: Value = serde_json::from_str(&json).expect("JSON");
    assert_eq!(plan["dip_plan"], 1);
    let vertices = dot.lines().filter(|line| line.contains("[label=") && !line.contains(" -> ")).count();
    assert!(plan["steps"].as_array().is_some_and(|steps| !steps.is_empty() && steps.len() <= vertices), "{json}");
    let same = place.dip(&["plan", "site.yaml", "--sandbox", "--json"]).ends(0).out;
    assert_eq!(json, same, "the same site gives the same plan, and --json is --format json");
}

#[test]
fn a_plan_that_was_written_is_carried_out() {
    let place = Place::new("plan-out");
    place.dip(&["plan", "site.yaml", "--sandbox", "--out", "the.plan"]).ends(0).tells("dip apply the.plan");
    let done = place.dip(&["apply", "the.plan", "--sandbox", "--yes"]).ends(0).prints("is ready: ");
    done.prints("changed   firmware.power_on node/r1-n1#1").prints("changed   cluster.verify_write cluster/store");
    place
        .dip(&["apply", "the.plan", "--overlay", "site.yaml", "--sandbox", "--yes"])
        .ends(2)
        .tells("give --overlay to");
    place.dip(&["why", "the.plan", "set_port"]).ends(0).prints("access VLAN 999 → 20");
}

/// A sound plan of the site, made when no server could be asked.
fn plan_that_saw_nothing(place: &Place) -> String {
    let layers = dip::layers();
    let loaded = Site::load(&[place.0.join("site.yaml")], &layers.settings()).expect("a site");
    let draft = Draft::new(Arc::new(loaded.site), &Observed::new(), &layers, Goal::Everything).expect("a draft");
    let survey = Survey::blind(draft.steps().len(), "2026-01-01T00:00:00Z".parse().expect("a time"));
    serde_json::to_string(&Plan::new(&draft, &survey, &layers).expect("a plan")).expect("plans are JSON")
}

#[test]
fn a_plan_that_was_changed_or_is_stale_is_refused() {
    let place = Place::new("plan-changed");
    place.dip(&["plan", "site.yaml", "--sandbox", "--out", "the.plan"]).ends(0);
    let text = place.read("the.plan");
    let id = text.split("\"id\":\"").nth(1).and_then(|rest| rest.get(..64)).expect("a plan has an id").to_owned();
    place.write("changed.plan", &text.replace(&id, &"0".repeat(64)));
    let done = place.dip(&["apply", "changed.plan", "--sandbox", "--yes"]).ends(2);
    done.tells("it was changed after it was made");
    place.write("cut.plan", &text[..text.len() / 2]);
    place
        .dip(&["apply", "cut.plan", "--sandbox", "--yes"])
        .ends(2)
        .tells("cut.plan is not a plan that this dip can apply");
    // A plan is bound to its site: who changes what stands there changes what would be done.
    let site = text.replacen("\"8192\"", "\"4096\"", 1);
    assert_ne!(site, text, "the site asks for it");
    place.write("site-changed.plan", &site);
    place.dip(&["apply", "site-changed.plan", "--sandbox", "--yes"]).ends(2).tells("it was changed after it was made");
    place.write("stale.plan", &plan_that_saw_nothing(&place));
    place
        .dip(&["apply", "stale.plan", "--sandbox", "--yes"])
        .ends(2)
        .tells("is stale")
        .tells("plan again")
        .tells("to do otherwise: `");
    assert_eq!(place.count_journals(), 0, "nothing was begun");
}

#[test]
fn without_a_terminal_nothing_is_applied_unless_told_so() {
    let place = Place::new("no-terminal");
    let done = place.dip(&["apply", "site.yaml", "--sandbox"]).ends(2);
    done.tells("no terminal to ask on").tells("apply with --yes");
    assert_eq!(place.count_journals(), 0, "nothing was begun");
}

#[test]
fn json_records_tell_a_run_to_machines() {
    let place = Place::new("apply-json");
    let out = place.dip(&["apply", "site.yaml", "--sandbox", "--yes", "--json"]).ends(0).out;
    let lines = json_lines(&out);
    let (report, records) = lines.split_last().expect("lines");
    for (sequence, record) in records.iter().enumerate() {
        assert_eq!(record["sequence"], sequence, "no record is missing");
        assert!(record["at"].is_string() && record["event"].is_object(), "{record}");
    }
    assert_eq!(records[0]["event"]["began"]["version"], 1);
    assert_eq!(records[records.len() - 1]["event"]["ended"]["outcome"], "ready");
    let steps = report["report"]["steps"].as_array().expect("a report has steps");
    let settled = records.iter().filter(|record| record["event"]["settled"].is_object()).count();
    assert_eq!((report["report"]["outcome"].as_str(), settled), (Some("ready"), steps.len()));
    assert!(!place.0.join("dip.lock").exists(), "a simulation chooses no addresses for the real site");
}

#[test]
fn a_run_can_be_looked_at_afterwards() {
    let place = Place::new("show");
    place.dip(&["runs"]).ends(0).prints("There are no runs in .dip/runs");
    place.dip(&["show"]).ends(2).tells("there is no run in .dip/runs");
    place.dip(&["apply", "site.yaml", "--sandbox", "--yes"]).ends(0);
    let run = place.run();
    place.dip(&["runs"]).ends(0).prints(&run).prints("ready");
    place.dip(&["show"]).ends(0).prints("state ready").prints("  2 firmware         8 changed");
    let out = place.dip(&["show", &run, "--json"]).ends(0).out;
    assert_eq!(json_lines(&out)[0]["report"]["outcome"], "ready", "{out}");
    let why = place.dip(&["why", &run, "power_on"]).ends(0).prints("firmware.power_on node/r1-n1#1\n");
    why.prints("the survey saw a difference: power off → on").prints("now:    was made so");
    place.dip(&["why", &run, "r1-m1"]).ends(2).tells("no step fits `r1-m1`; did you mean `r1-n1`?");
    place.dip(&["show", "nothing"]).ends(2).tells("there is no run `nothing`").tells(&run);
    // A simulation is gone with its process: there is nothing left to go on with.
    place.dip(&["resume", &run]).ends(2).tells("simulated");
    place.dip(&["resume"]).ends(2).tells("no run to go on with");
    place.dip(&["resume", "nothing"]).ends(2).tells("there is no run `nothing`");
}

#[test]
fn a_run_whose_process_died_is_shown_with_what_waits_and_why() {
    let place = Place::new("show-half");
    place.dip(&["apply", "site.yaml", "--sandbox", "--yes"]).ends(0);
    let run = place.run();
    // The journal as it is at the moment when the first machine takes its time to boot.
    let text = std::fs::read(place.journal(&run)).expect("the journal");
    let reason = b"\"reason\":\"the chassis to have power\"";
    let waits = text.windows(reason.len()).position(|part| part == reason).expect("a wait");
    let end = waits + text[waits..].iter().position(|byte| *byte == b'\n').expect("the end of the record") + 1;
    std::fs::write(place.journal(&run), &text[..end]).expect("the first half");
    let shown = place.dip(&["show"]).ends(0).prints("state not ended; last worked on by process ");
    shown.prints("waits for the chassis to have power");
    place.dip(&["runs"]).ends(0).prints("not ended");
    place.dip(&["why", &run, "await_answer"]).ends(0).prints("now:    waits for ");
    // Half a record at the end is what a crash leaves; what was before it still stands.
    std::fs::write(place.journal(&run), &text[..end + 20]).expect("a torn record");
    place.dip(&["show"]).ends(0).prints("waits for the chassis to have power");
}

#[test]
fn a_run_is_worked_on_by_one_process_at_a_time() {
    let place = Place::new("held");
    place.dip(&["apply", "site.yaml", "--sandbox", "--yes"]).ends(0);
    // The same journal under the name of a run of the real site, without its end.
    let text = std::fs::read(place.journal(&place.run())).expect("the journal");
    let last = text[..text.len() - 1].iter().rposition(|byte| *byte == b'\n').expect("several records") + 1;
    let path = place.journal("real");
    std::fs::write(&path, &text[..last + 30]).expect("a journal with a torn end");
    let held = std::fs::File::open(&path).expect("the journal");
    held.lock().expect("nobody else has it");
    place.dip(&["resume", "real"]).ends(1).tells("real.journal is held by process ").tells("wait for it, or stop it");
    drop(held);
    let words = ["resume", "real"];
    let mut command = place.command(&words);
    command.env_remove("DIP_BMC_PASSWORD");
    let done = Done::of(command.output().expect("the command runs"), &words).ends(2);
    done.tells("the journal ended in 30 bytes that are no whole record").tells("env:DIP_BMC_PASSWORD");
    assert_eq!(std::fs::read(&path).expect("the journal"), &text[..last], "only the torn end is gone");
}

#[test]
fn a_damaged_journal_is_told_and_hides_no_other() {
    let place = Place::new("damaged");
    place.dip(&["apply", "site.yaml", "--sandbox", "--yes"]).ends(0);
    let run = place.run();
    std::fs::write(place.journal("0-damaged"), b"this is no journal\n").expect("a damaged journal");
    place.dip(&["runs"]).ends(1).tells("0-damaged.journal is not a journal that this dip can read").prints(&run);
    place.dip(&["show", "0-damaged"]).ends(1).tells("is not a journal");
    place.dip(&["show"]).ends(0).prints(&run);
}

#[test]
fn the_directory_of_journals_can_be_chosen() {
    let place = Place::new("journal-dir");
    place.dip(&["apply", "site.yaml", "--sandbox", "--yes", "--journal", "here"]).ends(0);
    assert_eq!(place.count_journals(), 0);
    place.dip(&["show", "--journal", "here"]).ends(0).prints("state ready");
    let words = ["show"];
    let output = place.command(&words).env("DIP_JOURNAL", "here").output().expect("the command runs");
    Done::of(output, &words).ends(0).prints("state ready");
}

#[test]
fn drift_names_what_differs() {
    let place = Place::new("drift");
    let done = place.dip(&["drift", "site.yaml", "--sandbox"]).ends(3);
    let done =
        done.prints("differs  network.set_port port/sw1/p1: access VLAN 999 → 20\n").prints("asked for at site.yaml:");
    let told = done.out.lines().filter(|line| line.starts_with("differs")).count();
    done.prints(&format!(": {told} differ, ")).prints("follows  node/r1-n1 does not run its installed system");
    let out = place.dip(&["drift", "site.yaml", "--sandbox", "--json"]).ends(3).out;
    let lines = json_lines(&out);
    assert_eq!(lines.iter().filter(|line| line["differs"].is_object()).count(), told, "{out}");
    assert!(lines.iter().any(|line| line["hidden"].as_u64().is_some_and(|hidden| hidden > 0)), "{out}");
}

#[test]
fn why_tells_of_every_step_of_a_subject() {
    let place = Place::new("why");
    let done = place.dip(&["why", "site.yaml", "r2-n2", "--sandbox"]).ends(0);
    let done = done.prints("firmware.power_on node/r2-n2#1\n").prints("os.write_files node/r2-n2\n");
    assert!(!done.out.contains("\nfirmware.power_on node/r2-n1"), "{}", done.out);
    let out = place.dip(&["why", "site.yaml", "firmware.power_on node/r2-n2#1", "--sandbox", "--json"]).ends(0).out;
    let stories = json_lines(&out);
    assert_eq!(stories.len(), 1, "{out}");
    let after = stories[0]["after"].as_array().expect("what it waits for");
    assert!(after.iter().any(|before| before.as_str().is_some_and(|text| text.contains("set_boot_device"))), "{out}");
    place.dip(&["why", "site.yaml", "r2-nn2", "--sandbox"]).ends(2).tells("did you mean `r2-n2`?");
    place.dip(&["why", "no-such-run", "r2-n2"]).ends(2).tells("there is no run `no-such-run`");
}

#[test]
fn a_missing_secret_is_told_once_for_all_who_need_it() {
    let place = Place::new("secrets");
    let words = ["plan", "site.yaml"];
    let mut command = place.command(&words);
    for variable in ["DIP_BMC_PASSWORD", "DIP_SSH_KEY", "DIP_TSIG_SECRET"] {
        command.env_remove(variable);
    }
    let done = Done::of(command.output().expect("the command runs"), &words).ends(2);
    assert_eq!(done.err.matches("env:DIP_BMC_PASSWORD").count(), 1, "{}", done.err);
    done.tells("the BMC of node `r1-n1` and 3 more: ").tells("service `dns`: ");
}

#[test]
fn the_schema_is_that_of_site_files() {
    let place = Place::new("schema");
    let schema: Value = serde_json::from_str(&place.dip(&["schema"]).ends(0).out).expect("JSON");
    assert!(schema["$schema"].as_str().is_some_and(|draft| draft.contains("json-schema.org")));
    assert!(schema["properties"]["nodes"].is_object() && schema["properties"]["clusters"].is_object());
}

#[test]
fn the_demo_ends_ready_and_has_nothing_to_do_at_a_second_look() {
    let place = Place::new("demo");
    let done = place.dip(&["demo", "--nodes", "8"]).ends(0).prints("8 nodes in 4 racks").prints("power_on × 8");
    let done = done.prints("again     firmware.power_on node/r3-n1#1, attempt 2").prints("Run demo is ready: ");
    let done = done.prints("The fault: the BMC of r3-n1 lost its power command.").prints("Nothing to do: all ");
    assert!(done.out.lines().all(|line| line.chars().count() <= 80), "{}", done.out);
    assert!(!place.0.join(".dip").exists(), "the demo leaves nothing behind");
    let out = place.dip(&["demo", "--nodes", "8", "--json"]).ends(0).out;
    let lines = json_lines(&out);
    let [.., report, second] = &lines[..] else { panic!("{out}") };
    assert_eq!(report["report"]["outcome"], "ready");
    assert!(second["nothing_to_do"]["held"].as_u64().is_some_and(|held| held > 0), "{second}");
}

#[test]
fn a_demo_of_any_small_size_ends_ready() {
    let place = Place::new("demo-small");
    for nodes in ["1", "2", "3", "5"] {
        place.dip(&["demo", "--nodes", nodes, "--seed", "7"]).ends(0).prints("is ready");
    }
    place.dip(&["demo", "--nodes", "0"]).ends(2).tells("0 is not in 1..=800");
}

#[test]
fn the_same_seed_gives_the_same_course_of_events() {
    let place = Place::new("seed");
    let course = |seed: &str| {
        let out = place.dip(&["demo", "--nodes", "4", "--seed", seed, "--json"]).ends(0).out;
        // The second line names the process.
        out.lines().skip(2).map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(course("3"), course("3"));
    assert_ne!(course("3"), course("4"));
}

#[test]
fn the_plan_of_the_demo_can_be_had_alone() {
    let place = Place::new("demo-plan");
    let done = place.dip(&["demo", "--nodes", "100", "--plan-only"]).ends(0).prints("power_on × 100");
    assert!(done.out.lines().all(|line| line.chars().count() <= 80), "{}", done.out);
    assert!(!done.out.contains("Run demo"), "{}", done.out);
    let out = place.dip(&["demo", "--nodes", "8", "--plan-only", "--json"]).ends(0).out;
    assert_eq!(json_lines(&out)[0]["dip_plan"], 1);
}

#[test]
fn colours_come_when_asked_for() {
    let place = Place::new("colours");
    let words = ["apply", "site.yaml", "--sandbox", "--yes", "--color", "always"];
    place.dip(&words).ends(0).prints("\x1b[32mchanged \x1b[0m");
    let done = place.dip(&words[..4]).ends(0);
    assert!(!done.out.contains('\x1b') && !done.err.contains('\x1b'), "{done:#?}");
    // Asked for by name is stronger than the environment.
    let output = place.command(&words).env("NO_COLOR", "1").output().expect("the command runs");
    Done::of(output, &words).ends(0).prints("\x1b[");
}

#[test]
fn a_log_is_kept_where_it_is_asked_for() {
    let place = Place::new("log");
    let words = ["apply", "site.yaml", "--sandbox", "--yes"];
    let quiet = place.dip(&words).ends(0);
    assert_eq!(quiet.err.lines().count(), 1, "the name of the run alone: {}", quiet.err);
    let loud = place.dip(&[&words[..], &["-v"]].concat()).ends(0);
    let loud = loud.tells("step=firmware.power_on node/r1-n1#1").tells("time.busy=");
    assert!(!loud.out.contains("time.busy"), "the log is no result");
    let output = place.command(&words).env("DIP_LOG", "a=b=c").output().expect("the command runs");
    Done::of(output, &words).ends(0).tells("DIP_LOG is not a filter for the log");
}

fn spawn(mut command: Command) -> Child {
    command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the command starts")
}

fn errors_of(child: &mut Child) -> String {
    let mut text = String::new();
    child.stderr.take().expect("a pipe").read_to_string(&mut text).expect("text");
    text
}

#[test]
fn a_reader_that_goes_away_is_no_reason_to_panic() {
    let place = Place::new("pipe");
    // Far more than a pipe holds, so that the command must notice.
    let mut child = spawn(place.command(&["demo", "--nodes", "100", "--json"]));
    drop(child.stdout.take());
    let errors = errors_of(&mut child);
    let status = child.wait().expect("it ends");
    assert_eq!((status.code(), errors.as_str()), (Some(0), ""));
}

#[test]
fn work_goes_on_when_nobody_reads_of_it() {
    let place = Place::new("pipe-apply");
    let mut child = spawn(place.command(&["apply", "site.yaml", "--sandbox", "--yes", "--json"]));
    drop(child.stdout.take());
    let errors = errors_of(&mut child);
    assert_eq!(child.wait().expect("it ends").code(), Some(0), "{errors}");
    place.dip(&["show"]).ends(0).prints("state ready");
}

#[test]
fn ctrl_c_lets_running_steps_end_and_says_so() {
    let place = Place::new("ctrl-c");
    let mut child = spawn(place.command(&["demo", "--nodes", "100", "--json"]));
    let mut out = BufReader::new(child.stdout.take().expect("a pipe"));
    // The first record is longer than a pipe holds: the run has begun and cannot end before we have read it.
    out.fill_buf().expect("the start of the first record");
    let sent = Command::new("kill").args(["-INT", &child.id().to_string()]).status().expect("kill is there");
    assert!(sent.success());
    let mut rest = String::new();
    out.read_to_string(&mut rest).expect("text");
    let errors = errors_of(&mut child);
    assert_eq!(child.wait().expect("it ends").code(), Some(130), "{errors}");
    assert!(errors.contains("press Ctrl-C again to abandon"), "{errors}");
    let lines = json_lines(&rest);
    assert!(lines.iter().any(|line| line["event"] == "stopping"), "the journal tells it too");
    let report = &lines.last().expect("lines")["report"];
    assert_eq!(report["outcome"], "interrupted");
    let running =
        report["steps"].as_array().expect("steps").iter().filter(|step| step["status"]["running"].is_object());
    assert_eq!(running.count(), 0, "what ran has ended");
}
