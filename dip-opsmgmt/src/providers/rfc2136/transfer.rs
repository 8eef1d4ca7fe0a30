//! All records of a zone, by a transfer (AXFR, RFC 5936).

use dip_core::provider::{ErrorKind, Retry};
use hickory_proto::op::{Message, ResponseCode};
use hickory_proto::rr::{Name, RData, RecordType};

use super::message::{data, plain, query};
use super::pool::Pool;
use super::verdict::{Code, not_transferred};
use super::wire::WireError;
use crate::providers::zones::{Fault, Reach, Record, Transfer};

/// Asks for all of a zone over a connection of its own.
pub(super) async fn ask(pool: &Pool, zone: &Name) -> Result<Vec<Message>, WireError> {
    // The SOA stands at both ends of a transfer (RFC 5936 section 2.2); an empty message would wait for more for ever.
    let mut ends = 0;
    let is_last = |answer: &Message| {
        ends += answer.answers.iter().filter(|record| record.record_type() == RecordType::SOA).count();
        ends >= 2 || answer.response_code != ResponseCode::NoError || answer.answers.is_empty()
    };
    pool.ask_until(query(zone.clone(), RecordType::AXFR), is_last).await
}

/// The records that were answered.
pub(super) fn read(zone: &str, answers: Vec<Message>) -> Result<Transfer, Fault> {
    if let Some(code) = answers.iter().map(|answer| answer.response_code).find(|code| *code != ResponseCode::NoError) {
        return Err(match code {
            ResponseCode::Refused | ResponseCode::NotAuth | ResponseCode::NotImp => not_transferred(zone, Code(code)),
            ResponseCode::ServFail => Fault::new(ErrorKind::Busy, Reach::Message).because(Code(code)),
            _ => Fault::new(ErrorKind::Unexpected, Reach::Message).because(Code(code)),
        });
    }
    let mut records: Vec<_> = answers.into_iter().flat_map(|answer| answer.answers).collect();
    // The last one is the first one again. Without both a part of the zone would count as all of it, and its names as free.
    let last = records.pop();
    let (Some(RData::SOA(first)), Some(RData::SOA(_))) =
        (records.first().map(|record| &record.data), last.as_ref().map(|record| &record.data))
    else {
        return Err(Fault::new(ErrorKind::Unexpected, Reach::Message)
            .retry_as(Retry::Backoff)
            .advise(format!("the server sent a part of the zone {zone} only, without the SOA record at both ends")));
    };
    let serial = Some(first.serial);
    let record = |record: &hickory_proto::rr::Record| Record { name: plain(&record.name), data: data(&record.data) };
    Ok(Transfer { serial, records: records.iter().map(record).collect() })
}

#[cfg(test)]
mod tests {
    use hickory_proto::rr::rdata::tsig::{TSIG, TsigAlgorithm, make_tsig_record};
    use hickory_proto::rr::rdata::{A, SOA};
    use hickory_proto::rr::{Record, TSigResponseContext, TSigner};
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::{TcpListener, TcpStream};

    use super::super::server::{Rfc2136, UpdateServer};
    use super::*;
    use crate::provider::Dns;
    use dip_core::id::SiteName;
    use dip_core::provider::ProviderError;
    use hickory_proto::rr::rdata::TXT;

    const FUDGE: u16 = 300;

    fn name(text: &str) -> Name {
        Name::from_ascii(text).expect("a name")
    }

    fn text(text: &str) -> RData {
        RData::TXT(TXT::new(vec![text.to_owned()]))
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
        let server = UpdateServer { pool: Pool::new(server, key()), zones: vec![name("lab.example.")], ttl: 60 };
        let owner = SiteName::new("lab").expect("a name");
        let found = Rfc2136::of(server).owned(below, &owner).await;
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
    async fn a_transfer_that_is_cut_off_is_no_zone_and_is_tried_again() {
        let part =
            || vec![soa(), record("n1.lab.example.", text("x")), record("_dip.n1.lab.example.", text("site=lab"))];
        let headless = vec![record("_dip.n1.lab.example.", text("site=lab")), soa(), soa()];
        for parts in [vec![Vec::new()], vec![part(), Vec::new()], vec![vec![soa()], Vec::new()], vec![headless]] {
            let error = owned(ResponseCode::NoError, parts, "lab.example.").await.expect_err("a part is missing");
            assert_eq!((error.kind(), error.retry()), (ErrorKind::Unexpected, Retry::Backoff));
            assert!(error.to_string().contains("a part of the zone lab.example"), "{error}");
        }
        // Here the server closes the connection.
        let error = owned(ResponseCode::NoError, vec![part()], "lab.example.").await.expect_err("a part is missing");
        assert_eq!((error.kind(), error.retry()), (ErrorKind::Unreachable, Retry::Backoff));
    }

    #[tokio::test]
    async fn a_server_that_refuses_the_transfer_is_told_with_what_to_allow() {
        let error = owned(ResponseCode::Refused, vec![Vec::new()], "lab.example.").await.expect_err("it refuses");
        assert_eq!(error.kind(), ErrorKind::Unsupported);
        assert!(error.to_string().contains("let the key transfer the zone lab.example (`allow-transfer`"), "{error}");
    }
}
