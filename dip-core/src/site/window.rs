//! Windows: the hours in which changes may be made, told in the time of a place, over midnight and summer time.

use std::fmt;
use std::str::FromStr;

use jiff::Timestamp;
use jiff::civil::{Date, Time};
use jiff::tz::TimeZone;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::Origin;
use crate::id::Symbol;

/// Hours of some days of every week. Its end is not in it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Window {
    /// Its name.
    pub name: Symbol,
    /// The days on which it opens, from Monday on, each once.
    pub days: Vec<Weekday>,
    /// When it opens.
    pub from: Time,
    /// When it closes: on the day after where that is not later than `from`.
    pub until: Time,
    /// Whose time that is.
    pub zone: Zone,
    /// Where it stands in the site file.
    pub origin: Option<Origin>,
}

/// A day of the week.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[allow(missing_docs, reason = "the days are their names")]
pub enum Weekday {
    Mon,
    Tue,
    Wed,
    Thu,
    Fri,
    Sat,
    Sun,
}

/// A time zone by its name in the IANA database, with its rules: `Europe/Berlin`, `UTC`. The rules come from the machine
/// where it has them, so that a change of law arrives with its updates, else from the program itself.
#[derive(Clone)]
pub struct Zone {
    name: String,
    rules: TimeZone,
}

/// No time zone has that name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a time zone; write a name of the IANA database, for example `Europe/Berlin` or `UTC`")]
pub struct ZoneError(String);

impl Window {
    /// Whether a moment is in it.
    #[must_use]
    pub fn contains(&self, at: Timestamp) -> bool {
        let today = self.zone.rules.to_datetime(at).date();
        let days = [today.yesterday().ok(), Some(today)].into_iter().flatten();
        days.filter_map(|day| self.on(day)).any(|(start, end)| start <= at && at < end)
    }

    /// When it opens next after a moment; `None` where the calendar ends before.
    #[must_use]
    pub fn next(&self, at: Timestamp) -> Option<Timestamp> {
        let today = self.zone.rules.to_datetime(at).date();
        // Two weeks: in the night in which clocks go forward a short window may not open at all.
        let days = today.series(jiff::Span::new().days(1)).take(15);
        days.filter_map(|day| self.on(day)).map(|(start, _)| start).find(|start| *start > at)
    }

    /// Its start and end on a day on which it opens. An hour that the clocks leave out counts as the hour after it, one
    /// that they repeat as its first time.
    fn on(&self, day: Date) -> Option<(Timestamp, Timestamp)> {
        self.days.contains(&Weekday::of(day)).then_some(())?;
        let last = if self.until <= self.from { day.tomorrow().ok()? } else { day };
        let moment = |day: Date, time| self.zone.rules.to_ambiguous_timestamp(day.to_datetime(time)).compatible().ok();
        let (start, end) = (moment(day, self.from)?, moment(last, self.until)?);
        (start < end).then_some((start, end))
    }

    #[cfg(test)]
    pub(super) fn every_day(name: &str, from: &str, until: &str, zone: &str) -> Option<Self> {
        let (from, until) = (from.parse().ok()?, until.parse().ok()?);
        Some(Self {
            name: name.into(),
            days: Weekday::ALL.to_vec(),
            from,
            until,
            zone: zone.parse().ok()?,
            origin: None,
        })
    }
}

impl Weekday {
    /// All of them.
    pub const ALL: [Self; 7] = [Self::Mon, Self::Tue, Self::Wed, Self::Thu, Self::Fri, Self::Sat, Self::Sun];

    /// How the site file writes it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Mon => "mon",
            Self::Tue => "tue",
            Self::Wed => "wed",
            Self::Thu => "thu",
            Self::Fri => "fri",
            Self::Sat => "sat",
            Self::Sun => "sun",
        }
    }

    fn of(day: Date) -> Self {
        match day.weekday() {
            jiff::civil::Weekday::Monday => Self::Mon,
            jiff::civil::Weekday::Tuesday => Self::Tue,
            jiff::civil::Weekday::Wednesday => Self::Wed,
            jiff::civil::Weekday::Thursday => Self::Thu,
            jiff::civil::Weekday::Friday => Self::Fri,
            jiff::civil::Weekday::Saturday => Self::Sat,
            jiff::civil::Weekday::Sunday => Self::Sun,
        }
    }
}

impl Zone {
    /// Its name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.name
    }
}

impl FromStr for Zone {
    type Err = ZoneError;

    fn from_str(text: &str) -> Result<Self, ZoneError> {
        match TimeZone::get(text) {
            // As the database writes it: names are found in any case.
            Ok(rules) => Ok(Self { name: rules.iana_name().unwrap_or(text).to_owned(), rules }),
            Err(_) => Err(ZoneError(text.to_owned())),
        }
    }
}

/// Zones are one where their names are: rules change with the database.
impl PartialEq for Zone {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

impl Eq for Zone {}

impl fmt::Debug for Zone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Zone({})", self.name)
    }
}

impl fmt::Display for Zone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)
    }
}

impl Serialize for Zone {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.name)
    }
}

impl<'de> Deserialize<'de> for Zone {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

/// `mon, tue from 22:00 to 05:00, Europe/Berlin`.
impl fmt::Display for Window {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let days: Vec<_> = self.days.iter().map(|day| day.as_str()).collect();
        let days = if self.days == Weekday::ALL { "every day".to_owned() } else { days.join(", ") };
        let (from, until) = (self.from.strftime("%H:%M"), self.until.strftime("%H:%M"));
        write!(f, "{days} from {from} to {until}, {}", self.zone)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().expect("a moment")
    }

    fn berlin(from: &str, until: &str, days: &[Weekday]) -> Window {
        let window = Window::every_day("w", from, until, "Europe/Berlin").expect("a window");
        Window { days: days.to_vec(), ..window }
    }

    #[test]
    fn a_night_belongs_to_the_day_on_which_it_begins() {
        // 2026-05-07 is a Thursday; Berlin is two hours ahead then.
        let window = berlin("22:00", "05:00", &[Weekday::Thu]);
        assert!(!window.contains(at("2026-05-07T19:59:59Z")));
        assert!(window.contains(at("2026-05-07T20:00:00Z")));
        assert!(window.contains(at("2026-05-08T02:59:59Z")), "it is Friday, and still Thursday's night");
        assert!(!window.contains(at("2026-05-08T03:00:00Z")), "its end is not in it");
        assert!(!window.contains(at("2026-05-08T20:00:00Z")));
        assert_eq!(window.next(at("2026-05-07T20:00:00Z")), Some(at("2026-05-14T20:00:00Z")));
        assert_eq!(window.next(at("2026-05-07T19:00:00Z")), Some(at("2026-05-07T20:00:00Z")));
    }

    #[test]
    fn a_window_keeps_to_the_clock_on_the_wall_when_summer_time_begins_and_ends() {
        let window = berlin("22:00", "05:00", &Weekday::ALL);
        // Clocks go forward in the night to 2026-03-29 and back in the night to 2026-10-25.
        assert_eq!(window.next(at("2026-03-28T12:00:00Z")), Some(at("2026-03-28T21:00:00Z")));
        assert!(window.contains(at("2026-03-29T02:59:00Z")) && !window.contains(at("2026-03-29T03:00:00Z")));
        assert_eq!(window.next(at("2026-10-24T12:00:00Z")), Some(at("2026-10-24T20:00:00Z")));
        assert!(window.contains(at("2026-10-25T03:59:00Z")) && !window.contains(at("2026-10-25T04:00:00Z")));
    }

    #[test]
    fn an_hour_that_the_clocks_leave_out_opens_nothing() {
        let window = berlin("02:00", "03:00", &[Weekday::Sun]);
        assert!(!window.contains(at("2026-03-29T01:00:00Z")), "02:00 to 03:00 does not exist that night");
        assert_eq!(window.next(at("2026-03-28T12:00:00Z")), Some(at("2026-04-05T00:00:00Z")));
    }

    #[test]
    fn a_window_that_ends_when_it_begins_lasts_a_day() {
        let window = berlin("00:00", "00:00", &[Weekday::Sat, Weekday::Sun]);
        assert!(window.contains(at("2026-05-09T00:00:00Z")) && window.contains(at("2026-05-10T21:59:59Z")));
        assert!(!window.contains(at("2026-05-10T22:00:00Z")));
    }

    #[test]
    fn the_end_of_the_calendar_is_no_reason_to_panic() {
        let window = berlin("22:00", "05:00", &Weekday::ALL);
        assert_eq!(window.next(Timestamp::MAX), None);
        assert!(!window.contains(Timestamp::MIN) || window.next(Timestamp::MIN).is_some());
    }

    #[test]
    fn a_zone_has_a_known_name() {
        assert_eq!("europe/berlin".parse::<Zone>().map(|zone| zone.to_string()), Ok("Europe/Berlin".to_owned()));
        assert!("UTC".parse::<Zone>().is_ok());
        assert!("Europe/Bielefeld".parse::<Zone>().is_err());
        assert!(serde_json::from_str::<Zone>("\"../../etc/passwd\"").is_err());
    }
}
