//! Trials of volumes.

use std::sync::Arc;

use dip_core::conformance::{Failure, Trial, Verdict};
use dip_core::provider::{ErrorKind, Retry};

use super::firmware::settle;
use super::harness::{BmcHarness, expect, expect_error, trial};
use crate::provider::{Accepted, Raid, RaidLevel, Volume, WantedVolume};

/// A storage controller of the machine under trial.
#[derive(Debug, Clone)]
pub struct RaidSample {
    /// Its id.
    pub controller: &'static str,
    /// Two disks that no volume has, and that may be erased.
    pub disks: [&'static str; 2],
}

/// The trials of volumes.
#[must_use]
pub fn raid(harness: &Arc<dyn BmcHarness>, sample: RaidSample) -> Vec<Trial> {
    let (again, wrong) = (sample.clone(), sample.clone());
    vec![
        trial(harness, "a_volume_is_made_once_and_taken_away_once", move |harness| async move {
            let Some(raid) = facet(&*harness, &sample).await? else { return Ok(not_offered()) };
            let wanted = mirror("dip-trial", &sample);
            for made in 0..2 {
                let accepted = match raid.create(sample.controller, &wanted).await {
                    Err(error) if error.kind() == ErrorKind::Unsupported => return Ok(not_offered()),
                    accepted => accepted?,
                };
                expect(made == 0 || accepted == Accepted::Done, "what is there is done", &accepted)?;
                settle(&*harness, &accepted).await?;
                let volumes = volumes(&*raid, &sample).await?;
                let alike: Vec<_> = volumes.iter().filter(|it| it.name.as_deref() == Some("dip-trial")).collect();
                let is_so = alike.len() == 1 && alike[0].level == Some(RaidLevel::Raid1) && alike[0].disks.len() == 2;
                expect(is_so, "there is one mirror of two disks", &volumes)?;
            }
            match clear(&*harness, &*raid, &sample).await {
                Err(failure) if failure.to_string().contains("not supported") => {
                    Ok(Verdict::Ignored("this BMC does not take volumes away".to_owned()))
                }
                cleared => cleared.map(|()| Verdict::Passed),
            }
        }),
        trial(harness, "a_disk_of_another_volume_is_a_conflict_and_nothing_is_erased", move |harness| async move {
            let Some(raid) = facet(&*harness, &again).await? else { return Ok(not_offered()) };
            let accepted = match raid.create(again.controller, &mirror("dip-first", &again)).await {
                Err(error) if error.kind() == ErrorKind::Unsupported => return Ok(not_offered()),
                accepted => accepted?,
            };
            settle(&*harness, &accepted).await?;
            let before = volumes(&*raid, &again).await?;
            let answer = raid.create(again.controller, &mirror("dip-second", &again)).await;
            expect_error(answer, ErrorKind::Conflict, Retry::Never)?;
            let after = volumes(&*raid, &again).await?;
            expect(before == after, "the volumes are as before", &after)?;
            clear(&*harness, &*raid, &again).await?;
            Ok(Verdict::Passed)
        }),
        trial(harness, "what_cannot_be_made_is_refused", move |harness| async move {
            let Some(raid) = facet(&*harness, &wrong).await? else { return Ok(not_offered()) };
            let before = volumes(&*raid, &wrong).await?;
            let too_few = WantedVolume { level: RaidLevel::Raid5, ..mirror("dip-trial", &wrong) };
            expect_error(raid.create(wrong.controller, &too_few).await, ErrorKind::Invalid, Retry::Never)?;
            let twice = WantedVolume { disks: vec![wrong.disks[0].to_owned(); 2], ..mirror("dip-trial", &wrong) };
            expect_error(raid.create(wrong.controller, &twice).await, ErrorKind::Invalid, Retry::Never)?;
            let absent = ["no-such-disk", wrong.disks[1]].map(str::to_owned).to_vec();
            let absent = WantedVolume { disks: absent, ..mirror("dip-trial", &wrong) };
            expect_error(raid.create(wrong.controller, &absent).await, ErrorKind::NotFound, Retry::Never)?;
            let nowhere = raid.create("no-such-controller", &mirror("dip-trial", &wrong)).await;
            expect_error(nowhere, ErrorKind::NotFound, Retry::Never)?;
            expect(raid.delete(wrong.controller, "no-such-volume").await? == Accepted::Done, "it is not there", ())?;
            let after = volumes(&*raid, &wrong).await?;
            expect(before == after, "the volumes are as before", &after)?;
            Ok(Verdict::Passed)
        }),
    ]
}

fn mirror(name: &str, sample: &RaidSample) -> WantedVolume {
    WantedVolume { name: name.to_owned(), level: RaidLevel::Raid1, disks: sample.disks.map(str::to_owned).to_vec() }
}

/// The controllers of a machine whose disks of the sample are free.
async fn facet(harness: &dyn BmcHarness, sample: &RaidSample) -> Result<Option<Arc<dyn Raid>>, Failure> {
    let Some(raid) = harness.bmc().raid() else { return Ok(None) };
    match raid.controllers().await {
        Err(error) if error.kind() == ErrorKind::Unsupported => return Ok(None),
        controllers => controllers?,
    };
    clear(harness, &*raid, sample).await?;
    Ok(Some(raid))
}

/// Takes the volumes away that trials have made.
async fn clear(harness: &dyn BmcHarness, raid: &dyn Raid, sample: &RaidSample) -> Result<(), Failure> {
    for volume in volumes(raid, sample).await? {
        if volume.name.as_deref().is_some_and(|name| name.starts_with("dip-")) {
            settle(harness, &raid.delete(sample.controller, &volume.id).await?).await?;
        }
    }
    let left = volumes(raid, sample).await?;
    expect(left.iter().all(|it| !it.name.as_deref().is_some_and(|name| name.starts_with("dip-"))), "none is left", left)
}

async fn volumes(raid: &dyn Raid, sample: &RaidSample) -> Result<Vec<Volume>, Failure> {
    let controllers = raid.controllers().await?;
    let found = controllers.into_iter().find(|controller| controller.id == sample.controller);
    Ok(found.ok_or_else(|| format!("there is a storage controller {}", sample.controller))?.volumes)
}

fn not_offered() -> Verdict {
    Verdict::Ignored("this BMC does not make volumes".to_owned())
}
