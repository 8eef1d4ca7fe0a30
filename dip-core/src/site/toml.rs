//! Reads TOML into a tree.

use ::toml::Spanned;
use ::toml::de::{DeTable, DeValue};

use super::report::{Raw, Report};
use super::source::{Lines, Mark};
use super::tree::{DEPTH, Data, Entry, Map, Style, Tree};

pub(crate) fn read(text: &str, source: u16, report: &mut Report<'_>) -> Option<Tree> {
    let lines = Lines::of(text);
    let (table, errors) = DeTable::parse_recoverable(text);
    if errors.is_empty() {
        return value(&DeValue::Table(table.into_inner()), Mark::start(source), &lines, report, 0);
    }
    for error in errors {
        let mark = error.span().map_or(Mark::start(source), |span| lines.mark(source, span));
        let why = error.message().lines().next().unwrap_or("it cannot be read").to_owned();
        report.tell("syntax", mark, || {
            Raw::at(mark, format!("this is not TOML: {why}")).advice("check quotes, brackets and `=`")
        });
    }
    None
}

fn value(value: &DeValue<'_>, mark: Mark, lines: &Lines<'_>, report: &mut Report<'_>, depth: usize) -> Option<Tree> {
    if depth >= DEPTH {
        report.tell("syntax", mark, || {
            Raw::at(mark, format!("values lie more than {DEPTH} deep in one another"))
                .advice("no key of a site file lies so deep")
        });
        return None;
    }
    let plain = |text: String| Data::Scalar(text, Style::Plain);
    let data = match value {
        DeValue::String(text) => Data::Scalar(text.to_string(), Style::Quoted),
        DeValue::Integer(number) => plain(
            i128::from_str_radix(number.as_str(), number.radix())
                .map_or_else(|_| number.as_str().to_owned(), |number| number.to_string()),
        ),
        DeValue::Float(number) => plain(number.as_str().to_owned()),
        DeValue::Boolean(truth) => plain(truth.to_string()),
        DeValue::Datetime(time) => plain(time.to_string()),
        DeValue::Array(items) => {
            let read = |item: &Spanned<DeValue<'_>>, report: &mut Report<'_>| {
                self::value(item.get_ref(), lines.mark(mark.source, item.span()), lines, report, depth + 1)
            };
            Data::List(items.iter().map(|item| read(item, report)).collect::<Option<_>>()?)
        }
        DeValue::Table(table) => {
            let mut map = Map::new();
            for (key, item) in table {
                let key_mark = lines.mark(mark.source, key.span());
                let item_mark = lines.mark(mark.source, item.span());
                let value = self::value(item.get_ref(), item_mark, lines, report, depth + 1)?;
                map.insert(key.get_ref().to_string(), Entry { key: key_mark, value });
            }
            Data::Map(map)
        }
    };
    Some(Tree::new(mark, data))
}
