//! Values as people say them.

use std::time::Duration;

/// A duration as people say it: `4.2 s`, `3 min 27 s`, `2 h 05 min`.
#[must_use]
pub fn duration(duration: Duration) -> String {
    match duration.as_secs() {
        0..60 => format!("{:.1} s", duration.as_secs_f64()),
        seconds @ 60..3600 => format!("{} min {:02} s", seconds / 60, seconds % 60),
        seconds => format!("{} h {:02} min", seconds / 3600, seconds / 60 % 60),
    }
}

/// Several things as one list in a sentence: `a`, `a and b`, `a, b and c`.
#[must_use]
pub fn and<T: AsRef<str>>(things: &[T]) -> String {
    let Some((last, before)) = things.split_last() else { return String::new() };
    let before: Vec<&str> = before.iter().map(AsRef::as_ref).collect();
    if before.is_empty() { last.as_ref().to_owned() } else { format!("{} and {}", before.join(", "), last.as_ref()) }
}
