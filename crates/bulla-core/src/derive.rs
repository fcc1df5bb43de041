//! BLAKE3 in derive-key mode with the context hashed once: hashing it costs as much as hashing an id.

use std::sync::LazyLock;

use blake3::Hasher;
use blake3::hazmat::{ContextKey, HasherExt, hash_derive_key_context};

use crate::domain;

/// One use of a hash: a domain string, hashed at first use.
pub(crate) struct Derive(LazyLock<ContextKey>);

macro_rules! derive {
    ($($name:ident),*) => { $(
        pub(crate) static $name: Derive = Derive(LazyLock::new(|| hash_derive_key_context(domain::$name)));
    )* };
}

derive!(HEADER, ENTRY_ID, SET_ELEMENT, SET_DIGEST, LOG_HASH, BLOOM);

impl Derive {
    /// A hasher for one message.
    pub(crate) fn hasher(&self) -> Hasher {
        Hasher::new_from_context_key(&self.0)
    }

    /// The 32-byte hash of one message.
    pub(crate) fn hash(&self, message: &[u8]) -> [u8; 32] {
        self.hasher().update(message).finalize().into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_the_published_derive_key_mode() {
        let uses = [
            (&HEADER, domain::HEADER),
            (&ENTRY_ID, domain::ENTRY_ID),
            (&SET_ELEMENT, domain::SET_ELEMENT),
            (&SET_DIGEST, domain::SET_DIGEST),
            (&LOG_HASH, domain::LOG_HASH),
            (&BLOOM, domain::BLOOM),
        ];
        for (derive, context) in uses {
            for length in [0, 1, 31, 32, 64, 96, 300, 1024, 1025, 2048] {
                let message = vec![0xa5; length];
                assert_eq!(
                    derive.hash(&message),
                    blake3::derive_key(context, &message),
                    "{context} {length}"
                );
            }
        }
    }
}
