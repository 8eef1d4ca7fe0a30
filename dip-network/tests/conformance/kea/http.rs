//! What Kea 3.0 has over HTTP itself: who asks shows a certificate where Kea wants one, and trusts Kea by its authority alone.

use dip_core::conformance::Failure;
use dip_core::conformance::expect::refused;
use dip_core::provider::ErrorKind;
use dip_network::provider::Dhcp;
use dip_network::settings::KeaSettings;

use super::rig::{Rig, provider, settings};

/// Its DHCPv6 server answers over TLS.
fn over_tls(rig: &Rig) -> Result<KeaSettings, Failure> {
    Ok(KeaSettings { dhcp4: None, ..settings(&rig.server)? })
}

pub(super) async fn who_shows_no_certificate_where_kea_wants_one_is_told_what_to_give(
    rig: &Rig,
) -> Result<(), Failure> {
    let bare = KeaSettings { tls_certificate: None, tls_key: None, ..over_tls(rig)? };
    let words = "give dip a certificate of the authority that Kea has as `trust-anchor`";
    refused(provider(&bare)?.list().await, ErrorKind::Denied, words)
}

pub(super) async fn a_kea_of_another_authority_is_not_trusted(rig: &Rig) -> Result<(), Failure> {
    let elsewhere = KeaSettings { tls_ca: Some(rig.server.tls.certificate.clone()), ..over_tls(rig)? };
    let words = "name the certificate of the authority that signed Kea's as `tls_ca`";
    refused(provider(&elsewhere)?.list().await, ErrorKind::Denied, words)?;
    let by_the_system = KeaSettings { tls_ca: None, ..over_tls(rig)? };
    refused(provider(&by_the_system)?.list().await, ErrorKind::Denied, words)
}

pub(super) async fn a_wrong_password_over_tls_is_denied(rig: &Rig) -> Result<(), Failure> {
    let wrong = rig.server.file.with_file_name("wrong-password");
    std::fs::write(&wrong, "wrong")?;
    let wrong = format!("file:{}", wrong.display()).parse()?;
    let settings = KeaSettings { password: Some(wrong), ..over_tls(rig)? };
    let words = "correct `user` and `password` by the `authentication`";
    refused(provider(&settings)?.list().await, ErrorKind::Denied, words)
}
