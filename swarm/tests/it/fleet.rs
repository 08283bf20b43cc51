//! Containers on a real engine: made by their spec, refused on drift, noticed when they die.

use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::time::{Duration, Instant};

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
        let yard = Yard {
            id: id.into(),
            fleet,
            blueprint: blueprint(id, "{}"),
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

fn blueprint(id: &str, more: &str) -> Blueprint {
    let mut config: serde_json::Value = serde_json::from_str(more).unwrap();
    config["limits"] = serde_json::json!({ "memory": "256m", "pids": 64 });
    let config = Config::parse(&config.to_string(), Path::new("config.json")).unwrap();
    Blueprint::new(id, &config, IMAGE)
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
    let mut yard = Yard::new("f00006").await;
    let service = TcpListener::bind("0.0.0.0:0").unwrap();
    let port = service.local_addr().unwrap().port();
    let reach = format!(
        "for ip in $(hostname -i); do \
           timeout 5 bash -c \"</dev/tcp/${{ip%.*}}.1/{port}\" && echo reached; \
         done; echo tried"
    );
    let open = yard.output(&yard.worker(&reach)).await;
    assert!(open.contains("reached"), "{open}");
    yard.fleet.remove(&yard.worker("").name).await.unwrap();

    yard.blueprint = blueprint("f00006", r#"{"network": {"access": "hub-only"}}"#);
    let closed = yard.output(&yard.worker(&reach)).await;
    assert!(
        closed.contains("tried") && !closed.contains("reached"),
        "{closed}"
    );
    yard.clear().await;
}

#[tokio::test]
async fn agents_do_not_reach_the_hubs_front_or_each_other_outside() {
    let yard = Yard::new("f00007").await;
    let listen = "exec 2>&1; perl -MIO::Socket::INET -e '$s = IO::Socket::INET->new(Listen => 5, LocalAddr => \"0.0.0.0:3000\"); print \"up\\n\"; sleep 60'";
    let names = yard.blueprint.names();
    let (shared, front) = (names.network(), names.front_network());
    let mut hub = yard.worker(listen);
    hub.name = names.hub();
    hub.volume = None;
    hub.networks = [(&front, "front"), (&shared, "hub")]
        .map(|(network, alias)| Attachment {
            network: network.clone(),
            aliases: vec![alias.into()],
        })
        .into();
    let free = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = free.local_addr().unwrap().port();
    hub.publish = Some(Publish {
        host: port,
        container: 3000,
    });
    let taken = yard.fleet.start_checked(&hub).await.unwrap_err();
    assert!(matches!(taken, FleetError::PortTaken(_)), "{taken}");
    drop(free);

    // Several times, as engines choose at each start where a published port leads to.
    for _ in 0..3 {
        yard.fleet.start_checked(&hub).await.unwrap();
        let own = yard.fleet.own(&hub.name).await.unwrap();
        assert_eq!(own.published, Some(port));
        assert!(own.addresses.keys().eq([&front, &shared]), "{own:?}");
        let front_address = own.addresses[&front];
        wait_until("the host reaches the published port", || {
            TcpStream::connect(("127.0.0.1", port)).is_ok_and(|mut stream| {
                // The engine's own proxy accepts first; what is behind it hangs up or stays.
                let _ = stream.set_read_timeout(Some(Duration::from_millis(300)));
                let read = std::io::Read::read(&mut stream, &mut [0; 1]);
                read.is_err_and(|error| error.kind() == std::io::ErrorKind::WouldBlock)
            })
        });
        let mut other = yard.blueprint.worker(2, "once");
        other.args = hub.args.clone();
        yard.fleet.start_checked(&other).await.unwrap();
        let own = yard.fleet.own(&other.name).await.unwrap();
        let outside = own.addresses[&names.out_network()];
        let try_all = format!(
            "until bash -c '</dev/tcp/agent-2/3000'; do sleep 0.1; done; \
             timeout 5 bash -c '</dev/tcp/hub/3000' && echo shared; \
             timeout 1 bash -c '</dev/tcp/{front_address}/3000' && echo front; \
             timeout 1 bash -c '</dev/tcp/{outside}/3000' && echo outside; echo tried"
        );
        // While other networks come and go the engine writes its rules anew, and for a moment some
        // are missing. What is open must not stay open.
        let mut said = String::new();
        for _ in 0..5 {
            said = yard.output(&yard.worker(&try_all)).await;
            yard.fleet.remove(&yard.worker("").name).await.unwrap();
            assert!(said.contains("shared") && said.contains("tried"), "{said}");
            if !said.contains("front\n") && !said.contains("outside\n") {
                break;
            }
        }
        assert!(
            !said.contains("front\n") && !said.contains("outside\n"),
            "{said}"
        );
        yard.fleet.remove(&other.name).await.unwrap();
        yard.fleet.remove(&hub.name).await.unwrap();
    }
    yard.clear().await;
}

fn wait_until(what: &str, mut condition: impl FnMut() -> bool) {
    let start = Instant::now();
    while !condition() {
        assert!(start.elapsed() < DEADLINE, "{what}");
        std::thread::sleep(Duration::from_millis(50));
    }
}
