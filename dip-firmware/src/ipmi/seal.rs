//! Confidentiality of a payload: AES-CBC-128 with the padding of IPMI (§13.29).

use aes::Aes128;
use cbc::cipher::block_padding::NoPadding;
use cbc::cipher::{BlockModeDecrypt, BlockModeEncrypt, KeyIvInit};

const BLOCK: usize = 16;

/// Initialisation vector and ciphertext of `payload`; `iv` must be fresh and not to be guessed.
pub(super) fn encrypt(key: &[u8; 16], iv: [u8; 16], payload: &[u8]) -> Vec<u8> {
    let pad = BLOCK - 1 - payload.len() % BLOCK;
    let mut out = Vec::with_capacity(BLOCK + payload.len() + pad + 1);
    out.extend(iv);
    out.extend(payload);
    // 01h, 02h, 03h … and then their number.
    out.extend((1..=pad).map(|value| value as u8));
    out.push(pad as u8);
    let len = out.len() - BLOCK;
    cbc::Encryptor::<Aes128>::new(key.into(), &iv.into())
        .encrypt_padded::<NoPadding>(&mut out[BLOCK..], len)
        .expect("the text was padded to whole blocks");
    out
}

/// The payload in `sealed`; `None` when it is not whole or its padding is wrong.
pub(super) fn decrypt(key: &[u8; 16], sealed: &[u8]) -> Option<Vec<u8>> {
    let (iv, text) = sealed.split_first_chunk::<BLOCK>()?;
    if text.is_empty() || text.len() % BLOCK != 0 {
        return None;
    }
    let mut plain = text.to_vec();
    cbc::Decryptor::<Aes128>::new(key.into(), iv.into()).decrypt_padded::<NoPadding>(&mut plain).ok()?;
    // The padding's own bytes are not compared: some BMCs fill them with zeros.
    let pad = usize::from(plain.pop()?);
    let len = plain.len().checked_sub(pad).filter(|_| pad < BLOCK)?;
    plain.truncate(len);
    Some(plain)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn what_was_encrypted_is_decrypted(key: [u8; 16], iv: [u8; 16], payload in proptest::collection::vec(any::<u8>(), 0..70)) {
            let sealed = encrypt(&key, iv, &payload);
            prop_assert_eq!(sealed.len() % BLOCK, 0);
            prop_assert_eq!(decrypt(&key, &sealed), Some(payload));
        }

        #[test]
        fn no_bytes_make_it_panic(key: [u8; 16], sealed in proptest::collection::vec(any::<u8>(), 0..70)) {
            let _ = decrypt(&key, &sealed);
        }
    }
}
