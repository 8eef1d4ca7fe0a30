//! The URL of a service, and of what it links to.

use reqwest::Url;

use super::error::{Failure, RedfishError};
use crate::settings::RedfishSettings;

/// The URL of the service, without a path.
pub(super) fn base(address: &str, settings: &RedfishSettings) -> Result<Url, RedfishError> {
    let wrong = || RedfishError::Address(address.to_owned());
    let bare = address.trim_matches(['[', ']']);
    let host = if bare.parse::<std::net::Ipv6Addr>().is_ok() { format!("[{bare}]") } else { bare.to_owned() };
    let mut url = Url::parse(&format!("{}://{host}/", settings.scheme.as_str())).map_err(|_| wrong())?;
    let is_host_alone = url.path() == "/" && url.port().is_none() && url.username().is_empty() && url.query().is_none();
    if !is_host_alone || url.set_port(settings.port).is_err() {
        return Err(wrong());
    }
    Ok(url)
}

/// The URL of a path or URL that the service told. The password goes to this service and to no other.
pub(super) fn resolve(base: &Url, id: &str) -> Result<Url, Failure> {
    let url = base.join(id).map_err(|error| Failure::Odd { what: format!("`{id}` is not a URL: {error}") })?;
    if url.origin() == base.origin() {
        Ok(url)
    } else {
        Err(Failure::Odd { what: format!("`{id}` leads to another service than {base}; it is not followed") })
    }
}

/// The last part of a path, by which resources are known to people.
pub(super) fn last_part(path: &str) -> &str {
    path.trim_end_matches('/').rsplit('/').next().unwrap_or_default()
}

/// Whether two links lead to the same resource: some services write a slash at the end here and none there.
pub(super) fn is_same(one: &str, other: &str) -> bool {
    one.trim_end_matches('/') == other.trim_end_matches('/')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn base_of(address: &str, port: Option<u16>) -> Option<String> {
        let settings = RedfishSettings { port, ..RedfishSettings::default() };
        base(address, &settings).ok().map(|url| url.to_string())
    }

    #[test]
    fn an_address_is_a_host_and_nothing_else() {
        assert_eq!(base_of("192.0.2.9", None).as_deref(), Some("https://192.0.2.9/"));
        assert_eq!(base_of("2001:db8::9", Some(8443)).as_deref(), Some("https://[2001:db8::9]:8443/"));
        assert_eq!(base_of("[2001:db8::9]", None).as_deref(), Some("https://[2001:db8::9]/"));
        for wrong in ["", "host/path", "user@host", "host?x", "two words"] {
            assert_eq!(base_of(wrong, None), None, "{wrong}");
        }
    }

    #[test]
    fn a_link_to_another_service_is_not_followed() {
        let base = base("192.0.2.9", &RedfishSettings::default()).expect("an address");
        assert!(resolve(&base, "/redfish/v1/Systems/1").is_ok());
        assert!(resolve(&base, "https://192.0.2.9/redfish/v1/Systems/1").is_ok());
        for elsewhere in [
            "https://192.0.2.66/redfish/v1/",
            "http://192.0.2.9/redfish/v1/",
            "//evil.example/x",
            "https://192.0.2.9:444/",
        ] {
            assert!(resolve(&base, elsewhere).is_err(), "{elsewhere}");
        }
    }
}
