//! Which number a thing has, by its hash: for hundreds of thousands of things, where a map of std would look into memory three
//! times for each.

/// Numbers, dense from 0 in the order of their things. The things themselves are kept elsewhere, by number.
#[derive(Debug)]
pub(super) struct Index {
    /// A power of two of places, at most half of them taken.
    places: Vec<Place>,
    taken: u32,
}

/// A number beside the high half of its thing's hash, so that a look-up reads one place of memory.
#[derive(Debug, Clone, Copy)]
struct Place {
    tag: u32,
    number: u32,
}

/// The number of a place that is not taken.
const FREE: u32 = u32::MAX;

impl Index {
    /// An index with room for so many.
    pub(super) fn with_room(count: usize) -> Self {
        Self { places: free((count * 2).next_power_of_two().max(16)), taken: 0 }
    }

    /// The number of a thing: `Ok` where it has one, `Err` with its new one where it has not. `is_it` tells whether the thing of
    /// a number is the one, and is asked only where the tags are equal.
    pub(super) fn number(&mut self, hash: u64, is_it: impl Fn(u32) -> bool) -> Result<u32, u32> {
        let place = match self.place(tag(hash), is_it) {
            Ok(number) => return Ok(number),
            Err(place) => place,
        };
        let number = self.taken;
        assert_ne!(number, FREE, "a plan has fewer than 2^32 - 1 facts");
        self.taken += 1;
        self.places[place] = Place { tag: tag(hash), number };
        if self.taken as usize * 2 > self.places.len() {
            self.grow();
        }
        Err(number)
    }

    /// The number of a thing that may have one.
    pub(super) fn find(&self, hash: u64, is_it: impl Fn(u32) -> bool) -> Option<u32> {
        self.place(tag(hash), is_it).ok()
    }

    /// The number of a thing, or the place where it would stand.
    fn place(&self, tag: u32, is_it: impl Fn(u32) -> bool) -> Result<u32, usize> {
        let mut place = self.first(tag);
        loop {
            match self.places[place] {
                Place { number: FREE, .. } => return Err(place),
                Place { tag: same, number } if same == tag && is_it(number) => return Ok(number),
                _ => place = (place + 1) & (self.places.len() - 1),
            }
        }
    }

    /// Scaled from all tags to all places.
    const fn first(&self, tag: u32) -> usize {
        ((tag as u64 * self.places.len() as u64) >> u32::BITS) as usize
    }

    fn grow(&mut self) {
        let wider = free(self.places.len() * 2);
        for Place { tag, number } in std::mem::replace(&mut self.places, wider) {
            if number != FREE {
                let mut place = self.first(tag);
                while self.places[place].number != FREE {
                    place = (place + 1) & (self.places.len() - 1);
                }
                self.places[place] = Place { tag, number };
            }
        }
    }
}

fn free(places: usize) -> Vec<Place> {
    vec![Place { tag: 0, number: FREE }; places]
}

/// The high bits: the low ones are the worst of a product.
const fn tag(hash: u64) -> u32 {
    (hash >> u32::BITS) as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn things_keep_their_numbers_while_it_grows_and_equal_hashes_are_told_apart() {
        let things: Vec<u64> = (0..1_000).collect();
        // Eight things share each hash.
        let hash = |thing: u64| (thing / 8).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let mut index = Index::with_room(0);
        for round in 0..2 {
            for &thing in &things {
                let number = index.number(hash(thing), |number| things[number as usize] == thing);
                let expected = u32::try_from(thing).expect("small");
                assert_eq!(number, if round == 0 { Err(expected) } else { Ok(expected) });
            }
        }
    }
}
