//! The trials of what a switch can do beside its ports. An ability that is absent is ignored with its reason.

use std::sync::Arc;
use std::time::Duration;

use dip_core::conformance::expect::{fails, ignored, same, trials, us};
use dip_core::conformance::{Failure, Trial, Verdict};
use dip_core::provider::{ErrorKind, ProviderError};

use super::switch::{Harness, access, as_wanted, vlan};
use crate::provider::{Abilities, Switch};

/// Long enough for a change and a look at it, short enough to wait for.
const WITHIN: Duration = Duration::from_secs(4);

pub(super) fn trials(harness: &Harness) -> Vec<Trial> {
    trials![harness;
        an_absent_ability_has_its_reason
        what_the_switch_learned_is_told
        who_is_heard_is_told
        what_is_saved_is_told_and_saving_twice_is_once
        a_change_that_is_not_confirmed_is_taken_back
        a_change_that_is_confirmed_stays
        a_confirmed_change_of_no_port_is_not_found
        abilities_of_a_dead_switch_are_unreachable
        abilities_with_wrong_credentials_are_denied
    ]
}

/// The ability, or the verdict of a trial that needs it.
macro_rules! offered {
    ($facet:expr) => {
        match $facet {
            Ok(facet) => facet,
            Err(absent) => return ignored(&absent.to_string()),
        }
    };
}

async fn abilities(harness: &Harness) -> Result<Abilities, Failure> {
    Ok(harness.switch().abilities().await?)
}

async fn an_absent_ability_has_its_reason(harness: Harness) -> Result<Verdict, Failure> {
    let Abilities { mac_table, lldp, startup, confirmed } = abilities(&harness).await?;
    let absent = [mac_table.err(), lldp.err(), startup.err(), confirmed.err()];
    for absent in absent.into_iter().flatten() {
        same("that the reason is a sentence", &(absent.to_string().split(' ').count() > 2), &true)?;
    }
    Ok(Verdict::Passed)
}

async fn what_the_switch_learned_is_told(harness: Harness) -> Result<Verdict, Failure> {
    let table = offered!(abilities(&harness).await?.mac_table);
    let learned = harness.learn().await?;
    let told = table.learned().await?;
    same("that the table has it", &told.contains(&learned), &true)?;
    Ok(Verdict::Passed)
}

async fn who_is_heard_is_told(harness: Harness) -> Result<Verdict, Failure> {
    let lldp = offered!(abilities(&harness).await?.lldp);
    let heard = harness.hear().await?;
    let told = lldp.neighbours().await?;
    let at_port: Vec<_> = told.into_iter().filter(|neighbour| neighbour.local == heard.local).collect();
    same("who is heard there", &at_port, &vec![heard])?;
    Ok(Verdict::Passed)
}

async fn what_is_saved_is_told_and_saving_twice_is_once(harness: Harness) -> Result<Verdict, Failure> {
    let startup = offered!(abilities(&harness).await?.startup);
    let port = harness.access_port(vlan(999)).await?;
    harness.switch().set_port(&port, &access(20), &us()).await?;
    same("that the change is saved at once", &startup.is_saved().await?, &false)?;
    for _ in 0..2 {
        startup.save().await?;
        same("that it is saved", &startup.is_saved().await?, &true)?;
    }
    as_wanted(&harness.switch().port(&port).await?, &access(20))?;
    Ok(Verdict::Passed)
}

async fn a_change_that_is_not_confirmed_is_taken_back(harness: Harness) -> Result<Verdict, Failure> {
    let confirmed = offered!(abilities(&harness).await?.confirmed);
    let (port, switch) = (harness.access_port(vlan(999)).await?, harness.switch());
    let before = switch.port(&port).await?;
    let change = confirmed.begin(&port, &access(20), &us(), WITHIN).await?;
    as_wanted(&switch.port(&port).await?, &access(20))?;
    drop(change);
    harness.pass(WITHIN + Duration::from_secs(2)).await;
    same("the port", &switch.port(&port).await?, &before)?;
    Ok(Verdict::Passed)
}

async fn a_change_that_is_confirmed_stays(harness: Harness) -> Result<Verdict, Failure> {
    let confirmed = offered!(abilities(&harness).await?.confirmed);
    let (port, switch) = (harness.access_port(vlan(999)).await?, harness.switch());
    confirmed.begin(&port, &access(20), &us(), WITHIN).await?.confirm().await?;
    harness.pass(WITHIN + Duration::from_secs(2)).await;
    as_wanted(&switch.port(&port).await?, &access(20))?;
    same("the owner", &switch.port(&port).await?.owner, &Some(us()))?;
    Ok(Verdict::Passed)
}

async fn a_confirmed_change_of_no_port_is_not_found(harness: Harness) -> Result<Verdict, Failure> {
    let confirmed = offered!(abilities(&harness).await?.confirmed);
    let change = confirmed.begin("no-such-port", &access(20), &us(), WITHIN).await;
    fails("a change", change.map(|_| ()), ErrorKind::NotFound)?;
    Ok(Verdict::Passed)
}

async fn abilities_of_a_dead_switch_are_unreachable(harness: Harness) -> Result<Verdict, Failure> {
    let Some(switch) = harness.of_dead_server() else { return ignored("the switch cannot be dead") };
    all_fail(&switch, ErrorKind::Unreachable).await
}

async fn abilities_with_wrong_credentials_are_denied(harness: Harness) -> Result<Verdict, Failure> {
    let Some(switch) = harness.with_wrong_credentials() else { return ignored("the switch asks for no credentials") };
    all_fail(&switch, ErrorKind::Denied).await
}

/// Some switches tell their abilities only when they are reached; others are known to have them, which must then fail.
async fn all_fail(switch: &Arc<dyn Switch>, kind: ErrorKind) -> Result<Verdict, Failure> {
    let abilities = match switch.abilities().await {
        Err(error) => {
            fails("the look at the abilities", Err::<(), _>(error), kind)?;
            return Ok(Verdict::Passed);
        }
        Ok(abilities) => abilities,
    };
    let mut tried = 0;
    let mut failed = |result: Result<(), ProviderError>| {
        tried += 1;
        fails("the use of an ability", result, kind)
    };
    if let Ok(table) = abilities.mac_table {
        failed(table.learned().await.map(|_| ()))?;
    }
    if let Ok(lldp) = abilities.lldp {
        failed(lldp.neighbours().await.map(|_| ()))?;
    }
    if let Ok(startup) = abilities.startup {
        failed(startup.is_saved().await.map(|_| ()))?;
        failed(startup.save().await)?;
    }
    if let Ok(confirmed) = abilities.confirmed {
        failed(confirmed.begin("p1", &access(20), &us(), WITHIN).await.map(|_| ()))?;
    }
    if tried == 0 { ignored("the switch has no abilities beside its ports") } else { Ok(Verdict::Passed) }
}
