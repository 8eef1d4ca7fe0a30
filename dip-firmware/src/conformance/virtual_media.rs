//! Trials of virtual drives.

use std::sync::Arc;

use dip_core::conformance::{Failure, Trial, Verdict};
use dip_core::provider::{ErrorKind, Retry};

use super::harness::{BmcHarness, expect, expect_error, trial};
use crate::provider::{MediaKind, VirtualMedia};

/// The trials of virtual drives, with two images that the BMC can fetch.
#[must_use]
pub fn virtual_media(harness: &Arc<dyn BmcHarness>, images: [&str; 2]) -> Vec<Trial> {
    let images = images.map(str::to_owned);
    let again = images.clone();
    vec![
        trial(harness, "an_image_is_in_its_drive_until_it_is_ejected_and_twice_is_once", move |harness| async move {
            let Some((media, slot)) = drive(&*harness).await? else { return Ok(not_offered()) };
            for _ in 0..2 {
                media.insert(&slot, &images[0]).await?;
                expect_image(&*media, &slot, Some(&images[0])).await?;
            }
            for _ in 0..2 {
                media.eject(&slot).await?;
                expect_image(&*media, &slot, None).await?;
            }
            Ok(Verdict::Passed)
        }),
        trial(harness, "another_image_takes_the_place_of_the_one_that_is_in", move |harness| async move {
            let Some((media, slot)) = drive(&*harness).await? else { return Ok(not_offered()) };
            for image in &again {
                media.insert(&slot, image).await?;
                expect_image(&*media, &slot, Some(image)).await?;
            }
            media.eject(&slot).await?;
            expect_image(&*media, &slot, None).await?;
            Ok(Verdict::Passed)
        }),
        trial(harness, "a_drive_that_is_not_there_is_not_found", move |harness| async move {
            let Some((media, _)) = drive(&*harness).await? else { return Ok(not_offered()) };
            expect_error(media.eject("no-such-drive").await, ErrorKind::NotFound, Retry::Never)?;
            Ok(Verdict::Passed)
        }),
    ]
}

/// The first drive for CDs, emptied.
async fn drive(harness: &dyn BmcHarness) -> Result<Option<(Arc<dyn VirtualMedia>, String)>, Failure> {
    let Some(media) = harness.bmc().virtual_media() else { return Ok(None) };
    let slots = match media.slots().await {
        Err(error) if error.kind() == ErrorKind::Unsupported => return Ok(None),
        slots => slots?,
    };
    let Some(slot) = slots.into_iter().find(|slot| slot.kinds.contains(&MediaKind::Cd)) else { return Ok(None) };
    media.eject(&slot.id).await?;
    Ok(Some((media, slot.id)))
}

async fn expect_image(media: &dyn VirtualMedia, id: &str, wanted: Option<&str>) -> Result<(), Failure> {
    let slots = media.slots().await?;
    let seen = slots.iter().find(|slot| slot.id == id);
    let is_so = seen.is_some_and(|slot| slot.image.as_deref() == wanted);
    expect(is_so, &format!("the drive {id} holds {wanted:?}"), seen)
}

fn not_offered() -> Verdict {
    Verdict::Ignored("this BMC has no virtual drives for CDs".to_owned())
}
