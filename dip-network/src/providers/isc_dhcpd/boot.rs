//! What dhcpd tells the client of a host to boot, as statements that it executes for each message.
//!
//! Source: `dhcpd.conf(5)`, "Conditional behaviour"; `dhcp-eval(5)`; `dhcp-options(5)`, `pxe-system-type` (option 93).

use crate::provider::{BootClient, BootFiles};

/// The first condition that holds decides, and a client that none fits hears of no file.
pub(super) fn statements(boot: &BootFiles) -> String {
    let mut text: String = boot.server().map(|server| format!("next-server {server};")).into_iter().collect();
    for (number, (client, file)) in boot.iter().enumerate() {
        let word = if number == 0 { "if" } else { "elsif" };
        text.push_str(&format!(" {word} {} {{ filename \"{file}\";", asks(client)));
        if client.is_http() {
            // It takes no answer but one to an HTTP client, and looks for its URL in the option alone (UEFI 2.10, section 24.7.2).
            text.push_str(&format!(" option vendor-class-identifier \"HTTPClient\"; option bootfile-name \"{file}\";"));
        }
        text.push_str(" }");
    }
    text
}

/// Whether it is this client.
fn asks(client: BootClient) -> String {
    match client {
        // Some send the length of the class before it (RFC 3004).
        BootClient::Ipxe => "suffix(option user-class, 4) = \"iPXE\"".to_owned(),
        BootClient::Firmware(architecture) => {
            let is = |number: &u16| {
                let [high, low] = number.to_be_bytes();
                format!("option pxe-system-type = {high:02x}:{low:02x}")
            };
            architecture.numbers().iter().map(is).collect::<Vec<_>>().join(" or ")
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn each_firmware_has_a_condition_of_its_own() {
        let boot = json!({"server": "10.0.0.5", "uefi_x64": "ipxe.efi", "http_arm64": "http://10.0.0.5/a.efi"});
        let boot: BootFiles = serde_json::from_value(boot).expect("they can be told");
        let wanted = "next-server 10.0.0.5; if option pxe-system-type = 00:07 or option pxe-system-type = 00:09 { filename \"ipxe.efi\"; } \
                      elsif option pxe-system-type = 00:13 { filename \"http://10.0.0.5/a.efi\"; option vendor-class-identifier \"HTTPClient\"; \
                      option bootfile-name \"http://10.0.0.5/a.efi\"; }";
        assert_eq!(statements(&boot), wanted);
    }
}
