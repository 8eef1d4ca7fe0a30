//! Data of records as the API writes it: the presentation form of zone files, names with a dot at their end.

use crate::providers::dns_name::plain;
use crate::providers::zones::{Data, Kind};

/// A string of a TXT record holds so many bytes (RFC 1035 section 3.3.14).
const TXT_STRING: usize = 255;

/// A name with a dot at its end.
pub(super) fn dotted(name: &str) -> String {
    format!("{name}.")
}

/// The content of a record.
pub(super) fn content(data: &Data) -> String {
    match data {
        Data::A(address) => address.to_string(),
        Data::Aaaa(address) => address.to_string(),
        Data::Cname(to) | Data::Ptr(to) => dotted(to),
        Data::Srv { priority, weight, port, target } => format!("{priority} {weight} {port} {}", dotted(target)),
        Data::Txt(text) => {
            let strings: Vec<String> = text.as_bytes().chunks(TXT_STRING).map(quoted).collect();
            if strings.is_empty() { "\"\"".to_owned() } else { strings.join(" ") }
        }
    }
}

/// What a record of a type says; `None` where this layer does not know the type.
pub(super) fn data(kind: &str, content: &str) -> Option<Data> {
    match kind {
        "A" => content.parse().ok().map(Data::A),
        "AAAA" => content.parse().ok().map(Data::Aaaa),
        "CNAME" => Some(Data::Cname(plain(content))),
        "PTR" => Some(Data::Ptr(plain(content))),
        "SRV" => {
            let mut parts = content.split_whitespace();
            let mut number = || parts.next()?.parse().ok();
            let (priority, weight, port) = (number()?, number()?, number()?);
            Some(Data::Srv { priority, weight, port, target: plain(parts.next()?) })
        }
        "TXT" => Some(Data::Txt(unquoted(content))),
        _ => None,
    }
}

/// The type of records by its word.
pub(super) fn is(kind: Kind, word: &str) -> bool {
    kind.word() == word
}

fn quoted(bytes: &[u8]) -> String {
    let mut text = String::from("\"");
    for byte in bytes {
        match byte {
            b'"' | b'\\' => text.extend(['\\', char::from(*byte)]),
            b' '..=b'~' => text.push(char::from(*byte)),
            _ => text.push_str(&format!("\\{byte:03}")),
        }
    }
    text + "\""
}

/// The strings of a TXT record, one after the other.
fn unquoted(content: &str) -> String {
    let (mut bytes, mut inside) = (Vec::new(), false);
    let mut rest = content.bytes().peekable();
    while let Some(byte) = rest.next() {
        match byte {
            b'"' => inside = !inside,
            b'\\' if rest.peek().is_some_and(u8::is_ascii_digit) => {
                let digits: String = rest.by_ref().take(3).map(char::from).collect();
                bytes.extend(digits.parse::<u8>());
            }
            b'\\' => bytes.extend(rest.next()),
            byte if inside => bytes.push(byte),
            _ => {}
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_data_is_read_back_as_it_was_written() {
        let long = format!("{} \"quoted\" \\ and ü", "x".repeat(300));
        let all = [
            Data::A([10, 1, 0, 1].into()),
            Data::Aaaa([0xfd93, 0, 0, 0, 0, 0, 0, 1].into()),
            Data::Cname("www.lab.example".to_owned()),
            Data::Ptr("n1.lab.example".to_owned()),
            Data::Srv { priority: 1, weight: 2, port: 6789, target: "n1.lab.example".to_owned() },
            Data::Txt(String::new()),
            Data::Txt(long),
        ];
        for one in all {
            assert_eq!(data(one.kind().word(), &content(&one)), Some(one));
        }
    }
}
