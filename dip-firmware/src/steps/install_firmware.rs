//! `firmware.install_firmware`: a component runs the wanted firmware.
//!
//! What counts is the version that the controller tells, never what became of a task: a controller that has restarted has
//! lost its tasks, and knows what is installed.

use std::cmp::Ordering;
use std::time::Duration;

use async_trait::async_trait;
use dip_core::fact::firmware::FIRMWARE_VERSION;
use dip_core::fact::{Fact, FactKey, Facts};
use dip_core::id::{LayerId, NodeName, Symbol};
use dip_core::operation::{Applied, Check, Context, Diff, Operation, OperationError, Patience};
use dip_core::site::Origin;
use dip_core::step::{Environment, Hazard, Need, Step};
use dip_core::subject::Subject;
use serde::{Deserialize, Serialize};

use super::boot_ref::bmc_lock;
use super::facet::facet;
use super::stage::{self, Stage};
use crate::natural::compare_versions;
use crate::provider::{Accepted, Component};
use crate::selection::matches;
use crate::underway::{self, Progress};
use crate::wishes::{Downgrade, TakesEffect, UpdateWish};

/// New firmware was installed and runs after the next boot, or runs.
pub(crate) const FIRMWARE_ACCEPTED: Fact<String> = Fact::new("firmware.version_accepted");

/// A large image over a slow management network, and a controller that verifies, writes and restarts: half an hour is no rarity.
/// After ten minutes it is asked for again, since a controller that has restarted may have lost the request; one that still
/// works on it says that it is busy.
const PATIENCE: Patience = Patience { deadline: Duration::from_secs(90 * 60), attempt: Duration::from_secs(10 * 60) };

/// Installs firmware on all components that a name stands for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct InstallFirmware {
    /// The node.
    pub node: NodeName,
    /// The component, by its id or name.
    pub component: String,
    /// What is wanted of it.
    pub update: UpdateWish,
    /// How far it must have come.
    #[serde(default, skip_serializing_if = "Stage::is_whole")]
    pub stage: Stage,
}

/// How a version that is wanted stands to the one that runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stands {
    Same,
    Newer,
    Older,
    Untold,
}

fn stands(wanted: &str, runs: Option<&str>) -> Stands {
    let Some(runs) = runs else { return Stands::Untold };
    if runs.trim() == wanted.trim() {
        return Stands::Same;
    }
    match compare_versions(wanted, runs) {
        Some(Ordering::Equal) => Stands::Same,
        Some(Ordering::Greater) => Stands::Newer,
        Some(Ordering::Less) => Stands::Older,
        None => Stands::Untold,
    }
}

/// The components that a name stands for.
fn named<'a>(name: &str, components: &'a [Component]) -> Vec<&'a Component> {
    let is = |component: &&Component| {
        matches(name, &component.id) || component.name.as_ref().is_some_and(|told| matches(name, told))
    };
    components.iter().filter(is).collect()
}

/// The subject of the facts of a component.
fn component_subject(node: &NodeName, component: &str) -> Subject {
    Subject::new(Symbol::of("component"), format!("{node}/{component}"))
}

/// The fact that a component of a node runs what is wanted.
pub(crate) fn version_of(node: &NodeName, component: &str) -> FactKey {
    FIRMWARE_VERSION.of(&component_subject(node, component))
}

impl InstallFirmware {
    fn new(node: &NodeName, component: &str, update: &UpdateWish, stage: Stage) -> Self {
        Self { node: node.clone(), component: component.to_owned(), update: update.clone(), stage }
    }

    /// Of what runs already, of what takes effect at once, and of what must be told as impossible: no boot is made for it.
    pub(crate) fn whole(node: &NodeName, component: &str, update: &UpdateWish, origin: Option<&Origin>) -> Step {
        Self::new(node, component, update, Stage::Whole).asking(origin)
    }

    /// The step that installs, and the one that looks after the boot. That is into the firmware: settings are set, and a
    /// system is started, on what is whole.
    pub(crate) fn steps(node: &NodeName, component: &str, update: &UpdateWish, origin: Option<&Origin>) -> [Step; 2] {
        let since = FIRMWARE_ACCEPTED.of(&component_subject(node, component));
        let in_force = Self::new(node, component, update, Stage::InForce).bare(origin);
        [
            Self::new(node, component, update, Stage::Accepted).asking(origin),
            stage::after_boot(in_force, node, Environment::Firmware, [since]),
        ]
    }

    /// Whether a boot is needed for it, as far as it is known what runs.
    pub(crate) fn waits_for_boot(component: &str, update: &UpdateWish, components: &[Component]) -> bool {
        let of_it = named(component, components);
        let differs = |known: &&Component| stands(&update.version, known.version.as_deref()) != Stands::Same;
        update.takes_effect == TakesEffect::AtReset
            && of_it.iter().any(differs)
            && Self::refused(update, &of_it).is_none()
    }

    fn asking(&self, origin: Option<&Origin>) -> Step {
        let step = self.bare(origin).hazard(Hazard::Disrupts).patience(PATIENCE);
        match self.update.downgrade {
            Downgrade::Allowed => step,
            Downgrade::Refused => step.irreversible("an older firmware is refused"),
        }
    }

    fn bare(&self, origin: Option<&Origin>) -> Step {
        let step = Step::new(LayerId::Firmware, Subject::node(&self.node), self)
            .called(&self.component)
            .give(self.fact())
            .lock(bmc_lock(&self.node))
            .origin(origin.cloned());
        // Where an update of the other is wanted too, that one comes first.
        let before = self.update.after.keys().map(|other| Need::IfGiven(version_of(&self.node, other)));
        before.fold(step, Step::need)
    }

    fn fact(&self) -> FactKey {
        let fact = if self.stage == Stage::Accepted { FIRMWARE_ACCEPTED } else { FIRMWARE_VERSION };
        fact.of(&component_subject(&self.node, &self.component))
    }

    fn request(&self) -> String {
        format!("the firmware of `{}`", self.component)
    }

    async fn components(&self, cx: &Context<'_>) -> Result<Vec<Component>, OperationError> {
        Ok(facet(cx, &self.node, "install firmware", |bmc| bmc.firmware())?.components().await?)
    }

    fn of_it<'a>(&self, components: &'a [Component]) -> Result<Vec<&'a Component>, OperationError> {
        let of_it = named(&self.component, components);
        if of_it.is_empty() {
            let known: Vec<&str> = components.iter().map(|component| component.id.as_str()).collect();
            return Err(OperationError::Impossible(format!(
                "node `{}` has no component `{}` with firmware; its BMC tells of {}",
                self.node,
                self.component,
                if known.is_empty() { "none".to_owned() } else { known.join(", ") }
            )));
        }
        Ok(of_it)
    }

    fn differing<'a>(&self, of_it: &[&'a Component]) -> Vec<&'a Component> {
        let differs = |known: &&&Component| stands(&self.update.version, known.version.as_deref()) != Stands::Same;
        of_it.iter().filter(differs).copied().collect()
    }

    /// Why it must not be installed, as a fragment.
    fn refused(update: &UpdateWish, of_it: &[&Component]) -> Option<String> {
        of_it.iter().find_map(|component| {
            let (id, wanted) = (&component.id, &update.version);
            let runs = component.version.as_deref();
            if component.updateable == Some(false) && stands(wanted, runs) != Stands::Same {
                return Some(format!("its BMC says that `{id}` cannot be updated"));
            }
            if update.downgrade == Downgrade::Allowed {
                return None;
            }
            let runs_words = runs.unwrap_or("a version that nobody tells");
            match stands(wanted, runs) {
                Stands::Same | Stands::Newer => None,
                Stands::Older => Some(format!(
                    "`{id}` runs {runs_words}, which is newer than {wanted}; set `downgrade: allowed` if that is meant"
                )),
                Stands::Untold => Some(format!(
                    "`{id}` runs {runs_words}, and nobody can tell whether {wanted} is newer; set `downgrade: allowed` if that is meant"
                )),
            }
        })
    }

    /// What must run before and does not, as a fragment.
    fn too_early(&self, components: &[Component]) -> Option<String> {
        self.update.after.iter().find_map(|(other, least)| {
            let of_other = named(other, components);
            if of_other.is_empty() {
                return Some(format!("it needs `{other}` at {least} or newer, and its BMC tells of no such component"));
            }
            of_other.into_iter().find_map(|known| {
                let runs = known.version.as_deref();
                let is_enough = runs.and_then(|runs| compare_versions(runs, least)).is_some_and(Ordering::is_ge);
                let runs = runs.unwrap_or("a version that nobody tells");
                (!is_enough).then(|| {
                    format!("it needs `{}` at {least} or newer, and that runs {runs}; add an update of it", known.id)
                })
            })
        })
    }
}

#[async_trait]
impl Operation for InstallFirmware {
    const NAME: &'static str = "firmware.install_firmware";

    async fn check(&self, cx: &Context<'_>) -> Result<Check, OperationError> {
        let node = Subject::node(&self.node);
        let components = self.components(cx).await?;
        let of_it = self.of_it(&components)?;
        let differing = self.differing(&of_it);
        let holds = || Check::Holds(Facts::new().with_key(self.fact(), &self.update.version));
        if differing.is_empty() {
            underway::forget(cx, &node, &self.request());
            return Ok(holds());
        }
        let progress = match underway::progress(cx, &node, &self.request()).await? {
            Progress::AtReset if self.stage == Stage::Accepted => return Ok(holds()),
            Progress::Running(Some(percent)) => format!(" ({percent} % done)"),
            Progress::AtReset | Progress::Running(None) | Progress::None => String::new(),
        };
        let refused = match Self::refused(&self.update, &of_it) {
            Some(_) => " (refused)",
            None => self.stage.when(),
        };
        let wanted = format!("{}{refused}{progress}", self.update.version);
        let all = differing.into_iter().fold(Diff::default(), |diff, component| {
            diff.and(format!("firmware of {}", component.id), component.version.as_ref(), Some(&wanted))
        });
        Ok(Check::Differs(all))
    }

    async fn apply(&self, cx: &Context<'_>) -> Result<Applied, OperationError> {
        let node = Subject::node(&self.node);
        if self.stage == Stage::InForce {
            underway::has_booted(cx, &node, &self.request());
            return Ok(stage::watch());
        }
        let components = self.components(cx).await?;
        let of_it = self.of_it(&components)?;
        if let Some(why) = Self::refused(&self.update, &of_it).or_else(|| self.too_early(&components)) {
            return Err(OperationError::Impossible(format!(
                "the firmware of `{}` of node `{}` is not installed: {why}",
                self.component, self.node
            )));
        }
        let ids: Vec<String> = self.differing(&of_it).into_iter().map(|component| component.id.clone()).collect();
        // No components would be all that the image is for.
        if ids.is_empty() {
            return Ok(Applied::Done);
        }
        let firmware = facet(cx, &self.node, "install firmware", |bmc| bmc.firmware())?;
        let accepted = firmware.install(&self.update.image, &ids).await?;
        underway::note(cx, &node, &self.request(), &accepted);
        Ok(match accepted {
            Accepted::Done | Accepted::AtReset => Applied::Done,
            Accepted::Task(task) => stage::task(&task),
        })
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::provider::{Firmware, MockBmc, MockFirmware};
    use crate::testing::{bench_with, node_named};
    use dip_core::testing::Bench;

    fn component(id: &str, name: &str, version: &str) -> Component {
        let version = Some(version.to_owned()).filter(|version| !version.is_empty());
        Component { id: id.to_owned(), name: Some(name.to_owned()), version, updateable: None }
    }

    fn wanted(component: &str, version: &str, after: &[(&str, &str)], downgrade: Downgrade) -> InstallFirmware {
        let update = UpdateWish {
            version: version.to_owned(),
            image: "http://images/nic.bin".to_owned(),
            after: after.iter().map(|(other, least)| ((*other).to_owned(), (*least).to_owned())).collect(),
            downgrade,
            takes_effect: TakesEffect::AtReset,
        };
        InstallFirmware::new(&node_named("n1"), component, &update, Stage::Accepted)
    }

    /// Two network cards, one of them behind, a controller, and what says nothing of its version.
    fn bench(installs: &'static [&'static str]) -> Bench {
        let mut firmware = MockFirmware::new();
        firmware.expect_components().returning(|| {
            Ok(vec![
                component("Installed-1-22.0.1__NIC.1", "NIC in slot 1", "22.0.1"),
                component("Installed-1-22.0.9__NIC.2", "NIC in slot 2", "22.0.9"),
                component("BMC", "controller", "7.10"),
                component("CPLD", "logic", ""),
            ])
        });
        firmware
            .expect_install()
            .withf(move |_, ids| ids.iter().map(String::as_str).eq(installs.iter().copied()))
            .times(usize::from(!installs.is_empty()))
            .returning(|_, _| Ok(Accepted::Task(crate::provider::TaskRef("7".to_owned()))));
        let firmware: Arc<dyn Firmware> = Arc::new(firmware);
        let mut bmc = MockBmc::new();
        bmc.expect_firmware().returning(move || Some(Arc::clone(&firmware)));
        bench_with(bmc, wanted("BMC", "1", &[], Downgrade::Refused).bare(None))
    }

    #[tokio::test]
    async fn a_name_with_a_star_stands_for_all_of_a_kind_and_only_those_behind_are_flashed() {
        let bench = bench(&["Installed-1-22.0.1__NIC.1"]);
        for name in ["Installed-*__NIC.*", "nic in slot *"] {
            let install = wanted(name, "22.0.9", &[("BMC", "7.9")], Downgrade::Refused);
            let Ok(Check::Differs(diff)) = install.check(&bench.context()).await else { panic!("one is behind") };
            assert_eq!(diff.to_string(), "firmware of Installed-1-22.0.1__NIC.1 22.0.1 → 22.0.9, at the next boot");
        }
        let install = wanted("nic in slot *", "22.0.9", &[("BMC", "7.9")], Downgrade::Refused);
        assert!(matches!(install.apply(&bench.context()).await, Ok(Applied::Wait { .. })));
    }

    #[tokio::test]
    async fn nothing_is_flashed_that_may_go_back_comes_too_early_or_is_not_there() {
        let bench = bench(&[]);
        for (install, why) in [
            (wanted("BMC", "7.9", &[], Downgrade::Refused), "which is newer than 7.9; set `downgrade: allowed`"),
            (wanted("CPLD", "1.2", &[], Downgrade::Refused), "nobody can tell whether 1.2 is newer"),
            (
                wanted("BMC", "7.20", &[("CPLD", "1.0")], Downgrade::Refused),
                "and that runs a version that nobody tells",
            ),
            (wanted("BMC", "7.20", &[("TPM", "1.0")], Downgrade::Refused), "its BMC tells of no such component"),
            (
                wanted("TPM", "1.0", &[], Downgrade::Refused),
                "has no component `TPM` with firmware; its BMC tells of Installed-1",
            ),
        ] {
            let error = install.apply(&bench.context()).await.expect_err("it is not installed");
            assert!(error.to_string().contains(why), "{error}");
        }
    }

    #[test]
    fn only_what_is_behind_and_may_be_installed_has_a_boot_planned_for_it() {
        let known = [component("BIOS", "", "2.3")];
        let waits = |version: &str, downgrade| {
            let install = wanted("BIOS", version, &[], downgrade);
            InstallFirmware::waits_for_boot("BIOS", &install.update, &known)
        };
        assert!(waits("2.10", Downgrade::Refused) && waits("2.2", Downgrade::Allowed));
        assert!(!waits("2.3", Downgrade::Refused) && !waits("2.2", Downgrade::Refused));
    }
}
