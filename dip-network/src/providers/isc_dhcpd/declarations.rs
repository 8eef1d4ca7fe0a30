//! The hosts in dhcpd's files: its configuration, and its leases, where those stand that were made by OMAPI.
//!
//! Source: `dhcpd.conf(5)`, "The host statement"; `dhcpd.leases(5)`.

use std::net::Ipv4Addr;

use dip_core::hardware::MacAddr;

/// One declaration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Declared {
    pub(super) name: String,
    pub(super) macs: Vec<MacAddr>,
    pub(super) addresses: Vec<Ipv4Addr>,
    pub(super) host_name: Option<String>,
    /// Taken away by OMAPI, whatever was declared before.
    pub(super) deleted: bool,
    /// Whether it says nothing that dip would lose by making it anew.
    pub(super) plain: bool,
}

/// All declarations of a text, in their order; those within groups and subnets too. What is no declaration is passed over.
pub(super) fn read(text: &str) -> Vec<Declared> {
    let mut tokens = Tokens { rest: text };
    let mut found = Vec::new();
    let mut begins = true;
    while let Some(token) = tokens.next() {
        if begins && token == Token::Word("host") {
            found.extend(declaration(&mut tokens));
            continue;
        }
        begins = matches!(token, Token::Mark(';' | '{' | '}'));
    }
    found
}

/// The rest of a declaration after `host`.
fn declaration(tokens: &mut Tokens<'_>) -> Option<Declared> {
    let name = match tokens.next()? {
        Token::Word(name) | Token::Quoted(name) => name.to_owned(),
        Token::Mark(_) => return None,
    };
    if tokens.next()? != Token::Mark('{') {
        return None;
    }
    let (macs, addresses) = (Vec::new(), Vec::new());
    let mut declared = Declared { name, macs, addresses, host_name: None, deleted: false, plain: true };
    let mut statement = Vec::new();
    let mut depth = 0_usize;
    while let Some(token) = tokens.next() {
        match token {
            Token::Mark('}') if depth == 0 => return Some(declared),
            Token::Mark('{') => {
                depth += 1;
                declared.plain = false;
                statement.clear();
            }
            Token::Mark('}') => {
                depth -= 1;
                statement.clear();
            }
            Token::Mark(';') => declared.take(&std::mem::take(&mut statement)),
            token => statement.push(token),
        }
    }
    // The file ends within it: dhcpd is writing it.
    None
}

impl Declared {
    fn take(&mut self, statement: &[Token<'_>]) {
        use Token::{Mark, Quoted, Word};
        match statement {
            [Word("dynamic")] | [] => {}
            [Word("deleted")] => self.deleted = true,
            [Word("hardware"), Word("ethernet"), Word(mac)] => match padded(mac) {
                Some(mac) => self.macs.push(mac),
                None => self.plain = false,
            },
            [Word("fixed-address"), addresses @ ..] => {
                for address in addresses {
                    match address {
                        Mark(',') => {}
                        Word(text) if text.parse::<Ipv4Addr>().is_ok() => {
                            self.addresses.extend(text.parse::<Ipv4Addr>())
                        }
                        // A DNS name, which dhcpd looks up for itself.
                        _ => self.plain = false,
                    }
                }
            }
            // dhcpd writes a statement of OMAPI, `option host-name "n1"`, as one that supersedes.
            [Word("option"), Word("host-name"), Quoted(name)]
            | [Word("supersede"), Word("host-name"), Mark('='), Quoted(name)] => {
                self.host_name = Some((*name).to_owned());
            }
            _ => self.plain = false,
        }
    }
}

/// dhcpd leaves out leading zeros: `2:d1:70:0:0:1`.
fn padded(mac: &str) -> Option<MacAddr> {
    let octets: Vec<String> = mac.split(':').map(|octet| format!("{octet:0>2}")).collect();
    octets.join(":").parse().ok()
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Token<'t> {
    Word(&'t str),
    Quoted(&'t str),
    Mark(char),
}

struct Tokens<'t> {
    rest: &'t str,
}

impl<'t> Tokens<'t> {
    fn next(&mut self) -> Option<Token<'t>> {
        loop {
            self.rest = self.rest.trim_start();
            match self.rest.strip_prefix('#') {
                Some(comment) => self.rest = comment.split_once('\n').map_or("", |(_, rest)| rest),
                None => break,
            }
        }
        let first = self.rest.chars().next()?;
        if first == '"' {
            let inside = &self.rest[1..];
            let end = end_of_quote(inside);
            self.rest = inside.get(end + 1..).unwrap_or("");
            return Some(Token::Quoted(&inside[..end]));
        }
        if is_mark(first) {
            self.rest = &self.rest[1..];
            return Some(Token::Mark(first));
        }
        let end = self.rest.find(|c: char| c.is_whitespace() || is_mark(c) || c == '"' || c == '#');
        let (word, rest) = self.rest.split_at(end.unwrap_or(self.rest.len()));
        self.rest = rest;
        Some(Token::Word(word))
    }
}

fn is_mark(c: char) -> bool {
    matches!(c, ';' | '{' | '}' | ',' | '=')
}

/// Where a quoted text ends; `\"` does not end it.
fn end_of_quote(inside: &str) -> usize {
    let mut escaped = false;
    for (at, c) in inside.char_indices() {
        match c {
            '"' if !escaped => return at,
            _ => escaped = c == '\\' && !escaped,
        }
    }
    inside.len()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn hosts_are_read_where_people_and_dhcpd_write_them() {
        let text = "# host no { }\nomapi-port 7911;\ngroup { next-server 10.0.0.1;\n  host web { hardware ethernet 2:d1:70:0:0:1; fixed-address 10.0.0.2, 10.1.0.2; }\n}\n\
                    host \"db\" { hardware ethernet 02:d1:70:00:00:02; # mine\n fixed-address db.example; option host-name \"d; } b\"; }\n\
                    host n1 {\n  dynamic;\n  hardware ethernet 02:d1:70:00:00:03;\n  uid \"x\";\n  fixed-address 10.0.0.3;\n        supersede host-name = \"n1\";\n}\n\
                    host gone {\n  dynamic;\n  deleted;\n}\noption host-name \"a\"; host cut { hardware";
        let all = read(text);
        let names: Vec<_> =
            all.iter().map(|host| (host.name.as_str(), host.macs.len(), host.addresses.len())).collect();
        assert_eq!(names, [("web", 1, 2), ("db", 1, 0), ("n1", 1, 1), ("gone", 0, 0)]);
        assert_eq!(all[0].macs[0].to_string(), "02:d1:70:00:00:01");
        assert_eq!(all[1].host_name.as_deref(), Some("d; } b"));
        assert_eq!(all.iter().map(|host| host.plain).collect::<Vec<_>>(), [true, false, false, true]);
        assert_eq!(all.iter().map(|host| host.deleted).collect::<Vec<_>>(), [false, false, false, true]);
    }

    proptest! {
        #[test]
        fn no_text_makes_the_reader_panic(text in "(host|deleted|option host-name|hardware ethernet|[{};\"#\\\\ a1:]){0,40}") {
            read(&text);
        }
    }
}
