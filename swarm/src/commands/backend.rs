//! `swarm backend`: which agent CLIs are configured, and whether one of them works.

use std::time::Duration;

use anyhow::{Context, Result, bail};
use serde::Serialize;
use swarm::config::Config;
use swarm::credentials::Credentials;
use swarm::fleet::{Blueprint, Fleet, FleetError};
use swarm::image::{self, Images};
use swarm::{Project, hub};
use ticket::backend::{AgentCli, Kind, Role};
use ticket::probe::{ProbeReport, ProbeRequest, ProbeRun};
use ticket::text::{one_line, plain};
use ticket::usage::ModelUsage;

use super::progress::Build;
use super::{login, print_json, runtime, table};
use crate::cli::Backend;
use crate::exit;

/// How long one of the two runs of a probe may take, in seconds.
const RUN_SECONDS: u64 = 420;
/// How long a probe may do nothing, in seconds: some try a failing service for minutes.
const STALL_SECONDS: u64 = 360;
/// How long the container may take beside its runs.
const SLACK: Duration = Duration::from_secs(60);

pub fn run(project: &Project, what: Backend) -> Result<u8> {
    let config = Config::load(project)?;
    match what {
        Backend::List { json } => list(project, &config, json),
        Backend::Test { name, model, json } => test(project, &config, name.as_deref(), model, json),
    }
}

/// One backend at a glance.
#[derive(Serialize)]
struct Listed {
    name: String,
    kind: Kind,
    program: String,
    model: Option<String>,
    roles: Vec<Role>,
    secrets: Vec<String>,
    account: bool,
}

fn list(project: &Project, config: &Config, json: bool) -> Result<u8> {
    let roles = [Role::Work, Role::Mend, Role::Propose];
    let mut clis = config.clis();
    for backend in config.backends.values() {
        if !clis.iter().any(|cli| cli.backend.name == backend.name) {
            let backend = backend.clone();
            clis.push(AgentCli {
                backend,
                model: None,
            });
        }
    }
    let listed: Vec<Listed> = clis
        .into_iter()
        .map(|cli| Listed {
            roles: roles
                .into_iter()
                .filter(|role| config.cli(*role) == cli)
                .collect(),
            account: Credentials::find_or_kept(std::slice::from_ref(&cli), project).is_ok(),
            name: cli.backend.name,
            kind: cli.backend.kind,
            program: cli.backend.program,
            model: cli.model,
            secrets: cli.backend.secrets,
        })
        .collect();
    if json {
        print_json(&listed)?;
        return Ok(exit::OK);
    }
    let mut table = table::table(["NAME", "KIND", "PROGRAM", "MODEL", "ROLES", "ACCOUNT"]);
    for one in listed {
        let roles: Vec<&str> = one.roles.iter().map(|role| role.as_str()).collect();
        let account = match (one.secrets.is_empty(), one.account) {
            (true, _) => "none needed".to_owned(),
            (false, true) => "found".to_owned(),
            (false, false) => format!("missing: {}", one.secrets.join(", ").replace('|', " or ")),
        };
        table.add_row([
            one.name,
            one.kind.to_string(),
            one.program,
            one.model.unwrap_or_else(|| "(its own)".into()),
            roles.join(", "),
            account,
        ]);
    }
    print!("{}", table::text(&table));
    Ok(exit::OK)
}

fn test(
    project: &Project,
    config: &Config,
    name: Option<&str>,
    model: Option<String>,
    json: bool,
) -> Result<u8> {
    let mut cli = chosen(config, name)?;
    cli.model = model.or(cli.model);
    let credentials = Credentials::find_or_kept(std::slice::from_ref(&cli), project)
        .map_err(login::no_account)?;
    let mut settings = config.agent_settings(
        Role::Work,
        credentials.values().clone(),
        std::collections::BTreeMap::new(),
    );
    settings.cli = cli.clone();
    settings.mend = None;
    settings.timeout_seconds = RUN_SECONDS;
    settings.stall_seconds = STALL_SECONDS;
    let request = serde_json::to_vec(&ProbeRequest { settings })?;
    let report = runtime()?.block_on(probe(project, config, &cli, &request))?;
    if json {
        print_json(&report)?;
    } else {
        print!("{}", told(&cli, &report));
    }
    Ok(match report.runs.iter().all(|run| run.ok) {
        true => exit::OK,
        false => exit::REFUSED,
    })
}

/// The backend of this name, with the model that a role gives it.
fn chosen(config: &Config, name: Option<&str>) -> Result<AgentCli> {
    let Some(name) = name else {
        return Ok(config.cli(Role::Work));
    };
    let used = config
        .clis()
        .into_iter()
        .find(|cli| cli.backend.name == name);
    if let Some(cli) = used {
        return Ok(cli);
    }
    match config.backend(name) {
        Some(backend) => Ok(AgentCli {
            backend,
            model: None,
        }),
        None => {
            let kinds = Kind::ALL.iter().filter(|kind| **kind != Kind::Command);
            let kinds = kinds.map(Kind::to_string);
            let known: Vec<String> = kinds.chain(config.backends.keys().cloned()).collect();
            bail!(
                "there is no backend '{name}': known are {}",
                known.join(", ")
            )
        }
    }
}

async fn probe(
    project: &Project,
    config: &Config,
    cli: &AgentCli,
    request: &[u8],
) -> Result<ProbeReport> {
    let fleet = Fleet::connect().await.map_err(without_docker)?;
    let runs = hub::must_not_run(&fleet, project).await.is_err();
    let image = image(&fleet, project, config, cli, runs).await?;
    let blueprint = Blueprint::new(project.id(), config, &image);
    let network = blueprint.probe_network();
    fleet.ensure_network(&network).await?;
    let patience = Duration::from_secs(2 * RUN_SECONDS) + SLACK;
    let ran = fleet.run_fed(&blueprint.probe(), request, patience).await;
    if !runs {
        fleet.remove_network(&network.name).await?;
    }
    let (code, printed) = ran?;
    let printed = String::from_utf8_lossy(&printed);
    let last = printed.lines().rev().find(|line| !line.trim().is_empty());
    let report = last.and_then(|line| serde_json::from_str(line).ok());
    report.with_context(|| {
        let last = one_line(&plain(last.unwrap_or("nothing")));
        format!("the probe ended with {code} and said: {last}")
    })
}

/// An image that has the program. That of a running swarm is not made anew under its feet.
async fn image(
    fleet: &Fleet,
    project: &Project,
    config: &Config,
    cli: &AgentCli,
    runs: bool,
) -> Result<String> {
    let kind = cli.backend.kind;
    let is_in = config.clis().iter().any(|one| one.backend.kind == kind);
    if runs {
        if kind != Kind::Command && !is_in {
            bail!("the running swarm's image has no {kind}: 'swarm stop' first, or give it a role");
        }
        return Ok(Images::load(project)?.agent);
    }
    let mut config = config.clone();
    if !is_in {
        let role = config.agents.roles.entry(Role::Propose).or_default();
        role.backend = Some(cli.backend.name.clone());
    }
    let mut build = Build::new();
    let images = image::build(fleet, project, &config, &mut |p| build.show(p)).await?;
    Ok(images.agent)
}

fn without_docker(error: FleetError) -> anyhow::Error {
    anyhow::anyhow!("a probe runs in a container of the project's image: {error}")
}

/// What was seen, for people.
fn told(cli: &AgentCli, report: &ProbeReport) -> String {
    let version = report.version.as_deref().unwrap_or("says no version");
    let mut lines = vec![
        format!("backend   {} ({})", cli.backend.name, cli.backend.kind),
        format!("program   {}: {}", cli.backend.program, plain(version)),
        format!("model     {}", cli.model.as_deref().unwrap_or("its own")),
    ];
    for run in &report.runs {
        lines.push(String::new());
        lines.extend(told_run(run));
    }
    let resumes = cli.backend.resumes();
    let tried = report.runs.iter().any(|run| run.resumed);
    lines.push(String::new());
    lines.push(match (resumes, tried) {
        (false, _) => "It cannot go on with a conversation: a retry begins a new one.".into(),
        (true, false) => "Going on with a conversation was not tried.".into(),
        (true, true) => "It was asked to go on with the same conversation.".into(),
    });
    lines.join("\n") + "\n"
}

fn told_run(run: &ProbeRun) -> Vec<String> {
    let what = match run.resumed {
        true => "the same conversation again",
        false => "a new conversation",
    };
    let seconds = |ms: u64| format!("{:.1} s", ms as f64 / 1000.0);
    let first = match run.first_line_ms {
        Some(ms) => format!("first line after {}", seconds(ms)),
        None => "no line at all".into(),
    };
    let ending = match run.outcome {
        Some(outcome) => format!("{outcome}: {}", run.ending),
        None => run.ending.clone(),
    };
    let mut lines = vec![
        format!("{what}:"),
        format!("  called   {}", plain(&run.command.join(" "))),
        format!("  took     {}, {first}", seconds(run.took_ms)),
        format!("  ended    {}", one_line(&plain(&ending))),
    ];
    if let Some(answer) = &run.answer {
        lines.push(format!("  answer   {}", one_line(&plain(answer))));
    }
    if let Some(session) = &run.session {
        lines.push(format!("  session  {}", plain(session)));
    }
    for ModelUsage { model, usage } in &run.usage {
        let cost = match usage.cost_microusd {
            Some(cost) => format!(", ${:.4}", cost as f64 / 1e6),
            None => String::new(),
        };
        lines.push(format!(
            "  used     {}: {} tokens in, {} from a cache, {} out{cost}",
            if model.is_empty() { "a model" } else { model },
            usage.input_tokens,
            usage.cache_read_tokens,
            usage.output_tokens
        ));
    }
    if !run.ok {
        let last: Vec<&str> = run.log_tail.lines().rev().take(10).collect();
        lines.extend(last.iter().rev().map(|line| format!("  | {}", plain(line))));
    }
    lines
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    #[test]
    fn a_backend_is_chosen_by_name_with_its_roles_model() {
        let text = r#"{"agents": {"model": "m", "roles": {"propose": {"backend": "second", "model": "n"}}}, "backends": {"second": {"kind": "codex"}, "third": {"kind": "command", "program": "x"}}}"#;
        let config = Config::parse(text, Path::new("c")).unwrap();
        for (name, kind, model) in [
            (None, Kind::Claude, Some("m")),
            (Some("claude"), Kind::Claude, Some("m")),
            (Some("second"), Kind::Codex, Some("n")),
            (Some("third"), Kind::Command, None),
            (Some("gemini"), Kind::Gemini, None),
        ] {
            let cli = chosen(&config, name).unwrap();
            assert_eq!((cli.backend.kind, cli.model.as_deref()), (kind, model));
        }
        let error = chosen(&config, Some("fourth")).unwrap_err().to_string();
        assert!(error.contains("second, third"), "{error}");
    }

    #[test]
    fn what_was_seen_is_told_without_control_characters() {
        let cli = Config::default().cli(Role::Work);
        let run = ProbeRun {
            command: vec!["claude".into(), "-p".into()],
            resumed: false,
            ok: false,
            outcome: Some(ticket::attempt::Outcome::AuthFailed),
            ending: "Invalid \u{1b}API key".into(),
            answer: None,
            session: None,
            served: false,
            usage: vec![],
            first_line_ms: Some(1500),
            took_ms: 2000,
            log_tail: "one\ntwo\n".into(),
        };
        let report = ProbeReport {
            version: Some("1.0".into()),
            runs: vec![run],
        };
        let told = told(&cli, &report);
        assert!(told.contains("auth-failed: Invalid API key"), "{told}");
        assert!(told.contains("first line after 1.5 s") && told.contains("| two"));
        assert!(!told.contains('\u{1b}'));
    }
}
