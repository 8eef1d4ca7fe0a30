//! Services, as `systemctl` tells and changes them.

use dip_core::provider::Output;

use crate::linux::shell::{Invocation, Shell, failed, said};
use crate::linux::system::Enabled;

/// `systemctl [OPTION...] VERB [UNIT...]`.
pub(super) fn systemctl(shell: &Shell<'_>, invocation: &Invocation<'_>) -> Output {
    let words = invocation.words();
    let Some((verb, units)) = words.split_first() else { return failed(1, "systemctl: a verb is needed") };
    let units: Vec<_> = units.iter().map(|unit| unit.trim_end_matches(".service")).collect();
    match *verb {
        "daemon-reload" | "reset-failed" => return said(""),
        "is-active" => return tell(&units, |unit| shell.unit_state(unit), "active", 3),
        "is-enabled" => {
            if let Some(unit) = units.iter().find(|unit| !shell.linux(|linux| linux.has_unit(unit))) {
                return failed(
                    1,
                    format!("Failed to get unit file state for {unit}.service: No such file or directory"),
                );
            }
            return tell(&units, |unit| shell.unit_enablement(unit), "enabled", 1);
        }
        _ => {}
    }
    for unit in &units {
        if !shell.linux(|linux| linux.has_unit(unit)) {
            return failed(5, format!("Failed to {verb} {unit}.service: Unit {unit}.service not found."));
        }
        match *verb {
            "start" => shell.start(unit, Again::No),
            "restart" | "reload-or-restart" | "try-restart" | "reload" => shell.start(unit, Again::Yes),
            "stop" => shell.stop(unit),
            "enable" | "disable" => {
                shell.enable(unit, if *verb == "enable" { Enabled::Yes } else { Enabled::No });
                match (invocation.has("--now"), *verb) {
                    (true, "enable") => shell.start(unit, Again::No),
                    (true, _) => shell.stop(unit),
                    (false, _) => {}
                }
            }
            other => return failed(1, format!("Unknown command verb {other}.")),
        }
    }
    said("")
}

/// One line for each unit; a status other than 0 unless all are as good as can be.
fn tell(units: &[&str], state: impl Fn(&str) -> &'static str, good: &str, otherwise: i32) -> Output {
    let states: Vec<_> = units.iter().map(|unit| state(unit)).collect();
    let status = if states.iter().all(|state| *state == good) { 0 } else { otherwise };
    let text: String = states.iter().map(|state| format!("{state}\n")).collect();
    Output { status: Some(status), stdout: text.into_bytes(), stderr: Vec::new() }
}

/// Whether a unit that runs is started anew.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Again {
    Yes,
    No,
}

impl Shell<'_> {
    fn unit_state(&self, unit: &str) -> &'static str {
        if self.linux(|linux| linux.runs_since(unit)).is_none() {
            return "inactive";
        }
        // etcd tells systemd that it is ready only when it sees a leader.
        if unit == "etcd" && !self.world.etcd_has_leader(self.node) { "activating" } else { "active" }
    }

    fn unit_enablement(&self, unit: &str) -> &'static str {
        if self.linux(|linux| linux.is_enabled(unit)) { "enabled" } else { "disabled" }
    }

    fn start(&self, unit: &str, again: Again) {
        let now = self.world.time.now();
        let changed = self.linux(|linux| {
            let starts = again == Again::Yes || linux.runs_since(unit).is_none();
            if starts {
                linux.start_unit(unit, now);
            }
            starts
        });
        if changed {
            self.count(format!("start {unit}"));
        }
    }

    fn stop(&self, unit: &str) {
        if self.linux(|linux| linux.stop_unit(unit)) {
            self.count(format!("stop {unit}"));
        }
    }

    fn enable(&self, unit: &str, wanted: Enabled) {
        if self.linux(|linux| linux.enable(unit, wanted)) {
            self.count(format!("{} {unit}", if wanted == Enabled::Yes { "enable" } else { "disable" }));
        }
    }
}
