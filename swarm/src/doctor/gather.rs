//! Looks at the machine. Each look has its time limit, and none changes anything.

use std::net::TcpListener;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use nix::sys::statvfs::statvfs;
use ticket::probe::Reached;
use ticket::store::lock::HubLock;
use ticket::{Store, moment};

use super::{Account, Disk, Engine, Facts, Images, InProject, Port, Trouble, Untried, checks};
use crate::config::{Access, Config};
use crate::credentials::Credentials;
use crate::fleet::{Blueprint, Fleet, FleetError};
use crate::image;
use crate::project::{FOLDER, Project};
use crate::{config, hub};

/// How long one look may take.
const LIMIT: Duration = Duration::from_secs(10);
/// How long a container may take to start, look and end.
const CONTAINER_LIMIT: Duration = Duration::from_secs(60);
/// The hub, as agents call it.
const HUB: &str = "hub:7777";
/// The port of HTTPS.
const HTTPS: u16 = 443;

/// Looks at everything; `project` is none outside of one.
pub async fn gather(project: Option<&Project>) -> Facts {
    let config = project.map(Config::load);
    let used = match &config {
        Some(Ok(config)) => config.clone(),
        _ => Config::default(),
    };
    let fleet = tokio::time::timeout(LIMIT, Fleet::connect()).await;
    let fleet = fleet.unwrap_or(Err(FleetError::Timeout));
    let engine = match &fleet {
        Ok(fleet) => look_at_engine(fleet).await,
        Err(error) => Err(trouble(error)),
    };
    let hub_port = project.and_then(hub::hub_file).and_then(|file| {
        let (_, port) = file.url.rsplit_once(':')?;
        port.parse::<u16>().ok()
    });
    let data = engine.as_ref().ok().and_then(|engine| engine.data.clone());
    let found = match project {
        None => None,
        Some(project) => {
            let config = config.unwrap_or_else(|| Ok(Config::default()));
            Some(look_at_project(project, config, fleet.as_ref().ok()).await)
        }
    };
    Facts {
        engine,
        git: within(LIMIT, git_version).flatten(),
        account: within(LIMIT, {
            let used = used.clone();
            move || account(&used)
        })
        .unwrap_or_else(|| {
            Err(Trouble {
                what: "the account could not be looked up in time".into(),
                mend: None,
            })
        }),
        now: moment::now(),
        port: Port {
            number: hub_port.unwrap_or(used.monitor.port),
            is_free: TcpListener::bind(("127.0.0.1", used.monitor.port)).is_ok(),
            is_ours: hub_port.is_some(),
        },
        disks: disks(project, data),
        project: found,
    }
}

async fn look_at_engine(fleet: &Fleet) -> Result<Engine, Trouble> {
    let asked = Instant::now();
    let info = tokio::time::timeout(LIMIT, fleet.about()).await;
    let about = info
        .unwrap_or(Err(FleetError::Timeout))
        .map_err(|error| trouble(&error))?;
    let half = i64::try_from(asked.elapsed().as_secs() / 2).unwrap_or(0);
    Ok(Engine {
        ahead: about.time.map(|time| time + half - moment::now()),
        version: about.version,
        system: about.system,
        memory: about.memory,
        cores: about.cores,
        data: about.data,
    })
}

fn trouble(error: &FleetError) -> Trouble {
    let what = error.to_string();
    let mend = error.remedy();
    let alone = mend.and_then(|mend| what.strip_suffix(&format!(": {mend}")));
    Trouble {
        what: alone.unwrap_or(&what).to_owned(),
        mend: Some(mend.unwrap_or("docker info").to_owned()),
    }
}

fn git_version() -> Option<String> {
    let mut git = Command::new("git");
    let said = git.arg("--version").stdin(Stdio::null()).output().ok()?;
    let text = String::from_utf8_lossy(&said.stdout).trim().to_owned();
    said.status.success().then(|| ticket::text::one_line(&text))
}

fn account(config: &Config) -> Result<Option<Account>, Trouble> {
    if !config.needs_credentials() {
        return Ok(None);
    }
    let clis = config.clis();
    match Credentials::find(&clis) {
        Ok(found) => Ok(Some(Account {
            source: found.source(),
            ends: found.expires_at(),
        })),
        Err(error) => Err(Trouble {
            what: format!("{error:#}"),
            mend: checks::log_in(&clis),
        }),
    }
}

fn disks(project: Option<&Project>, data: Option<PathBuf>) -> Vec<Disk> {
    let project = project.map(|project| ("the project", project.folder()));
    let data = data.map(|data| ("images and containers", data));
    let places = [project, data].into_iter().flatten();
    // An engine in a machine of its own has a folder that we do not see.
    let seen = places.filter_map(|(what, place)| {
        let found = statvfs(&place).ok()?;
        #[allow(clippy::unnecessary_cast, reason = "other systems have other widths")]
        let free = found.blocks_available() as u64 * found.fragment_size() as u64;
        Some(Disk { what, place, free })
    });
    seen.collect()
}

async fn look_at_project(
    project: &Project,
    config: Result<Config, config::ConfigError>,
    fleet: Option<&Fleet>,
) -> InProject {
    let used = config.as_ref().ok().cloned().unwrap_or_default();
    let images = images(project, &used, fleet).await;
    let (outside, hub) = match (fleet, &images) {
        (
            Some(fleet),
            Ok(Images {
                are_there: true, ..
            }),
        ) => (
            reach_outside(project, &used, fleet).await,
            reach_hub(project, &used, fleet).await,
        ),
        (Some(_), _) => {
            let why = "no image to try it with: 'swarm start' builds it";
            (
                Err(Untried::Because(why.into())),
                Err(Untried::Because(why.into())),
            )
        }
        (None, _) => {
            let why = "no engine to try it with";
            (
                Err(Untried::Because(why.into())),
                Err(Untried::Because(why.into())),
            )
        }
    };
    let file = project.database();
    let filesystem = Store::must_be_local(&file).map_err(|error| error.to_string());
    InProject {
        root: project.root().to_owned(),
        config: config.map(|_| ()).map_err(|error| error.to_string()),
        modes: modes(project),
        database: filesystem.clone().and_then(|()| readable(project)),
        filesystem,
        images,
        outside,
        hub,
        down: hub::down(project).await.ok().flatten(),
    }
}

/// A running hub keeps the database itself; else it is opened for a moment.
fn readable(project: &Project) -> Result<(), String> {
    let lock = HubLock::shared(&project.hub_lock()).map_err(|error| error.to_string())?;
    if lock.is_none() {
        return Ok(());
    }
    let opened = Store::open(&project.database()).and_then(|store| store.status_counts());
    opened.map(|_| ()).map_err(|error| error.to_string())
}

/// Who may read and write what.
fn modes(project: &Project) -> Vec<Trouble> {
    let mut found = Vec::new();
    let folder = project.folder();
    let own = nix::unistd::geteuid().as_raw();
    for place in [folder.clone(), project.repository(), project.database()] {
        let Ok(about) = std::fs::metadata(&place) else {
            found.push(Trouble {
                what: format!("{} cannot be looked at", place.display()),
                mend: Some(format!("ls -ld {}", place.display())),
            });
            continue;
        };
        if about.uid() != own && own != 0 {
            found.push(Trouble {
                what: format!("{} belongs to somebody else", place.display()),
                mend: Some(format!(
                    "sudo chown -R $(id -u):$(id -g) {}",
                    folder.display()
                )),
            });
            break;
        }
    }
    let secrets = folder.join("secrets");
    if others_may(&secrets) {
        found.push(Trouble {
            what: format!("{FOLDER}/secrets can be read by others"),
            mend: Some(format!("chmod -R go= {}", secrets.display())),
        });
    }
    found
}

fn others_may(place: &Path) -> bool {
    let modes = std::fs::metadata(place).map(|about| about.permissions().mode());
    modes.is_ok_and(|mode| mode & 0o077 != 0)
}

async fn images(
    project: &Project,
    config: &Config,
    fleet: Option<&Fleet>,
) -> Result<Images, String> {
    let fleet = fleet.ok_or("no engine to ask")?;
    let (project_, config_) = (project.clone(), config.clone());
    let wanted = within(LIMIT, move || image::wanted(&project_, &config_))
        .ok_or("the images' parts could not be read in time")?
        .map_err(|error| format!("{error:#}"))?;
    let Ok(built) = image::Images::load(project) else {
        return Ok(Images {
            are_there: false,
            are_current: false,
            run: false,
        });
    };
    let has = |image: String| async move {
        let asked = tokio::time::timeout(LIMIT, fleet.has_image(&image)).await;
        asked.is_ok_and(|has| has.unwrap_or(false))
    };
    Ok(Images {
        are_there: has(built.agent.clone()).await && has(built.hub.clone()).await,
        are_current: built == wanted,
        run: hub::hub_file(project).is_some(),
    })
}

async fn reach_outside(
    project: &Project,
    config: &Config,
    fleet: &Fleet,
) -> Result<Vec<Reached>, Untried> {
    if config.network.access == Access::HubOnly {
        let why = "network.access is hub-only: agents reach nothing outside";
        return Err(Untried::Because(why.into()));
    }
    let addresses = addresses(config);
    if addresses.is_empty() {
        let why = "the agent CLI calls nothing that is known";
        return Err(Untried::Because(why.into()));
    }
    let blueprint = blueprint(project, config)?;
    let network = blueprint.probe_network();
    let was_there = fleet.networks(project.id()).await.unwrap_or_default();
    let made = fleet.ensure_network(&network).await;
    let reached = match made {
        Ok(()) => reach(fleet, &blueprint.reach(&network.name), &addresses).await,
        Err(error) => Err(Untried::Failed(error.to_string())),
    };
    if !was_there.contains(&network.name) {
        // One that another command uses meanwhile stays.
        let _ = fleet.remove_network(&network.name).await;
    }
    reached
}

async fn reach_hub(project: &Project, config: &Config, fleet: &Fleet) -> Result<Reached, Untried> {
    if hub::hub_file(project).is_none() {
        let why = "the swarm does not run: look again when it does";
        return Err(Untried::Because(why.into()));
    }
    let blueprint = blueprint(project, config)?;
    let network = blueprint.names().network();
    let reached = reach(fleet, &blueprint.reach(&network), &[HUB.to_owned()]).await?;
    reached
        .into_iter()
        .next()
        .ok_or_else(|| Untried::Failed("the container said nothing".into()))
}

fn blueprint(project: &Project, config: &Config) -> Result<Blueprint, Untried> {
    let images = image::Images::load(project);
    let images = images.map_err(|error| Untried::Failed(format!("{error:#}")))?;
    Ok(Blueprint::new(project.id(), config, &images.agent))
}

async fn reach(
    fleet: &Fleet,
    spec: &crate::fleet::ContainerSpec,
    addresses: &[String],
) -> Result<Vec<Reached>, Untried> {
    let failed = |what: String| Untried::Failed(format!("it was not tried: {what}"));
    let input = serde_json::to_vec(addresses).map_err(|e| failed(e.to_string()))?;
    let ran = fleet.run_fed(spec, &input, CONTAINER_LIMIT).await;
    let (code, printed) = ran.map_err(|error| failed(error.to_string()))?;
    let printed = String::from_utf8_lossy(&printed);
    let last = printed.lines().rev().find(|line| !line.trim().is_empty());
    let read = last.and_then(|line| serde_json::from_str(line).ok());
    read.ok_or_else(|| {
        let last = ticket::text::one_line(&ticket::text::plain(last.unwrap_or("nothing")));
        failed(format!("the container ended with {code} and said: {last}"))
    })
}

/// What agents must reach outside: the services of their agent CLIs, or the proxy that leads there.
fn addresses(config: &Config) -> Vec<String> {
    let mut found = Vec::new();
    for cli in config.clis() {
        let variable = |name: &str| {
            let own = cli.backend.env.get(name);
            own.or_else(|| config.agents.env.get(name)).cloned()
        };
        let proxy = ["HTTPS_PROXY", "https_proxy"]
            .into_iter()
            .find_map(variable);
        let (base, usual) = match cli.backend.kind {
            ticket::backend::Kind::Claude => ("ANTHROPIC_BASE_URL", "https://api.anthropic.com"),
            ticket::backend::Kind::Codex => ("OPENAI_BASE_URL", "https://api.openai.com"),
            ticket::backend::Kind::Gemini => (
                "GOOGLE_GEMINI_BASE_URL",
                "https://generativelanguage.googleapis.com",
            ),
            ticket::backend::Kind::Opencode | ticket::backend::Kind::Command => continue,
        };
        let url = proxy
            .or_else(|| variable(base))
            .unwrap_or_else(|| usual.to_owned());
        let address = address(&url);
        if !found.contains(&address) {
            found.push(address);
        }
    }
    found
}

/// The host and port of a URL.
fn address(url: &str) -> String {
    let (scheme, rest) = url.split_once("://").unwrap_or(("https", url));
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let host = authority.rsplit('@').next().unwrap_or_default();
    let has_port = host.rsplit_once(':').is_some_and(|(_, port)| {
        !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit())
    });
    match (has_port, scheme) {
        (true, _) => host.to_owned(),
        (false, "http") => format!("{host}:80"),
        (false, _) => format!("{host}:{HTTPS}"),
    }
}

/// What `work` returns, when it does so in time. A look that hangs is left behind.
fn within<T: Send + 'static>(
    limit: Duration,
    work: impl FnOnce() -> T + Send + 'static,
) -> Option<T> {
    let (tell, told) = mpsc::channel();
    std::thread::spawn(move || tell.send(work()));
    told.recv_timeout(limit).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_follow_from_the_configuration() {
        for (url, expected) in [
            ("https://api.example.org", "api.example.org:443"),
            ("https://api.example.org:8443/v1?x", "api.example.org:8443"),
            ("http://user:word@proxy/x", "proxy:80"),
            ("http://[::1]:3128", "[::1]:3128"),
            ("http://[::1]", "[::1]:80"),
            ("proxy:3128", "proxy:3128"),
        ] {
            assert_eq!(address(url), expected, "{url}");
        }
        let of = |text: &str| addresses(&Config::parse(text, Path::new("c")).unwrap());
        assert_eq!(of("{}"), ["api.anthropic.com:443"]);
        let proxy = r#"{"agents": {"env": {"HTTPS_PROXY": "http://proxy:3128"}}}"#;
        assert_eq!(of(proxy), ["proxy:3128"]);
        let other = r#"{"agents": {"backend": {"kind": "command", "program": "x"}}}"#;
        assert_eq!(of(other), Vec::<String>::new());
    }

    #[test]
    fn a_look_that_hangs_is_left_behind() {
        assert_eq!(within(LIMIT, || 3), Some(3));
        let slow = || std::thread::sleep(Duration::from_secs(5));
        assert_eq!(within(Duration::from_millis(20), slow), None);
    }

    #[test]
    fn secrets_that_others_may_read_are_found() {
        let dir = tempfile::tempdir().unwrap();
        let project = Project::create(dir.path()).unwrap();
        let secrets = project.folder().join("secrets");
        let said = |found: Vec<Trouble>| {
            let mut found = found.into_iter();
            found.any(|one| one.what.contains("secrets can be read"))
        };
        assert!(!said(modes(&project)));
        std::fs::set_permissions(&secrets, std::fs::Permissions::from_mode(0o755)).unwrap();
        assert!(said(modes(&project)));
    }
}
