//! What dip explains, as a stranger reads it: each explanation is a golden file that says what to do.

mod diff;
mod impact;
mod lab;
mod lint;
mod outliers;
mod plans;

use std::path::Path;

/// Compares with a golden file; with `DIP_BLESS=1` it writes it instead.
#[track_caller]
fn golden(name: &str, text: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/explain").join(name);
    if std::env::var_os("DIP_BLESS").is_some() {
        std::fs::write(&path, text).expect("the golden file is written");
        return;
    }
    let wanted = std::fs::read_to_string(&path).unwrap_or_default();
    assert_eq!(text, wanted, "{} is not as it was; look at it, and bless it with DIP_BLESS=1", path.display());
    assert!(text.lines().all(|line| line.chars().count() <= 100), "{text}");
}
