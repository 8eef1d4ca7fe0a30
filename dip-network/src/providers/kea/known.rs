//! What Kea says of itself where its reservations are in a database: its subnets, the reservations of its file, and its classes.

use super::super::failure::Failure;
use super::book::Book;
use super::classes::Keeper;
use super::client::Servers;
use super::config::Config;
use super::configuration;
use super::entry::{Entry, Standing};

/// The configurations of the servers, in their order.
#[derive(Debug, Clone)]
pub(super) struct Known(Vec<Config>);

impl Known {
    pub(super) async fn ask(servers: &Servers) -> Result<Self, Failure> {
        let mut configs = Vec::new();
        for server in servers.iter() {
            let (config, _) = configuration::config(server).await?;
            configs.push(config);
        }
        Ok(Self(configs))
    }

    pub(super) fn configs(&self) -> &[Config] {
        &self.0
    }

    /// What is kept in a database, beside what the servers' files say.
    pub(super) fn book(&self, stored: impl IntoIterator<Item = Entry>) -> Book {
        let subnets = self.0.iter().flat_map(Config::subnets).collect();
        let fixed = self.0.iter().flat_map(Config::entries).map(|entry| Entry { standing: Standing::Fixed, ..entry });
        // Whoever keeps reservations in a database keeps the configuration by a tool of his own.
        let classes = configuration::classes(self.0.iter()).kept_by(Keeper::Operator);
        Book::new(subnets, fixed.chain(stored)).with_classes(classes)
    }
}
