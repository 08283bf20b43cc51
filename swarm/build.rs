//! Links the `ticket` program for a short life: scripts start it hundreds of times an hour. It lies at
//! a fixed address, because a tenth of what a call costs was spent on moving it to a random one (ADR
//! 7), and what ordinary calls run lies together, because a sixth was spent on bringing in
//! pages for a few functions each (ADR 9).

use std::env;

/// The functions to lay side by side, as a script for the linker.
const HOT_FUNCTIONS: &str = "../ticket/hot-functions.ld";

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rerun-if-changed={HOT_FUNCTIONS}");
    let is = |name: &str, value: &str| {
        env::var(name).is_ok_and(|found| found.split(',').any(|word| word == value))
    };
    if is("CARGO_CFG_TARGET_OS", "linux")
        && is("CARGO_CFG_TARGET_ENV", "gnu")
        && is("CARGO_CFG_TARGET_FEATURE", "crt-static")
    {
        println!("cargo:rustc-link-arg-bin=ticket=-static");
        println!("cargo:rustc-link-arg-bin=ticket=-no-pie");
        let here = env::var("CARGO_MANIFEST_DIR").unwrap_or_default();
        println!("cargo:rustc-link-arg-bin=ticket=-Wl,-T,{here}/{HOT_FUNCTIONS}");
    }
}
