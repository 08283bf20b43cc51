//! Links the `ticket` program at a fixed address. Scripts start it hundreds of times an hour, and a
//! tenth of what a call costs was spent on moving the program to a random one; see ADR 7.

use std::env;

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    let is = |name: &str, value: &str| {
        env::var(name).is_ok_and(|found| found.split(',').any(|word| word == value))
    };
    if is("CARGO_CFG_TARGET_OS", "linux")
        && is("CARGO_CFG_TARGET_ENV", "gnu")
        && is("CARGO_CFG_TARGET_FEATURE", "crt-static")
    {
        println!("cargo:rustc-link-arg-bin=ticket=-static");
        println!("cargo:rustc-link-arg-bin=ticket=-no-pie");
    }
}
