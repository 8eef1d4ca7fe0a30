//! Bases: a site over another one, pinned by its digest; and values from outside.

use std::path::{Path, PathBuf};

use dip_core::site::{Definition, Faults, Format, Loaded, Lock, Pinned, Site};

use crate::rules::{parse, settings};

/// Files in a directory of their own.
struct Place(PathBuf);

impl Place {
    fn new(name: &str) -> Self {
        let directory = std::env::temp_dir().join(format!("dip-bases-{name}-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&directory);
        std::fs::create_dir_all(&directory).expect("a directory for the test");
        Self(std::fs::canonicalize(directory).expect("it is there"))
    }

    fn write(&self, file: &str, text: &str) -> PathBuf {
        let path = self.0.join(file);
        std::fs::create_dir_all(path.parent().expect("a directory")).expect("a directory for the test");
        std::fs::write(&path, text).expect("a file for the test");
        path
    }

    /// Writes a file over a base that is there, pinned as it is.
    fn pin(&self, file: &str, base: &str, text: &str) -> PathBuf {
        let path = self.write(file, &format!("base: {{file: \"{base}\", sha256: \"\"}}\n{text}"));
        let pinned = Pinned::under(&path).unwrap_or_else(|faults| panic!("{faults}")).remove(0);
        self.write(file, &format!("{}\n{text}", pinned.pin.line(Format::Yaml)))
    }

    fn load(&self, file: &str) -> Result<Loaded, Faults> {
        Site::load(&[self.0.join(file)], &settings())
    }

    /// What faults say, with the directory left out.
    fn told(&self, faults: &Faults) -> String {
        faults.to_string().replace(&format!("{}/", self.0.display()), "")
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

const BASE: &str = "version: 1\nrelease: \"3.2\"\ndomain: ${ring}.example\nvalues: {ring: }\nracks: {r1: {row: A}}\n";

fn load(file: &Path, values: &[PathBuf], given: &[&str]) -> Result<Loaded, Faults> {
    let given = given.iter().map(|given| given.parse().expect("a value")).collect();
    Definition { files: vec![file.to_owned()], values: values.to_vec(), given, stock: None }.load(&settings())
}

#[test]
fn a_site_lies_over_its_base_and_a_base_over_another_one() {
    let place = Place::new("chain");
    place.write("base/site.yaml", BASE);
    place.pin("region/site.yaml", "../base/site.yaml", "release: eu-7\nracks: {r2: {row: A}}\nvalues: {ring: eu}\n");
    place.pin("prod/site.yaml", "../region/site.yaml", "site: prod\nracks: {r1: {row: B}}\n");
    let loaded = place.load("prod/site.yaml").unwrap_or_else(|faults| panic!("{faults}"));
    assert_eq!(loaded.site.name.as_str(), "prod");
    assert_eq!(loaded.site.domain.as_deref(), Some("eu.example"));
    let rows: Vec<_> = loaded.site.racks.values().filter_map(|rack| rack.row.as_deref()).collect();
    assert_eq!(rows, ["B", "A"]);
    assert_eq!(loaded.lock_path, place.0.join("prod/dip.lock"), "what was chosen is the site's, not the base's");
    let bases: Vec<_> = loaded.lock.bases.iter().map(|(path, base)| (path.as_str(), base.release.as_deref())).collect();
    assert_eq!(bases, [("../base/site.yaml", Some("3.2")), ("../region/site.yaml", Some("eu-7"))]);
}

#[test]
fn a_base_that_changed_is_refused_with_both_digests_until_it_is_pinned_again() {
    let place = Place::new("changed");
    place.write("base.yaml", BASE);
    let site = place.pin("site.yaml", "base.yaml", "site: s\nvalues: {ring: a}\n");
    let loaded = place.load("site.yaml").unwrap_or_else(|faults| panic!("{faults}"));
    loaded.lock.write(&loaded.lock_path).expect("the lock is written");
    assert!(!place.load("site.yaml").expect("as before").lock_changed);

    place.write("base.yaml", &BASE.replace("3.2", "3.3").replace("row: A", "row: C"));
    let before = &loaded.lock.bases["base.yaml"].sha256;
    let now = Pinned::under(&site).expect("it can be read").remove(0);
    assert!(!now.holds);
    let faults = place.load("site.yaml").expect_err("the base is another one");
    let wanted = format!(
        "error: the base `base.yaml` is release 3.3, and this file wants 3.2
 --> site.yaml:1:36
  |
1 | base: {{file: \"base.yaml\", version: \"3.2\", sha256: \"{before}\"}}
  |                                    ^^^^^
  = help: lay it over the base of that release, or take the new one: `dip pin` prints the line

error: the base `base.yaml` has changed since it was pinned: pinned is {before}, and it is {now}
 --> site.yaml:1:51
  |
1 | base: {{file: \"base.yaml\", version: \"3.2\", sha256: \"{before}\"}}
  |                                                   {marks}
  = help: look at what changed in it; where that is right, put the line here that `dip pin` prints",
        now = now.pin.sha256,
        marks = "^".repeat(66),
    );
    assert_eq!(place.told(&faults), wanted);

    place.pin("site.yaml", "base.yaml", "site: s\nvalues: {ring: a}\n");
    let moved = place.load("site.yaml").unwrap_or_else(|faults| panic!("{faults}"));
    assert!(moved.lock_changed, "who applies it locks the new base");
    let wanted = format!(
        "the base has moved since it was locked, from `base.yaml`, release 3.2 ({}) to `base.yaml`, release 3.3 ({})",
        &before[..12],
        &now.pin.sha256[..12]
    );
    assert_eq!(moved.warnings.iter().map(|warning| &warning.message).collect::<Vec<_>>(), [&wanted]);
    moved.lock.write(&moved.lock_path).expect("the lock is written");
    assert_eq!(place.load("site.yaml").expect("it is locked").warnings, []);

    place.write("3.4.yaml", &BASE.replace("3.2", "3.4"));
    place.pin("site.yaml", "3.4.yaml", "site: s\nvalues: {ring: a}\n");
    let other = place.load("site.yaml").unwrap_or_else(|faults| panic!("{faults}"));
    let told = &other.warnings[0].message;
    assert!(told.starts_with("the base has moved since it was locked, from `base.yaml`, release 3.3 ("), "{told}");
    assert!(told.contains(") to `3.4.yaml`, release 3.4 ("), "{told}");
    assert_eq!(other.lock.bases.keys().collect::<Vec<_>>(), ["3.4.yaml"], "what is no base any more is not kept");
}

#[test]
fn what_is_wrong_with_a_base_is_told() {
    let place = Place::new("wrong");
    let digest = "0".repeat(64);
    let told = |text: &str| {
        place.write("site.yaml", text);
        place.told(&place.load("site.yaml").expect_err(text))
    };
    let missing =
        told(&format!("version: 1\nsite: s\nbase: {{file: no.yaml, sha256: \"{digest}\"}}\nracks: {{r1: 7}}\n"));
    assert!(missing.starts_with("error: the base `no.yaml` cannot be read: No such file"), "{missing}");
    assert!(missing.contains("site.yaml:3:14"), "{missing}");
    assert_eq!(
        missing.matches("error").count() - missing.matches("os error").count(),
        1,
        "nothing else is known: {missing}"
    );

    place.write("a.yaml", &format!("base: {{file: site.yaml, sha256: \"{digest}\"}}\n"));
    let circle = told(&format!("base: {{file: a.yaml, sha256: \"{digest}\"}}\nversion: 1\nsite: s\n"));
    assert!(circle.contains("lie on one another in a circle: `site.yaml` comes again\n --> a.yaml:1:14"), "{circle}");

    place.write("base.yaml", BASE);
    let unpinned = told("site: s\nbase: {file: base.yaml}\nvalues: {ring: a}\n");
    assert!(
        unpinned.contains("`base` needs the key `sha256`") && unpinned.contains("`dip pin` prints it"),
        "{unpinned}"
    );
    let odd = told("site: s\nbase: {file: base.yaml, sha: a, sha256: abc}\nvalues: {ring: a}\n");
    assert!(odd.contains("unknown key `sha` in `base`") && odd.contains("`abc` is not a SHA-256"), "{odd}");
    let nameless = told("base: {file: base.yaml}\nvalues: {ring: a}\n");
    assert!(nameless.contains("needs the key `site`\n --> site.yaml:1:1"), "it is the site's to say: {nameless}");
}

#[test]
fn only_the_site_file_has_a_base_and_only_where_it_is_a_file() {
    let place = Place::new("overlay");
    let site = place.write("site.yaml", "version: 1\nsite: s\n");
    let over = place.write("over.yaml", "base: {file: site.yaml}\n");
    let faults = Site::load(&[site, over], &settings()).expect_err("an overlay with a base");
    assert!(faults.to_string().contains("an overlay has no base"), "{faults}");
    let faults = parse("version: 1\nsite: s\nbase: {file: a.yaml}\n").expect_err("from memory");
    assert!(faults.to_string().contains("this site is read from memory"), "{faults}");
}

#[test]
fn values_win_from_the_base_to_the_command_line() {
    let place = Place::new("values");
    place.write("base.yaml", "version: 1\nrelease: 1\nvalues: {ring: base}\ndomain: ${ring}.example\n");
    let site = place.pin("site.yaml", "base.yaml", "site: s\n");
    let file = place.write("values.toml", "ring = 'file'\n");
    let domain = |values: &[PathBuf], given: &[&str]| {
        let loaded = load(&site, values, given).unwrap_or_else(|faults| panic!("{faults}"));
        loaded.site.domain.expect("a domain")
    };
    assert_eq!(domain(&[], &[]), "base.example");
    place.pin("site.yaml", "base.yaml", "site: s\nvalues: {ring: site}\n");
    assert_eq!(domain(&[], &[]), "site.example");
    assert_eq!(domain(std::slice::from_ref(&file), &[]), "file.example");
    assert_eq!(domain(&[file], &["ring=given", "ring=last"]), "last.example");
}

#[test]
fn faults_in_values_point_at_the_use_and_name_where_they_come_from() {
    let place = Place::new("faults");
    let site = place.write(
        "site.yaml",
        "version: 1\nsite: s\ndomain: ${domain}\nvalues: {open: , lab: {a: 1, b: \"${lab.a}\"}, go: \"${round}\", round: \"${go}\"}\nracks:\n  r1: {row: \"${open}\"}\n  r2: {row: \"${lab}\"}\n  r3: {row: \"${rwo}\"}\n  r4: {row: \"${go}\"}\n  r5: {row: \"${row\"}\n  r6: {row: \"a${list}\"}\nnetworks: {n: {vlan: \"${vlan}\"}}\n",
    );
    let values = place.write("values.yaml", "domain: lab.\nlist: [a]\n");
    let faults = load(&site, &[values], &["vlan=5000", "row=A"]).expect_err("all of it");
    let told = place.told(&faults);
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/site/values.txt");
    if std::env::var_os("DIP_BLESS").is_some() {
        std::fs::write(&path, &told).expect("written");
    }
    assert_eq!(told, std::fs::read_to_string(&path).expect("the golden file"));
}

#[test]
fn a_lock_of_the_first_form_goes_on() {
    let place = Place::new("lock");
    place.write(
        "site.yaml",
        "version: 1\nsite: s\nnetworks: {a: {prefixes: [{prefix: 10.0.0.0/24, ranges: [10.0.0.1-10.0.0.9]}]}}\nnodes: {n1: {nics: {e: {mac: \"52:54:00:00:00:01\", network: a}}}}\n",
    );
    place.write("dip.lock", "{\"version\": 1, \"addresses\": {\"n1/e/a\": [\"10.0.0.7\"]}}");
    let loaded = place.load("site.yaml").unwrap_or_else(|faults| panic!("{faults}"));
    assert!(!loaded.lock_changed, "nothing is chosen anew");
    loaded.lock.write(&loaded.lock_path).expect("the lock is written");
    assert!(std::fs::read_to_string(&loaded.lock_path).expect("a lock").contains("\"version\": 2"));
    assert_eq!(Lock::read(&loaded.lock_path).expect("a lock"), loaded.lock);
}
