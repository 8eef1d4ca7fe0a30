//! Which edits of a message that was prevented can be made all the same, by what the zone holds now: one look, however many of
//! them somebody else came before.

use std::collections::HashSet;

use futures_util::future::join_all;

use super::edit::{Edit, Expect};
use super::names::Zones;
use super::record::{Data, Kind};
use super::server::{Look, Outcome, Seen, Usage, ZoneServer};
use crate::providers::fault::Fault;

/// The edits of a message, by their indices.
#[derive(Debug, Default)]
pub(super) struct Apart {
    /// What these expect is the case.
    pub(super) free: Vec<usize>,
    /// What these expect is not: they would be prevented alone too.
    pub(super) taken: Vec<usize>,
}

/// Whether something expected is the case.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Holds {
    Yes,
    No,
    /// Only the server itself can tell: a wildcard may have answered.
    Perhaps,
}

impl<S: ZoneServer> Zones<S> {
    /// Looks at all that the edits of a message expect.
    pub(super) async fn apart(&self, zone: &str, edits: &[&Edit], message: &[usize]) -> Result<Apart, Fault> {
        let looks = message.iter().flat_map(|index| &edits[*index].expects).map(look).collect();
        let seen = self.look(zone, looks).await?;
        let expects = message.iter().flat_map(|index| &edits[*index].expects);
        let held: Vec<(&Expect, Holds)> =
            expects.zip(&seen).map(|(expect, seen)| (expect, holds(expect, seen))).collect();
        let doubts = held.iter().filter(|(_, holds)| *holds == Holds::Perhaps).map(|(expect, _)| *expect);
        let refuted = self.refuted(zone, doubts.collect()).await?;
        let no = held.into_iter().filter(|(expect, holds)| *holds == Holds::No || refuted.contains(expect));
        let no: HashSet<&Expect> = no.map(|(expect, _)| expect).collect();
        let (taken, free) = message.iter().partition(|index| edits[**index].expects.iter().any(|one| no.contains(one)));
        Ok(Apart { free, taken })
    }

    /// Those that are not the case, as the server says of each: many edits may share one.
    async fn refuted<'a>(&self, zone: &str, doubts: HashSet<&'a Expect>) -> Result<HashSet<&'a Expect>, Fault> {
        let asked = doubts.into_iter().map(async |expect| {
            let probe = Edit { expects: vec![expect.clone()], changes: Vec::new() };
            let outcome = self.server.write(zone, &[&probe]).await?;
            Ok((outcome == Outcome::Prevented).then_some(expect))
        });
        join_all(asked).await.into_iter().filter_map(Result::transpose).collect()
    }
}

fn look(expect: &Expect) -> Look {
    let kinds = match expect {
        Expect::Unused(_) => &[],
        Expect::Absent(_, kind) => kind.alone(),
        Expect::Exactly(_, all) => all.first().map_or(&[][..], |data| data.kind().alone()),
    };
    Look { name: expect.name().to_owned(), kinds }
}

fn holds(expect: &Expect, seen: &Seen) -> Holds {
    let of = |kind: Kind| {
        let alias = seen.alias.clone().map(Data::Cname);
        let mut data: Vec<Data> = seen.data.iter().cloned().chain(alias).filter(|data| data.kind() == kind).collect();
        data.sort_unstable();
        data.dedup();
        data
    };
    let is = match expect {
        Expect::Unused(_) => seen.usage == Usage::Unused,
        Expect::Absent(_, kind) => of(*kind).is_empty(),
        Expect::Exactly(_, all) => {
            let mut wanted = all.clone();
            wanted.sort_unstable();
            wanted.first().is_none_or(|one| of(one.kind()) == wanted)
        }
    };
    match (is, seen.usage) {
        (true, _) => Holds::Yes,
        (false, Usage::Known) => Holds::Perhaps,
        (false, Usage::Unused | Usage::Used) => Holds::No,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NAME: &str = "n1.lab.example";

    fn seen(usage: Usage, data: &[Data], alias: Option<&str>) -> Seen {
        Seen { data: data.to_vec(), alias: alias.map(str::to_owned), usage }
    }

    #[test]
    fn what_a_wildcard_may_have_answered_is_doubtful_and_what_the_zone_lists_is_certain() {
        let address = Data::A([10, 1, 0, 1].into());
        let unused = Expect::Unused(NAME.to_owned());
        let no_alias = Expect::Absent(NAME.to_owned(), Kind::Cname);
        let exactly = Expect::Exactly(NAME.to_owned(), vec![address.clone()]);
        for (expect, seen, wanted) in [
            (&unused, seen(Usage::Unused, &[], None), Holds::Yes),
            (&unused, seen(Usage::Known, &[], None), Holds::Perhaps),
            (&unused, seen(Usage::Used, &[], None), Holds::No),
            (&no_alias, seen(Usage::Used, std::slice::from_ref(&address), None), Holds::Yes),
            (&no_alias, seen(Usage::Used, &[], Some("www.lab.example")), Holds::No),
            (&no_alias, seen(Usage::Known, &[], Some("www.lab.example")), Holds::Perhaps),
            (&exactly, seen(Usage::Known, &[address], None), Holds::Yes),
            (&exactly, seen(Usage::Used, &[], None), Holds::No),
            (&exactly, seen(Usage::Unused, &[], None), Holds::No),
        ] {
            assert_eq!(holds(expect, &seen), wanted, "{expect:?} {seen:?}");
        }
    }
}
