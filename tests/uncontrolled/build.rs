fn main() {
    println!("cargo::rerun-if-changed=native/client.c");
    cc::Build::new().file("native/client.c").compile("client");
}
