//! The trials of [`Switch`].

use std::sync::Arc;

use async_trait::async_trait;
use dip_core::conformance::expect::{cancelled, fails, ignored, same, them, trials, us};
use dip_core::conformance::{Failure, Trial, Verdict};
use dip_core::hardware::VlanId;
use dip_core::id::SiteName;
use dip_core::provider::ErrorKind;

use crate::provider::{PortMode, Switch};

/// A switch under trial.
#[async_trait]
pub trait SwitchHarness: Send + Sync {
    /// The provider.
    fn switch(&self) -> Arc<dyn Switch>;

    /// A provider with wrong credentials; `None` where the switch asks for none.
    fn with_wrong_credentials(&self) -> Option<Arc<dyn Switch>>;

    /// A provider for a switch that does not answer; `None` where there can be none.
    fn of_dead_server(&self) -> Option<Arc<dyn Switch>>;

    /// A further access port in this VLAN, without a mark; its name.
    async fn access_port(&self, vlan: VlanId) -> Result<String, Failure>;

    /// A further trunk port that carries these VLANs; `None` where the switch has no trunks.
    async fn trunk_port(&self, vlans: &[VlanId]) -> Result<Option<String>, Failure>;

    /// A further access port in this VLAN with the mark of a site; `None` where the switch cannot hold marks.
    async fn marked_port(&self, vlan: VlanId, owner: &SiteName) -> Result<Option<String>, Failure>;
}

/// The trials that a provider of [`Switch`] must pass.
#[must_use]
pub fn switch(harness: Arc<dyn SwitchHarness>) -> Vec<Trial> {
    trials![harness;
        a_port_tells_its_access_vlan
        a_port_that_does_not_exist_is_not_found
        a_look_right_after_a_change_sees_it
        setting_the_same_vlan_twice_is_once
        a_change_leaves_other_ports_alone
        a_trunk_is_told_and_becomes_an_access_port
        a_port_that_we_changed_carries_our_mark
        a_port_of_another_site_is_a_conflict
        a_port_that_is_given_up_keeps_its_vlan_and_loses_our_mark_alone
        wrong_credentials_are_denied
        a_dead_switch_is_unreachable
        a_cancelled_change_can_be_looked_at_and_made_again
    ]
}

type Harness = Arc<dyn SwitchHarness>;

fn vlan(number: u16) -> VlanId {
    VlanId::try_from(number).expect("the trials use numbers from 1 to 4094")
}

async fn a_port_tells_its_access_vlan(harness: Harness) -> Result<Verdict, Failure> {
    let port = harness.access_port(vlan(999)).await?;
    let state = harness.switch().port(&port).await?;
    same("the mode", &state.mode, &PortMode::Access)?;
    same("the VLAN", &state.vlan, &Some(vlan(999)))?;
    same("the owner", &state.owner, &None)?;
    Ok(Verdict::Passed)
}

async fn a_port_that_does_not_exist_is_not_found(harness: Harness) -> Result<Verdict, Failure> {
    let switch = harness.switch();
    fails("a look", switch.port("no-such-port").await, ErrorKind::NotFound)?;
    fails("a change", switch.set_access_vlan("no-such-port", vlan(20), &us()).await, ErrorKind::NotFound)?;
    Ok(Verdict::Passed)
}

async fn a_look_right_after_a_change_sees_it(harness: Harness) -> Result<Verdict, Failure> {
    let port = harness.access_port(vlan(999)).await?;
    let switch = harness.switch();
    for number in [20, 21] {
        switch.set_access_vlan(&port, vlan(number), &us()).await?;
        same("the VLAN", &switch.port(&port).await?.vlan, &Some(vlan(number)))?;
    }
    Ok(Verdict::Passed)
}

async fn setting_the_same_vlan_twice_is_once(harness: Harness) -> Result<Verdict, Failure> {
    let port = harness.access_port(vlan(999)).await?;
    let switch = harness.switch();
    switch.set_access_vlan(&port, vlan(20), &us()).await?;
    let once = switch.port(&port).await?;
    switch.set_access_vlan(&port, vlan(20), &us()).await?;
    same("the port", &switch.port(&port).await?, &once)?;
    Ok(Verdict::Passed)
}

async fn a_change_leaves_other_ports_alone(harness: Harness) -> Result<Verdict, Failure> {
    let (changed, other) = (harness.access_port(vlan(999)).await?, harness.access_port(vlan(998)).await?);
    let switch = harness.switch();
    let before = switch.port(&other).await?;
    switch.set_access_vlan(&changed, vlan(20), &us()).await?;
    same("the other port", &switch.port(&other).await?, &before)?;
    Ok(Verdict::Passed)
}

async fn a_trunk_is_told_and_becomes_an_access_port(harness: Harness) -> Result<Verdict, Failure> {
    let carried = [vlan(5), vlan(6)];
    let Some(port) = harness.trunk_port(&carried).await? else { return ignored("the switch has no trunk ports") };
    let switch = harness.switch();
    let before = switch.port(&port).await?;
    same("the mode", &before.mode, &PortMode::Trunk)?;
    same("the tagged VLANs", &before.trunks.as_slice(), &carried.as_slice())?;
    switch.set_access_vlan(&port, vlan(20), &us()).await?;
    let after = switch.port(&port).await?;
    same("that it is a plain access port", &after.is_access_in(vlan(20)), &true)?;
    Ok(Verdict::Passed)
}

async fn a_port_that_we_changed_carries_our_mark(harness: Harness) -> Result<Verdict, Failure> {
    if harness.marked_port(vlan(999), &us()).await?.is_none() {
        return ignored("the switch cannot hold marks");
    }
    let switch = harness.switch();
    // The second one is already in its VLAN: it is taken all the same.
    for now in [999, 20] {
        let port = harness.access_port(vlan(now)).await?;
        switch.set_access_vlan(&port, vlan(20), &us()).await?;
        same("the owner", &switch.port(&port).await?.owner, &Some(us()))?;
    }
    Ok(Verdict::Passed)
}

async fn a_port_of_another_site_is_a_conflict(harness: Harness) -> Result<Verdict, Failure> {
    let Some(port) = harness.marked_port(vlan(30), &them()).await? else {
        return ignored("the switch cannot hold marks");
    };
    let switch = harness.switch();
    let before = switch.port(&port).await?;
    same("the owner", &before.owner, &Some(them()))?;
    fails("a change", switch.set_access_vlan(&port, vlan(20), &us()).await, ErrorKind::Conflict)?;
    fails("a change to its own VLAN", switch.set_access_vlan(&port, vlan(30), &us()).await, ErrorKind::Conflict)?;
    same("the port", &switch.port(&port).await?, &before)?;
    Ok(Verdict::Passed)
}

async fn a_port_that_is_given_up_keeps_its_vlan_and_loses_our_mark_alone(harness: Harness) -> Result<Verdict, Failure> {
    let switch = harness.switch();
    let port = harness.access_port(vlan(999)).await?;
    switch.disown(&port, &us()).await?;
    switch.set_access_vlan(&port, vlan(20), &us()).await?;
    for _ in 0..2 {
        switch.disown(&port, &us()).await?;
        let state = switch.port(&port).await?;
        same("the owner", &state.owner, &None)?;
        same("that it stays in its VLAN", &state.is_access_in(vlan(20)), &true)?;
    }
    let Some(theirs) = harness.marked_port(vlan(30), &them()).await? else {
        return ignored("the switch cannot hold marks");
    };
    fails("giving up another site's port", switch.disown(&theirs, &us()).await, ErrorKind::Conflict)?;
    same("their mark", &switch.port(&theirs).await?.owner, &Some(them()))?;
    fails("giving up no port", switch.disown("no-such-port", &us()).await, ErrorKind::NotFound)?;
    Ok(Verdict::Passed)
}

async fn wrong_credentials_are_denied(harness: Harness) -> Result<Verdict, Failure> {
    let Some(switch) = harness.with_wrong_credentials() else { return ignored("the switch asks for no credentials") };
    let port = harness.access_port(vlan(999)).await?;
    fails("a look", switch.port(&port).await, ErrorKind::Denied)?;
    fails("a change", switch.set_access_vlan(&port, vlan(20), &us()).await, ErrorKind::Denied)?;
    Ok(Verdict::Passed)
}

async fn a_dead_switch_is_unreachable(harness: Harness) -> Result<Verdict, Failure> {
    let Some(switch) = harness.of_dead_server() else { return ignored("the switch cannot be dead") };
    let port = harness.access_port(vlan(999)).await?;
    fails("a look", switch.port(&port).await, ErrorKind::Unreachable)?;
    fails("a change", switch.set_access_vlan(&port, vlan(20), &us()).await, ErrorKind::Unreachable)?;
    Ok(Verdict::Passed)
}

async fn a_cancelled_change_can_be_looked_at_and_made_again(harness: Harness) -> Result<Verdict, Failure> {
    let port = harness.access_port(vlan(999)).await?;
    let (switch, owner) = (harness.switch(), us());
    cancelled(switch.set_access_vlan(&port, vlan(20), &owner)).await;
    let state = switch.port(&port).await?;
    let either = state.is_access_in(vlan(999)) || state.is_access_in(vlan(20));
    same("that the port is as before or as wanted", &either, &true)?;
    switch.set_access_vlan(&port, vlan(20), &owner).await?;
    same("the VLAN", &switch.port(&port).await?.vlan, &Some(vlan(20)))?;
    Ok(Verdict::Passed)
}
