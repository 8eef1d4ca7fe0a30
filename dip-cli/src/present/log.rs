//! The program's log on standard error, for those who look for a fault.

use tracing_subscriber::EnvFilter;

/// Starts the log: nothing but warnings by default, dip's own spans with `-v`, more with `-vv`; `DIP_LOG` says it all.
pub(crate) fn start(verbose: u8) {
    let filter = std::env::var("DIP_LOG").ok().and_then(|text| EnvFilter::try_new(text).ok()).unwrap_or_else(|| {
        EnvFilter::new(match verbose {
            0 => "off",
            1 => "warn,dip=info,dip_core=info",
            _ => "info,dip=debug,dip_core=debug",
        })
    });
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).with_ansi(false).init();
}
