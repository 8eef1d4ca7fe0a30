//! A runtime whose clock stands still while there is work and jumps when there is none: virtual time.

use std::future::Future;

use tokio::runtime::Builder;

/// Runs a future on virtual time: minutes of booting pass in milliseconds, and always in the same order.
///
/// It uses a runtime of its own with one thread, so it must not be called within another runtime.
///
/// # Panics
/// Where the operating system refuses the runtime what it needs, or within another runtime.
///
/// ```
/// use std::time::Duration;
/// dip_sandbox::run(async { tokio::time::sleep(Duration::from_secs(3600)).await });
/// ```
pub fn run<F: Future>(future: F) -> F::Output {
    // I/O is enabled for providers that are not simulated; tokio's clock jumps only when nothing at all is to do.
    Builder::new_current_thread()
        .enable_all()
        .start_paused(true)
        .build()
        .expect("a runtime with one thread needs little")
        .block_on(future)
}
