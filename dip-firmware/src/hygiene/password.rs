//! Passwords that nobody can guess and every controller takes.

use dip_core::secret::Secret;

/// IPMI 2.0 allows 20 bytes (22.30) and some controllers only 16; 16 of 57 characters are 93 bits.
const LENGTH: usize = 16;

/// Without letters and digits that a person who has to type one takes for another, and without signs that web forms and shells eat.
const SETS: [&[u8]; 3] = [b"ABCDEFGHJKLMNPQRSTUVWXYZ", b"abcdefghijkmnopqrstuvwxyz", b"23456789"];

/// A new password: 16 characters, with a capital, a small letter and a digit among them, as the password rules of controllers want.
///
/// # Panics
/// Where the operating system gives no random bytes.
#[must_use]
pub fn mint() -> Secret {
    let all: Vec<u8> = SETS.concat();
    loop {
        let mut password = String::with_capacity(LENGTH);
        while password.len() < LENGTH {
            let mut byte = [0];
            getrandom::fill(&mut byte).expect("the operating system gives random bytes");
            // Bytes beyond the last whole multiple would make some characters likelier.
            let usable = 256 / all.len() * all.len();
            if usize::from(byte[0]) < usable {
                password.push(char::from(all[usize::from(byte[0]) % all.len()]));
            }
        }
        // Dropped otherwise, and wiped.
        let password = Secret::new(password);
        if SETS.iter().all(|set| password.expose().bytes().any(|byte| set.contains(&byte))) {
            return password;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passwords_fit_every_controller_and_none_is_like_another() {
        let passwords: Vec<Secret> = (0..200).map(|_| mint()).collect();
        for (index, password) in passwords.iter().enumerate() {
            assert_eq!(password.expose().len(), LENGTH);
            assert!(SETS.iter().all(|set| password.expose().bytes().any(|byte| set.contains(&byte))));
            assert!(passwords[..index].iter().all(|other| other.expose() != password.expose()));
        }
    }
}
