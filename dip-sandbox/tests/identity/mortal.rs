//! A program that dies at a chosen point of its work with a store and a controller: before or after any call that changes something,
//! and any login.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;
use dip_core::hardware::Identity;
use dip_core::provider::{Power, ProviderError};
use dip_core::secret::{Secret, SecretError, SecretRef, SecretStore, Standing, Versions};
use dip_firmware::provider::{
    Account, Accounts, Bios, Bmc, Boot, Console, Controller, EventLog, Events, Firmware, IdentifyLight, Inventory,
    LockoutPolicy, Raid, Role, SecureBoot, Sensors, Tasks, VirtualMedia,
};
use tokio::sync::Notify;

/// When a program dies.
#[derive(Debug)]
pub(crate) struct Fate {
    at: usize,
    passed: AtomicUsize,
    pub(crate) died: Notify,
}

impl Fate {
    /// At the point of this number, from 0.
    pub(crate) fn at(point: usize) -> Arc<Self> {
        Arc::new(Self { at: point, passed: AtomicUsize::new(0), died: Notify::new() })
    }

    /// Whether the program lives beyond this point.
    fn lives(&self) -> bool {
        let point = self.passed.fetch_add(1, Ordering::SeqCst);
        if point == self.at {
            self.died.notify_one();
        }
        point < self.at
    }

    /// A dead program does nothing more.
    async fn pass(&self) {
        if !self.lives() {
            std::future::pending::<()>().await;
        }
    }
}

/// A store that a mortal program uses.
#[derive(Debug)]
pub(crate) struct MortalStore(pub(crate) Arc<dyn SecretStore>, pub(crate) Arc<Fate>);

impl MortalStore {
    fn around<T>(&self, at: &SecretRef, act: impl FnOnce() -> Result<T, SecretError>) -> Result<T, SecretError> {
        let dead = || SecretError::Unproved(at.clone());
        if !self.1.lives() {
            return Err(dead());
        }
        let done = act()?;
        if self.1.lives() { Ok(done) } else { Err(dead()) }
    }
}

impl SecretStore for MortalStore {
    fn versions(&self, at: &SecretRef) -> Result<Versions, SecretError> {
        self.0.versions(at)
    }

    fn version(&self, at: &SecretRef, version: u32) -> Result<Option<Secret>, SecretError> {
        self.0.version(at, version)
    }

    fn create(&self, at: &SecretRef, version: u32, secret: &Secret) -> Result<Secret, SecretError> {
        self.around(at, || self.0.create(at, version, secret))
    }

    fn mark(&self, at: &SecretRef, version: u32, standing: Standing) -> Result<(), SecretError> {
        self.around(at, || self.0.mark(at, version, standing))
    }

    fn retire(&self, at: &SecretRef, version: u32) -> Result<(), SecretError> {
        self.around(at, || self.0.retire(at, version))
    }
}

/// A controller that a mortal program speaks to.
#[derive(Clone)]
pub(crate) struct MortalBmc(pub(crate) Arc<dyn Bmc>, pub(crate) Arc<Fate>);

#[async_trait]
impl Bmc for MortalBmc {
    async fn identity(&self) -> Result<Identity, ProviderError> {
        self.1.pass().await;
        let told = self.0.identity().await;
        self.1.pass().await;
        told
    }

    fn power(&self) -> Option<Arc<dyn Power>> {
        self.0.power()
    }

    fn boot(&self) -> Option<Arc<dyn Boot>> {
        self.0.boot()
    }

    fn inventory(&self) -> Option<Arc<dyn Inventory>> {
        self.0.inventory()
    }

    fn sensors(&self) -> Option<Arc<dyn Sensors>> {
        self.0.sensors()
    }

    fn event_log(&self) -> Option<Arc<dyn EventLog>> {
        self.0.event_log()
    }

    fn identify_light(&self) -> Option<Arc<dyn IdentifyLight>> {
        self.0.identify_light()
    }

    fn console(&self) -> Option<Arc<dyn Console>> {
        self.0.console()
    }

    fn virtual_media(&self) -> Option<Arc<dyn VirtualMedia>> {
        self.0.virtual_media()
    }

    fn bios(&self) -> Option<Arc<dyn Bios>> {
        self.0.bios()
    }

    fn secure_boot(&self) -> Option<Arc<dyn SecureBoot>> {
        self.0.secure_boot()
    }

    fn raid(&self) -> Option<Arc<dyn Raid>> {
        self.0.raid()
    }

    fn firmware(&self) -> Option<Arc<dyn Firmware>> {
        self.0.firmware()
    }

    fn events(&self) -> Option<Arc<dyn Events>> {
        self.0.events()
    }

    fn tasks(&self) -> Option<Arc<dyn Tasks>> {
        self.0.tasks()
    }

    fn accounts(&self) -> Option<Arc<dyn Accounts>> {
        self.0.accounts().map(|accounts| Arc::new(MortalAccounts(accounts, self.1.clone())) as Arc<dyn Accounts>)
    }

    fn controller(&self) -> Option<Arc<dyn Controller>> {
        self.0.controller()
    }
}

struct MortalAccounts(Arc<dyn Accounts>, Arc<Fate>);

#[async_trait]
impl Accounts for MortalAccounts {
    async fn list(&self) -> Result<Vec<Account>, ProviderError> {
        self.0.list().await
    }

    async fn set(&self, name: &str, password: &Secret, role: Role) -> Result<(), ProviderError> {
        self.0.set(name, password, role).await
    }

    async fn set_password(&self, name: &str, password: &Secret) -> Result<(), ProviderError> {
        self.1.pass().await;
        let told = self.0.set_password(name, password).await;
        self.1.pass().await;
        told
    }

    async fn has_password(&self, name: &str, password: &Secret) -> Result<bool, ProviderError> {
        self.0.has_password(name, password).await
    }

    async fn disable(&self, name: &str) -> Result<(), ProviderError> {
        self.0.disable(name).await
    }

    async fn remove(&self, name: &str) -> Result<(), ProviderError> {
        self.0.remove(name).await
    }

    async fn lockout(&self) -> Result<Option<LockoutPolicy>, ProviderError> {
        self.0.lockout().await
    }
}
