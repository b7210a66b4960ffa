//! One static: its address tells two instances apart.
static WORLD: u8 = 0;

/// The same in every crate that sees the same instance.
pub fn world() -> usize {
    &raw const WORLD as usize
}
