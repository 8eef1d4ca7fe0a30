//! The program's log on standard error, for those who look for a fault.

use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::format::FmtSpan;

/// Starts the log: dip's own warnings by default, each step that was worked on with its times with `-v`, more with `-vv`; `DIP_LOG` says
/// exactly of what. Gives back what is wrong with `DIP_LOG`.
pub(crate) fn start(verbose: u8) -> Option<String> {
    let usual = match verbose {
        0 => "off,dip=warn",
        1 => "warn,dip=info",
        _ => "info,dip=trace",
    };
    let (filter, wrong) = match std::env::var("DIP_LOG").map(EnvFilter::try_new) {
        Ok(Ok(filter)) => (filter, None),
        Ok(Err(error)) => (EnvFilter::new(usual), Some(format!("DIP_LOG is not a filter for the log: {error}"))),
        Err(_) => (EnvFilter::new(usual), None),
    };
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_span_events(FmtSpan::CLOSE)
        .with_writer(std::io::stderr)
        .with_ansi(false)
        .init();
    wrong
}
