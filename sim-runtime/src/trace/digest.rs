//! The rolling hash that stands for a run.

/// A rolling 64-bit hash. Not cryptographic: it tells equal runs from different ones, it does not
/// withstand someone who forges runs.
///
/// Each step is a bijection of the state for a given word and of the word for a given state, so
/// two runs that differ in exactly one word never agree.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Digest(u64);

const MULTIPLIER: u64 = 0x9E37_79B9_7F4A_7C15;

impl Digest {
    /// The digest of nothing, salted.
    pub const fn new(salt: u64) -> Self {
        let mut digest = Self(0x243F_6A88_85A3_08D3);
        digest.word(salt);
        digest
    }

    /// Absorbs one word.
    #[inline]
    pub const fn word(&mut self, word: u64) {
        let product = (self.0 ^ word).wrapping_mul(MULTIPLIER);
        self.0 = product ^ (product >> 32);
    }

    /// Absorbs bytes and their number.
    pub fn bytes(&mut self, bytes: &[u8]) {
        let (words, rest) = bytes.as_chunks::<8>();
        for word in words {
            self.word(u64::from_le_bytes(*word));
        }
        let last = rest.iter().rev().fold(0, |word, byte| word << 8 | u64::from(*byte));
        self.word(last);
        self.word(bytes.len() as u64);
    }

    /// The hash of all that was absorbed.
    #[inline]
    pub const fn value(self) -> u64 {
        // Two further rounds, so that nearby states give unlike values.
        let x = (self.0 ^ (self.0 >> 31)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let x = (x ^ (x >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        x ^ (x >> 31)
    }
}
