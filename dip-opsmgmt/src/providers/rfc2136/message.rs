//! From edits to an UPDATE message (RFC 2136), and from records to data and back.

use std::collections::HashMap;

use hickory_proto::op::{Message, OpCode, Query, UpdateMessage};
use hickory_proto::rr::rdata::{A, AAAA, CNAME, PTR, SRV, TXT};
use hickory_proto::rr::{DNSClass, Name, RData, Record, RecordType};

use crate::providers::dns_name;
use crate::providers::zones::{Change, Data, Edit, Expect, Kind};

/// A string of a TXT record holds so many bytes (RFC 1035 section 3.3.14).
const TXT_STRING: usize = 255;

/// Why a text is no DNS name.
pub(super) type NameError = hickory_proto::ProtoError;

/// An UPDATE of a zone that makes all of these edits or none.
pub(super) fn update(zone: &str, edits: &[&Edit]) -> Result<Message, NameError> {
    let mut names = Names::default();
    let mut message = Message::query();
    message.metadata.op_code = OpCode::Update;
    message.metadata.recursion_desired = false;
    message.add_zone(Query::query(name(zone)?, RecordType::SOA));
    for expect in edits.iter().flat_map(|edit| &edit.expects) {
        let at = names.of(expect.name())?;
        match expect {
            // Section 2.4.5.
            Expect::Unused(_) => message.add_pre_requisite(empty(at, RecordType::ANY, DNSClass::NONE)),
            // Section 2.4.3.
            Expect::Absent(_, kind) => message.add_pre_requisite(empty(at, record_type(*kind), DNSClass::NONE)),
            // Section 2.4.2.
            Expect::Exactly(_, all) => {
                for data in all {
                    message.add_pre_requisite(Record::from_rdata(at.clone(), 0, rdata(data)?));
                }
            }
        }
    }
    for change in edits.iter().flat_map(|edit| &edit.changes) {
        let at = names.of(change.name())?;
        message.add_update(match change {
            // Section 2.5.1.
            Change::Add(_, ttl, data) => Record::from_rdata(at, *ttl, rdata(data)?),
            // Section 2.5.2.
            Change::Clear(_, kind) => empty(at, record_type(*kind), DNSClass::ANY),
            // Section 2.5.4.
            Change::Take(_, data) => {
                let mut record = Record::from_rdata(at, 0, rdata(data)?);
                record.dns_class = DNSClass::NONE;
                record
            }
        });
    }
    Ok(message)
}

/// The names of one message, each of them read once: most stand there several times, and to read one takes longer than to write it.
#[derive(Default)]
struct Names<'a>(HashMap<&'a str, Name>);

impl<'a> Names<'a> {
    fn of(&mut self, text: &'a str) -> Result<Name, NameError> {
        if let Some(known) = self.0.get(text) {
            return Ok(known.clone());
        }
        let read = name(text)?;
        self.0.insert(text, read.clone());
        Ok(read)
    }
}

/// A question of one type.
pub(super) fn query(at: Name, kind: RecordType) -> Message {
    let mut message = Message::query();
    message.metadata.recursion_desired = false;
    message.add_query(Query::query(at, kind));
    message
}

/// A fully qualified name.
pub(super) fn name(text: &str) -> Result<Name, NameError> {
    let mut name = Name::from_ascii(text)?;
    // Nearly all are in lower case already; an escape may stand for a letter that is not.
    if text.bytes().any(|byte| byte.is_ascii_uppercase() || byte == b'\\') {
        name = name.to_lowercase();
    }
    name.set_fqdn(true);
    Ok(name)
}

/// A name as people write it: lower case, without the dot at its end.
pub(super) fn plain(name: &Name) -> String {
    dns_name::plain(&name.to_ascii())
}

pub(super) const fn record_type(kind: Kind) -> RecordType {
    match kind {
        Kind::A => RecordType::A,
        Kind::Aaaa => RecordType::AAAA,
        Kind::Cname => RecordType::CNAME,
        Kind::Ptr => RecordType::PTR,
        Kind::Srv => RecordType::SRV,
        Kind::Txt => RecordType::TXT,
    }
}

/// What a record says, if it is of a type that this layer knows.
pub(super) fn data(rdata: &RData) -> Option<Data> {
    Some(match rdata {
        RData::A(a) => Data::A(a.0),
        RData::AAAA(aaaa) => Data::Aaaa(aaaa.0),
        RData::CNAME(to) => Data::Cname(plain(&to.0)),
        RData::PTR(to) => Data::Ptr(plain(&to.0)),
        RData::SRV(srv) => {
            Data::Srv { priority: srv.priority, weight: srv.weight, port: srv.port, target: plain(&srv.target) }
        }
        RData::TXT(txt) => {
            let text: Vec<u8> = txt.txt_data.iter().flat_map(|part| part.iter().copied()).collect();
            Data::Txt(String::from_utf8_lossy(&text).into_owned())
        }
        _ => return None,
    })
}

fn rdata(data: &Data) -> Result<RData, NameError> {
    Ok(match data {
        Data::A(address) => RData::A(A(*address)),
        Data::Aaaa(address) => RData::AAAA(AAAA(*address)),
        Data::Cname(to) => RData::CNAME(CNAME(name(to)?)),
        Data::Ptr(to) => RData::PTR(PTR(name(to)?)),
        Data::Srv { priority, weight, port, target } => RData::SRV(SRV::new(*priority, *weight, *port, name(target)?)),
        Data::Txt(text) => {
            let parts: Vec<&[u8]> = text.as_bytes().chunks(TXT_STRING).collect();
            RData::TXT(TXT::from_bytes(if parts.is_empty() { vec![&[]] } else { parts }))
        }
    })
}

fn empty(at: Name, kind: RecordType, class: DNSClass) -> Record {
    let mut record = Record::from_rdata(at, 0, RData::Update0(kind));
    record.dns_class = class;
    record
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::providers::zones::ZoneServer;

    #[test]
    fn a_name_is_in_lower_case_however_it_is_written() {
        for text in ["n1.lab.example", "N1.Lab.example.", r"\1161.lab.example"] {
            assert_eq!(name(text).expect("it is one").to_ascii(), "n1.lab.example.", "{text}");
        }
    }

    #[test]
    fn what_fits_by_its_weight_fits_into_a_message() {
        let zone = "10.in-addr.arpa";
        let edit = |number: usize| {
            let at = format!("{}.{}.200.{zone}", number % 256, number / 256);
            let edit = Edit::default().if_absent(&at, Kind::Ptr).if_absent(&at, Kind::Cname);
            edit.add(&at, 60, Data::Ptr(format!("a-node-with-a-long-name-{number}.lab.example")))
        };
        let mut weight = 0;
        let full = |edit: &Edit| {
            weight += edit.weight();
            weight <= super::super::server::UpdateServer::CAPACITY
        };
        let edits: Vec<Edit> = (0..2_000).map(edit).take_while(full).collect();
        let message = update(zone, &edits.iter().collect::<Vec<_>>()).expect("the names are sound");
        let bytes = message.to_vec().expect("it fits").len();
        // A signature takes some hundred bytes (RFC 8945 section 4.2).
        assert!((60_000..=65_000).contains(&bytes), "{} edits are {bytes} bytes", edits.len());
    }
}
