//! When changes that others notice may begin, reckoned by hand from the hours that the site file names.

use dip_core::site::{Conduct, Weekday};
use jiff::Timestamp;

const DAY: i64 = 86_400;

/// Whether a site is open. Only windows of every day in UTC, which is what the simulated sites have.
pub(super) fn is_open(conduct: &Conduct, at: Timestamp) -> bool {
    if conduct.freezes.iter().any(|freeze| freeze.from <= at && at < freeze.until) {
        return false;
    }
    let second = at.as_second().rem_euclid(DAY);
    let of_day = |time: jiff::civil::Time| i64::from(time.hour()) * 3600 + i64::from(time.minute()) * 60;
    let within = |window: &dip_core::site::Window| {
        assert_eq!((window.zone.as_str(), &window.days[..]), ("UTC", &Weekday::ALL[..]), "the judge knows no other");
        let (from, until) = (of_day(window.from), of_day(window.until));
        if from < until { (from..until).contains(&second) } else { second >= from || second < until }
    };
    conduct.windows.is_empty() || conduct.windows.iter().any(within)
}
