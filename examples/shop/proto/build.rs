//! Generates the protocol's code. protox compiles the file, so that no protoc needs to be installed.

use std::error::Error;

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed=inventory.proto");
    let descriptors = protox::compile(["inventory.proto"], ["."])?;
    tonic_prost_build::configure().compile_fds(descriptors)?;
    Ok(())
}
