//! The names of a zone, and whose marks they carry, from a transfer of the zone (AXFR, RFC 5936).

use std::collections::BTreeMap;
use std::net::IpAddr;

use dip_core::id::SiteName;
use dip_core::provider::{ErrorKind, ProviderError};
use hickory_proto::op::{Message, Query, ResponseCode};
use hickory_proto::rr::{Name, RData, Record, RecordType};

use super::session::{Code, MARK_LABEL, PRODUCT, Session, failed, marked_by, plain};
use crate::provider::HeldName;

impl Session<'_> {
    /// All names at and below a name whose mark is an owner's, in their order.
    pub(super) async fn owned(
        &mut self,
        below: &Name,
        owner: &SiteName,
        action: &str,
    ) -> Result<Vec<String>, ProviderError> {
        let records = self.transferred(below, action).await?;
        let marks = records.iter().filter_map(marked_name);
        let mut names: Vec<String> = marks.filter(|(_, site)| site == owner).map(|(name, _)| name).collect();
        names.sort_unstable();
        names.dedup();
        Ok(names)
    }

    /// All names at and below a name that have addresses, with their marks, in their order.
    pub(super) async fn names(&mut self, below: &Name, action: &str) -> Result<Vec<(String, HeldName)>, ProviderError> {
        let records = self.transferred(below, action).await?;
        let mut names: BTreeMap<String, HeldName> = BTreeMap::new();
        for record in &records {
            let address = match &record.data {
                RData::A(a) => IpAddr::V4(a.0),
                RData::AAAA(aaaa) => IpAddr::V6(aaaa.0),
                _ => continue,
            };
            let none = HeldName { addresses: Vec::new(), owner: None };
            names.entry(plain(&record.name)).or_insert(none).addresses.push(address);
        }
        for (name, site) in records.iter().filter_map(marked_name) {
            names.entry(name).and_modify(|held| held.owner = Some(site));
        }
        for held in names.values_mut() {
            held.addresses.sort_unstable();
            held.addresses.dedup();
        }
        Ok(names.into_iter().collect())
    }

    /// All records at and below a name, from a transfer of its zone (RFC 5936).
    async fn transferred(&mut self, below: &Name, action: &str) -> Result<Vec<Record>, ProviderError> {
        let zone = self.zone(below, action).await?;
        let mut message = Message::query();
        message.metadata.recursion_desired = false;
        message.add_query(Query::query(zone.clone(), RecordType::AXFR));
        // The SOA stands at both ends of a transfer.
        let mut ends = 0;
        let is_last = |answer: &Message| {
            ends += answer.answers.iter().filter(|record| record.record_type() == RecordType::SOA).count();
            ends >= 2 || answer.response_code != ResponseCode::NoError || answer.answers.is_empty()
        };
        let answers = self.connection.ask_until(message, is_last).await.map_err(|error| failed(error, action))?;
        if let Some(code) =
            answers.iter().map(|answer| answer.response_code).find(|code| *code != ResponseCode::NoError)
        {
            let kind = match code {
                ResponseCode::Refused | ResponseCode::NotAuth | ResponseCode::NotImp => ErrorKind::Unsupported,
                ResponseCode::ServFail => ErrorKind::Busy,
                _ => ErrorKind::Unexpected,
            };
            return Err(ProviderError::new(kind, PRODUCT, action).because(Code(code)).advise(format!(
                "let the key transfer the zone {} (`allow-transfer` in BIND), so that its names can be listed",
                plain(&zone)
            )));
        }
        let records = answers.into_iter().flat_map(|answer| answer.answers);
        Ok(records.filter(|record| below.zone_of(&record.name)).collect())
    }
}

/// The name that a record marks, and the site whose mark it is.
fn marked_name(record: &Record) -> Option<(String, SiteName)> {
    let name = plain(&record.name);
    let marked = name.strip_prefix(MARK_LABEL)?.strip_prefix('.')?;
    Some((marked.to_owned(), marked_by(&record.data)?))
}

#[cfg(test)]
mod tests {
    use hickory_proto::rr::rdata::tsig::{TSIG, TsigAlgorithm, make_tsig_record};
    use hickory_proto::rr::rdata::{A, SOA};
    use hickory_proto::rr::{RData, Record, TSigResponseContext, TSigner};
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::{TcpListener, TcpStream};

    use super::super::update::text;
    use super::super::wire::Connection;
    use super::*;

    const FUDGE: u16 = 300;

    fn name(text: &str) -> Name {
        Name::from_ascii(text).expect("a name")
    }

    fn key() -> TSigner {
        TSigner::new(b"a secret of some length".to_vec(), TsigAlgorithm::HmacSha256, name("dip."), FUDGE)
            .expect("a key")
    }

    fn now() -> u64 {
        std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).expect("a clock after 1970").as_secs()
    }

    fn record(at: &str, data: RData) -> Record {
        Record::from_rdata(name(at), 60, data)
    }

    fn soa() -> Record {
        record(
            "lab.example.",
            RData::SOA(SOA::new(name("ns.lab.example."), name("root.lab.example."), 1, 60, 60, 60, 60)),
        )
    }

    async fn send(stream: &mut TcpStream, message: &Message) {
        let bytes = message.to_vec().expect("a message");
        stream.write_u16(u16::try_from(bytes.len()).expect("a short message")).await.expect("the client listens");
        stream.write_all(&bytes).await.expect("the client listens");
    }

    /// A server that answers one question with these parts: the first signed as an answer, each further one as a
    /// continuation (RFC 8945, section 5.3.1), over the former signature and the times alone.
    async fn serve(listener: TcpListener, code: ResponseCode, parts: Vec<Vec<Record>>) {
        let (mut stream, _) = listener.accept().await.expect("a client");
        let mut request = vec![0; usize::from(stream.read_u16().await.expect("a length"))];
        stream.read_exact(&mut request).await.expect("a request");
        let request = Message::from_vec(&request).expect("a DNS message");
        let mut former = request.signature().expect("it is signed").data.mac.clone();
        for (number, records) in parts.into_iter().enumerate() {
            let mut answer = Message::response(request.id, request.metadata.op_code);
            answer.metadata.response_code = code;
            answer.answers = records;
            let bare = answer.to_vec().expect("a message");
            let signature = if number == 0 {
                let context = TSigResponseContext::new(request.id, now(), key(), former.clone(), None);
                context.sign(&bare).expect("it can be signed")
            } else {
                let mut signed = u16::try_from(former.len()).expect("a short signature").to_be_bytes().to_vec();
                signed.extend_from_slice(&former);
                signed.extend_from_slice(&bare);
                signed.extend_from_slice(&now().to_be_bytes()[2..]);
                signed.extend_from_slice(&FUDGE.to_be_bytes());
                let mac = key().sign(&signed).expect("it can be signed");
                let tsig = TSIG::new(TsigAlgorithm::HmacSha256, now(), FUDGE, mac, request.id, None, Vec::new());
                Box::new(make_tsig_record(name("dip."), tsig))
            };
            former.clone_from(&signature.data.mac);
            answer.set_signature(signature);
            send(&mut stream, &answer).await;
        }
    }

    async fn owned(code: ResponseCode, parts: Vec<Vec<Record>>, below: &str) -> Result<Vec<String>, ProviderError> {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let server = listener.local_addr().expect("an address").to_string();
        let serving = tokio::spawn(serve(listener, code, parts));
        let (key, zones) = (key(), [name("lab.example.")]);
        let connection = Connection::open(&server, &key).await.expect("the server listens");
        let mut session = Session { connection, server: &server, zones: &zones };
        let owner = SiteName::new("lab").expect("a name");
        let found = session.owned(&name(below), &owner, "list names").await;
        serving.await.expect("the server does not panic");
        found
    }

    #[tokio::test]
    async fn a_transfer_in_several_messages_tells_the_names_that_carry_our_mark() {
        let address = RData::A(A::new(10, 1, 0, 11));
        let parts = || {
            vec![
                vec![
                    soa(),
                    record("n2.lab.example.", address.clone()),
                    record("_dip.n2.lab.example.", text("site=lab")),
                ],
                vec![record("_dip.n9.lab.example.", text("site=north")), record("_dip.x.lab.example.", text("other"))],
                vec![record("_dip.n1.sub.lab.example.", text("site=lab")), soa()],
            ]
        };
        let all = owned(ResponseCode::NoError, parts(), "lab.example.").await.expect("it can be listed");
        assert_eq!(all, ["n1.sub.lab.example", "n2.lab.example"]);
        let below = owned(ResponseCode::NoError, parts(), "sub.lab.example.").await.expect("it can be listed");
        assert_eq!(below, ["n1.sub.lab.example"]);
    }

    #[tokio::test]
    async fn a_server_that_refuses_the_transfer_is_told_with_what_to_allow() {
        let error = owned(ResponseCode::Refused, vec![Vec::new()], "lab.example.").await.expect_err("it refuses");
        assert_eq!(error.kind(), ErrorKind::Unsupported);
        assert!(error.to_string().contains("let the key transfer the zone lab.example (`allow-transfer`"), "{error}");
    }
}
