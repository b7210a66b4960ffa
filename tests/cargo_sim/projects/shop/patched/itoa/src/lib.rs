pub const WHO: &str = "patched";
