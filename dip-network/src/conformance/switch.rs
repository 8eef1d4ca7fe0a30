//! The trials of [`Switch`]: its ports. What else a switch can do is tried in [`super::abilities`].

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use dip_core::conformance::expect::{cancelled, fails, ignored, same, them, trials, us};
use dip_core::conformance::{Failure, Trial, Verdict};
use dip_core::hardware::{Mtu, VlanId, VlanSet};
use dip_core::id::{SiteName, SwitchName};
use dip_core::provider::ErrorKind;
use dip_core::site::{AdminState, Lacp, Lag, Native, NativeFrames, Port, PortVlans};

use super::abilities;
use crate::provider::{LearnedMac, Neighbour, PortMode, PortState, Switch};

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

    /// A name for a link aggregation that the switch does not have yet.
    fn aggregation(&self) -> String;

    /// The switch that it is an MLAG pair with; `None` where it is none.
    fn peer(&self) -> Option<SwitchName>;

    /// Lets the switch learn a MAC address. Asked for only where the switch tells what it learned.
    async fn learn(&self) -> Result<LearnedMac, Failure>;

    /// Lets the switch hear a neighbour. Asked for only where the switch tells whom it hears.
    async fn hear(&self) -> Result<Neighbour, Failure>;

    /// Lets time go by for the switch.
    async fn pass(&self, time: Duration);
}

/// The trials that a provider of [`Switch`] must pass.
#[must_use]
pub fn switch(harness: Arc<dyn SwitchHarness>) -> Vec<Trial> {
    let of_abilities = abilities::trials(&harness);
    let of_ports = trials![harness;
        a_port_tells_its_access_vlan
        a_port_that_does_not_exist_is_not_found
        a_look_right_after_a_change_sees_it
        a_trunk_is_set_with_its_tagged_and_native_vlans
        an_mtu_is_set
        a_description_is_set
        a_port_is_switched_off_and_on
        what_is_not_said_stays_as_it_was
        ports_join_an_aggregation_and_leave_it
        ports_join_their_half_of_an_aggregation_and_leave_it
        what_the_switch_cannot_hold_is_refused_and_changes_nothing
        setting_the_same_twice_is_once
        a_change_leaves_other_ports_alone
        a_trunk_is_told_and_becomes_an_access_port
        a_port_that_we_changed_carries_our_mark
        a_port_of_another_site_is_a_conflict
        a_port_that_is_given_up_keeps_its_vlan_and_loses_our_mark_alone
        wrong_credentials_are_denied
        a_dead_switch_is_unreachable
        a_cancelled_change_can_be_looked_at_and_made_again
    ];
    of_ports.into_iter().chain(of_abilities).collect()
}

pub(super) type Harness = Arc<dyn SwitchHarness>;

pub(super) fn vlan(number: u16) -> VlanId {
    VlanId::try_from(number).expect("the trials use numbers from 1 to 4094")
}

pub(super) fn access(number: u16) -> Port {
    Port::access(vlan(number))
}

fn trunk(native: Option<Native>, tagged: &[u16]) -> Port {
    let tagged: VlanSet = tagged.iter().copied().map(vlan).collect();
    Port::carrying(PortVlans::Trunk { native, tagged })
}

/// Nothing of the port differs from what is wanted.
pub(super) fn as_wanted(state: &PortState, wanted: &Port) -> Result<(), Failure> {
    same("what differs", &state.changes(wanted), &Vec::new())
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
    fails("a change", switch.set_port("no-such-port", &access(20), &us()).await, ErrorKind::NotFound)?;
    Ok(Verdict::Passed)
}

async fn a_look_right_after_a_change_sees_it(harness: Harness) -> Result<Verdict, Failure> {
    let port = harness.access_port(vlan(999)).await?;
    let switch = harness.switch();
    for number in [20, 21] {
        switch.set_port(&port, &access(number), &us()).await?;
        same("the VLAN", &switch.port(&port).await?.vlan, &Some(vlan(number)))?;
    }
    Ok(Verdict::Passed)
}

async fn a_trunk_is_set_with_its_tagged_and_native_vlans(harness: Harness) -> Result<Verdict, Failure> {
    let port = harness.access_port(vlan(999)).await?;
    let switch = harness.switch();
    let tagged = Native { vlan: vlan(8), frames: NativeFrames::Tagged };
    let natives = [None, Some(vlan(7).into()), Some(tagged)];
    for wanted in natives.map(|native| trunk(native, &[5, 6, 30])).into_iter().chain([trunk(None, &[30])]) {
        match switch.lack(&wanted) {
            Some(lack) if wanted == trunk(None, &[5, 6, 30]) => return ignored(&lack),
            Some(_) => continue,
            None => {}
        }
        switch.set_port(&port, &wanted, &us()).await?;
        as_wanted(&switch.port(&port).await?, &wanted)?;
    }
    Ok(Verdict::Passed)
}

/// Sets one thing after the other, where the switch can hold it.
async fn holds(harness: &Harness, all: Vec<Port>) -> Result<Verdict, Failure> {
    let port = harness.access_port(vlan(999)).await?;
    let switch = harness.switch();
    for wanted in all {
        if let Some(lack) = switch.lack(&wanted) {
            return ignored(&lack);
        }
        switch.set_port(&port, &wanted, &us()).await?;
        let state = switch.port(&port).await?;
        as_wanted(&state, &wanted)?;
        same("that its VLAN stays", &state.is_access_in(vlan(999)), &true)?;
    }
    Ok(Verdict::Passed)
}

async fn an_mtu_is_set(harness: Harness) -> Result<Verdict, Failure> {
    let with = |bytes| Port { mtu: Mtu::try_from(bytes).ok(), ..Port::default() };
    holds(&harness, vec![with(9000), with(1500)]).await
}

async fn a_description_is_set(harness: Harness) -> Result<Verdict, Failure> {
    let with = |text: &str| Port { description: Some(text.to_owned()), ..Port::default() };
    holds(&harness, vec![with("to n1, <eth0> & \"rack\" 7"), with("ärgerlich")]).await
}

async fn a_port_is_switched_off_and_on(harness: Harness) -> Result<Verdict, Failure> {
    let with = |admin| Port { admin: Some(admin), ..Port::default() };
    holds(&harness, vec![with(AdminState::Down), with(AdminState::Up)]).await
}

async fn what_is_not_said_stays_as_it_was(harness: Harness) -> Result<Verdict, Failure> {
    let port = harness.access_port(vlan(999)).await?;
    let switch = harness.switch();
    let full = Port { description: Some("kept".to_owned()), mtu: Mtu::try_from(1400).ok(), ..access(20) };
    if let Some(lack) = switch.lack(&full) {
        return ignored(&lack);
    }
    switch.set_port(&port, &full, &us()).await?;
    switch.set_port(&port, &access(21), &us()).await?;
    as_wanted(&switch.port(&port).await?, &Port { vlans: access(21).vlans, ..full.clone() })?;
    switch.set_port(&port, &Port::default(), &us()).await?;
    as_wanted(&switch.port(&port).await?, &Port { vlans: access(21).vlans, ..full })?;
    Ok(Verdict::Passed)
}

async fn ports_join_an_aggregation_and_leave_it(harness: Harness) -> Result<Verdict, Failure> {
    let (first, second) = (harness.access_port(vlan(999)).await?, harness.access_port(vlan(998)).await?);
    let switch = harness.switch();
    let in_lag = |lacp, tagged: &[u16]| {
        let lag = Some(Lag { name: harness.aggregation(), lacp, peer: None });
        Port { lag, description: Some("in an aggregation".to_owned()), ..trunk(None, tagged) }
    };
    let wanted = in_lag(Lacp::Active, &[5, 6]);
    if let Some(lack) = switch.lack(&wanted) {
        return ignored(&lack);
    }
    for port in [&first, &second] {
        // The second time nothing is left to do.
        for _ in 0..2 {
            switch.set_port(port, &wanted, &us()).await?;
            as_wanted(&switch.port(port).await?, &wanted)?;
        }
    }
    same("the owner", &switch.port(&first).await?.owner, &Some(us()))?;
    // What one member says of the aggregation holds for both.
    let later = Port { lag: wanted.lag.clone(), ..in_lag(Lacp::Active, &[7]) };
    switch.set_port(&first, &later, &us()).await?;
    as_wanted(&switch.port(&second).await?, &later)?;
    // One leaves, and the other stays; then the last one.
    switch.set_port(&first, &access(20), &us()).await?;
    as_wanted(&switch.port(&first).await?, &access(20))?;
    as_wanted(&switch.port(&second).await?, &later)?;
    switch.set_port(&second, &in_lag(Lacp::Passive, &[8]), &us()).await?;
    same("the new aggregation", &switch.port(&second).await?.lag.map(|lag| lag.lacp), &Some(Lacp::Passive))?;
    switch.set_port(&second, &access(20), &us()).await?;
    as_wanted(&switch.port(&second).await?, &access(20))?;
    same("the description", &switch.port(&second).await?.description.as_deref(), &Some("in an aggregation"))?;
    Ok(Verdict::Passed)
}

async fn ports_join_their_half_of_an_aggregation_and_leave_it(harness: Harness) -> Result<Verdict, Failure> {
    let Some(peer) = harness.peer() else { return ignored("the switch is no MLAG pair with another one") };
    let (first, second) = (harness.access_port(vlan(999)).await?, harness.access_port(vlan(998)).await?);
    let switch = harness.switch();
    let alone = Lag { name: harness.aggregation(), lacp: Lacp::Active, peer: None };
    let half = Lag { peer: Some(peer), ..alone.clone() };
    let in_lag = |lag: &Lag| Port { lag: Some(lag.clone()), ..access(20) };
    if let Some(lack) = switch.lack(&in_lag(&half)) {
        return ignored(&lack);
    }
    // One that was made before the switches were a pair becomes half of one, and its own again.
    for lag in [&half, &alone, &half] {
        for port in [&first, &second] {
            switch.set_port(port, &in_lag(lag), &us()).await?;
            as_wanted(&switch.port(port).await?, &in_lag(lag))?;
        }
        as_wanted(&switch.port(&first).await?, &in_lag(lag))?;
    }
    for port in [&first, &second] {
        switch.set_port(port, &access(20), &us()).await?;
        as_wanted(&switch.port(port).await?, &access(20))?;
    }
    // A port that comes again without a pair has nothing left of it.
    switch.set_port(&first, &in_lag(&alone), &us()).await?;
    as_wanted(&switch.port(&first).await?, &in_lag(&alone))?;
    switch.set_port(&first, &access(20), &us()).await?;
    Ok(Verdict::Passed)
}

async fn what_the_switch_cannot_hold_is_refused_and_changes_nothing(harness: Harness) -> Result<Verdict, Failure> {
    let port = harness.access_port(vlan(999)).await?;
    let switch = harness.switch();
    let before = switch.port(&port).await?;
    let lag = |lacp, peer| Some(Lag { name: harness.aggregation(), lacp, peer });
    let peer = SwitchName::new("sw9").ok();
    let odd = [
        Port { admin: Some(AdminState::Down), ..access(20) },
        Port { lag: lag(Lacp::Off, None), ..access(20) },
        Port { lag: lag(Lacp::Active, peer), ..access(20) },
        trunk(Some(Native { vlan: vlan(8), frames: NativeFrames::Tagged }), &[5]),
    ];
    let mut refused = 0;
    for wanted in odd.iter().filter(|wanted| switch.lack(wanted).is_some()) {
        refused += 1;
        fails("a change", switch.set_port(&port, wanted, &us()).await, ErrorKind::Unsupported)?;
        same("the port", &switch.port(&port).await?, &before)?;
    }
    if refused == 0 { ignored("the switch can hold all that a site can want") } else { Ok(Verdict::Passed) }
}

async fn setting_the_same_twice_is_once(harness: Harness) -> Result<Verdict, Failure> {
    let port = harness.access_port(vlan(999)).await?;
    let switch = harness.switch();
    switch.set_port(&port, &access(20), &us()).await?;
    let once = switch.port(&port).await?;
    switch.set_port(&port, &access(20), &us()).await?;
    same("the port", &switch.port(&port).await?, &once)?;
    Ok(Verdict::Passed)
}

async fn a_change_leaves_other_ports_alone(harness: Harness) -> Result<Verdict, Failure> {
    let (changed, other) = (harness.access_port(vlan(999)).await?, harness.access_port(vlan(998)).await?);
    let switch = harness.switch();
    let before = switch.port(&other).await?;
    switch.set_port(&changed, &access(20), &us()).await?;
    same("the other port", &switch.port(&other).await?, &before)?;
    Ok(Verdict::Passed)
}

async fn a_trunk_is_told_and_becomes_an_access_port(harness: Harness) -> Result<Verdict, Failure> {
    let carried = [vlan(5), vlan(6)];
    let Some(port) = harness.trunk_port(&carried).await? else { return ignored("the switch has no trunk ports") };
    let switch = harness.switch();
    let before = switch.port(&port).await?;
    same("the mode", &before.mode, &PortMode::Trunk)?;
    same("the tagged VLANs", &before.tagged, &carried.into_iter().collect())?;
    switch.set_port(&port, &access(20), &us()).await?;
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
        switch.set_port(&port, &access(20), &us()).await?;
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
    fails("a change", switch.set_port(&port, &access(20), &us()).await, ErrorKind::Conflict)?;
    fails("a change to its own VLAN", switch.set_port(&port, &access(30), &us()).await, ErrorKind::Conflict)?;
    same("the port", &switch.port(&port).await?, &before)?;
    Ok(Verdict::Passed)
}

async fn a_port_that_is_given_up_keeps_its_vlan_and_loses_our_mark_alone(harness: Harness) -> Result<Verdict, Failure> {
    let switch = harness.switch();
    let port = harness.access_port(vlan(999)).await?;
    switch.disown(&port, &us()).await?;
    switch.set_port(&port, &access(20), &us()).await?;
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
    fails("a change", switch.set_port(&port, &access(20), &us()).await, ErrorKind::Denied)?;
    Ok(Verdict::Passed)
}

async fn a_dead_switch_is_unreachable(harness: Harness) -> Result<Verdict, Failure> {
    let Some(switch) = harness.of_dead_server() else { return ignored("the switch cannot be dead") };
    let port = harness.access_port(vlan(999)).await?;
    fails("a look", switch.port(&port).await, ErrorKind::Unreachable)?;
    fails("a change", switch.set_port(&port, &access(20), &us()).await, ErrorKind::Unreachable)?;
    Ok(Verdict::Passed)
}

async fn a_cancelled_change_can_be_looked_at_and_made_again(harness: Harness) -> Result<Verdict, Failure> {
    let port = harness.access_port(vlan(999)).await?;
    let (switch, owner) = (harness.switch(), us());
    cancelled(switch.set_port(&port, &access(20), &owner)).await;
    let state = switch.port(&port).await?;
    let either = state.is_access_in(vlan(999)) || state.is_access_in(vlan(20));
    same("that the port is as before or as wanted", &either, &true)?;
    switch.set_port(&port, &access(20), &owner).await?;
    same("the VLAN", &switch.port(&port).await?.vlan, &Some(vlan(20)))?;
    Ok(Verdict::Passed)
}
