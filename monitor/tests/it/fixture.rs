//! A project with a running hub, and clients for both doors.

use std::fs;
use std::future::Future;
use std::net::SocketAddr;
use std::time::Duration;

use monitor::hub::{Running, Settings};
use reqwest::{Client, Method, RequestBuilder, StatusCode};
use serde_json::{Value, json};
use swarm::Project;
use tempfile::TempDir;
use ticket::secret;
use ticket::transcript::{Begin, What, now};
use ticket::wire::Role;

use crate::document;

/// The longest that any test waits for anything.
pub const PATIENCE: Duration = Duration::from_secs(30);
/// What is at once for a person and for a loaded machine.
pub const AT_ONCE: Duration = Duration::from_secs(2);

const LOOPBACK: SocketAddr =
    SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 0);

/// A project whose hub runs.
pub struct Swarm {
    pub project: Project,
    pub running: Running,
    _dir: TempDir,
}

impl Swarm {
    pub async fn start() -> Swarm {
        Swarm::start_with("{}").await
    }

    /// With this configuration. Proposals are off unless they say otherwise.
    pub async fn start_with(config: &str) -> Swarm {
        Swarm::start_on("main", config).await
    }

    /// The same on another base branch.
    pub async fn start_on(branch: &str, config: &str) -> Swarm {
        let dir = tempfile::tempdir().unwrap();
        let project = project_on(&dir, branch, config);
        let running = Running::start(settings(&project)).await.unwrap();
        Swarm {
            project,
            running,
            _dir: dir,
        }
    }

    /// One in which agent-1 has claimed ticket 1, and its door.
    pub async fn at_work() -> (Swarm, Door) {
        let swarm = Swarm::start().await;
        swarm.ticket("work").await;
        let worker = swarm.worker("agent-1").await;
        worker.work(0).await;
        (swarm, worker)
    }

    /// Ends the hub and starts another one for the same project.
    pub async fn restart(self) -> Swarm {
        self.restart_on(0).await
    }

    /// As [`Swarm::restart`], with something done while no hub runs.
    pub async fn restart_after(self, meanwhile: impl FnOnce()) -> Swarm {
        self.running.end().await.unwrap();
        meanwhile();
        let running = Running::start(settings(&self.project)).await.unwrap();
        Swarm { running, ..self }
    }

    /// As [`Swarm::restart`]; people find the next hub on this port.
    pub async fn restart_on(self, port: u16) -> Swarm {
        self.running.end().await.unwrap();
        let mut settings = settings(&self.project);
        settings.human.set_port(port);
        let running = Running::start(settings).await.unwrap();
        Swarm { running, ..self }
    }

    /// The human's door, with the token of hub.json.
    pub fn human(&self) -> Door {
        let file = fs::read(self.project.hub_file()).unwrap();
        let file: ticket::wire::HubFile = serde_json::from_slice(&file).unwrap();
        assert_eq!(file.url, format!("http://{}", self.running.human));
        Door::new(&file.url, &file.token)
    }

    /// The agents' door, with this token.
    pub fn agents(&self, token: &str) -> Door {
        Door::new(&format!("http://{}", self.running.agents), token)
    }

    /// An agent that has enrolled.
    pub async fn worker(&self, name: &str) -> Door {
        self.enrolled(name, Role::Worker).await
    }

    pub async fn enrolled(&self, name: &str, role: Role) -> Door {
        let code = self.register(name, role).await;
        let (status, enrolled) = self
            .agents("")
            .post("/enroll", json!({ "code": code }))
            .await;
        assert_eq!(status, StatusCode::OK, "{enrolled}");
        assert_eq!(enrolled["name"], name);
        self.agents(enrolled["token"].as_str().unwrap())
    }

    /// A one-time code, as the fleet gives to a container.
    pub async fn register(&self, name: &str, role: Role) -> String {
        let code = secret::new_token();
        let (name, kept) = (name.to_owned(), code.clone());
        let database = &self.running.hub.database;
        database
            .call(move |store| store.register_agent(&name, role, None, &kept))
            .await
            .unwrap();
        code
    }

    /// Makes a ticket as the human.
    pub async fn ticket(&self, title: &str) -> i64 {
        let (status, made) = self
            .human()
            .post("/tickets", json!({ "title": title }))
            .await;
        assert_eq!(status, StatusCode::OK, "{made}");
        made["id"].as_i64().unwrap()
    }

    /// The status of a ticket.
    pub async fn status_of(&self, id: i64) -> String {
        let (_, ticket) = self.human().get(&format!("/tickets/{id}")).await;
        ticket["status"].as_str().unwrap().to_owned()
    }
}

pub fn settings(project: &Project) -> Settings {
    Settings {
        project: project.root().to_owned(),
        human: LOOPBACK,
        agents: LOOPBACK,
        container: None,
    }
}

/// A folder as `swarm init` leaves it: configuration, and a repository with one commit on main.
pub fn project(dir: &TempDir, config: &str) -> Project {
    project_on(dir, "main", config)
}

/// The same on another base branch.
fn project_on(dir: &TempDir, branch: &str, config: &str) -> Project {
    let project = Project::create(dir.path()).unwrap();
    let mut config: serde_json::Value = serde_json::from_str(config).unwrap();
    if config.get("proposals").is_none() {
        config["proposals"] = json!({ "enabled": false });
    }
    fs::write(project.config_file(), config.to_string()).unwrap();
    let mut options = git2::RepositoryInitOptions::new();
    options.bare(true).initial_head(branch);
    let git = git2::Repository::init_opts(project.repository(), &options).unwrap();
    let who = git2::Signature::now("somebody", "somebody@example.org").unwrap();
    let tree = git.treebuilder(None).unwrap().write().unwrap();
    let tree = git.find_tree(tree).unwrap();
    git.commit(Some("HEAD"), &who, &who, "first", &tree, &[])
        .unwrap();
    project.commit_id().unwrap();
    project
}

/// One of the two doors, as somebody with a token uses it.
#[derive(Clone)]
pub struct Door {
    pub http: Client,
    pub url: String,
    pub token: String,
}

impl Door {
    fn new(url: &str, token: &str) -> Door {
        let http = Client::builder()
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .unwrap();
        Door {
            http,
            url: url.to_owned(),
            token: token.to_owned(),
        }
    }

    /// The same door with another token.
    pub fn with_token(&self, token: &str) -> Door {
        Door {
            token: token.to_owned(),
            ..self.clone()
        }
    }

    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.http
            .request(method, format!("{}/api/v1{path}", self.url))
            .bearer_auth(&self.token)
    }

    pub async fn get(&self, path: &str) -> (StatusCode, Value) {
        answer(self.request(Method::GET, path)).await
    }

    pub async fn post(&self, path: &str, body: Value) -> (StatusCode, Value) {
        answer(self.request(Method::POST, path).json(&body)).await
    }

    pub async fn put(&self, path: &str, body: Value) -> (StatusCode, Value) {
        answer(self.request(Method::PUT, path).json(&body)).await
    }

    pub async fn delete(&self, path: &str) -> (StatusCode, Value) {
        answer(self.request(Method::DELETE, path)).await
    }

    /// What a worker gets to do.
    pub async fn work(&self, wait: u64) -> Value {
        let (status, work) = self.post("/work", json!({ "wait": wait })).await;
        assert_eq!(status, StatusCode::OK, "{work}");
        work
    }
}

/// Sends; an answer without a body reads as null. It must be as the OpenAPI document says.
pub async fn answer(request: RequestBuilder) -> (StatusCode, Value) {
    let (http, request) = request.build_split();
    let request = request.unwrap();
    let (method, path) = (request.method().clone(), request.url().path().to_owned());
    let response = http.execute(request).await.unwrap();
    let status = response.status();
    let kind = response.headers().get("content-type").cloned();
    let kind = kind.as_ref().map_or("", |kind| kind.to_str().unwrap());
    let body = response.bytes().await.unwrap();
    // Nothing of the API answers to a name that is not the hub's own.
    if status != StatusCode::MISDIRECTED_REQUEST {
        document::check(&method, &path, status, kind, &body);
    }
    let value = serde_json::from_slice(&body).unwrap_or(Value::Null);
    (status, value)
}

/// The kind of a refusal.
pub fn kind(body: &Value) -> &str {
    body["error"]["kind"].as_str().unwrap_or("none")
}

/// Looks again and again until `check` gives something.
pub async fn until<T, F: Future<Output = Option<T>>>(what: &str, check: impl Fn() -> F) -> T {
    let give_up = tokio::time::Instant::now() + PATIENCE;
    loop {
        if let Some(found) = check().await {
            return found;
        }
        assert!(
            tokio::time::Instant::now() < give_up,
            "waited in vain: {what}"
        );
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// The first line of a run's transcript.
pub fn beginning() -> String {
    let begin = Begin {
        agent: "agent-1".into(),
        run: "#1 attempt 1, run 1".into(),
        phase: "work".into(),
        backend: "command".into(),
        ..Begin::default()
    };
    What::Begin(&begin).line(now())
}
