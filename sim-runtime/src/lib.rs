//! The deterministic world, and running it many times.
