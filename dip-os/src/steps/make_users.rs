//! `os.make_users`: users exist with their groups, keys and shell. Nothing is ever taken from anybody.

use std::collections::BTreeMap;

use async_trait::async_trait;
use dip_core::fact::Facts;
use dip_core::fact::os::{PACKAGES, USERS};
use dip_core::id::{LayerId, NodeName};
use dip_core::operation::{Applied, Check, Context, Diff, Operation, OperationError};
use dip_core::provider::Command;
use dip_core::step::{Environment, Need, Step};
use dip_core::subject::Subject;
use serde::{Deserialize, Serialize};

use crate::node::Node;
use crate::settings::UserSettings;

/// Makes users of a node. Users, groups and keys that are not in the settings stay as they are.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MakeUsers {
    /// The node.
    pub node: NodeName,
    /// The users by name.
    pub users: BTreeMap<String, User>,
}

/// A user as it should be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct User {
    /// The groups that it must be in.
    pub groups: Vec<String>,
    /// The public keys that must be able to log in.
    pub keys: Vec<String>,
    /// Its login shell, where it matters.
    pub shell: Option<String>,
}

impl MakeUsers {
    /// The users of a node's settings; a sentence where one cannot be made.
    pub(crate) fn new(node: &NodeName, settings: &BTreeMap<String, UserSettings>) -> Result<Self, String> {
        for (name, user) in settings {
            if let Some(odd) = std::iter::once(name).chain(&user.groups).find(|name| !is_account(name)) {
                return Err(format!(
                    "`{odd}` is not a name of a user or group; use small letters, digits, `_` and `-`"
                ));
            }
            if let Some(odd) = user.keys.iter().find(|key| key.contains('\n') || key.split_whitespace().count() < 2) {
                return Err(format!(
                    "`{odd}` is not one public key of user `{name}`, for example `ssh-ed25519 AAAA...`"
                ));
            }
            if let Some(odd) =
                user.shell.as_ref().filter(|shell| !shell.starts_with('/') || shell.contains([':', '\n']))
            {
                return Err(format!("`{odd}` is not a shell of user `{name}`; write its absolute path"));
            }
        }
        let user = |user: &UserSettings| User {
            groups: user.groups.clone(),
            keys: user.keys.iter().map(|key| key.trim().to_owned()).collect(),
            shell: user.shell.clone(),
        };
        let users = settings.iter().map(|(name, settings)| (name.clone(), user(settings))).collect();
        Ok(Self { node: node.clone(), users })
    }

    pub(crate) fn step(self) -> Step {
        let subject = Subject::node(&self.node);
        let given = USERS.of(&subject);
        // Packages bring shells and groups.
        let packages = Need::IfGiven(PACKAGES.of(&subject));
        Step::new(LayerId::Os, subject, &self)
            .need(packages)
            .give(given)
            .in_environment(&self.node, Environment::Installed)
    }
}

/// What Debian's `useradd` takes.
fn is_account(name: &str) -> bool {
    let first = |c: char| c.is_ascii_lowercase() || c == '_';
    let other = |c: char| first(c) || c.is_ascii_digit() || c == '-';
    name.len() <= 32 && name.starts_with(first) && name.chars().all(other)
}

/// The local accounts of a node, from its own files.
struct Accounts {
    passwd: String,
    group: String,
}

struct Account<'a> {
    group_id: &'a str,
    home: &'a str,
    shell: &'a str,
}

impl Accounts {
    async fn read(node: &Node) -> Result<Self, OperationError> {
        let file = async |path| Ok::<_, OperationError>(node.text(path).await?.unwrap_or_default());
        Ok(Self { passwd: file("/etc/passwd").await?, group: file("/etc/group").await? })
    }

    /// `name:x:uid:gid:comment:home:shell`, passwd(5).
    fn account(&self, name: &str) -> Option<Account<'_>> {
        self.passwd.lines().map(|line| line.split(':').collect::<Vec<_>>()).find_map(|fields| match fields[..] {
            [found, _, _, group_id, _, home, shell] if found == name => Some(Account { group_id, home, shell }),
            _ => None,
        })
    }

    fn has_group(&self, name: &str) -> bool {
        self.group.lines().any(|line| line.split(':').next() == Some(name))
    }

    /// `name:x:gid:member,member`, group(5). A primary group lists no members.
    fn is_in(&self, user: &str, account: &Account<'_>, group: &str) -> bool {
        self.group.lines().map(|line| line.split(':').collect::<Vec<_>>()).any(|fields| match fields[..] {
            [found, _, id, members] => {
                found == group && (id == account.group_id || members.split(',').any(|member| member == user))
            }
            _ => false,
        })
    }
}

impl User {
    fn missing_groups(&self, name: &str, accounts: &Accounts, account: &Account<'_>) -> Vec<&str> {
        self.groups.iter().map(String::as_str).filter(|group| !accounts.is_in(name, account, group)).collect()
    }

    fn missing_keys(&self, authorized: &str) -> Vec<&str> {
        // Type and body make a key; the comment after them does not, and options before them are the user's own.
        let known = |key: &str| {
            let body = key.split_whitespace().nth(1).unwrap_or(key);
            authorized.lines().any(|line| !line.starts_with('#') && line.split_whitespace().any(|word| word == body))
        };
        self.keys.iter().map(String::as_str).filter(|key| !known(key)).collect()
    }
}

fn authorized_keys(account: &Account<'_>) -> String {
    format!("{}/.ssh/authorized_keys", account.home.trim_end_matches('/'))
}

#[async_trait]
impl Operation for MakeUsers {
    const NAME: &'static str = "os.make_users";

    async fn check(&self, cx: &Context<'_>) -> Result<Check, OperationError> {
        let node = Node::of(cx, &self.node)?;
        let accounts = Accounts::read(&node).await?;
        let mut diff = Diff::default();
        for (name, user) in &self.users {
            let Some(account) = accounts.account(name) else {
                diff = diff.and("user", None::<&str>, Some(name));
                continue;
            };
            if let Some(shell) = user.shell.as_ref().filter(|shell| *shell != account.shell) {
                diff = diff.and(format!("shell of {name}"), Some(account.shell), Some(shell));
            }
            for group in user.missing_groups(name, &accounts, &account) {
                diff = diff.and(format!("group of {name}"), None::<&str>, Some(group));
            }
            if !user.keys.is_empty() {
                let authorized = node.text(&authorized_keys(&account)).await?.unwrap_or_default();
                for key in user.missing_keys(&authorized) {
                    diff = diff.and(format!("key of {name}"), None::<&str>, Some(key));
                }
            }
        }
        let names: Vec<_> = self.users.keys().cloned().collect();
        Ok(diff.or_holds(Facts::new().with(&USERS, &Subject::node(&self.node), &names)))
    }

    async fn apply(&self, cx: &Context<'_>) -> Result<Applied, OperationError> {
        let node = Node::of(cx, &self.node)?;
        let mut accounts = Accounts::read(&node).await?;
        for (name, user) in &self.users {
            if accounts.account(name).is_none() {
                let shell = user.shell.as_deref().unwrap_or("/bin/bash");
                let mut add = Command::new("useradd").args(["--create-home", "--shell", shell]);
                // A group of the user's name that is there already (Debian has one called `operator`) becomes its own;
                // useradd refuses to decide that by itself.
                if accounts.has_group(name) {
                    add = add.args(["--gid", name]);
                }
                node.succeed(&add.arg(name)).await?;
                accounts = Accounts::read(&node).await?;
            }
            let account = accounts.account(name).ok_or_else(|| {
                OperationError::Impossible(format!("user `{name}` was made on {} but is not in /etc/passwd", self.node))
            })?;
            if let Some(shell) = user.shell.as_ref().filter(|shell| *shell != account.shell) {
                node.succeed(&Command::new("usermod").args(["--shell", shell, name])).await?;
            }
            for group in user.missing_groups(name, &accounts, &account) {
                node.succeed(&Command::new("groupadd").args(["--force", group])).await?;
                node.succeed(&Command::new("usermod").args(["--append", "--groups", group, name])).await?;
            }
            add_keys(&node, name, user, &account).await?;
        }
        Ok(Applied::Done)
    }
}

/// Appends what is missing, as the user: root must not follow the links of somebody else's home.
async fn add_keys(node: &Node, name: &str, user: &User, account: &Account<'_>) -> Result<(), OperationError> {
    let path = authorized_keys(account);
    let authorized = node.host().read(&path).await?.map(|content| content.bytes).unwrap_or_default();
    let missing = user.missing_keys(&String::from_utf8_lossy(&authorized)).join("\n");
    if missing.is_empty() {
        return Ok(());
    }
    let as_user = |program: &str| Command::new("runuser").args(["-u", name, "--", program]);
    let directory = path.trim_end_matches("/authorized_keys");
    node.succeed(&as_user("mkdir").args(["-p", "-m", "700", directory])).await?;
    // A last line without an end would swallow the first key.
    let start = if authorized.is_empty() || authorized.ends_with(b"\n") { "" } else { "\n" };
    node.succeed(&as_user("tee").args(["-a", &path]).input(format!("{start}{missing}\n"))).await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::node_name;
    use dip_core::testing::FakeHost;

    const PASSWD: &str = "root:x:0:0:root:/root:/bin/bash\nops:x:1000:1000::/home/ops:/bin/sh\n";
    const GROUP: &str = "root:x:0:\nadm:x:4:ops\nops:x:1000:\n";

    fn wanted() -> MakeUsers {
        let ops = UserSettings {
            groups: ["adm", "ops", "sudo"].map(str::to_owned).to_vec(),
            keys: vec!["ssh-ed25519 AAAA1 me@home".to_owned(), "ssh-ed25519 AAAA2".to_owned()],
            shell: Some("/bin/bash".to_owned()),
        };
        let users = BTreeMap::from([("eve".to_owned(), UserSettings::default()), ("ops".to_owned(), ops)]);
        MakeUsers::new(&node_name(), &users).expect("two users")
    }

    fn host() -> FakeHost {
        FakeHost::default()
            .file("/etc/passwd", PASSWD)
            .file("/etc/group", GROUP)
            .file("/home/ops/.ssh/authorized_keys", "ssh-ed25519 AAAA1 other@name")
    }

    #[tokio::test]
    async fn what_is_missing_is_told_and_what_is_more_is_left() {
        let bench = host().bench(wanted().step());
        assert_eq!(
            bench.check(&wanted()).await,
            "+ user eve, shell of ops /bin/sh → /bin/bash, + group of ops sudo, + key of ops ssh-ed25519 AAAA2"
        );
    }

    #[tokio::test]
    async fn an_existing_user_gets_only_what_it_lacks() {
        let mut wanted = wanted();
        wanted.users.remove("eve");
        let bench = host().bench(wanted.clone().step());
        wanted.apply(&bench.context()).await.expect("the host obeys");
        assert_eq!(
            bench.ran(),
            [
                "usermod --shell /bin/bash ops",
                "groupadd --force sudo",
                "usermod --append --groups sudo ops",
                "runuser -u ops -- mkdir -p -m 700 /home/ops/.ssh",
                "runuser -u ops -- tee -a /home/ops/.ssh/authorized_keys",
            ]
        );
    }

    #[tokio::test]
    async fn a_user_that_vanishes_after_it_was_made_is_told() {
        let bench = host().bench(wanted().step());
        let error = wanted().apply(&bench.context()).await.expect_err("the fake useradd makes nobody");
        assert!(error.to_string().contains("eve"), "{error}");
        assert_eq!(bench.ran(), ["useradd --create-home --shell /bin/bash eve"]);
    }

    #[tokio::test]
    async fn a_group_of_the_same_name_that_is_there_becomes_the_users_own() {
        let bench =
            FakeHost::default().file("/etc/passwd", PASSWD).file("/etc/group", "eve:x:37:\n").bench(wanted().step());
        wanted().apply(&bench.context()).await.expect_err("the fake useradd makes nobody");
        assert_eq!(bench.ran(), ["useradd --create-home --shell /bin/bash --gid eve eve"]);
    }

    #[test]
    fn names_and_keys_that_would_be_taken_for_options_or_lines_are_refused() {
        let refused = |name: &str, user: UserSettings| {
            MakeUsers::new(&node_name(), &BTreeMap::from([(name.to_owned(), user)])).is_err()
        };
        assert!(refused("-r", UserSettings::default()));
        assert!(refused("ops", UserSettings { groups: vec!["a,b".to_owned()], ..UserSettings::default() }));
        assert!(refused(
            "ops",
            UserSettings { keys: vec!["ssh-rsa A\nssh-rsa B".to_owned()], ..UserSettings::default() }
        ));
        assert!(refused("ops", UserSettings { shell: Some("bash".to_owned()), ..UserSettings::default() }));
    }
}
