//! Collections that are read in one request, and what that saves.

use std::sync::Arc;

use dip_core::conformance::{Failure, Verdict};
use dip_core::secret::Secret;
use dip_firmware::provider::{Bmc, Hardware};
use dip_firmware::providers::Redfish;
use dip_firmware::providers::service::Answer;
use dip_firmware::quirks::{Entry, Quirk};
use dip_firmware::settings::{RedfishSettings, Scheme};
use serde_json::{Value, json};

use super::list::Told;
use crate::http::Server;
use crate::machine::expect;
use crate::model::ModelBmc;

/// What is read of the parts, and in how many requests.
async fn counted(model: &ModelBmc, bmc: Arc<dyn Bmc>) -> Result<(Hardware, usize), Failure> {
    // Once before: what is known of the service from then on is not asked again.
    let inventory = bmc.inventory().ok_or("Redfish has parts")?;
    inventory.hardware().await?;
    let before = model.server.asked().len();
    let seen = inventory.hardware().await?;
    Ok((seen, model.server.asked().len() - before))
}

fn never() -> Entry {
    let source = "this trial".to_owned();
    Entry { quirk: Quirk::ExpandNever, holds: true, vendor: None, model: None, firmware: None, source }
}

pub(super) fn reads_in_fewer_requests(model: Arc<ModelBmc>) -> Told {
    Box::pin(async move {
        let (seen, few) = counted(&model, model.knowing(Vec::new())).await?;
        let (same, many) = counted(&model, model.knowing(vec![never()])).await?;
        expect(seen == same, "the same is told", (&seen, &same))?;
        // Three processors, three modules, three ports, two storage controllers and a power supply are not read one by one.
        expect(few + 12 == many, "twelve requests are saved", (few, many))?;
        Ok(Verdict::Passed)
    })
}

pub(super) fn site_says_that_it_lies(model: Arc<ModelBmc>) -> Told {
    Box::pin(async move {
        let before = model.server.asked().len();
        counted(&model, model.knowing(vec![never()])).await?;
        let asked = model.server.asked();
        let expanded = asked[before..].iter().filter(|request| request.path.contains("$expand")).count();
        expect(expanded == 0, "nothing is asked so", expanded)?;
        Ok(Verdict::Passed)
    })
}

/// A service that says that it expands, and what it does instead.
pub(super) fn liars_are_read_one_by_one(_: Arc<ModelBmc>) -> Told {
    Box::pin(async move {
        let list = json!({ "Members": [{ "@odata.id": "/m/1" }, { "@odata.id": "/m/2" }] });
        let page = "<html>".to_owned();
        for lie in
            [Answer::json(&list), Answer::status(400), Answer::status(404), Answer::status(501), Answer::text(page)]
        {
            let (list, lied) = (list.clone(), lie.clone());
            let server = Server::start(move |request| Some(tell(&request.path, &list, &lied))).await?;
            let settings =
                RedfishSettings { port: Some(server.addr.port()), scheme: Scheme::Http, ..RedfishSettings::default() };
            let bmc = Redfish::new("127.0.0.1", "admin", &Secret::new("secret".to_owned()), &settings)?;
            let inventory = bmc.inventory().ok_or("Redfish has parts")?;
            for _ in 0..2 {
                let memory = inventory.hardware().await?.memory;
                let sizes: Vec<_> = memory.iter().flatten().map(|module| module.mebibytes).collect();
                expect(sizes == [Some(1024), Some(2048)], "all of it is told", (&lie, sizes))?;
            }
            let asked = server.asked().iter().filter(|request| request.path.contains("$expand")).count();
            expect(asked == 1, "it is asked so once", (&lie, asked))?;
        }
        Ok(Verdict::Passed)
    })
}

fn tell(path: &str, list: &Value, lie: &Answer) -> Answer {
    let link = |path: &str| json!({ "@odata.id": path });
    match path {
        "/redfish/v1/" => Answer::json(&json!({
            "Systems": link("/systems"), "ProtocolFeaturesSupported": { "ExpandQuery": { "NoLinks": true } },
        })),
        "/systems" => Answer::json(&json!({ "Members": [link("/s")] })),
        "/s" => Answer::json(&json!({ "Memory": link("/m") })),
        "/m" => Answer::json(list),
        "/m?$expand=." => lie.clone(),
        "/m/1" => Answer::json(&json!({ "CapacityMiB": 1024 })),
        "/m/2" => Answer::json(&json!({ "CapacityMiB": 2048 })),
        _ => Answer::status(404),
    }
}
