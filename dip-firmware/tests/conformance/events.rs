//! Events over HTTP: a stream that breaks off and goes on, subscriptions, and network ports that only the box tells of.

use std::collections::BTreeMap;
use std::time::Duration;

use dip_core::conformance::{Failure, Trial, Verdict};
use dip_core::provider::{ErrorKind, sentence};
use dip_core::secret::Secret;
use dip_firmware::provider::{Bmc, Health};
use dip_firmware::providers::Redfish;
use dip_firmware::providers::service::Answer;
use dip_firmware::settings::{RedfishSettings, Scheme};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use crate::http::Server;
use crate::machine::expect;

pub(crate) fn trials() -> Vec<Trial> {
    vec![
        Trial::new("a_stream_of_events_that_breaks_off_goes_on_after_the_last_event", goes_on),
        Trial::new("what_a_service_lacks_of_events_is_told", lacks),
        Trial::new("a_subscription_is_made_once_and_removed_once", subscribes),
        Trial::new("ports_of_cards_that_only_the_box_tells_of_are_added_once", cards),
    ]
    .into_iter()
    .map(|trial| trial.on("scripted service"))
    .collect()
}

fn client(port: u16) -> Result<Redfish, Failure> {
    let settings = RedfishSettings { port: Some(port), scheme: Scheme::Http, ..RedfishSettings::default() };
    Ok(Redfish::new("127.0.0.1", "admin", &Secret::new("secret".to_owned()), &settings)?)
}

fn link(path: &str) -> Value {
    json!({ "@odata.id": path })
}

/// What the stream sends of an event.
fn sent(number: u8) -> String {
    let event = json!({ "Events": [{
        "EventId": number.to_string(), "EventTimestamp": "2026-11-21T10:00:00+01:00", "MessageSeverity": "Warning",
        "Message": format!("Fan {number} is slow."), "OriginOfCondition": link("/redfish/v1/Chassis/1/Thermal/Fan1"),
    }]});
    format!("id: {number}\r\ndata: {event}\r\n\r\n")
}

/// Two connections for the stream: the first ends in the middle of the second event, the other sends what comes after the first, and
/// stays open.
async fn goes_on() -> Result<Verdict, Failure> {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
    let port = listener.local_addr()?.port();
    let server = tokio::spawn(async move {
        let mut streams = 0;
        let mut kept = Vec::new();
        loop {
            let (mut stream, _) = listener.accept().await?;
            let mut asked = Vec::new();
            while !asked.ends_with(b"\r\n\r\n") {
                asked.push(stream.read_u8().await?);
            }
            let asked = String::from_utf8_lossy(&asked).to_lowercase();
            if !asked.starts_with("get /sse ") {
                let is_service = asked.starts_with("get /events ");
                let body = if is_service {
                    json!({ "ServiceEnabled": true, "ServerSentEventUri": "/sse" })
                } else {
                    json!({ "EventService": link("/events") })
                };
                let body = body.to_string();
                let head = format!("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: {}\r\n\r\n", body.len());
                stream.write_all(format!("{head}{body}").as_bytes()).await?;
                continue;
            }
            streams += 1;
            let head = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n: hello\n\n";
            stream.write_all(head.as_bytes()).await?;
            if streams == 1 {
                let cut = sent(2);
                stream.write_all(format!("{}{}", sent(1), &cut[..cut.len() / 2]).as_bytes()).await?;
            } else {
                assert!(asked.contains("last-event-id: 1\r\n"), "{asked}");
                stream.write_all(format!("{}{}", sent(2), sent(3)).as_bytes()).await?;
                kept.push(stream);
            }
        }
        #[expect(unreachable_code, reason = "it says what the block gives")]
        Ok::<(), std::io::Error>(())
    });
    let events = client(port)?.events().ok_or("Redfish has events")?;
    let mut stream = events.follow().await?;
    for number in 1..=3 {
        let event = tokio::time::timeout(Duration::from_secs(20), stream.next()).await??;
        let is_so = event.id == number.to_string()
            && event.severity == Some(Health::Warning)
            && event.subject.as_deref() == Some("Fan1")
            && event.message == format!("Fan {number} is slow.")
            && event.at.is_some_and(|at| at.to_string() == "2026-11-21T09:00:00Z");
        expect(is_so, "each event comes once, whole and in order", &event)?;
    }
    let quiet = tokio::time::timeout(Duration::from_millis(300), stream.next()).await;
    expect(quiet.is_err(), "nothing more happens", ())?;
    server.abort();
    Ok(Verdict::Passed)
}

/// A service of these resources.
async fn serve(tree: Vec<(&'static str, Value)>) -> std::io::Result<Server> {
    let tree: BTreeMap<_, _> = tree.into_iter().collect();
    Server::start(move |request| {
        Some(match (request.method.as_str(), tree.get(request.path.as_str())) {
            ("GET", Some(body)) => Answer::json(body),
            ("POST", _) => Answer::status(201).with("Location", "/subscriptions/2"),
            ("DELETE", Some(_)) => Answer::status(204),
            _ => Answer::status(404),
        })
    })
    .await
}

async fn lacks() -> Result<Verdict, Failure> {
    let none = ("/redfish/v1/", json!({}));
    let bare = ("/redfish/v1/", json!({ "EventService": link("/events") }));
    let off = ("/events", json!({ "ServiceEnabled": false, "ServerSentEventUri": "/sse" }));
    for (tree, stream, subscriptions) in [
        (vec![none], "the service tells of no events", "the service tells of no events"),
        (vec![bare.clone(), off], "events are switched off", "events are switched off"),
        (vec![bare, ("/events", json!({}))], "sends no stream of events", "takes no subscriptions"),
    ] {
        let server = serve(tree).await?;
        let events = client(server.addr.port())?.events().ok_or("Redfish has events")?;
        let Err(error) = events.follow().await else { return Err("there is no stream".into()) };
        expect(error.kind() == ErrorKind::Unsupported && sentence(&error).contains(stream), stream, sentence(&error))?;
        let Err(error) = events.subscriptions().await else { return Err("there are no subscriptions".into()) };
        let is_so = error.kind() == ErrorKind::Unsupported && sentence(&error).contains(subscriptions);
        expect(is_so, subscriptions, sentence(&error))?;
    }
    Ok(Verdict::Passed)
}

async fn subscribes() -> Result<Verdict, Failure> {
    let known = json!({ "Destination": "https://192.0.2.9/events", "Protocol": "Redfish", "Context": "dip" });
    let server = serve(vec![
        ("/redfish/v1/", json!({ "EventService": link("/events") })),
        ("/events", json!({ "Subscriptions": link("/subscriptions") })),
        ("/subscriptions", json!({ "Members": [link("/subscriptions/1")] })),
        ("/subscriptions/1", known),
    ])
    .await?;
    let events = client(server.addr.port())?.events().ok_or("Redfish has events")?;
    let listed = events.subscriptions().await?;
    let is_so = listed.len() == 1 && listed[0].id == "1" && listed[0].context.as_deref() == Some("dip");
    expect(is_so, "those that are there are told", &listed)?;
    expect(events.subscribe("https://192.0.2.9/events", "dip").await? == "1", "it is there", ())?;
    expect(server.changes().is_empty(), "twice is once", server.changes())?;
    expect(events.subscribe("https://192.0.2.9/others", "dip").await? == "2", "it is made", ())?;
    events.unsubscribe("absent").await?;
    events.unsubscribe("1").await?;
    let changes = server.changes();
    let is_so = changes.len() == 2
        && changes[0].starts_with("POST /subscriptions ")
        && changes[0].contains("https://192.0.2.9/others")
        && changes[1].starts_with("DELETE /subscriptions/1 ");
    expect(is_so, "one is made, one removed", changes)?;
    Ok(Verdict::Passed)
}

async fn cards() -> Result<Verdict, Failure> {
    let server = serve(vec![
        ("/redfish/v1/", json!({ "Systems": link("/systems"), "Chassis": link("/boxes") })),
        ("/systems", json!({ "Members": [link("/s")] })),
        ("/s", json!({ "EthernetInterfaces": link("/s/nics"), "Links": { "Chassis": [link("/c")] } })),
        ("/s/nics", json!({ "Members": [link("/s/nics/eth0")] })),
        ("/s/nics/eth0", json!({ "MACAddress": "02:00:00:00:00:01" })),
        ("/c", json!({ "NetworkAdapters": link("/c/cards") })),
        ("/c/cards", json!({ "Members": [link("/c/cards/NIC.1"), link("/c/cards/Old.2")] })),
        (
            "/c/cards/NIC.1",
            json!({ "Model": "BCM57414", "SerialNumber": "C1", "Ports": link("/p"), "NetworkDeviceFunctions": link("/f") }),
        ),
        ("/f", json!({ "Members": [link("/f/NIC.1-1"), link("/f/NIC.1-2")] })),
        ("/f/NIC.1-1", json!({ "Ethernet": { "PermanentMACAddress": "02:00:00:00:00:01" } })),
        ("/f/NIC.1-2", json!({ "Ethernet": { "MACAddress": "02:00:00:00:00:02" } })),
        ("/p", json!({ "Members": [link("/p/1"), link("/p/2")] })),
        ("/p/1", json!({ "LinkStatus": "LinkUp", "Ethernet": { "AssociatedMACAddresses": ["02:00:00:00:00:01"] } })),
        ("/p/2", json!({ "LinkStatus": "LinkDown", "Ethernet": { "AssociatedMACAddresses": ["02:00:00:00:00:02"] } })),
        ("/c/cards/Old.2", json!({ "NetworkPorts": link("/o") })),
        ("/o", json!({ "Members": [link("/o/1")] })),
        ("/o/1", json!({ "LinkStatus": "Up", "AssociatedNetworkAddresses": ["02:00:00:00:00:03", "00:00:00:00:00:00"] })),
    ])
    .await?;
    let seen = client(server.addr.port())?.inventory().ok_or("Redfish has parts")?.hardware().await?.nics;
    let seen = seen.ok_or("ports are told")?;
    let told: Vec<_> = seen
        .iter()
        .map(|port| {
            let mac = port.mac.map(|mac| mac.to_string()).unwrap_or_default();
            (port.part.slot.as_str(), mac.chars().last(), port.part.model.as_deref(), port.has_link)
        })
        .collect();
    let card = Some("BCM57414");
    let wanted = [
        ("eth0", Some('1'), card, Some(true)),
        ("NIC.1-2", Some('2'), card, Some(false)),
        ("Old.2/1", Some('3'), None, Some(true)),
    ];
    expect(told == wanted, "each port once, with all that is known of it", told)?;
    Ok(Verdict::Passed)
}
