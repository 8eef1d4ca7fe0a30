//! The leases that dnsmasq has written down (`dhcp-leasefile`): `<end> <mac> <address> <name> <client id>`, one a line.

use std::net::IpAddr;

use dip_core::hardware::MacAddr;
use jiff::Timestamp;

/// The addresses that an interface has by a lease that has not ended. A line of another form is a lease over DHCPv6, which names no
/// MAC address, and is left out.
pub(super) fn of(text: &str, mac: MacAddr, now: Timestamp) -> Vec<IpAddr> {
    text.lines()
        .filter_map(|line| {
            let mut words = line.split_ascii_whitespace();
            let (end, holder, address) = (words.next()?.parse::<i64>().ok()?, words.next()?, words.next()?);
            // 0 is a lease without an end.
            let holds = (end == 0 || end > now.as_second()) && holder.parse() == Ok(mac);
            holds.then(|| address.parse().ok()).flatten()
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn leases_that_have_ended_and_those_of_others_do_not_count() {
        let text = "2000 52:54:00:00:00:01 10.8.0.7 bmc1 01:52:54:00:00:00:01\n1000 52:54:00:00:00:01 10.8.0.8 * *\n\
                    0 52:54:00:00:00:01 10.8.0.9 * *\n2000 52:54:00:00:00:02 10.8.0.10 * *\nduid 00:01:00\n2000 17 fd00::9 * 00:01\n";
        let now = Timestamp::from_second(1500).expect("a time");
        let mac = "52:54:00:00:00:01".parse().expect("a MAC address");
        let told: Vec<_> = of(text, mac, now).iter().map(ToString::to_string).collect();
        assert_eq!(told, ["10.8.0.7", "10.8.0.9"]);
    }
}
