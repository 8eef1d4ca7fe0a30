//! Mangled site files never bring the reader down: every fault has its place.

use dip_core::site::Format;
use proptest::prelude::*;

use crate::rules::{WHOLE, parse_all};

/// What may happen to a file.
#[derive(Debug, Clone)]
enum Harm {
    /// A byte becomes another one.
    Flip(usize, u8),
    /// The rest is lost.
    Cut(usize),
    /// Two lines change places.
    Swap(usize, usize),
    /// A line is lost.
    Lose(usize),
    /// A line stands twice.
    Repeat(usize),
    /// A word of the file stands where another one stood.
    Word(usize, usize),
    /// Something lies very deep.
    Nest(usize, usize),
}

fn harm() -> impl Strategy<Value = Harm> {
    let at = || any::<usize>();
    prop_oneof![
        (at(), any::<u8>()).prop_map(|(at, byte)| Harm::Flip(at, byte)),
        at().prop_map(Harm::Cut),
        (at(), at()).prop_map(|(a, b)| Harm::Swap(a, b)),
        at().prop_map(Harm::Lose),
        at().prop_map(Harm::Repeat),
        (at(), at()).prop_map(|(a, b)| Harm::Word(a, b)),
        (at(), 0usize..3000).prop_map(|(at, depth)| Harm::Nest(at, depth)),
    ]
}

fn apply(text: &str, harm: &Harm) -> String {
    let mut lines: Vec<&str> = text.lines().collect();
    let count = lines.len().max(1);
    let cut = |at: usize| text.char_indices().map(|(at, _)| at).nth(at % text.len().max(1)).unwrap_or(0);
    match harm {
        Harm::Flip(at, byte) => {
            let mut bytes = text.as_bytes().to_vec();
            if !bytes.is_empty() {
                let at = at % bytes.len();
                bytes[at] = *byte;
            }
            return String::from_utf8_lossy(&bytes).into_owned();
        }
        Harm::Cut(at) => return text[..cut(*at)].to_owned(),
        Harm::Nest(at, depth) => {
            let at = cut(*at);
            return format!("{}{}{}", &text[..at], "[".repeat(*depth), &text[at..]);
        }
        Harm::Word(a, b) => {
            let words: Vec<&str> = text.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()).collect();
            if words.is_empty() {
                return text.to_owned();
            }
            return text.replacen(words[a % words.len()], words[b % words.len()], 1);
        }
        Harm::Swap(a, b) if !lines.is_empty() => lines.swap(a % count, b % count),
        Harm::Lose(at) if !lines.is_empty() => drop(lines.remove(at % count)),
        Harm::Repeat(at) if !lines.is_empty() => lines.insert(at % count, lines[at % count]),
        _ => {}
    }
    lines.join("\n")
}

fn survives(name: &str, format: Format, text: &str) -> Result<(), TestCaseError> {
    let lines = u32::try_from(text.lines().count()).expect("a short file") + 1;
    if let Err(faults) = parse_all(&[(name, format, text)]) {
        prop_assert!(!faults.0.is_empty());
        for fault in &faults.0 {
            let origin = fault.origin.as_ref();
            prop_assert!(
                origin.is_some_and(|origin| (1..=lines).contains(&origin.line) && origin.column > 0),
                "{fault}"
            );
        }
        prop_assert!(faults.to_string().starts_with("error: "));
    }
    Ok(())
}

const TOML: &str = "version = 1\nsite = 's'\n[racks.r1]\nrow = '7'\n[pdus.p]\nrack = 'r1'\noutlets = 0x8\n[nodes.'n{1..3}']\nrack = 'r1'\noutlets = ['p/{n}']\nos = {firewall = true, packages = ['a', 'b']}\n";
const JSON: &str = "{\"version\": 1, \"site\": \"s\",\n\"racks\": {\"r1\": {\"row\": \"7\"}},\n\"nodes\": {\"n{1..3}\": {\"rack\": \"r1\", \"serial\": \"{n}\",\n\"os\": {\"firewall\": true, \"packages\": [\"a\", \"b\"]}}}}";

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(400) })]

    #[test]
    fn mangled_yaml_is_told_and_survived(harms in prop::collection::vec(harm(), 1..6)) {
        let text = harms.iter().fold(WHOLE.to_owned(), |text, harm| apply(&text, harm));
        survives("site.yaml", Format::Yaml, &text)?;
    }

    #[test]
    fn mangled_toml_is_told_and_survived(harms in prop::collection::vec(harm(), 1..6)) {
        let text = harms.iter().fold(TOML.to_owned(), |text, harm| apply(&text, harm));
        survives("site.toml", Format::Toml, &text)?;
    }

    #[test]
    fn mangled_json_is_told_and_survived(harms in prop::collection::vec(harm(), 1..6)) {
        let text = harms.iter().fold(JSON.to_owned(), |text, harm| apply(&text, harm));
        survives("site.json", Format::Json, &text)?;
    }

    #[test]
    fn any_text_is_survived(text in "\\PC{0,200}") {
        survives("site.yaml", Format::Yaml, &text)?;
    }
}

#[test]
fn what_lies_too_deep_is_refused_and_not_followed() {
    for depth in [40, 60, 200, 100_000] {
        let flow = format!("version: 1\nsite: s\nracks: {}{}\n", "{a: ".repeat(depth), "}".repeat(depth));
        parse_all(&[("site.yaml", Format::Yaml, &flow)]).expect_err("no rack lies so deep");
    }
    let block: String = (0..3000).map(|depth| format!("{}a:\n", " ".repeat(depth))).collect();
    parse_all(&[("site.yaml", Format::Yaml, &block)]).expect_err("no key lies so deep");
}

#[test]
fn an_alias_bomb_is_refused() {
    let mut text = "version: 1\nsite: s\na: &a [x]\n".to_owned();
    for (of, name) in "abcdefghij".chars().zip("bcdefghijk".chars()) {
        text.push_str(&format!("{name}: &{name} [*{of}, *{of}, *{of}, *{of}, *{of}, *{of}, *{of}, *{of}, *{of}]\n"));
    }
    let faults = parse_all(&[("site.yaml", Format::Yaml, &text)]).expect_err("anchors are not read").to_string();
    assert!(faults.contains("anchors and aliases are not read"), "{faults}");
}
