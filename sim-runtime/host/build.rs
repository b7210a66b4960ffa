//! Decides, in one place, whether this build can hook the C library: `cfg(hooked)`.

use std::env::var;

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rustc-check-cfg=cfg(hooked)");
    let is = |name: &str, values: &[&str]| var(name).is_ok_and(|value| values.contains(&value.as_str()));
    // Statically linked, there is no next definition of a symbol to call.
    let is_static =
        var("CARGO_CFG_TARGET_FEATURE").is_ok_and(|all| all.split(',').any(|one| one == "crt-static"));
    // On these two, variadic C functions can be defined in stable Rust (see `hooks`).
    let is_known =
        is("CARGO_CFG_TARGET_ARCH", &["x86_64", "aarch64"]) && is("CARGO_CFG_TARGET_POINTER_WIDTH", &["64"]);
    if is("CARGO_CFG_TARGET_OS", &["linux"]) && is("CARGO_CFG_TARGET_ENV", &["gnu"]) && is_known && !is_static
    {
        println!("cargo::rustc-cfg=hooked");
    }
}
