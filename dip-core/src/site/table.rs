//! Reads a table of comma-separated values (RFC 4180) into cells, each with its place.

use super::report::{Raw, Report};
use super::source::{Mark, small};

/// A cell of a table.
pub(crate) struct Cell {
    pub(crate) mark: Mark,
    pub(crate) text: String,
}

/// The rows of a table, blank lines left out. Texts in quotes may hold commas, line ends and, doubled, quotes.
pub(crate) fn read(text: &str, source: u16, report: &mut Report<'_>) -> Vec<Vec<Cell>> {
    // Byte order marks are no part of the text: spreadsheets write one.
    let mut reader =
        Reader { rest: text.strip_prefix('\u{feff}').unwrap_or(text).chars().peekable(), source, line: 1, column: 1 };
    let mut rows = Vec::new();
    while reader.rest.peek().is_some() {
        let row = reader.row(report);
        if row.iter().any(|cell| !cell.text.is_empty()) {
            rows.push(row);
        }
    }
    rows
}

struct Reader<'t> {
    rest: std::iter::Peekable<std::str::Chars<'t>>,
    source: u16,
    line: usize,
    column: usize,
}

impl Reader<'_> {
    fn row(&mut self, report: &mut Report<'_>) -> Vec<Cell> {
        let mut row = Vec::new();
        loop {
            row.push(self.cell(report));
            match self.next() {
                Some(',') => {}
                Some('\r') => {
                    if self.rest.peek() == Some(&'\n') {
                        self.next();
                    }
                    return row;
                }
                _ => return row,
            }
        }
    }

    /// Up to the comma or the line end behind it, which stays.
    fn cell(&mut self, report: &mut Report<'_>) -> Cell {
        let start = self.mark(1);
        let mut text = String::new();
        if self.rest.peek() == Some(&'"') {
            self.next();
            self.quoted(start, &mut text, report);
        }
        while let Some(c) = self.rest.next_if(|c| !matches!(c, ',' | '\r' | '\n')) {
            self.column += 1;
            text.push(c);
        }
        let text = text.trim().to_owned();
        Cell { mark: Mark { length: small(text.chars().count().max(1)), ..start }, text }
    }

    fn quoted(&mut self, start: Mark, text: &mut String, report: &mut Report<'_>) {
        loop {
            match self.next() {
                Some('"') if self.rest.peek() == Some(&'"') => {
                    self.next();
                    text.push('"');
                }
                Some('"') => return,
                Some(c) => text.push(c),
                None => {
                    report.tell("quote", start, || {
                        Raw::at(start, "this quote is never closed")
                            .advice("close it; a quote within quotes is written twice")
                            .hidden()
                    });
                    return;
                }
            }
        }
    }

    fn next(&mut self) -> Option<char> {
        let next = self.rest.next()?;
        // A line that ends in CR LF ends at its LF.
        if next == '\n' || (next == '\r' && self.rest.peek() != Some(&'\n')) {
            self.line += 1;
            self.column = 1;
        } else {
            self.column += 1;
        }
        Some(next)
    }

    fn mark(&self, length: u32) -> Mark {
        Mark { source: self.source, line: small(self.line), column: small(self.column), length }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A cell's line, column and text.
    type Told = (u32, u32, String);

    fn cells(text: &str) -> (Vec<Vec<Told>>, bool) {
        let mut report = Report::default();
        let rows = read(text, 0, &mut report);
        let cell = |cell: Cell| (cell.mark.line, cell.mark.column, cell.text);
        (rows.into_iter().map(|row| row.into_iter().map(cell).collect()).collect(), report.is_empty())
    }

    #[test]
    fn cells_know_their_places() {
        let (rows, fine) = cells("\u{feff}serial,model\r\nA1, \"R 650, \"\"x\"\"\"\r\n\r\nB2,\n");
        assert!(fine);
        let cell = |line, column, text: &str| (line, column, text.to_owned());
        assert_eq!(rows[0], [cell(1, 1, "serial"), cell(1, 8, "model")]);
        assert_eq!(rows[2], [cell(4, 1, "B2"), cell(4, 4, "")]);
        // A quote that does not begin its cell is text.
        assert_eq!(rows[1][0], cell(2, 1, "A1"));
        let (rows, fine) = cells("a,\"R 650,\n\"\"x\"\"\",c\nd");
        assert!(fine);
        assert_eq!(rows[0], [cell(1, 1, "a"), cell(1, 3, "R 650,\n\"x\""), cell(2, 8, "c")]);
        assert_eq!(rows[1], [cell(3, 1, "d")]);
    }

    #[test]
    fn a_quote_that_is_never_closed_is_told() {
        let (_, fine) = cells("a,\"b\nc");
        assert!(!fine);
    }
}
