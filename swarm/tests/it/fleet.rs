//! Containers on a real engine: made by their spec, refused on drift, noticed when they die.

use std::net::TcpListener;
use std::path::Path;
use std::time::Duration;

use chrono::Utc;
use futures_util::{StreamExt, TryStreamExt};
use swarm::config::Config;
use swarm::fleet::spec::{Attachment, Publish};
use swarm::fleet::{Blueprint, ContainerSpec, Fleet, FleetError, State};

/// Any image with a shell and sleep.
const IMAGE: &str = swarm::config::DEFAULT_BASE_IMAGE;
/// Far more than any of this takes.
const DEADLINE: Duration = Duration::from_secs(60);

/// A project's worth of containers that is gone when the test is over.
struct Yard {
    id: String,
    fleet: Fleet,
    blueprint: Blueprint,
}

impl Yard {
    async fn new(id: &str) -> Yard {
        let fleet = Fleet::connect()
            .await
            .expect("these tests need a Docker engine: run scripts/engine start");
        let config = "[limits]\nmemory = \"256m\"\npids = 64";
        let config = Config::parse(config, Path::new("config.toml")).unwrap();
        let yard = Yard {
            id: id.into(),
            fleet,
            blueprint: Blueprint::new(id, &config, IMAGE),
        };
        yard.clear().await;
        for network in yard.blueprint.networks() {
            yard.fleet.ensure_network(&network).await.unwrap();
        }
        yard
    }

    fn worker(&self, script: &str) -> ContainerSpec {
        let mut spec = self.blueprint.worker(1, "once");
        spec.args = ["sh", "-c", script].map(String::from).into();
        spec
    }

    async fn output(&self, spec: &ContainerSpec) -> String {
        self.fleet.start_checked(spec).await.unwrap();
        self.fleet.wait(&spec.name).await.unwrap();
        let pieces = self.fleet.logs(&spec.name, false, None);
        let pieces: Vec<Vec<u8>> = pieces.try_collect().await.unwrap();
        String::from_utf8(pieces.concat()).unwrap()
    }

    /// Removes everything of the project; asserts that nothing is left.
    async fn clear(&self) {
        for found in self.fleet.list(&self.id).await.unwrap() {
            self.fleet.remove(&found.container).await.unwrap();
        }
        for network in self.fleet.networks(&self.id).await.unwrap() {
            self.fleet.remove_network(&network).await.unwrap();
        }
        for volume in self.fleet.volumes(&self.id).await.unwrap() {
            self.fleet.remove_volume(&volume).await.unwrap();
        }
        assert!(self.fleet.list(&self.id).await.unwrap().is_empty());
    }
}

#[tokio::test]
async fn a_worker_is_confined() {
    let yard = Yard::new("f00001").await;
    let script = "id -u; grep -E '^(CapEff|NoNewPrivs|Seccomp):' /proc/self/status; \
                  touch /x 2>&1; mount | grep -cE '^/dev.* /(host|root|home)'; \
                  cp /bin/true /tmp/ && /tmp/true && echo runs; cat /sys/fs/cgroup/pids.max /sys/fs/cgroup/pids/pids.max 2>/dev/null; ls /work";
    let output = yard.output(&yard.worker(script)).await;
    for words in [
        "1000\n",
        "CapEff:\t0000000000000000",
        "NoNewPrivs:\t1",
        "Seccomp:\t2",
        "Read-only file system",
        "\n0\n",
        "runs\n64\n",
    ] {
        assert!(output.contains(words), "{words:?} is not in {output}");
    }
    yard.clear().await;
}

#[tokio::test]
async fn a_drift_removes_the_container_and_names_the_field() {
    let yard = Yard::new("f00002").await;
    let mut spec = yard.worker("sleep 60");
    // The engine takes this for no limit at all, and says so.
    spec.resources.pids = -1;
    let error = yard.fleet.start_checked(&spec).await.unwrap_err();
    assert!(error.to_string().contains("PidsLimit is"), "{error}");
    assert!(yard.fleet.list(&yard.id).await.unwrap().is_empty());
    yard.clear().await;
}

#[tokio::test]
async fn a_death_is_told_at_once_and_none_is_missed() {
    let yard = Yard::new("f00003").await;
    let before = Utc::now();
    let spec = yard.worker("exit 7");
    yard.fleet.start_checked(&spec).await.unwrap();
    yard.fleet.wait(&spec.name).await.unwrap();
    let mut deaths = yard.fleet.deaths(&yard.id, before);
    let death = tokio::time::timeout(DEADLINE, deaths.next()).await;
    let death = death.unwrap().unwrap().unwrap();
    assert_eq!((death.name.as_str(), death.code), ("agent-1", 7));
    let exit = yard.fleet.exit(&spec.name).await.unwrap().unwrap();
    assert_eq!((exit.code, exit.out_of_memory), (7, false));
    yard.clear().await;
}

#[tokio::test]
async fn too_much_memory_is_told_from_a_kill() {
    let yard = Yard::new("f00004").await;
    let mut spec = yard.worker("head -c 500m /dev/zero | tail -c 499m >/dev/null; exit $?");
    spec.resources.memory = 64 << 20;
    yard.fleet.start_checked(&spec).await.unwrap();
    yard.fleet.wait(&spec.name).await.unwrap();
    let exit = yard.fleet.exit(&spec.name).await.unwrap().unwrap();
    assert!(exit.out_of_memory, "{exit:?}");
    yard.clear().await;
}

#[tokio::test]
async fn verbs_are_harmless_to_repeat() {
    let yard = Yard::new("f00005").await;
    let spec = yard.worker("trap 'exit 0' TERM; sleep 60 & wait");
    yard.fleet.start_checked(&spec).await.unwrap();
    let again = yard.fleet.start_checked(&spec).await;
    assert!(matches!(again, Err(FleetError::NameTaken(_))), "{again:?}");
    let listed = yard.fleet.list(&yard.id).await.unwrap();
    assert_eq!(listed[0].state, State::Running, "{listed:?}");
    assert_eq!(yard.fleet.exit(&spec.name).await.unwrap(), None);
    for _ in 0..2 {
        yard.fleet.kill(&spec.name, "SIGTERM").await.unwrap();
        yard.fleet
            .stop(&spec.name, Duration::from_secs(5))
            .await
            .unwrap();
    }
    assert_eq!(
        yard.fleet.list(&yard.id).await.unwrap()[0].state,
        State::Exited
    );
    for _ in 0..2 {
        yard.fleet.remove(&spec.name).await.unwrap();
        yard.fleet.kill(&spec.name, "SIGTERM").await.unwrap();
        yard.fleet
            .stop(&spec.name, Duration::from_secs(5))
            .await
            .unwrap();
    }
    let mut nowhere = spec.clone();
    nowhere.image = "swarm-no-such-image:1".into();
    let error = yard.fleet.start_checked(&nowhere).await.unwrap_err();
    assert!(matches!(error, FleetError::NoImage(_)), "{error}");
    yard.clear().await;
}

#[tokio::test]
async fn a_closed_network_reaches_not_even_the_host() {
    let yard = Yard::new("f00006").await;
    let service = TcpListener::bind("0.0.0.0:0").unwrap();
    let port = service.local_addr().unwrap().port();
    let reach = format!(
        "gateway=$(hostname -i | sed 's/[0-9]*$/1/'); \
         timeout 5 bash -c \"</dev/tcp/$gateway/{port}\" && echo reached || echo closed"
    );
    let [mut agents, _] = yard.blueprint.networks();
    let open = yard.output(&yard.worker(&reach)).await;
    assert!(open.contains("reached"), "{open}");
    yard.fleet.remove(&yard.worker("").name).await.unwrap();

    agents.internal = true;
    yard.fleet.ensure_network(&agents).await.unwrap();
    let closed = yard.output(&yard.worker(&reach)).await;
    assert!(closed.contains("closed"), "{closed}");
    yard.clear().await;
}

#[tokio::test]
async fn a_container_knows_where_it_can_be_reached() {
    let yard = Yard::new("f00007").await;
    let mut spec = yard.worker("sleep 60");
    let free = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = free.local_addr().unwrap().port();
    spec.publish = Some(Publish {
        host: port,
        container: 3000,
    });
    let [agents, front] = yard.blueprint.networks().map(|network| network.name);
    spec.networks.push(Attachment {
        network: front.clone(),
        aliases: vec![],
    });
    let taken = yard.fleet.start_checked(&spec).await.unwrap_err();
    assert!(matches!(taken, FleetError::PortTaken(_)), "{taken}");
    drop(free);
    yard.fleet.start_checked(&spec).await.unwrap();
    let own = yard.fleet.own(&spec.name).await.unwrap();
    assert_eq!(own.published, Some(port));
    assert!(own.addresses.keys().eq([&front, &agents]), "{own:?}");
    yard.clear().await;
}
