//! The table, and which quirks a make has by it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

use super::{Entry, Make, Quirk};

/// The table that comes with dip, as it stands in the source.
pub const TABLE: &str = include_str!("quirks.json");

/// An entry of the site counts more than any of the table.
const OF_THE_SITE: u32 = 8;

/// The entries of the table that comes with dip.
#[must_use]
pub fn shipped() -> &'static [Entry] {
    static ENTRIES: LazyLock<Vec<Entry>> =
        LazyLock::new(|| serde_json::from_str(TABLE).expect("a test reads the table that is compiled in"));
    &ENTRIES
}

/// The quirks of one BMC.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Quirks(BTreeSet<Quirk>);

impl Quirks {
    /// Those that a make has by the table and the site's own entries. Of several entries about one quirk the most specific decides:
    /// the site's before the table's, then a model before a range of firmware before a maker; of equal ones the later.
    #[must_use]
    pub fn of(make: &Make, table: &[Entry], own: &[Entry]) -> Self {
        let table = table.iter().map(|entry| (entry, 0));
        let own = own.iter().map(|entry| (entry, OF_THE_SITE));
        let mut best: BTreeMap<Quirk, (u32, bool)> = BTreeMap::new();
        for (entry, rank) in table.chain(own) {
            let Some(score) = entry.score(make).map(|score| score + rank) else { continue };
            let known = best.entry(entry.quirk).or_insert((score, entry.holds));
            if score >= known.0 {
                *known = (score, entry.holds);
            }
        }
        Self(best.into_iter().filter(|(_, (_, holds))| *holds).map(|(quirk, _)| quirk).collect())
    }

    /// Whether the BMC has a quirk.
    #[must_use]
    pub fn has(&self, quirk: Quirk) -> bool {
        self.0.contains(&quirk)
    }

    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = Quirk> + '_ {
        self.0.iter().copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::quirks::FirmwareRange;

    fn make(vendor: &str, model: &str, firmware: &str) -> Make {
        let words = |text: &str| vec![text.to_owned()];
        Make { vendors: words(vendor), models: words(model), firmware: Some(firmware.to_owned()) }
    }

    fn entry(quirk: Quirk, holds: bool) -> Entry {
        Entry { quirk, holds, vendor: None, model: None, firmware: None, source: "https://example.org/".to_owned() }
    }

    fn shipped_of(make: &Make) -> Vec<Quirk> {
        Quirks::of(make, shipped(), &[]).iter().collect()
    }

    #[test]
    fn every_entry_of_the_table_says_who_and_names_its_source() {
        for entry in shipped() {
            assert!(entry.source.starts_with("https://"), "{entry:?}");
            assert!(entry.vendor.is_some(), "an entry that speaks of everybody is no quirk: {entry:?}");
        }
    }

    #[test]
    fn each_maker_has_its_own() {
        use Quirk::*;
        let none: [Quirk; 0] = [];
        assert_eq!(
            shipped_of(&make("Dell Inc.", "PowerEdge R6515", "6.10.30.00")),
            [AccountSlot1Reserved, BiosApplyTime, InsertWhileEjecting]
        );
        assert_eq!(
            shipped_of(&make("Dell", "17G Monolithic", "1.20.50.52")),
            [AccountSlot1Reserved, BiosApplyTime, BootThroughSettings, InsertWhileEjecting]
        );
        assert_eq!(shipped_of(&make("HPE", "ProLiant DL360 Gen10", "iLO 5 v2.72")), [LoginName]);
        assert_eq!(
            shipped_of(&make("Supermicro", "SYS-510T-MR", "01.02.10")),
            [BootModeAlways, CdIsUsbCd, InsertImageAlone, UefiDiskIsRemoteMedia]
        );
        assert_eq!(shipped_of(&make("Contoso", "3500", "1.0")), none);
        assert_eq!(shipped_of(&make("Modell", "3500", "1.0")), none, "a word is a whole word");
    }

    #[test]
    fn the_most_specific_entry_decides() {
        assert!(!shipped_of(&make("Supermicro", "ARS-111GL-NHR", "1.0")).contains(&Quirk::CdIsUsbCd));
        let hangs =
            |firmware: &str| shipped_of(&make("Lenovo", "7D9RCTOLWW", firmware)).contains(&Quirk::CycleByOffAndOn);
        assert_eq!([hangs("9.09"), hangs("9.10"), hangs("9.11"), hangs("unknown")], [false, true, false, false]);
    }

    #[test]
    fn the_site_has_the_last_word() {
        let machine = make("Dell Inc.", "PowerEdge R6515", "6.10.30.00");
        let own = [entry(Quirk::BiosApplyTime, false), entry(Quirk::SerialIsSku, true)];
        let quirks = Quirks::of(&machine, shipped(), &own);
        assert!(!quirks.has(Quirk::BiosApplyTime) && quirks.has(Quirk::SerialIsSku));
        let range = FirmwareRange { from: Some("7.0".to_owned()), to: None };
        let later = [Entry { firmware: Some(range), ..entry(Quirk::SerialIsSku, true) }];
        assert!(!Quirks::of(&machine, shipped(), &later).has(Quirk::SerialIsSku));
    }
}
