//! A controller that the site knows by its MAC address: its address is found when it is needed.

use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;

use async_trait::async_trait;
use dip_core::hardware::{Identity, MacAddr};
use dip_core::provider::{ErrorKind, Retry, Whereabouts};
use tokio::sync::Mutex;

use crate::provider::table::named::*;
use crate::provider::table::{all_facets, handed_on};

/// Makes a client for an address; it asks nobody yet.
pub(super) type At = dyn Fn(&str) -> Result<Arc<dyn Bmc>, ProviderError> + Send + Sync;

/// A controller whose address is asked for first, and again where nobody answers there any more.
#[derive(Clone)]
pub(super) struct Located(Arc<Shared>);

struct Shared {
    mac: MacAddr,
    whereabouts: Arc<dyn Whereabouts>,
    at: Box<At>,
    /// It says which facets there are; nobody speaks with it.
    template: Arc<dyn Bmc>,
    found: Mutex<Option<(IpAddr, Arc<dyn Bmc>)>>,
}

impl fmt::Debug for Located {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Located").field("mac", &self.0.mac).finish_non_exhaustive()
    }
}

impl Located {
    /// A controller with a MAC address; `template` is a client of it for any address.
    pub(super) fn new(mac: MacAddr, whereabouts: Arc<dyn Whereabouts>, template: Arc<dyn Bmc>, at: Box<At>) -> Self {
        Self(Arc::new(Shared { mac, whereabouts, at, template, found: Mutex::default() }))
    }

    fn template(&self) -> &Arc<dyn Bmc> {
        &self.0.template
    }

    async fn client(&self) -> Result<Arc<dyn Bmc>, ProviderError> {
        let Shared { mac, whereabouts, at, .. } = &*self.0;
        let mut found = self.0.found.lock().await;
        if let Some((_, client)) = &*found {
            return Ok(Arc::clone(client));
        }
        let failed = |kind| ProviderError::new(kind, "bmc", format!("find the controller with the MAC address {mac}"));
        let address = match whereabouts.addresses_of(*mac).await?[..] {
            [only] => only,
            [] => {
                let advice = "no DHCP server of the site knows it: look whether it is connected and asks for an address, or give its address as `bmc.address`";
                // It may be connected in this moment.
                return Err(failed(ErrorKind::NotFound).retry_as(Retry::Backoff).advise(advice));
            }
            ref several => {
                let told = several.iter().map(ToString::to_string).collect::<Vec<_>>();
                let advice = format!("it has {}: give the right one as `bmc.address`", dip_core::words::and(&told));
                return Err(failed(ErrorKind::Conflict).advise(advice));
            }
        };
        let client = at(&address.to_string())?;
        tracing::info!(%mac, %address, "a controller was found by its MAC address");
        *found = Some((address, Arc::clone(&client)));
        Ok(client)
    }

    /// Hands a result on. A controller that does not answer may have another address by now.
    async fn told<T>(&self, result: Result<T, ProviderError>) -> Result<T, ProviderError> {
        if result.as_ref().is_err_and(|error| error.kind() == ErrorKind::Unreachable) {
            *self.0.found.lock().await = None;
        }
        result
    }
}

all_facets!(handed_on Located);

#[cfg(all(test, feature = "mocks"))]
mod tests {
    use std::sync::Mutex as Lock;

    use dip_core::provider::{MockWhereabouts, sentence};

    use super::*;
    use crate::provider::MockBmc;

    fn located(answers: Vec<Vec<&'static str>>, asked: Arc<Lock<Vec<String>>>) -> Located {
        let mut whereabouts = MockWhereabouts::new();
        let answers = Lock::new(answers.into_iter());
        whereabouts.expect_addresses_of().returning(move |_| {
            let next = answers.lock().expect("no panic").next().expect("it is not asked more often");
            Ok(next.into_iter().map(|address| address.parse().expect("an address")).collect())
        });
        let at = move |address: &str| {
            let (address, asked) = (address.to_owned(), Arc::clone(&asked));
            let mut bmc = MockBmc::new();
            bmc.expect_identity().returning(move || {
                asked.lock().expect("no panic").push(address.clone());
                match address.as_str() {
                    "10.8.0.1" => Err(ProviderError::new(ErrorKind::Unreachable, "mock", "ask")),
                    _ => Ok(Identity::default()),
                }
            });
            Ok(Arc::new(bmc) as Arc<dyn Bmc>)
        };
        let mac = "52:54:00:00:00:01".parse().expect("a MAC address");
        Located::new(mac, Arc::new(whereabouts), Arc::new(MockBmc::new()), Box::new(at))
    }

    #[tokio::test]
    async fn a_controller_that_moved_is_found_again_and_one_that_answers_is_not_looked_for() {
        let asked = Arc::default();
        let bmc = located(vec![vec!["10.8.0.1"], vec!["10.8.0.2"]], Arc::clone(&asked));
        bmc.identity().await.expect_err("nobody is there any more");
        bmc.identity().await.expect("it is there");
        bmc.identity().await.expect("it is there still");
        assert_eq!(*asked.lock().expect("no panic"), ["10.8.0.1", "10.8.0.2", "10.8.0.2"]);
    }

    #[tokio::test]
    async fn one_that_is_not_found_or_found_twice_is_told() {
        let bmc = located(vec![vec![], vec!["10.8.0.2", "10.8.0.3"]], Arc::default());
        let error = bmc.identity().await.expect_err("nobody knows it");
        let said = sentence(&error);
        assert!(said.contains("52:54:00:00:00:01") && said.contains("no DHCP server of the site knows it"), "{said}");
        assert_eq!((error.kind(), error.retry()), (ErrorKind::NotFound, Retry::Backoff));
        let error = bmc.identity().await.expect_err("it has two");
        let said = sentence(&error);
        assert!(said.contains("it has 10.8.0.2 and 10.8.0.3: give the right one as `bmc.address`"), "{said}");
    }
}
