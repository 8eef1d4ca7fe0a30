//! An UPDATE message (RFC 2136): what must be the case, and what is then changed, all or nothing.

use hickory_proto::op::{Message, OpCode, Query, UpdateMessage};
use hickory_proto::rr::rdata::TXT;
use hickory_proto::rr::{DNSClass, Name, RData, Record, RecordType};

/// An UPDATE of one zone.
pub(super) struct Update {
    message: Message,
}

impl Update {
    pub(super) fn of(zone: &Name) -> Self {
        let mut message = Message::query();
        message.metadata.op_code = OpCode::Update;
        message.metadata.recursion_desired = false;
        message.add_zone(Query::query(zone.clone(), RecordType::SOA));
        Self { message }
    }

    /// Only if the name has no records at all (RFC 2136 section 2.4.5).
    pub(super) fn if_unused(mut self, name: &Name) -> Self {
        self.message.add_pre_requisite(empty(name, RecordType::ANY, DNSClass::NONE));
        self
    }

    /// Only if the name has no records of the type (section 2.4.3).
    pub(super) fn if_absent(mut self, name: &Name, kind: RecordType) -> Self {
        self.message.add_pre_requisite(empty(name, kind, DNSClass::NONE));
        self
    }

    /// Only if the records of the data's type are exactly these (section 2.4.2).
    pub(super) fn if_exactly(mut self, name: &Name, data: impl IntoIterator<Item = RData>) -> Self {
        for data in data {
            self.message.add_pre_requisite(Record::from_rdata(name.clone(), 0, data));
        }
        self
    }

    /// Takes away all records of a type (section 2.5.2).
    pub(super) fn delete(mut self, name: &Name, kind: RecordType) -> Self {
        self.message.add_update(empty(name, kind, DNSClass::ANY));
        self
    }

    /// Adds a record (section 2.5.1).
    pub(super) fn add(mut self, name: &Name, ttl: u32, data: RData) -> Self {
        self.message.add_update(Record::from_rdata(name.clone(), ttl, data));
        self
    }

    pub(super) fn message(self) -> Message {
        self.message
    }
}

/// The data of a TXT record of one string.
pub(super) fn text(text: &str) -> RData {
    RData::TXT(TXT::new(vec![text.to_owned()]))
}

fn empty(name: &Name, kind: RecordType, class: DNSClass) -> Record {
    let mut record = Record::from_rdata(name.clone(), 0, RData::Update0(kind));
    record.dns_class = class;
    record
}
