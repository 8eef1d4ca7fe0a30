//! The proxy DHCP server on real sockets, asked by clients of every kind of firmware.

use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use dhcproto::v4::{Architecture, DhcpOption, Message, MessageType, OptionCode};
use dhcproto::{Decodable, Decoder, Encodable, Encoder};
use dip_network::provider::BootFiles;
use dip_network::proxy::{BootAnswer, BootDesk, BootQuestion, ProxyDhcp};
use serde_json::json;
use tokio::net::UdpSocket;
use tokio::task::JoinHandle;
use tokio::time::timeout;

const OWN: Ipv4Addr = Ipv4Addr::LOCALHOST;
const KNOWN: [u8; 6] = [2, 0, 0, 0, 0, 1];
/// A packet on the loopback interface is there at once; silence is known after this.
const SILENCE: Duration = Duration::from_millis(300);

/// Knows one machine.
struct Desk;

#[async_trait]
impl BootDesk for Desk {
    async fn boot(&self, question: &BootQuestion) -> Option<BootAnswer> {
        if question.mac.0 == KNOWN { BootAnswer::of(&files(), question) } else { None }
    }
}

fn files() -> BootFiles {
    let told = json!({"server": "10.0.0.5", "ipxe": "boot.ipxe", "bios": "undionly.kpxe", "uefi_x64": "ipxe.efi",
        "uefi_arm64": "ipxe-arm64.efi", "http_x64": "http://10.0.0.5/ipxe.efi"});
    serde_json::from_value(told).expect("they can be told")
}

struct Rig {
    ports: [u16; 2],
    task: JoinHandle<()>,
}

impl Rig {
    async fn start() -> Self {
        let dhcp = UdpSocket::bind((OWN, 0)).await.expect("a free port");
        let binl = UdpSocket::bind((OWN, 0)).await.expect("a free port");
        let ports = [&dhcp, &binl].map(|socket| socket.local_addr().expect("it is bound").port());
        let task = tokio::spawn(async move {
            ProxyDhcp::new(OWN, Arc::new(Desk)).serve(&dhcp, &binl).await.expect("the sockets live");
        });
        Self { ports, task }
    }

    async fn ask(&self, port: usize, packet: &[u8]) -> Option<Message> {
        let client = UdpSocket::bind((OWN, 0)).await.expect("a free port");
        client.send_to(packet, (OWN, self.ports[port])).await.expect("it is sent");
        let mut reply = [0; 1500];
        let length = timeout(SILENCE, client.recv(&mut reply)).await.ok()?.expect("it is received");
        Some(Message::decode(&mut Decoder::new(&reply[..length])).expect("it is a DHCP packet"))
    }
}

impl Drop for Rig {
    fn drop(&mut self) {
        self.task.abort();
    }
}

fn question(mac: [u8; 6], kind: MessageType, class: &str, architecture: u16, more: &[DhcpOption]) -> Vec<u8> {
    let mut message = Message::default();
    message.set_chaddr(&mac).set_xid(0x1234_5678);
    let options = message.opts_mut();
    options.insert(DhcpOption::MessageType(kind));
    options.insert(DhcpOption::ClassIdentifier(class.as_bytes().to_vec()));
    options.insert(DhcpOption::ClientSystemArchitecture(Architecture::from(architecture)));
    options.insert(DhcpOption::ClientMachineIdentifier(vec![0; 17]));
    more.iter().for_each(|option| drop(options.insert(option.clone())));
    let mut packet = Vec::new();
    message.encode(&mut Encoder::new(&mut packet)).expect("it fits");
    packet
}

fn file(reply: &Message) -> String {
    match reply.opts().get(OptionCode::BootfileName) {
        Some(DhcpOption::BootfileName(file)) => String::from_utf8_lossy(file).into_owned(),
        other => panic!("there is no boot file: {other:?}"),
    }
}

#[tokio::test]
async fn each_kind_of_firmware_hears_of_its_own_file_and_of_no_address() {
    let rig = Rig::start().await;
    let kinds = [
        (0, "PXEClient:Arch:00000:UNDI:002001", "undionly.kpxe"),
        (7, "PXEClient:Arch:00007:UNDI:003016", "ipxe.efi"),
        (9, "PXEClient:Arch:00009:UNDI:003016", "ipxe.efi"),
        (11, "PXEClient:Arch:00011:UNDI:003016", "ipxe-arm64.efi"),
        (16, "HTTPClient:Arch:00016:UNDI:003001", "http://10.0.0.5/ipxe.efi"),
    ];
    for (architecture, class, wanted) in kinds {
        let asked = question(KNOWN, MessageType::Discover, class, architecture, &[]);
        let reply = rig.ask(0, &asked).await.unwrap_or_else(|| panic!("architecture {architecture} is answered"));
        assert_eq!(file(&reply), wanted);
        assert_eq!(reply.opts().msg_type(), Some(MessageType::Offer));
        assert_eq!((reply.yiaddr(), reply.xid()), (Ipv4Addr::UNSPECIFIED, 0x1234_5678));
        assert_eq!(reply.siaddr(), Ipv4Addr::new(10, 0, 0, 5));
        let own_class = class.split(':').next().expect("a word").as_bytes().to_vec();
        assert_eq!(reply.opts().get(OptionCode::ClassIdentifier), Some(&DhcpOption::ClassIdentifier(own_class)));
        let machine = DhcpOption::ClientMachineIdentifier(vec![0; 17]);
        assert_eq!(reply.opts().get(OptionCode::ClientMachineIdentifier), Some(&machine));
    }
}

#[tokio::test]
async fn a_client_with_an_address_asks_again_at_port_4011_and_is_acknowledged() {
    let rig = Rig::start().await;
    let asked = question(KNOWN, MessageType::Request, "PXEClient:Arch:00007:UNDI:003016", 7, &[]);
    let reply = rig.ask(1, &asked).await.expect("it is answered");
    assert_eq!((reply.opts().msg_type(), file(&reply).as_str()), (Some(MessageType::Ack), "ipxe.efi"));
}

#[tokio::test]
async fn ipxe_that_was_loaded_hears_of_its_script() {
    let rig = Rig::start().await;
    let class = DhcpOption::UserClass(b"iPXE".to_vec());
    let asked = question(KNOWN, MessageType::Discover, "PXEClient:Arch:00000:UNDI:002001", 0, &[class]);
    assert_eq!(file(&rig.ask(0, &asked).await.expect("it is answered")), "boot.ipxe");
}

#[tokio::test]
async fn whoever_is_not_to_boot_from_the_network_hears_nothing() {
    let rig = Rig::start().await;
    let class = "PXEClient:Arch:00000:UNDI:002001";
    let silent = [
        ("another machine", 0, question([2, 0, 0, 0, 0, 9], MessageType::Discover, class, 0, &[])),
        ("a laptop", 0, question(KNOWN, MessageType::Discover, "MSFT 5.0", 0, &[])),
        ("a request to the DHCP server", 0, question(KNOWN, MessageType::Request, class, 0, &[])),
        ("an offer that is looked for at 4011", 1, question(KNOWN, MessageType::Discover, class, 0, &[])),
        ("an architecture of which nothing is known", 0, question(KNOWN, MessageType::Discover, class, 37, &[])),
        ("no packet at all", 0, vec![1, 1, 255]),
    ];
    for (who, port, packet) in silent {
        assert!(rig.ask(port, &packet).await.is_none(), "{who} is answered");
    }
    let mut long = question(KNOWN, MessageType::Discover, class, 0, &[]);
    // A length of the hardware address that is not true.
    long[2] = 200;
    assert!(rig.ask(0, &long).await.is_none());
    assert!(rig.ask(0, &question(KNOWN, MessageType::Discover, class, 0, &[])).await.is_some(), "it still answers");
}

#[tokio::test]
async fn options_that_no_boot_question_has_may_be_wrong() {
    let rig = Rig::start().await;
    let right = question(KNOWN, MessageType::Discover, "PXEClient:Arch:00000:UNDI:002001", 0, &[]);
    let wrong: [(&str, &[u8]); 4] = [
        ("a classless route of 33 bits", &[121, 5, 33, 10, 0, 0, 1]),
        ("a domain name of no octet", &[81, 1, 0]),
        ("a time of one octet", &[154, 1, 0]),
        ("padding", &[0, 0, 0]),
    ];
    for (what, option) in wrong {
        let packet = [&right[..240], option, &right[240..]].concat();
        assert!(rig.ask(0, &packet).await.is_some(), "{what} keeps the question from being answered");
    }
    let longer_than_the_packet = [&right[..240], &[81, 250], &right[240..]].concat();
    assert!(rig.ask(0, &longer_than_the_packet).await.is_none());
    assert!(rig.ask(0, &right).await.is_some(), "it still answers");
}
