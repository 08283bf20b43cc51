//! placeholder
use crate::cli::Demo;
use anyhow::Result;
pub fn run(_: Demo) -> Result<u8> {
    anyhow::bail!("not yet")
}
