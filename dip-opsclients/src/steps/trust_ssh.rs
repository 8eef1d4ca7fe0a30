//! `opsclients.trust_ssh`: the node's SSH server shows a certificate of the site's authority and lets the authority's users in,
//! and a login has worked.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use async_trait::async_trait;
use dip_core::fact::Facts;
use dip_core::fact::opsclients::{CLOCK, SSH_TRUST};
use dip_core::fact::os::{PACKAGES, USERS};
use dip_core::id::{LayerId, NodeName, ServiceName};
use dip_core::operation::{Applied, Check, Context, Diff, Operation, OperationError};
use dip_core::provider::Command;
use dip_core::step::{Environment, Need, Step};
use dip_core::subject::Subject;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use ssh_key::{Certificate, HashAlg, PublicKey};

use super::ssh_login::{self, Login};
use crate::family::Names;
use crate::node::Node;
use crate::provider::{SshAuthority, SshHolder, SshWish};

/// The server's settings. Files before it by name, and their values, win (sshd_config(5)).
const CONFIGURATION: &str = "/etc/ssh/sshd_config.d/50-dip.conf";
const USER_AUTHORITY: &str = "/etc/ssh/dip/user_ca.pub";
/// One file for each user, beside the user's own.
const KEYS: &str = "/etc/ssh/dip/keys";
const HOST_KEY: &str = "/etc/ssh/ssh_host_ed25519_key.pub";
const CERTIFICATE: &str = "/etc/ssh/ssh_host_ed25519_key-cert.pub";

const SETTINGS: &str = "# Written by dip from the settings `opsclients.ssh` of this node. Changes here are undone.
HostCertificate /etc/ssh/ssh_host_ed25519_key-cert.pub
TrustedUserCAKeys /etc/ssh/dip/user_ca.pub
AuthorizedKeysFile .ssh/authorized_keys /etc/ssh/dip/keys/%u
";

/// The server that reads its settings again listens to nobody for a moment, in which we could not come back.
const RELOAD: &str = r#"systemctl reload "$1" || exit 1
sleep 0.5
port=$(/usr/sbin/sshd -T | sed -n 's/^port //p' | head -n 1)
for _ in $(seq 100); do
    bash -c ": 3<>/dev/tcp/localhost/${port:-22}" 2>/dev/null && exit 0
    sleep 0.1
done
echo "the SSH server does not listen on port ${port:-22} after it was told to read its settings" >&2
exit 1"#;

const DAY: Duration = Duration::from_secs(86_400);

/// Has the site's SSH authority sign for a node, and the node believe it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TrustSsh {
    /// The node.
    pub node: NodeName,
    /// Who signs.
    pub authority: ServiceName,
    /// For which names the host certificate is, the whole one first.
    pub names: Vec<String>,
    /// Keys that may log in beside those in the users' own files, by user.
    pub keys: BTreeMap<String, Vec<String>>,
    /// For how many days the host certificate should count.
    pub days: u32,
    /// So many days before its end it is replaced.
    pub renew_before: u32,
    /// As whom a login is tried.
    pub login: String,
}

impl TrustSsh {
    pub(crate) fn step(self) -> Step {
        let subject = Subject::node(&self.node);
        let given = SSH_TRUST.of(&subject);
        // A certificate of tomorrow is refused; a user who is not there cannot log in.
        let before = [PACKAGES.of(&subject), CLOCK.of(&subject), USERS.of(&subject)];
        let step = Step::new(LayerId::OpsClients, subject, &self)
            .give(given)
            .in_environment(&self.node, Environment::Installed);
        before.into_iter().map(Need::IfGiven).fold(step, Step::need)
    }

    /// The files beside the certificate, with what they should say; nothing where there should be none.
    async fn files(
        &self,
        node: &Node,
        authority: &dyn SshAuthority,
    ) -> Result<Vec<(String, Option<String>)>, OperationError> {
        let mut files = vec![
            (CONFIGURATION.to_owned(), Some(SETTINGS.to_owned())),
            (USER_AUTHORITY.to_owned(), Some(format!("{}\n", authority.public_key()))),
        ];
        let note = "# Written by dip from the settings `opsclients.ssh.authorized_keys` of this node. Changes here are undone.\n";
        for (user, keys) in &self.keys {
            files.push((format!("{KEYS}/{user}"), Some(format!("{note}{}\n", keys.join("\n")))));
        }
        // The directory is ours alone: keys of users that the site no longer names go.
        let listed = node.run(&Command::new("ls").args(["-1", KEYS])).await?.text();
        let gone: BTreeSet<_> = listed.lines().filter(|user| !self.keys.contains_key(*user)).collect();
        files.extend(gone.into_iter().map(|user| (format!("{KEYS}/{user}"), None)));
        Ok(files)
    }

    async fn setup(&self, node: &Node, authority: &dyn SshAuthority) -> Result<Diff, OperationError> {
        let mut diff = Diff::default();
        for (path, wanted) in self.files(node, authority).await? {
            diff = node.diff_file(diff, &path, wanted.as_deref()).await?;
        }
        self.lacks(node, authority, diff).await
    }

    /// What the host certificate lacks.
    async fn lacks(&self, node: &Node, authority: &dyn SshAuthority, diff: Diff) -> Result<Diff, OperationError> {
        let text = node.text(CERTIFICATE).await?;
        let Some(seen) = text.as_ref().and_then(|text| Certificate::from_openssh(text.trim()).ok()) else {
            let now = text.map(|_| "not one");
            return Ok(diff.and("host certificate", now, Some(format!("signed by `{}`", self.authority))));
        };
        let mut diff = diff;
        let key: PublicKey = self.host_key(node).await?.parse().map_err(|error| {
            OperationError::Impossible(format!("{HOST_KEY} of node `{}` cannot be read: {error}", self.node))
        })?;
        if seen.public_key() != key.key_data() {
            diff = diff.and("key of the host certificate", Some("another"), Some("the host key"));
        }
        let trusted = authority.public_key().parse::<PublicKey>().map(|key| key.fingerprint(HashAlg::Sha256));
        let trusted = trusted.map_err(|error| {
            OperationError::Impossible(format!(
                "the public key of authority `{}` cannot be read: {error}",
                self.authority
            ))
        })?;
        let now = u64::try_from(Timestamp::now().as_second()).unwrap_or_default();
        if seen.validate_at(seen.valid_after(), [&trusted]).is_err() {
            diff = diff.and("signer of the host certificate", Some("another"), Some(&self.authority));
        }
        for name in self.names.iter().filter(|name| !seen.valid_principals().contains(name)) {
            diff = diff.and("name in the host certificate", None::<&str>, Some(name));
        }
        if now + (DAY * self.renew_before).as_secs() >= seen.valid_before() {
            let wanted = format!("more than {} days away", self.renew_before);
            diff = diff.and("end of the host certificate", Some("near or over"), Some(wanted));
        }
        Ok(diff)
    }

    async fn host_key(&self, node: &Node) -> Result<String, OperationError> {
        let text = node.text(HOST_KEY).await?.ok_or_else(|| {
            OperationError::Impossible(format!(
                "node `{}` has no {HOST_KEY}; make host keys with `ssh-keygen -A`",
                self.node
            ))
        })?;
        Ok(text.trim().to_owned())
    }

    async fn sign(&self, node: &Node, authority: &dyn SshAuthority) -> Result<(), OperationError> {
        let wish = SshWish {
            key: self.host_key(node).await?,
            holder: SshHolder::Host,
            principals: self.names.clone(),
            lifetime: DAY * self.days,
        };
        let line = authority.sign(&wish).await?;
        node.put_file(CERTIFICATE, Some(&format!("{line}\n"))).await
    }

    fn login(&self) -> Login<'_> {
        Login { user: &self.login, host: self.names.first().map_or("localhost", String::as_str) }
    }
}

#[async_trait]
impl Operation for TrustSsh {
    const NAME: &'static str = "opsclients.trust_ssh";

    async fn check(&self, cx: &Context<'_>) -> Result<Check, OperationError> {
        let node = Node::of(cx, &self.node)?;
        let authority = cx.provider::<dyn SshAuthority>(&Subject::service(&self.authority))?;
        let diff = self.setup(&node, &*authority).await?;
        if !diff.is_empty() {
            return Ok(Check::Differs(diff));
        }
        if let Err(words) = ssh_login::attempt(&node, &*authority, &self.login()).await? {
            let what = format!("login as {} by a certificate", self.login);
            return Ok(Check::Differs(Diff::of(what, Some(words), Some("works"))));
        }
        let text = node.text(CERTIFICATE).await?.unwrap_or_default();
        let serial = Certificate::from_openssh(text.trim()).map(|seen| seen.serial().to_string()).unwrap_or_default();
        Ok(Check::Holds(Facts::new().with(&SSH_TRUST, &Subject::node(&self.node), &serial)))
    }

    async fn apply(&self, cx: &Context<'_>) -> Result<Applied, OperationError> {
        let node = Node::of(cx, &self.node)?;
        let authority = cx.provider::<dyn SshAuthority>(&Subject::service(&self.authority))?;
        let unit = Names::of(&node).await?.sshd;
        if !self.lacks(&node, &*authority, Diff::default()).await?.is_empty() {
            self.sign(&node, &*authority).await?;
        }
        let before = node.text(CONFIGURATION).await?;
        for (path, wanted) in self.files(&node, &*authority).await? {
            node.put_file(&path, wanted.as_deref()).await?;
        }
        // A server that cannot read its settings lets nobody in any more, us least of all.
        if let Err(error) = node.succeed(&Command::new("/usr/sbin/sshd").arg("-t")).await {
            node.put_file(CONFIGURATION, before.as_deref()).await?;
            return Err(error);
        }
        node.succeed(&Command::new("sh").args(["-c", RELOAD, "sh", unit])).await?;
        Ok(Applied::wait("a login by a certificate to work", Duration::from_secs(1)))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::providers::SshKeyAuthority;
    use crate::testing::{debian, node_name};
    use dip_core::provider::{Host, Providers};
    use dip_core::secret::Secret;
    use dip_core::testing::{Bench, FakeHost};
    use ssh_key::getrandom::SysRng;
    use ssh_key::rand_core::UnwrapErr;
    use ssh_key::{Algorithm, PrivateKey};

    fn key() -> PrivateKey {
        PrivateKey::random(&mut UnwrapErr(SysRng), Algorithm::Ed25519).expect("a key")
    }

    fn wanted() -> TrustSsh {
        TrustSsh {
            node: node_name(),
            authority: ServiceName::new("ssh_ca").expect("a name"),
            names: vec!["n1.lab.example".to_owned()],
            keys: BTreeMap::from([("root".to_owned(), vec!["ssh-ed25519 AAAA".to_owned()])]),
            days: 90,
            renew_before: 30,
            login: "root".to_owned(),
        }
    }

    struct Rig {
        host: Arc<FakeHost>,
        bench: Bench,
    }

    impl Rig {
        fn new(host: FakeHost) -> Self {
            let host = Arc::new(host.file(HOST_KEY, &key().public_key().to_openssh().expect("text")));
            let text = key().to_openssh(ssh_key::LineEnding::LF).expect("text");
            let authority = SshKeyAuthority::new(&Secret::new(text.to_string())).expect("a key");
            let mut providers = Providers::new();
            providers.insert::<dyn Host>(&Subject::node(&node_name()), Arc::clone(&host) as Arc<dyn Host>);
            providers.insert::<dyn SshAuthority>(&Subject::service(&wanted().authority), Arc::new(authority));
            Self { host, bench: Bench::new(providers, wanted().step()) }
        }

        async fn check(&self, wanted: &TrustSsh) -> String {
            match wanted.check(&self.bench.context()).await.expect("the host answers") {
                Check::Holds(_) => "holds".to_owned(),
                Check::Differs(diff) => diff.to_string(),
                Check::Unknown(gap) => gap.to_string(),
            }
        }

        async fn text(&self, path: &str) -> Option<String> {
            let content = self.host.read(path).await.expect("it answers")?;
            Some(String::from_utf8(content.bytes).expect("text"))
        }
    }

    #[tokio::test]
    async fn a_host_is_signed_for_and_holds_until_its_certificate_is_near_its_end() {
        let rig = Rig::new(debian());
        assert!(rig.check(&wanted()).await.contains("+ host certificate signed by `ssh_ca`"));
        wanted().apply(&rig.bench.context()).await.expect("the host obeys");
        assert_eq!(rig.check(&wanted()).await, "holds");
        let soon = TrustSsh { renew_before: 90, ..wanted() };
        assert_eq!(rig.check(&soon).await, "end of the host certificate near or over → more than 90 days away");
        let renamed = TrustSsh { names: vec!["n2.lab.example".to_owned()], ..wanted() };
        assert_eq!(rig.check(&renamed).await, "+ name in the host certificate n2.lab.example");
    }

    #[tokio::test]
    async fn keys_of_users_that_the_site_no_longer_names_go_and_others_own_files_stay() {
        let rig = Rig::new(
            debian()
                .answer("ls -1 /etc/ssh/dip/keys", 0, "bob\nroot\n", "")
                .file("/etc/ssh/dip/keys/bob", "ssh-ed25519 BBBB\n")
                .file("/root/.ssh/authorized_keys", "ssh-ed25519 CCCC mine\n"),
        );
        wanted().apply(&rig.bench.context()).await.expect("the host obeys");
        assert_eq!(rig.text("/etc/ssh/dip/keys/bob").await, None);
        assert!(rig.text("/etc/ssh/dip/keys/root").await.is_some_and(|text| text.ends_with("ssh-ed25519 AAAA\n")));
        assert_eq!(rig.text("/root/.ssh/authorized_keys").await.as_deref(), Some("ssh-ed25519 CCCC mine\n"));
    }

    #[tokio::test]
    async fn settings_that_the_server_refuses_are_taken_back_before_it_reads_them() {
        let rig = Rig::new(debian().answer("/usr/sbin/sshd -t", 255, "", "Bad configuration option"));
        let error = wanted().apply(&rig.bench.context()).await.expect_err("it is refused").to_string();
        assert!(error.contains("Bad configuration option"), "{error}");
        assert_eq!(rig.text(CONFIGURATION).await, None);
    }
}
