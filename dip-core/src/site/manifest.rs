//! The shipping manifest: which machines were sent, as a table, and which node each of them is to be.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};

use serde::{Deserialize, Serialize};

use super::fault::nearest;
use super::report::{Raw, Report};
use super::source::{Mark, Source};
use super::tree::{Data, Entry, Map, Style, Tree};
use super::{NodeState, Origin, Parsed, parsed, table};
use crate::hardware::MacAddr;
use crate::id::{NodeName, RackName};

/// The columns of a manifest: what they are called, and what stands in them.
const COLUMNS: [(&str, What); 8] = [
    ("serial", What::Text),
    ("bmc_mac", What::Parsed(Parsed::Mac)),
    ("bmc_address", What::Parsed(Parsed::Endpoint)),
    ("user", What::Text),
    ("password", What::Parsed(Parsed::Secret)),
    ("model", What::Text),
    ("rack", What::Parsed(Parsed::Name)),
    ("position", What::Position),
];

/// What stands as `bmc_address` where a DHCP server of the site tells the address, by `bmc_mac`.
const BY_DHCP: &str = "dhcp";

/// Those of which each machine has its own.
const OWN: [&str; 3] = ["serial", "bmc_mac", "bmc_address"];

#[derive(Debug, Clone, Copy, PartialEq)]
enum What {
    Text,
    Parsed(Parsed),
    /// A unit of a rack, from 1.
    Position,
}

/// A machine that was sent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Delivery {
    /// Its serial number.
    pub serial: String,
    /// The MAC address of its controller.
    pub bmc_mac: Option<MacAddr>,
    /// The address of its controller; without one it is not connected yet.
    pub bmc_address: Option<String>,
    /// Its model.
    pub model: Option<String>,
    /// The rack that it goes into.
    pub rack: Option<RackName>,
    /// At which unit of the rack.
    pub position: Option<u16>,
    /// The node that it is to be; `None` for a spare.
    pub node: Option<NodeName>,
    /// Where it stands in the manifest.
    pub origin: Origin,
}

/// The rows of a manifest.
#[derive(Default)]
pub(crate) struct Manifest {
    /// Whether the site has one.
    given: bool,
    rows: Vec<Row>,
    by_serial: HashMap<String, usize>,
    by_place: HashMap<(String, String), usize>,
}

struct Row {
    mark: Mark,
    cells: BTreeMap<&'static str, (Mark, String)>,
    node: Option<NodeName>,
}

impl Manifest {
    /// Reads a manifest and tells all that is wrong in it.
    pub(crate) fn read(source: &Source, index: u16, report: &mut Report<'_>) -> Self {
        let mut manifest = Self { given: true, ..Self::default() };
        let mut lines = table::read(&source.text, index, report).into_iter();
        let Some(header) = lines.next() else {
            let start = Mark::start(index);
            report.tell("manifest", start, || {
                Raw::at(start, "the manifest is empty").advice(format!("its first line names its columns: {}", known()))
            });
            return manifest;
        };
        let columns: Vec<Option<(&'static str, What)>> =
            header.iter().map(|cell| column(cell.mark, &cell.text, report)).collect();
        if !columns.iter().flatten().any(|(name, _)| *name == "serial") {
            let mark = Mark::start(index);
            report.tell("serial", mark, || {
                Raw::at(mark, "the manifest has no column `serial`")
                    .advice("a machine is known by its serial number; add the column")
            });
        }
        let mut seen: HashMap<(&'static str, String), u32> = HashMap::new();
        for line in lines {
            let mark = line[0].mark;
            // A password that somebody wrote where its reference belongs must not come to the screen.
            report.hide(index, mark.line..=line.last().map_or(mark.line, |cell| cell.mark.line));
            if line.len() > columns.len() {
                let surplus = line[columns.len()].mark;
                report.tell("cells", surplus, || {
                    Raw::at(
                        surplus,
                        format!("this row has {} cells, and there are {} columns", line.len(), columns.len()),
                    )
                    .advice("put a text that holds a comma into quotes")
                });
                continue;
            }
            let mut cells = BTreeMap::new();
            for (column, cell) in columns.iter().zip(line) {
                let Some((name, what)) = column.filter(|_| !cell.text.is_empty()) else { continue };
                match what.read(&cell.text, source) {
                    Ok(text) => drop(cells.insert(name, (cell.mark, text))),
                    Err(why) => report.tell("cell", cell.mark, || Raw::at(cell.mark, why)),
                }
            }
            manifest.take(Row { mark, cells, node: None }, &mut seen, report);
        }
        manifest
    }

    fn take(&mut self, row: Row, seen: &mut HashMap<(&'static str, String), u32>, report: &mut Report<'_>) {
        for own in OWN {
            let Some((mark, text)) = row.cells.get(own).filter(|(_, text)| text != BY_DHCP) else { continue };
            if let Some(line) = seen.insert((own, text.to_ascii_lowercase()), mark.line) {
                report.tell(own, *mark, || {
                    Raw::at(*mark, format!("`{text}` stands as `{own}` in line {line} too"))
                        .advice("each machine has its own; look which of the two rows is wrong")
                });
            }
        }
        let Some((_, serial)) = row.cells.get("serial") else {
            report.tell("row", row.mark, || Raw::at(row.mark, "this machine has no serial number"));
            return;
        };
        self.by_serial.insert(serial.to_ascii_lowercase(), self.rows.len());
        if let (Some((mark, rack)), Some((_, position))) = (row.cells.get("rack"), row.cells.get("position"))
            && let Some(other) = self.by_place.insert((rack.clone(), position.clone()), self.rows.len())
        {
            let line = self.rows[other].mark.line;
            report.tell("place", *mark, || {
                Raw::at(*mark, format!("position {position} of rack `{rack}` is taken by line {line}"))
                    .advice("give the unit at which each machine begins")
            });
        }
        self.rows.push(row);
    }

    /// What the manifest says of a node, as if the node said it: of the machine with its serial number, else of the one at its place.
    pub(crate) fn of(&mut self, name: &NodeName, node: &Tree, report: &mut Report<'_>) -> Option<Tree> {
        let text = |key: &str| node.at(key).and_then(Tree::text);
        let by_serial = text("serial").map(|serial| self.by_serial.get(&serial.to_ascii_lowercase()).copied());
        let place = text("rack").zip(text("position")).map(|(rack, unit)| (rack.to_owned(), unit.to_owned()));
        let index = by_serial.unwrap_or_else(|| self.by_place.get(&place?).copied())?;
        let row = &mut self.rows[index];
        if let Some(other) = row.node.replace(name.clone()) {
            let mark = node.at("serial").or_else(|| node.at("position")).map_or(node.mark, |tree| tree.mark);
            report.tell("delivery", mark, || {
                Raw::at(
                    mark,
                    format!("`{other}` and `{name}` are both the machine in line {} of the manifest", row.mark.line),
                )
            });
        }
        let scalar = |name: &str| {
            let (mark, text) = row.cells.get(name)?;
            Some(Entry { key: *mark, value: Tree::new(*mark, Data::Scalar(text.clone(), Style::Quoted)) })
        };
        let map = |keys: &[(&str, &str)]| -> Map {
            keys.iter().filter_map(|(key, column)| Some(((*key).to_owned(), scalar(column)?))).collect()
        };
        let mut whole = map(&[("serial", "serial"), ("rack", "rack")]);
        let mut bmc = map(&[("address", "bmc_address"), ("user", "user"), ("factory_password", "password")]);
        if let Some((mark, _)) = row.cells.get("bmc_address").filter(|(_, address)| address == BY_DHCP) {
            match scalar("bmc_mac") {
                Some(mac) => drop(bmc.insert("address".to_owned(), mac)),
                None => report.tell("dhcp", *mark, || {
                    Raw::at(
                        *mark,
                        format!(
                            "the address of this BMC is to be told by DHCP (`{BY_DHCP}`), and the row has no `bmc_mac`"
                        ),
                    )
                    .advice("fill in the MAC address by which the DHCP server knows it")
                }),
            }
        }
        if !bmc.is_empty() {
            whole.insert("bmc".to_owned(), Entry { key: row.mark, value: Tree::new(row.mark, Data::Map(bmc)) });
        }
        Some(Tree::new(row.mark, Data::Map(whole)))
    }

    /// Whether a node's controller is to be found by the manifest, and is not connected yet: then the node has none.
    pub(crate) fn awaits(&self, tree: &mut Cow<'_, Tree>) -> bool {
        let wants = tree.at("bmc").is_some_and(|bmc| bmc.at("address").is_none());
        let placed = tree.at("serial").is_some() || tree.at("position").is_some();
        let awaits = self.given && wants && placed;
        if awaits && let Data::Map(map) = &mut tree.to_mut().data {
            map.remove("bmc");
        }
        awaits
    }

    /// The machines that were sent.
    pub(crate) fn deliveries(self, report: &Report<'_>) -> Vec<Delivery> {
        let delivery = |Row { mark, mut cells, node }: Row| {
            let mut text = |name: &str| cells.remove(name).map(|(_, text)| text);
            Delivery {
                serial: text("serial").unwrap_or_default(),
                bmc_mac: text("bmc_mac").and_then(|mac| mac.parse().ok()),
                bmc_address: text("bmc_address"),
                model: text("model"),
                rack: text("rack").and_then(|rack| rack.parse().ok()),
                position: text("position").and_then(|position| position.parse().ok()),
                node,
                origin: mark.origin(report.sources()),
            }
        };
        self.rows.into_iter().map(delivery).collect()
    }
}

/// A node that is not there yet, which is told.
pub(crate) fn awaited_node(key: &str, tree: &Tree, entry: &Entry, report: &mut Report<'_>) -> NodeState {
    let serial = tree.at("serial").and_then(Tree::text);
    let place = tree.at("rack").and_then(Tree::text).zip(tree.at("position").and_then(Tree::text));
    let which = match (serial, place) {
        (Some(serial), _) => format!(" (serial number `{serial}`)"),
        (None, Some((rack, unit))) => format!(" (rack `{rack}`, position {unit})"),
        (None, None) => String::new(),
    };
    report.warn(
        Raw::at(entry.key, format!("`{key}`{which} is not delivered yet: the manifest tells no address of its BMC"))
            .advice("it is left alone, and the others go on; fill in `bmc_address` once it is connected"),
    );
    NodeState::Awaited
}

impl What {
    fn read(self, text: &str, source: &Source) -> Result<String, String> {
        match self {
            Self::Text => Ok(text.to_owned()),
            Self::Parsed(what) => parsed::read(text, what, &source.directory),
            Self::Position => match text.parse::<u16>() {
                // The tallest racks have 60 units; more is a mistyped number.
                Ok(unit @ 1..=100) => Ok(unit.to_string()),
                _ => Err(format!("`{text}` is no unit of a rack; they are counted from 1")),
            },
        }
    }
}

fn column(mark: Mark, name: &str, report: &mut Report<'_>) -> Option<(&'static str, What)> {
    let found = COLUMNS.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).copied();
    if found.is_none() {
        report.tell("column", mark, || {
            let raw = Raw::at(mark, format!("unknown column `{name}`"));
            match nearest(name, COLUMNS.iter().map(|(name, _)| *name)) {
                Some(near) => raw.label(format!("did you mean `{near}`?")),
                None => raw.advice(format!("the columns are {}", known())),
            }
        });
    }
    found
}

fn known() -> String {
    super::check::list_of(COLUMNS.iter().map(|(name, _)| *name))
}
