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
}

#[test]
fn the_page_shows_what_is_printed() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let page = std::fs::read_to_string(root.join("docs/explanations.md")).expect("the page");
    let core = ["circle", "unmet", "contested"].map(|name| format!("dip-core/tests/golden/explain/{name}.txt"));
    let command = ["impact-sw1", "diff", "outliers"].map(|name| format!("dip-cli/tests/golden/explain/{name}.txt"));
    for file in core.iter().chain(&command) {
        let text = std::fs::read_to_string(root.join(file)).expect(file);
        assert!(page.contains(text.trim_end()), "docs/explanations.md does not show {file} as it is printed now");
    }
}

#[test]
fn the_page_on_converge_shows_what_is_deferred_as_it_is_printed() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let page = std::fs::read_to_string(root.join("docs/converge.md")).expect("the page");
    let text =
        std::fs::read_to_string(root.join("dip-core/tests/golden/explain/deferred.txt")).expect("the golden file");
    for part in text.split("\n\n").filter(|part| part.starts_with("deferred until")) {
        assert!(page.contains(part), "docs/converge.md does not show:\n{part}");
    }
}
