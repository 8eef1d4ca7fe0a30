//! A table of which some cells are changed and all others stay as they are, byte by byte.

/// A table: rows of cells as they stand in the text.
#[derive(Debug, Clone)]
pub(super) struct Table<'t> {
    pub(super) rows: Vec<Row<'t>>,
}

/// A row: its cells with their quotes, and how its line ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Row<'t> {
    cells: Vec<std::borrow::Cow<'t, str>>,
    end: &'t str,
    /// It is in the text no more; the rows behind it keep their numbers.
    gone: bool,
}

/// A text is no table.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum TableError {
    /// A quote is open at the end.
    #[error("the quote that opens in line {0} is never closed")]
    OpenQuote(usize),
    /// Nothing says what the columns are.
    #[error("it has no first line with the names of its columns")]
    NoHeader,
}

impl<'t> Table<'t> {
    pub(super) fn read(text: &'t str) -> Result<Self, TableError> {
        let mut rows = Vec::new();
        let mut rest = text;
        let mut line = 1;
        while !rest.is_empty() {
            let (row, after) = row(rest).ok_or(TableError::OpenQuote(line))?;
            line += rest[..rest.len() - after.len()].matches('\n').count();
            rows.push(row);
            rest = after;
        }
        if rows.first().is_none_or(Row::is_blank) { Err(TableError::NoHeader) } else { Ok(Self { rows }) }
    }

    /// The names of the columns.
    pub(super) fn header(&self) -> Vec<String> {
        self.rows.first().map(|row| (0..row.cells.len()).map(|column| row.text(column)).collect()).unwrap_or_default()
    }

    /// The index of a column, which is added to the header where it is missing.
    pub(super) fn column_or_added(&mut self, name: &str) -> usize {
        let header = self.header();
        let there = header.iter().position(|known| known.eq_ignore_ascii_case(name));
        there.unwrap_or_else(|| {
            if let Some(first) = self.rows.first_mut() {
                first.cells.push(quoted(name).into());
            }
            header.len()
        })
    }

    /// Adds an empty row at the end.
    pub(super) fn add_row(&mut self) -> usize {
        let end = match self.rows.first().map(|first| first.end) {
            Some("") | None => "\n",
            Some(end) => end,
        };
        if let Some(last) = self.rows.iter_mut().rfind(|row| !row.gone).filter(|last| last.end.is_empty()) {
            last.end = end;
        }
        self.rows.push(Row { cells: Vec::new(), end, gone: false });
        self.rows.len() - 1
    }

    /// Takes a row away.
    pub(super) fn remove(&mut self, row: usize) {
        if let Some(row) = self.rows.get_mut(row) {
            row.gone = true;
        }
    }

    pub(super) fn text(&self) -> String {
        self.rows.iter().filter(|row| !row.gone).map(|row| row.cells.join(",") + row.end).collect()
    }
}

impl Row<'_> {
    /// What a cell says; empty where the row is too short to have it.
    pub(super) fn text(&self, column: usize) -> String {
        let Some(raw) = self.cells.get(column) else { return String::new() };
        // Spreadsheets write a byte order mark, and people blanks.
        let raw = raw.strip_prefix('\u{feff}').unwrap_or(raw).trim();
        match raw.strip_prefix('"').and_then(|raw| raw.strip_suffix('"')) {
            Some(inner) => inner.replace("\"\"", "\""),
            None => raw.to_owned(),
        }
    }

    /// Puts a text into a cell; one that says so already stays as it is written.
    pub(super) fn put(&mut self, column: usize, text: &str) {
        if self.text(column) == text {
            return;
        }
        if self.cells.len() <= column {
            self.cells.resize(column + 1, "".into());
        }
        self.cells[column] = quoted(text).into();
    }

    pub(super) fn cells(&self) -> usize {
        self.cells.len()
    }

    pub(super) const fn is_gone(&self) -> bool {
        self.gone
    }

    pub(super) fn is_blank(&self) -> bool {
        (0..self.cells.len()).all(|column| self.text(column).is_empty())
    }
}

/// The first row of a text and what is behind it.
fn row(text: &str) -> Option<(Row<'_>, &str)> {
    let mut cells = Vec::new();
    let mut rest = text;
    loop {
        let (cell, after) = cell(rest)?;
        cells.push(cell.into());
        let end = ["\r\n", "\n", "\r", ""].into_iter().find(|end| after.starts_with(end))?;
        match after.strip_prefix(',') {
            Some(next) => rest = next,
            None => return Some((Row { cells, end: &after[..end.len()], gone: false }, &after[end.len()..])),
        }
    }
}

/// The first cell of a text, quotes and blanks included; `None` where a quote is never closed.
fn cell(text: &str) -> Option<(&str, &str)> {
    let start = text.trim_start_matches(['\u{feff}', ' ', '\t']);
    let mut at = text.len() - start.len();
    if start.starts_with('"') {
        at += 1;
        loop {
            at += text[at..].find('"')? + 1;
            if !text[at..].starts_with('"') {
                break;
            }
            at += 1;
        }
    }
    let end = text[at..].find([',', '\r', '\n']).map_or(text.len(), |further| at + further);
    Some((&text[..end], &text[end..]))
}

/// A text as a cell.
fn quoted(text: &str) -> String {
    if text.contains([',', '"', '\n', '\r']) || text.trim() != text {
        format!("\"{}\"", text.replace('"', "\"\""))
    } else {
        text.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TYPED: &str = "\u{feff}name , owner,\"slots, all\"\r\nn1, 'me' ,\"1,\r\n\"\"2\"\"\"\r\n\r\nn2\r\n";

    #[test]
    fn a_table_that_is_not_changed_stays_byte_by_byte() {
        let table = Table::read(TYPED).expect("it is a table");
        assert_eq!(table.text(), TYPED);
        assert_eq!(table.header(), ["name", "owner", "slots, all"]);
        assert_eq!(table.rows[1].text(2), "1,\r\n\"2\"");
        assert_eq!(table.rows[3].text(1), "", "a short row has empty cells");
    }

    #[test]
    fn a_change_touches_its_own_cells_alone() {
        let mut table = Table::read(TYPED).expect("it is a table");
        let column = table.column_or_added("dip_model");
        table.rows[3].put(column, "a \"b\", c");
        let row = table.add_row();
        table.rows[row].put(0, "n3");
        let wanted =
            TYPED.replace("all\"\r\n", "all\",dip_model\r\n").replace("n2\r\n", "n2,,,\"a \"\"b\"\", c\"\r\nn3\r\n");
        assert_eq!(table.text(), wanted);
    }

    #[test]
    fn a_row_that_is_taken_away_leaves_no_trace_and_the_others_their_numbers() {
        let mut table = Table::read("name\nn1\nn2").expect("it is a table");
        table.remove(2);
        let row = table.add_row();
        table.rows[row].put(0, "n3");
        table.remove(1);
        assert_eq!((row, table.text().as_str()), (3, "name\nn3\n"));
    }

    #[test]
    fn what_is_no_table_is_told() {
        assert_eq!(Table::read("a,b\nc,\"d\n").err(), Some(TableError::OpenQuote(2)));
        assert_eq!(Table::read("").err(), Some(TableError::NoHeader));
    }
}
