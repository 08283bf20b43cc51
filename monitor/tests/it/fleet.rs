//! Containers on a real engine. They run a shell that waits instead of a runner, so nothing enrols.

use std::time::Duration;

use monitor::fleet::reconciler;
use serde_json::{Value, json};
use swarm::Config;
use swarm::config::DEFAULT_BASE_IMAGE;
use swarm::fleet::{Blueprint, BuildRequest, Fleet as Engine, State};

use tokio::task::AbortHandle;

use crate::fixture::{Door, Swarm, until};

const CONFIG: &str = r#"{"agents": {"count": 2}, "limits": {"memory": "64m", "pids": 32}}"#;
/// Waits, and ends when it is asked to.
const ENTRY: &str = r#"["sh", "-c", "trap 'exit 0' TERM; sleep 600 & wait"]"#;
const IMAGE: &str = "swarm-test-waiting:1";
/// Prints, and waits.
const PRINTS: &str = r#"["sh", "-c", "cat /text; trap 'exit 0' TERM; sleep 600 & wait"]"#;
const PRINTING: &str = "swarm-test-printing:1";

/// A swarm whose hub runs containers.
pub struct Yard {
    engine: Engine,
    swarm: Swarm,
    broom: Broom,
}

impl Yard {
    async fn start(image: &str) -> Yard {
        let engine = Engine::connect()
            .await
            .expect("these tests need a Docker engine: run scripts/engine start");
        build(&engine, IMAGE, ENTRY, "").await;
        Yard::on(engine, image).await
    }

    /// One whose agents print this.
    pub async fn printing(text: &str) -> Yard {
        let engine = Engine::connect()
            .await
            .expect("this test needs a Docker engine: run scripts/engine start");
        build(&engine, PRINTING, PRINTS, text).await;
        let yard = Yard::on(engine, PRINTING).await;
        yard.until_running(&["agent-1", "agent-2", "verifier-1"])
            .await;
        yard
    }

    /// The human's door to it.
    pub fn door(&self) -> Door {
        self.swarm.human()
    }

    async fn on(engine: Engine, image: &str) -> Yard {
        let swarm = Swarm::start_with(CONFIG).await;
        let mut yard = Yard {
            broom: Broom {
                id: swarm.project.id().to_owned(),
                reconciler: None,
            },
            engine,
            swarm,
        };
        for network in yard.blueprint(image).networks() {
            yard.engine.ensure_network(&network).await.unwrap();
        }
        yard.reconcile(image);
        yard
    }

    fn blueprint(&self, image: &str) -> Blueprint {
        let config = Config::load(&self.swarm.project).unwrap();
        Blueprint::new(self.swarm.project.id(), &config, image)
    }

    fn reconcile(&mut self, image: &str) {
        let hub = self.swarm.running.hub.clone();
        let blueprint = self.blueprint(image);
        let running = tokio::spawn(reconciler::run(hub, self.engine.clone(), blueprint));
        self.broom.reconciler = Some(running.abort_handle());
    }

    /// The hub ends, its containers stay, and the next hub takes over.
    async fn restart(self) -> Yard {
        let mut yard = Yard {
            swarm: self.swarm.restart().await,
            ..self
        };
        yard.reconcile(IMAGE);
        yard
    }

    /// The names of the containers that run, in order.
    async fn running(&self) -> Vec<String> {
        let listed = self.engine.list(self.swarm.project.id()).await.unwrap();
        let running = listed.into_iter().filter(|c| c.state == State::Running);
        let mut names: Vec<String> = running.map(|c| c.name).collect();
        names.sort();
        names
    }

    async fn until_running(&self, names: &[&str]) {
        until(&format!("{names:?} run"), || async {
            (self.running().await == names && self.is_calm().await).then_some(())
        })
        .await;
    }

    /// Nothing is being started or replaced: what is not idle waits to enrol.
    async fn is_calm(&self) -> bool {
        use monitor::fleet::plan::Phase;
        let seen = self.swarm.running.hub.fleet.seen();
        seen.containers
            .values()
            .all(|phase| *phase == Phase::Running)
    }

    async fn kill(&self, name: &str) {
        let container = self.swarm.running.hub.fleet.container(name);
        self.engine.kill(&container, "SIGKILL").await.unwrap();
    }

    async fn scale(&self, agents: u32) {
        let (status, body) = self
            .swarm
            .human()
            .put("/fleet", json!({ "agents": agents }))
            .await;
        assert!(status.is_success(), "{body}");
    }

    /// How often this happened.
    async fn told(&self, action: &str, words: &str) -> usize {
        let (_, log) = self.swarm.human().get("/log?limit=1000").await;
        let rows = log.as_array().unwrap().iter();
        rows.filter(|e| e["action"] == action)
            .filter(|e| e["detail"].as_str().is_some_and(|d| d.starts_with(words)))
            .count()
    }

    async fn status(&self) -> Value {
        self.swarm.human().get("/status").await.1
    }

    /// Ends everything through the hub; no container may be left.
    pub async fn clear(self) {
        let hub = &self.swarm.running.hub;
        hub.fleet.end().await.unwrap();
        let left = self.engine.list(self.swarm.project.id()).await.unwrap();
        assert_eq!(left, []);
    }
}

/// Takes away what [`Yard::clear`] leaves, and everything when a test failed before it.
struct Broom {
    id: String,
    reconciler: Option<AbortHandle>,
}

impl Drop for Broom {
    fn drop(&mut self) {
        if let Some(reconciler) = &self.reconciler {
            reconciler.abort();
        }
        let id = self.id.clone();
        let sweeping = std::thread::spawn(move || {
            tokio::runtime::Runtime::new().unwrap().block_on(async {
                let engine = Engine::connect().await.unwrap();
                for found in engine.list(&id).await.unwrap() {
                    engine.remove(&found.container).await.unwrap();
                }
                for network in engine.networks(&id).await.unwrap() {
                    engine.remove_network(&network).await.unwrap();
                }
                for volume in engine.volumes(&id).await.unwrap() {
                    engine.remove_volume(&volume).await.unwrap();
                }
            });
        });
        sweeping.join().unwrap();
    }
}

async fn build(engine: &Engine, tag: &str, entry: &str, text: &str) {
    let recipe = format!("FROM {DEFAULT_BASE_IMAGE}\nCOPY text /text\nENTRYPOINT {entry}\n");
    let mut files = swarm::image::Files::with_recipe(&recipe);
    files.add("text", text.into(), false);
    let request = BuildRequest {
        tag: tag.into(),
        context: files.tar().unwrap(),
        args: Default::default(),
        labels: Default::default(),
    };
    engine.build(request, &mut |_| ()).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn agents_are_started_replaced_and_scaled_without_ending_any() {
    let yard = Yard::start(IMAGE).await;
    yard.until_running(&["agent-1", "agent-2", "verifier-1"])
        .await;

    yard.kill("agent-1").await;
    until("agent-1 is replaced", || async {
        (yard.told("agent_started", "agent-1").await == 2).then_some(())
    })
    .await;
    assert_eq!(
        yard.told("agent_died", "agent-1: exit code 137, killed")
            .await,
        1
    );

    yard.scale(3).await;
    yard.until_running(&["agent-1", "agent-2", "agent-3", "verifier-1"])
        .await;
    assert_eq!(
        yard.told("agent_started", "agent-2").await,
        1,
        "the others go on"
    );

    yard.scale(1).await;
    tokio::time::sleep(Duration::from_millis(500)).await;
    yard.until_running(&["agent-1", "agent-2", "agent-3", "verifier-1"])
        .await;
    for name in ["agent-2", "agent-3"] {
        yard.kill(name).await;
    }
    yard.until_running(&["agent-1", "verifier-1"]).await;
    until("those that are gone are forgotten", || async {
        let agents = yard.status().await["agents"].as_array().unwrap().len();
        (agents == 2).then_some(())
    })
    .await;
    yard.clear().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_next_hub_keeps_running_agents_and_replaces_verifiers() {
    let yard = Yard::start(IMAGE).await;
    yard.until_running(&["agent-1", "agent-2", "verifier-1"])
        .await;
    let order = monitor::verification::Order {
        commit: String::new(),
        gate_commit: String::new(),
        own_gate_too: false,
        env: Default::default(),
        timeout: Duration::from_secs(60),
    };
    let pending = yard.swarm.running.hub.verifications.order(order);
    yard.until_running(&["agent-1", "agent-2", "verifier-1", "verifier-2"])
        .await;
    drop(pending);

    let yard = yard.restart().await;
    // The first two numbers are taken until their containers are gone.
    yard.until_running(&["agent-1", "agent-2", "verifier-3"])
        .await;
    assert_eq!(yard.told("agent_started", "agent-").await, 2);
    assert_eq!(yard.told("agent_died", "").await, 0);
    yard.clear().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_started_is_a_problem_that_names_its_cause() {
    let yard = Yard::start("swarm-test-missing:1").await;
    let problem = until("a problem is told", || async {
        let status = yard.status().await;
        let first = status["problems"][0].as_str().map(str::to_owned);
        first.filter(|_| status["agents"][0]["state"] == "down")
    })
    .await;
    assert!(
        problem.contains("agent-1 cannot be started: there is no image"),
        "{problem}"
    );
    yard.clear().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_is_read_through_the_hub() {
    let yard = Yard::start(IMAGE).await;
    yard.until_running(&["agent-1", "agent-2", "verifier-1"])
        .await;
    let human = yard.swarm.human();
    for (service, expected) in [
        ("agent-1", 200),
        ("agent-9", 404),
        ("..", 404),
        ("agent-x", 404),
    ] {
        let (status, body) = human.get(&format!("/services/{service}/logs")).await;
        assert_eq!(status, expected, "{service}: {body}");
    }
    yard.clear().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stopped_agent_stays_away_until_it_is_restarted() {
    let yard = Yard::start(IMAGE).await;
    yard.until_running(&["agent-1", "agent-2", "verifier-1"])
        .await;
    let human = yard.door();
    let order = async |path: &str| human.post(&format!("/agents/{path}"), json!({})).await;
    let state = async || yard.status().await["agents"][0]["state"].clone();
    for _ in 0..2 {
        let (status, said) = order("agent-1/stop").await;
        assert_eq!(status, 204, "{said}");
    }
    yard.until_running(&["agent-2", "verifier-1"]).await;
    assert_eq!(state().await, "stopped");

    let yard = yard.restart().await;
    yard.until_running(&["agent-2", "verifier-2"]).await;
    let human = yard.door();
    let order = async |path: &str| human.post(&format!("/agents/{path}"), json!({})).await;
    for name in ["agent-1", "agent-2"] {
        let (status, said) = order(&format!("{name}/restart")).await;
        assert_eq!(status, 204, "{said}");
    }
    yard.until_running(&["agent-1", "agent-2", "verifier-2"])
        .await;
    assert_eq!(yard.told("agent_started", "agent-1").await, 2);
    assert_eq!(yard.told("agent_started", "agent-2").await, 2);
    assert_eq!(yard.told("agent_died", "").await, 0);

    order("agent-2/stop").await;
    yard.scale(2).await;
    yard.until_running(&["agent-1", "agent-2", "verifier-2"])
        .await;
    for wrong in [
        "verifier-2/stop",
        "agent-3/restart",
        "hub/stop",
        "agent-01/stop",
    ] {
        let (status, said) = order(wrong).await;
        assert_eq!(status, 404, "{wrong}: {said}");
    }
    yard.clear().await;
}
