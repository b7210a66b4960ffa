//! The attribute `#[sim::test]`.
