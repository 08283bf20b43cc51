//! `swarm open`: where the page is, and the token that logs in there.

use anyhow::Result;
use serde_json::json;
use swarm::{Project, hub};

use super::print_json;

pub fn run(project: &Project, json: bool) -> Result<()> {
    let file = hub::hub_file(project).ok_or(hub::NotRunning)?;
    let login = format!("{}/login?token={}", file.url, file.token);
    if json {
        return print_json(&json!({ "url": file.url, "login": login }));
    }
    // Not handed to a browser: every process of this machine could read its arguments.
    println!("{login}");
    Ok(())
}
