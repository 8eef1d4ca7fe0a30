//! The steps that keep a controller itself in order.

use dip_core::certificate::{CertificateNameError, Lifetime};
use dip_core::secret::SecretRef;
use dip_core::site::{BmcAccess, Node};
use dip_core::step::Step;

use super::ControllerSettings;
use crate::settings::NodeFirmware;
use crate::steps::{BarUsers, InstallCertificate, RetirePassword, SetPassword, TendController};

/// What is proposed for a node's controller; what is wrong where the site asks for something that cannot be.
pub(crate) fn steps(node: &Node, bmc: &BmcAccess, wanted: &NodeFirmware) -> Result<Vec<Step>, String> {
    let name = &node.name;
    let origin = |path: &str| node.settings.origin(path).or(bmc.origin.as_ref()).cloned();
    let mut steps = Vec::new();
    match (&bmc.password, &wanted.password) {
        (SecretRef::Store(_), password) => {
            let generation = password.clone().unwrap_or_default().generation;
            let set = SetPassword { node: name.clone(), user: bmc.user.clone(), generation };
            steps.push(set.step(origin("firmware.password")));
            steps.push(RetirePassword { node: name.clone(), generation }.step(origin("firmware.password")));
        }
        (reference, Some(_)) => {
            return Err(format!(
                "the password of the BMC of node `{name}` should be set, and is kept in `{reference}`, where dip cannot put one; write `password: store:PATH` into its `bmc`"
            ));
        }
        (_, None) => {}
    }
    if let Some(certificate) = &wanted.certificate {
        let fault = |why: String| format!("the BMC of node `{name}` cannot have a certificate: {why}");
        let lifetime = Lifetime::new(certificate.days, certificate.renew_before);
        let lifetime = lifetime.map_err(|error| fault(error.to_string()))?;
        let mut names = vec![bmc.address.clone()];
        names.extend(certificate.domain.as_ref().map(|domain| format!("{name}.{domain}")));
        let names = names.iter().map(|name| name.parse()).collect::<Result<_, _>>();
        let install = InstallCertificate {
            node: name.clone(),
            authority: certificate.authority.clone(),
            names: names.map_err(|error: CertificateNameError| fault(error.to_string()))?,
            days: lifetime.days(),
            renew_before: lifetime.renew_before(),
        };
        steps.push(install.step(origin("firmware.certificate")));
    }
    let Some(controller) = &wanted.controller else { return Ok(steps) };
    let ControllerSettings { ntp, syslog, weaknesses, users } = controller;
    if ntp.is_some() || syslog.is_some() || weaknesses.is_some() {
        let (ntp, syslog, weaknesses) = (ntp.clone(), syslog.clone(), *weaknesses);
        let tend = TendController { node: name.clone(), ntp, syslog, weaknesses };
        steps.push(tend.step(origin("firmware.controller")));
    }
    if let Some(users) = users {
        let allowed = std::iter::once(&bmc.user).chain(&users.keep).cloned().collect();
        let bar = BarUsers { node: name.clone(), allowed, others: users.others };
        steps.push(bar.step(origin("firmware.controller.users")));
    }
    Ok(steps)
}
