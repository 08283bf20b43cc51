//! What follows from each fact. Pure.

use std::path::Path;

use ticket::backend::{AgentCli, Kind};
use ticket::moment;
use ticket::probe::Reached;

use super::{
    Account, Disk, Engine, Facts, Finding, Images, InProject, Level, Port, Trouble, Untried,
};
use crate::hub::Down;

/// Less memory than this, and three agents are too many.
const LITTLE_MEMORY: u64 = 4 << 30;
/// How far apart clocks may be, in seconds: tokens and time stamps compare them.
const CLOCKS_APART: i64 = 5;
/// An account that ends within so many seconds will not last a night.
const SOON: i64 = 24 * 60 * 60;
/// With less free space than this nothing can be built.
const NO_SPACE: u64 = 1 << 30;
/// With less than this it will not be long.
const LITTLE_SPACE: u64 = 5 << 30;
/// Git before this has known holes that a hostile repository can use.
const SAFE_GIT: (u64, u64) = (2, 45);
/// Git before this cannot do what 'swarm pull' and 'ticket diff' ask of it.
const OLDEST_GIT: (u64, u64) = (2, 30);
/// How to get an account for claude that does not end after some hours.
const RENEW: &str = "claude setup-token, then set CLAUDE_CODE_OAUTH_TOKEN and run swarm login";
const LOOK_AT_FIREWALL: &str = "sudo iptables -L DOCKER-USER -n -v";

/// Everything that was found, in the order in which it matters.
pub fn findings(facts: &Facts) -> Vec<Finding> {
    let mut found = vec![
        engine(&facts.engine),
        clock(&facts.engine),
        git(facts.git.as_deref()),
        account(&facts.account, facts.now),
        port(facts.port),
    ];
    found.extend(facts.disks.iter().map(disk));
    if let Some(project) = &facts.project {
        found.extend(of_project(project));
    }
    found
}

fn of_project(project: &InProject) -> Vec<Finding> {
    let mut found = vec![config(&project.config)];
    found.extend(permissions(&project.modes));
    found.extend([
        filesystem(&project.filesystem, &project.root),
        database(&project.database),
        images(&project.images),
        outside(&project.outside),
        hub(&project.hub, project.down),
    ]);
    found
}

fn finding(check: &'static str, level: Level, what: impl Into<String>, mend: &str) -> Finding {
    Finding {
        check,
        level,
        what: what.into(),
        mend: (!mend.is_empty()).then(|| mend.to_owned()),
    }
}

fn engine(found: &Result<Engine, Trouble>) -> Finding {
    match found {
        Err(trouble) => Finding {
            check: "engine",
            level: Level::Wrong,
            what: trouble.what.clone(),
            mend: trouble.mend.clone(),
        },
        Ok(engine) => {
            let what = format!(
                "Docker {} on {}, {} cores, {} of memory",
                engine.version,
                engine.system,
                engine.cores,
                size(engine.memory)
            );
            match engine.memory < LITTLE_MEMORY {
                true => finding(
                    "engine",
                    Level::Warning,
                    what,
                    "swarm config set limits.memory 1g",
                ),
                false => finding("engine", Level::Fine, what, ""),
            }
        }
    }
}

fn clock(found: &Result<Engine, Trouble>) -> Finding {
    let ahead = found.as_ref().ok().and_then(|engine| engine.ahead);
    match ahead {
        None => finding(
            "clock",
            Level::Skipped,
            "the engine does not say its time",
            "",
        ),
        Some(ahead) if ahead.abs() > CLOCKS_APART => finding(
            "clock",
            Level::Wrong,
            format!("the engine's clock is {ahead} s from this machine's"),
            "sudo timedatectl set-ntp true",
        ),
        Some(_) => finding(
            "clock",
            Level::Fine,
            "the engine's clock is this machine's",
            "",
        ),
    }
}

fn git(version: Option<&str>) -> Finding {
    let install = "sudo apt-get install git";
    let Some(text) = version else {
        return finding("git", Level::Wrong, "there is no git", install);
    };
    let numbers = text.split_whitespace().find_map(|word| {
        let mut parts = word.split('.');
        let major = parts.next()?.parse().ok()?;
        Some((major, parts.next()?.parse().ok()?))
    });
    match numbers {
        None => finding(
            "git",
            Level::Warning,
            format!("'{text}' names no version"),
            install,
        ),
        Some(version) if version < OLDEST_GIT => finding(
            "git",
            Level::Wrong,
            format!("{text} is older than {}.{}", OLDEST_GIT.0, OLDEST_GIT.1),
            install,
        ),
        Some(version) if version < SAFE_GIT => finding(
            "git",
            Level::Warning,
            format!("{text} may have holes that a hostile repository can use"),
            install,
        ),
        Some(_) => finding("git", Level::Fine, text, ""),
    }
}

/// What gives agents an account: a new token for claude, else a key of the first agent CLI that has one.
pub fn log_in(clis: &[AgentCli]) -> Option<String> {
    if clis.iter().any(|cli| cli.backend.kind == Kind::Claude) {
        return Some(RENEW.to_owned());
    }
    let mut secrets = clis.iter().flat_map(|cli| &cli.backend.secrets);
    let variable = secrets.next()?.split('|').next()?.to_owned();
    Some(format!("export {variable}=… && swarm start"))
}

fn account(found: &Result<Option<Account>, Trouble>, now: i64) -> Finding {
    match found {
        Err(trouble) => finding(
            "account",
            Level::Wrong,
            &trouble.what,
            trouble.mend.as_deref().unwrap_or_default(),
        ),
        Ok(None) => finding("account", Level::Fine, "the agent CLI needs none", ""),
        Ok(Some(account)) => {
            let at = account.ends.and_then(moment::text);
            match (account.ends, at) {
                (Some(ends), Some(at)) if ends <= now => finding(
                    "account",
                    Level::Wrong,
                    format!("{} ended at {at} UTC", account.source),
                    RENEW,
                ),
                (Some(ends), Some(at)) if ends <= now + SOON => finding(
                    "account",
                    Level::Warning,
                    format!("{} ends at {at} UTC", account.source),
                    RENEW,
                ),
                (_, Some(at)) => finding(
                    "account",
                    Level::Fine,
                    format!("{}, until {at} UTC", account.source),
                    "",
                ),
                (_, None) => finding("account", Level::Fine, &account.source, ""),
            }
        }
    }
}

fn port(port: Port) -> Finding {
    let number = port.number;
    match (port.is_ours, port.is_free) {
        (true, _) => finding(
            "port",
            Level::Fine,
            format!("this swarm's page is on {number}"),
            "",
        ),
        (false, true) => finding("port", Level::Fine, format!("{number} is free"), ""),
        (false, false) => finding(
            "port",
            Level::Warning,
            format!("somebody else listens on {number}: the next free port will be taken"),
            &format!("swarm config set monitor.port {}", number.saturating_add(1)),
        ),
    }
}

fn disk(disk: &Disk) -> Finding {
    let what = format!(
        "{} free for {} in {}",
        size(disk.free),
        disk.what,
        disk.place.display()
    );
    let level = match disk.free {
        free if free < NO_SPACE => Level::Wrong,
        free if free < LITTLE_SPACE => Level::Warning,
        _ => return finding("disk", Level::Fine, what, ""),
    };
    finding("disk", level, what, "docker system prune")
}

fn config(found: &Result<(), String>) -> Finding {
    match found {
        Ok(()) => finding("config", Level::Fine, ".swarm/config.json can be used", ""),
        Err(why) => finding("config", Level::Wrong, why, "swarm config check"),
    }
}

fn permissions(troubles: &[Trouble]) -> Vec<Finding> {
    if troubles.is_empty() {
        return vec![finding(
            "permissions",
            Level::Fine,
            "the project's files are yours, its secrets yours alone",
            "",
        )];
    }
    let wrong = troubles.iter().map(|trouble| Finding {
        check: "permissions",
        level: Level::Wrong,
        what: trouble.what.clone(),
        mend: trouble.mend.clone(),
    });
    wrong.collect()
}

fn filesystem(found: &Result<(), String>, root: &Path) -> Finding {
    let mend = format!(
        "git clone {} ~/{} and run swarm init there, on a local disk",
        root.display(),
        root.file_name().unwrap_or_default().to_string_lossy()
    );
    match found {
        Ok(()) => finding(
            "filesystem",
            Level::Fine,
            "the database is on a local disk",
            "",
        ),
        Err(why) => finding("filesystem", Level::Wrong, why, &mend),
    }
}

fn database(found: &Result<(), String>) -> Finding {
    match found {
        Ok(()) => finding("database", Level::Fine, "the queue can be read", ""),
        Err(why) => finding("database", Level::Wrong, why, "ticket doctor"),
    }
}

fn images(found: &Result<Images, String>) -> Finding {
    match found {
        Err(why) => finding("images", Level::Skipped, why, ""),
        Ok(Images {
            are_there: false, ..
        }) => finding(
            "images",
            Level::Fine,
            "not built yet: 'swarm start' does",
            "",
        ),
        Ok(Images {
            are_current: true, ..
        }) => finding("images", Level::Fine, "up to date", ""),
        Ok(Images { run: true, .. }) => finding(
            "images",
            Level::Warning,
            "the swarm runs on older ones than a start would build",
            "swarm stop && swarm start",
        ),
        Ok(Images { .. }) => finding(
            "images",
            Level::Fine,
            "older ones: 'swarm start' builds anew",
            "",
        ),
    }
}

fn outside(found: &Result<Vec<Reached>, Untried>) -> Finding {
    let mend = format!(
        "behind a proxy: swarm config set agents.env '{{\"HTTPS_PROXY\": \"http://HOST:PORT\"}}'; else {LOOK_AT_FIREWALL}"
    );
    match found {
        Err(Untried::Because(why)) => finding("outside", Level::Skipped, why, ""),
        Err(Untried::Failed(why)) => finding("outside", Level::Warning, why, ""),
        Ok(reached) => {
            let lost = reached.iter().find(|one| one.error.is_some());
            if let Some(Reached { address, error, .. }) = lost {
                let why = error.as_deref().unwrap_or_default();
                let what = format!("a container does not reach {address}: {why}");
                return finding("outside", Level::Wrong, what, &mend);
            }
            let all: Vec<&str> = reached.iter().map(|one| one.address.as_str()).collect();
            let what = format!("a container reaches {}", all.join(", "));
            finding("outside", Level::Fine, what, "")
        }
    }
}

fn hub(found: &Result<Reached, Untried>, down: Option<Down>) -> Finding {
    if let Some(down) = down {
        let mend = match down {
            Down::StartsAgain => "swarm logs hub",
            Down::StaysAway => "swarm start",
            Down::NoEngine => "sudo systemctl start docker",
        };
        return finding("hub", Level::Wrong, down.to_string(), mend);
    }
    match found {
        Err(Untried::Because(why)) => finding("hub", Level::Skipped, why, ""),
        Err(Untried::Failed(why)) => finding("hub", Level::Warning, why, ""),
        Ok(Reached {
            error: Some(why), ..
        }) => finding(
            "hub",
            Level::Wrong,
            format!("a container does not reach the hub, a firewall may be between them: {why}"),
            LOOK_AT_FIREWALL,
        ),
        Ok(Reached { ms, .. }) => finding(
            "hub",
            Level::Fine,
            format!("a container reaches the hub in {ms} ms"),
            "",
        ),
    }
}

fn size(bytes: u64) -> String {
    let tenths = bytes.saturating_mul(10) >> 30;
    format!("{}.{} GB", tenths / 10, tenths % 10)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fine() -> Engine {
        Engine {
            version: "27.3".into(),
            system: "Debian".into(),
            memory: 16 << 30,
            cores: 8,
            ahead: Some(1),
            data: None,
        }
    }

    #[track_caller]
    fn check(finding: &Finding, level: Level, words: &str, mend: &str) {
        assert_eq!(finding.level, level, "{finding:?}");
        assert!(finding.what.contains(words), "{finding:?}");
        let said = finding.mend.as_deref().unwrap_or_default();
        assert!(
            said.contains(mend) && (said.is_empty() == mend.is_empty()),
            "{finding:?}"
        );
    }

    #[test]
    fn an_engine_is_there_small_or_away() {
        let away = Trouble {
            what: "no Docker engine answers".into(),
            mend: Some("start it".into()),
        };
        check(
            &engine(&Ok(fine())),
            Level::Fine,
            "Docker 27.3 on Debian, 8 cores, 16.0 GB",
            "",
        );
        check(
            &engine(&Err(away)),
            Level::Wrong,
            "no Docker engine",
            "start it",
        );
        let small = Engine {
            memory: 2 << 30,
            ..fine()
        };
        check(
            &engine(&Ok(small)),
            Level::Warning,
            "2.0 GB",
            "limits.memory",
        );
    }

    #[test]
    fn clocks_may_be_a_little_apart() {
        for (ahead, level, mend) in [
            (Some(0), Level::Fine, ""),
            (Some(-5), Level::Fine, ""),
            (Some(6), Level::Wrong, "set-ntp"),
            (Some(-3600), Level::Wrong, "set-ntp"),
            (None, Level::Skipped, ""),
        ] {
            let engine = Engine { ahead, ..fine() };
            check(&clock(&Ok(engine)), level, "the engine", mend);
        }
    }

    #[test]
    fn git_must_be_there_and_not_too_old() {
        for (version, level) in [
            (None, Level::Wrong),
            (Some("git version 2.17.1"), Level::Wrong),
            (Some("git version 2.39.5 (Apple Git-154)"), Level::Warning),
            (Some("git version 2.47.3"), Level::Fine),
            (Some("git version 3.0.0"), Level::Fine),
            (Some("nonsense"), Level::Warning),
        ] {
            assert_eq!(git(version).level, level, "{version:?}");
        }
    }

    #[test]
    fn an_account_is_told_before_it_ends() {
        let account_until = |ends| {
            let account_ = Account {
                source: "the login".into(),
                ends,
            };
            account(&Ok(Some(account_)), 1_000_000)
        };
        check(&account_until(None), Level::Fine, "the login", "");
        check(
            &account_until(Some(2_000_000)),
            Level::Fine,
            "until 1970",
            "",
        );
        check(
            &account_until(Some(1_003_600)),
            Level::Warning,
            "ends at",
            "setup-token",
        );
        check(
            &account_until(Some(999_999)),
            Level::Wrong,
            "ended at",
            "setup-token",
        );
        check(&account(&Ok(None), 0), Level::Fine, "needs none", "");
        check(
            &account(&Err(no_account(&["claude", "codex"])), 0),
            Level::Wrong,
            "no credentials",
            "setup-token",
        );
        check(
            &account(&Err(no_account(&["codex"])), 0),
            Level::Wrong,
            "no credentials",
            "export CODEX_API_KEY=",
        );
    }

    fn no_account(kinds: &[&str]) -> Trouble {
        let clis: Vec<AgentCli> = kinds
            .iter()
            .map(|kind| AgentCli {
                backend: crate::config::backend::of_kind(kind).unwrap(),
                model: None,
            })
            .collect();
        Trouble {
            what: "no credentials".into(),
            mend: log_in(&clis),
        }
    }

    #[test]
    fn ports_and_disks_by_what_is_left() {
        for (is_free, is_ours, level) in [
            (true, false, Level::Fine),
            (false, true, Level::Fine),
            (false, false, Level::Warning),
        ] {
            let number = 3000;
            assert_eq!(
                port(Port {
                    number,
                    is_free,
                    is_ours
                })
                .level,
                level
            );
        }
        for (free, level) in [
            (100 << 20, Level::Wrong),
            (2 << 30, Level::Warning),
            (50 << 30, Level::Fine),
        ] {
            let disk_ = Disk {
                what: "images",
                place: "/var".into(),
                free,
            };
            assert_eq!(disk(&disk_).level, level);
        }
    }

    #[test]
    fn images_are_missing_old_or_current() {
        for (are_there, are_current, run, level) in [
            (false, false, false, Level::Fine),
            (true, true, true, Level::Fine),
            (true, false, true, Level::Warning),
            (true, false, false, Level::Fine),
        ] {
            let found = Images {
                are_there,
                are_current,
                run,
            };
            assert_eq!(images(&Ok(found)).level, level, "{found:?}");
        }
        assert_eq!(images(&Err("no engine".into())).level, Level::Skipped);
    }

    #[test]
    fn what_a_container_does_not_reach_is_named() {
        let reached = |error: Option<&str>| Reached {
            address: "api.example.org:443".into(),
            ms: 12,
            error: error.map(str::to_owned),
        };
        check(
            &outside(&Ok(vec![reached(None)])),
            Level::Fine,
            "api.example.org",
            "",
        );
        let lost = vec![reached(None), reached(Some("timed out"))];
        check(
            &outside(&Ok(lost)),
            Level::Wrong,
            "timed out",
            "HTTPS_PROXY",
        );
        let untried = Untried::Because("no image yet".into());
        check(&outside(&Err(untried)), Level::Skipped, "no image yet", "");
        check(&hub(&Ok(reached(None)), None), Level::Fine, "12 ms", "");
        check(
            &hub(&Ok(reached(Some("refused"))), None),
            Level::Wrong,
            "firewall",
            "DOCKER-USER",
        );
        let failed = Untried::Failed("it did not end".into());
        check(&hub(&Err(failed), None), Level::Warning, "did not end", "");
    }

    #[test]
    fn every_wrong_finding_says_what_to_do() {
        let trouble = Trouble {
            what: ".swarm/secrets can be read by others".into(),
            mend: Some("chmod 700 .swarm/secrets".into()),
        };
        let facts = Facts {
            engine: Err(trouble.clone()),
            git: None,
            account: Err(no_account(&["claude"])),
            now: 0,
            port: Port {
                number: 1,
                is_free: false,
                is_ours: false,
            },
            disks: vec![Disk {
                what: "images",
                place: "/".into(),
                free: 0,
            }],
            project: Some(InProject {
                root: "/srv/project".into(),
                config: Err("broken".into()),
                modes: vec![trouble],
                filesystem: Err("it is on NFS".into()),
                images: Ok(Images {
                    are_there: true,
                    are_current: false,
                    run: true,
                }),
                database: Err("damaged".into()),
                outside: Ok(vec![Reached {
                    address: "a:1".into(),
                    ms: 0,
                    error: Some("lost".into()),
                }]),
                hub: Err(Untried::Because("it does not run".into())),
                down: Some(Down::StaysAway),
            }),
        };
        let found = findings(&facts);
        assert!(found.len() >= 12, "{found:?}");
        for one in found {
            let needs = matches!(one.level, Level::Wrong | Level::Warning);
            assert_eq!(needs, one.mend.is_some(), "{one:?}");
        }
    }
}
