//! The pages of the manual: each site file that they show is sound, with the manifest that stands beside it.

use std::path::Path;

use dip_core::site::Site;

use crate::scene::layers;

/// The blocks of a page in one language.
fn blocks(page: &str, language: &str) -> Vec<String> {
    let mut blocks = Vec::new();
    let mut rest = page;
    while let Some((_, after)) = rest.split_once(&format!("```{language}\n")) {
        let (block, after) = after.split_once("```").expect("a block ends");
        blocks.push(block.to_owned());
        rest = after;
    }
    blocks
}

#[test]
fn the_site_files_of_the_pages_are_sound() {
    let pages = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs");
    let place = std::env::temp_dir().join(format!("dip-pages-{}", std::process::id()));
    std::fs::create_dir_all(place.join("sent")).expect("a directory");
    for name in ["identity.md", "bmc-hygiene.md"] {
        let page = std::fs::read_to_string(pages.join(name)).expect("the page");
        for table in blocks(&page, "csv") {
            std::fs::write(place.join("sent/rack1.csv"), table).expect("written");
        }
        let sites = blocks(&page, "yaml");
        assert!(!sites.is_empty(), "{name} shows no site file");
        for site in sites {
            std::fs::write(place.join("site.yaml"), site).expect("written");
            let loaded = Site::load(&[place.join("site.yaml")], &layers().settings());
            let loaded = loaded.unwrap_or_else(|faults| panic!("the site file of {name} has faults:\n{faults}"));
            let awaited: Vec<_> = loaded.warnings.iter().map(|warning| warning.message.clone()).collect();
            assert!(awaited.iter().all(|told| told.contains("is not delivered yet")), "{name}: {awaited:?}");
        }
    }
    std::fs::remove_dir_all(&place).expect("removed");
}
