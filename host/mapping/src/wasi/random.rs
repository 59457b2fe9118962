//! Random numbers that are the same in every replay.

use crate::call::Call;
use sha2::{Digest as _, Sha256};
use wasmtime_wasi::p2::bindings::random;

/// The most bytes that one call may ask for.
const MAX_BYTES: u64 = 64 << 10;

/// SHA-256 over a seed and a counter. Nobody but the module itself sees these numbers, so what matters is
/// that they are spread well and follow from the seed alone.
#[derive(Clone)]
pub(crate) struct Generator {
    seed: [u8; 32],
    block: [u8; 32],
    /// How much of the block was handed out.
    used: usize,
    blocks: u64,
}

impl Generator {
    /// The numbers that follow from this seed.
    pub(crate) fn new(seed: [u8; 32]) -> Self {
        Self { seed, block: [0; 32], used: 32, blocks: 0 }
    }

    fn fill(&mut self, bytes: &mut [u8]) {
        for byte in bytes {
            if self.used == self.block.len() {
                let hash = Sha256::new_with_prefix(self.seed).chain_update(self.blocks.to_le_bytes());
                self.block = hash.finalize().into();
                self.blocks += 1;
                self.used = 0;
            }
            *byte = self.block[self.used];
            self.used += 1;
        }
    }

    fn bytes(&mut self, count: u64) -> wasmtime::Result<Vec<u8>> {
        if count > MAX_BYTES {
            wasmtime::bail!("{count} random bytes, of which there are {MAX_BYTES} at a time");
        }
        let mut bytes = vec![0; count as usize];
        self.fill(&mut bytes);
        Ok(bytes)
    }

    fn number(&mut self) -> u64 {
        let mut bytes = [0; 8];
        self.fill(&mut bytes);
        u64::from_le_bytes(bytes)
    }
}

impl random::random::Host for Call {
    fn get_random_bytes(&mut self, count: u64) -> wasmtime::Result<Vec<u8>> {
        self.wasi().random.bytes(count)
    }

    fn get_random_u64(&mut self) -> wasmtime::Result<u64> {
        Ok(self.wasi().random.number())
    }
}

impl random::insecure::Host for Call {
    fn get_insecure_random_bytes(&mut self, count: u64) -> wasmtime::Result<Vec<u8>> {
        self.wasi().random.bytes(count)
    }

    fn get_insecure_random_u64(&mut self) -> wasmtime::Result<u64> {
        Ok(self.wasi().random.number())
    }
}

impl random::insecure_seed::Host for Call {
    fn insecure_seed(&mut self) -> wasmtime::Result<(u64, u64)> {
        let random = &mut self.wasi().random;
        Ok((random.number(), random.number()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_follow_from_the_seed_and_do_not_depend_on_how_they_are_asked_for() {
        let mut at_once = Generator::new([1; 32]);
        let mut in_parts = Generator::new([1; 32]);
        let whole = at_once.bytes(100).unwrap();
        let parts: Vec<_> = (0..10).flat_map(|_| in_parts.bytes(10).unwrap()).collect();
        assert_eq!(whole, parts);
        assert_ne!(whole, Generator::new([2; 32]).bytes(100).unwrap());
        assert_ne!(whole[..32], whole[32..64]);
    }

    #[test]
    fn nobody_gets_the_hosts_memory_for_random_numbers() {
        assert!(Generator::new([0; 32]).bytes(u64::MAX).is_err());
    }
}
