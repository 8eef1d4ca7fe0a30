//! The program's log on standard error, for those who look for a fault; and with the feature `otel` its traces.

use tracing_subscriber::fmt::format::FmtSpan;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, Layer};

/// What must live as long as the program: the traces that are still to be sent.
#[derive(Debug)]
pub(crate) struct Log {
    /// What is wrong with the environment.
    pub(crate) wrong: Vec<String>,
    #[cfg(feature = "otel")]
    _flush: Option<dip_otel::Flush>,
}

/// Starts the log: dip's own warnings by default, each step that was worked on with its times with `-v`, more with `-vv`; `DIP_LOG` says
/// exactly of what.
pub(crate) fn start(verbose: u8) -> Log {
    let usual = match verbose {
        0 => "off,dip=warn",
        1 => "warn,dip=info",
        _ => "info,dip=trace",
    };
    let mut wrong = Vec::new();
    let filter = match std::env::var("DIP_LOG").map(EnvFilter::try_new) {
        Ok(Ok(filter)) => filter,
        Ok(Err(error)) => {
            wrong.push(format!("DIP_LOG is not a filter for the log: {error}"));
            EnvFilter::new(usual)
        }
        Err(_) => EnvFilter::new(usual),
    };
    let lines = tracing_subscriber::fmt::layer()
        .with_span_events(FmtSpan::CLOSE)
        .with_writer(std::io::stderr)
        .with_ansi(false)
        .with_filter(filter);
    let registry = tracing_subscriber::registry();
    #[cfg(feature = "otel")]
    let (registry, flush) = {
        let (layer, flush) = match dip_otel::Export::from_environment("dip").map(dip_otel::Export::start).transpose() {
            Ok(started) => started.unzip(),
            Err(error) => {
                wrong.push(dip::core::provider::sentence(&error));
                (None, None)
            }
        };
        (registry.with(layer), flush)
    };
    registry.with(lines).init();
    Log {
        wrong,
        #[cfg(feature = "otel")]
        _flush: flush,
    }
}
