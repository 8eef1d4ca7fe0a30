//! Clients of the site's services: chrony, and whoever asks the node exporter.

use std::time::Duration;

use dip_core::provider::Output;
use dip_core::site::Endpoint;

use crate::fault::Fault;
use crate::linux::shell::{Invocation, Shell, failed, said};

/// From the start of chrony until it trusts its source: four measurements of an `iburst`, two seconds apart, and a margin.
const SYNCHRONISES: (Duration, Duration) = (Duration::from_secs(7), Duration::from_secs(25));

/// `chronyc [-N] -c tracking`: fourteen fields, of which the second names the source and the last tells the leap status (chronyc(1)).
pub(super) fn chronyc(shell: &Shell<'_>, invocation: &Invocation<'_>) -> Output {
    if invocation.words() != ["tracking"] || !invocation.has("-c") {
        return failed(1, "chronyc: only `chronyc -c tracking` is simulated");
    }
    let Some(since) = shell.linux(|linux| linux.runs_since("chrony")) else {
        return failed(1, "506 Cannot talk to daemon");
    };
    let who = format!("node/{}", shell.node);
    let takes = shell.world.draw.span(&who, "clock", since.as_secs(), SYNCHRONISES);
    match shell.time_source().filter(|_| shell.world.time.now() >= since + takes) {
        Some(source) => said(format!(
            "0A090007,{source},3,1767600000.000000000,-0.000001,0.000002,0.000010,-12.345,-0.001,0.020,0.000300,0.000200,64.2,Normal\n"
        )),
        None => said(
            "00000000,,0,0.000000000,0.000000000,0.000000000,0.000000000,0.000,0.000,0.000,1.000000000,1.000000000,0.0,Not synchronised\n",
        ),
    }
}

/// `bash -c SCRIPT NAME PORT`, where the script asks for the metrics on that port of the node; any other script is a shell's.
pub(super) fn bash(shell: &Shell<'_>, invocation: &Invocation<'_>) -> Output {
    let asks = |script: &str| script.contains("/dev/tcp/127.0.0.1/$1") && script.contains("GET /metrics ");
    match invocation.arguments {
        [option, script, _, port] if option == "-c" && asks(script) => {
            let listens = shell.linux(|linux| {
                linux.runs_since("prometheus-node-exporter").is_some() && linux.exporter_port() == *port
            });
            if listens {
                said("HTTP/1.0 200 OK\r\n")
            } else {
                failed(
                    1,
                    format!(
                        "bash: connect: Connection refused\nbash: line 1: /dev/tcp/127.0.0.1/{port}: Connection refused"
                    ),
                )
            }
        }
        _ => super::script::sh(shell, invocation),
    }
}

impl Shell<'_> {
    /// The first server in chrony's configuration that the site has and that answers.
    fn time_source(&self) -> Option<String> {
        let configuration = self.linux(|linux| linux.text("/etc/chrony/chrony.conf"))?;
        let answering: Vec<String> = self
            .world
            .site
            .services_of(&["ntp"])
            .filter(|service| {
                let subject = dip_core::subject::Subject::service(&service.name);
                let silent = |fault: &Fault| matches!(fault, Fault::ServiceSilent { .. });
                self.world.bite(&subject, silent).is_none()
            })
            .filter_map(|service| service.driver.settings.get("servers")?.as_array().cloned())
            .flatten()
            .filter_map(|server| server.as_str().map(host))
            .collect();
        configuration.lines().find_map(|line| {
            let mut words = line.split_whitespace();
            matches!(words.next()?, "server" | "pool").then_some(())?;
            let server = words.next()?;
            answering.iter().any(|known| known == server).then(|| server.to_owned())
        })
    }
}

/// The host of `host`, `host:port`, `address`, `[address]:port`.
fn host(server: &str) -> String {
    server.parse::<Endpoint>().map_or_else(|_| server.to_owned(), |told| told.host().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_is_known_by_its_host_whatever_its_port() {
        for (text, expected) in [
            ("10.0.0.1", "10.0.0.1"),
            ("10.0.0.1:1123", "10.0.0.1"),
            ("fd00::3", "fd00::3"),
            ("[fd00::3]:1", "fd00::3"),
            ("ntp.example", "ntp.example"),
        ] {
            assert_eq!(host(text), expected);
        }
    }
}
