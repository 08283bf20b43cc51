//! `swarm doctor`: what could keep a swarm from working here, and what mends it.

use anstyle::{AnsiColor, Style};
use anyhow::Result;
use serde_json::json;
use std::io::Write;
use swarm::Project;
use swarm::doctor::{self, Finding, Level};
use ticket::text::{one_line, plain};

use super::{print_json, runtime};
use crate::exit;

/// `project` is none outside of one.
pub fn run(project: Option<&Project>, json: bool) -> Result<u8> {
    let facts = runtime()?.block_on(doctor::gather(project));
    let findings = doctor::findings(&facts);
    let ok = findings.iter().all(|one| one.level != Level::Wrong);
    match json {
        true => print_json(&json!({ "ok": ok, "findings": findings }))?,
        false => show(project, &findings)?,
    }
    Ok(match ok {
        true => exit::OK,
        false => exit::REFUSED,
    })
}

fn show(project: Option<&Project>, findings: &[Finding]) -> Result<()> {
    let mut out = anstream::stdout().lock();
    for finding in findings {
        let (mark, style) = mark(finding.level);
        let what = one_line(&plain(&finding.what));
        writeln!(
            out,
            "{style}{mark:<5}{style:#} {:<12} {what}",
            finding.check
        )?;
        if let Some(mend) = &finding.mend {
            writeln!(out, "{:19}{}", "", one_line(&plain(mend)))?;
        }
    }
    if project.is_none() {
        writeln!(
            out,
            "Not in a project: 'swarm doctor' in one looks at more."
        )?;
    }
    Ok(())
}

fn mark(level: Level) -> (&'static str, Style) {
    match level {
        Level::Fine => ("ok", AnsiColor::Green.on_default()),
        Level::Skipped => ("-", Style::new().dimmed()),
        Level::Warning => ("warn", AnsiColor::Yellow.on_default()),
        Level::Wrong => ("WRONG", AnsiColor::Red.on_default().bold()),
    }
}
