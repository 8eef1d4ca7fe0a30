//! Which number a thing has, by its hash: for hundreds of thousands of things, where a map of std would look into memory three
//! times for each.

/// Numbers, dense from 0 in the order of their things. The things themselves are kept elsewhere, by number.
#[derive(Debug)]
pub(super) struct Index {
    /// A power of two of places, at most half of them taken; each holds a number, or [`FREE`].
    places: Vec<u32>,
    /// The hash of each number's thing.
    hashes: Vec<u64>,
}

const FREE: u32 = u32::MAX;

impl Index {
    /// An index with room for so many.
    pub(super) fn with_room(count: usize) -> Self {
        let places = (count * 2).next_power_of_two().max(16);
        Self { places: vec![FREE; places], hashes: Vec::with_capacity(count) }
    }

    /// The number of a thing: `Ok` where it has one, `Err` with its new one where it has not. `is_it` tells whether the thing of
    /// a number is the one, and is asked only where the hashes are equal.
    pub(super) fn number(&mut self, hash: u64, is_it: impl Fn(u32) -> bool) -> Result<u32, u32> {
        let place = match self.place(hash, is_it) {
            Ok(number) => return Ok(number),
            Err(place) => place,
        };
        let number = u32::try_from(self.hashes.len()).expect("a plan has fewer than 2^32 facts");
        self.hashes.push(hash);
        self.places[place] = number;
        if self.hashes.len() * 2 > self.places.len() {
            self.grow();
        }
        Err(number)
    }

    /// The number of a thing that may have one.
    pub(super) fn find(&self, hash: u64, is_it: impl Fn(u32) -> bool) -> Option<u32> {
        self.place(hash, is_it).ok()
    }

    /// The number of a thing, or the place where it would stand.
    fn place(&self, hash: u64, is_it: impl Fn(u32) -> bool) -> Result<u32, usize> {
        let mut place = self.first(hash);
        loop {
            match self.places[place] {
                FREE => return Err(place),
                number if self.hashes[number as usize] == hash && is_it(number) => return Ok(number),
                _ => place = (place + 1) & (self.places.len() - 1),
            }
        }
    }

    /// The high bits: the low ones are the worst of a product.
    const fn first(&self, hash: u64) -> usize {
        (hash >> (64 - self.places.len().trailing_zeros())) as usize
    }

    fn grow(&mut self) {
        self.places = vec![FREE; self.places.len() * 2];
        for (number, hash) in (0..).zip(&self.hashes) {
            let mut place = self.first(*hash);
            while self.places[place] != FREE {
                place = (place + 1) & (self.places.len() - 1);
            }
            self.places[place] = number;
        }
    }
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
