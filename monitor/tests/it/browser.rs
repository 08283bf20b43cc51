//! The page in a real browser, driven over the WebDriver protocol.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

use reqwest::{Client, Method};
use serde_json::{Value, json};
use ticket::transcript::{Begin, What};
use ticket::wire::Role;

use crate::fixture::{Swarm, until};

/// What a page must never run.
const HOSTILE: &str =
    "<img src=x onerror=\"document.title='broken in'\"><script>document.title='broken in'</script>";

/// A browser window; closed when the test is over.
struct Browser {
    driver: Child,
    http: Client,
    session: String,
}

impl Browser {
    async fn open() -> Browser {
        let mut driver = Command::new("chromedriver")
            .arg("--port=0")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("this test needs Chromium and its driver: run scripts/setup browser");
        let mut lines = BufReader::new(driver.stdout.take().unwrap()).lines();
        let port = lines.by_ref().map_while(Result::ok).find_map(|line| {
            let (_, port) = line.rsplit_once("successfully on port ")?;
            port.trim_end_matches('.').parse().ok()
        });
        let port: u16 = port.expect("chromedriver tells its port");
        let mut browser = Browser {
            driver,
            http: Client::builder().no_proxy().build().unwrap(),
            session: format!("http://127.0.0.1:{port}/session"),
        };
        let options = json!({ "args": ["--headless", "--no-sandbox", "--disable-gpu",
            "--disable-dev-shm-usage", "--no-proxy-server"] });
        let wanted = json!({ "alwaysMatch": { "goog:chromeOptions": options } });
        let made = browser
            .ask(Method::POST, "", json!({ "capabilities": wanted }))
            .await;
        let id = made["sessionId"].as_str().expect("a session").to_owned();
        browser.session = format!("{}/{id}", browser.session);
        browser
    }

    async fn ask(&self, method: Method, path: &str, body: Value) -> Value {
        let request = self.http.request(method, format!("{}{path}", self.session));
        let answer: Value = request
            .json(&body)
            .send()
            .await
            .unwrap()
            .json()
            .await
            .unwrap();
        assert!(answer["value"].get("error").is_none(), "{answer}");
        answer["value"].clone()
    }

    async fn go(&self, address: &str) {
        self.ask(Method::POST, "/url", json!({ "url": address }))
            .await;
    }

    /// The value of an expression in the page.
    async fn eval(&self, expression: &str) -> Value {
        let script = json!({ "script": format!("return {expression}"), "args": [] });
        self.ask(Method::POST, "/execute/sync", script).await
    }

    async fn text_of(&self, part: &str) -> String {
        let text = self
            .eval(&format!("document.getElementById('{part}').innerText"))
            .await;
        text.as_str().unwrap().to_owned()
    }

    async fn until_text(&self, part: &str, words: &str) {
        until(&format!("{part} says {words}"), || async {
            self.text_of(part).await.contains(words).then_some(())
        })
        .await;
    }

    async fn close(self) {
        self.ask(Method::DELETE, "", json!({})).await;
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        let _ = self.driver.kill();
        let _ = self.driver.wait();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_page_follows_what_happens_and_runs_nothing_of_it() {
    let swarm = Swarm::start().await;
    let human = swarm.human();
    let browser = Browser::open().await;
    browser
        .go(&format!("{}/login?token={}", human.url, human.token))
        .await;
    let address = browser.eval("location.href").await;
    assert_eq!(
        address,
        format!("{}/", human.url),
        "the token is gone from the address"
    );
    browser.until_text("connection", "live").await;
    browser.eval("window.loaded = 'once'").await;

    let id = swarm.ticket(HOSTILE).await;
    browser.until_text("tickets", "<img src=x").await;
    assert_eq!(browser.eval("document.images.length").await, 0);
    assert_eq!(
        browser.eval("window.loaded").await,
        "once",
        "nothing was reloaded"
    );
    swarm.human().put("/fleet", json!({ "agents": 7 })).await;
    browser.until_text("summary", "7").await;

    browser.go(&format!("{}/agents", human.url)).await;
    browser.until_text("connection", "live").await;
    let worker = swarm.worker("agent-1").await;
    worker.work(0).await;
    browser.until_text("agents", "working").await;

    browser.go(&format!("{}/landing", human.url)).await;
    browser.until_text("connection", "live").await;
    let submit = json!({ "commit": "1".repeat(40), "summary": HOSTILE });
    worker
        .post(&format!("/attempts/{id}/1/submit"), submit)
        .await;
    browser.until_text("landings", "bounced").await;
    browser.go(&format!("{}/activity", human.url)).await;
    browser.until_text("activity", "bounced").await;

    assert_ne!(browser.eval("document.title").await, "broken in");
    assert_eq!(browser.eval("document.images.length").await, 0);
    browser.close().await;
}

/// A form is sent without a reload, what is refused is said below it, and the ticket follows.
#[tokio::test(flavor = "multi_thread")]
async fn a_question_is_answered_on_the_page() {
    let swarm = Swarm::start().await;
    let human = swarm.human();
    let question = json!({ "title": "Which way?", "type": "question", "assign": "human",
        "description": "**Left** or <b>right</b>?" });
    let id = human.post("/tickets", question).await.1["id"].clone();
    let browser = Browser::open().await;
    browser
        .go(&format!("{}/login?token={}", human.url, human.token))
        .await;
    browser.go(&format!("{}/needs", human.url)).await;
    browser.until_text("connection", "live").await;
    browser.eval("window.loaded = 'once'").await;
    browser.until_text("needs", "Left or <b>right</b>?").await;

    let form = format!("document.querySelector('form[action=\"/tickets/{id}/answer\"]')");
    browser.eval(&format!("{form}.text.value = '   '")).await;
    browser.eval(&format!("{form}.requestSubmit()")).await;
    browser.until_text("needs", "cannot be empty").await;
    browser.eval(&format!("{form}.text.value = 'Left.'")).await;
    browser.eval(&format!("{form}.requestSubmit()")).await;
    browser.until_text("needs", "Nothing needs you").await;
    assert_eq!(browser.eval("window.loaded").await, "once");

    browser.go(&format!("{}/tickets/{id}", human.url)).await;
    browser.until_text("ticket", "Left.").await;
    browser.until_text("ticket", "answered").await;
    browser.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_page_comes_back_with_the_hub() {
    let swarm = Swarm::start().await;
    let human = swarm.human();
    let port = swarm.running.human.port();
    let browser = Browser::open().await;
    browser
        .go(&format!("{}/login?token={}", human.url, human.token))
        .await;
    browser.until_text("connection", "live").await;
    let swarm = swarm.restart_on(port).await;
    swarm.ticket("made after the restart").await;
    browser
        .until_text("tickets", "made after the restart")
        .await;
    browser.until_text("connection", "live").await;
    browser.close().await;
}

/// What each kind of place would have to let through to be broken out of.
const PAYLOADS: [&str; 12] = [
    HOSTILE,
    "\"'><svg onload=\"document.title='broken in'\">",
    "</title></textarea></style></script><img src=x onerror=\"document.title='broken in'\">",
    "\" autofocus onfocus=\"document.title='broken in'\" x=\"",
    "' onmouseover='document.title=1' x='",
    "<a href=\"javascript:document.title='broken in'\">x</a>",
    "[x](javascript:document.title='broken_in') ![x](x)",
    "<iframe srcdoc=\"<script>parent.document.title='broken in'</script>\"></iframe>",
    "{{ 7*7 }}${7*7}<%= 7*7 %>",
    "<style>body{display:none}</style><base href=\"//x\"><form action=\"//x\">",
    "\u{1b}]0;broken in\u{7}\u{202e}\u{2028}<!--",
    "]]><math><mtext><script>document.title='broken in'</script>",
];

/// What must be found on no page.
const BROKEN: &str = "(() => {
    const found = [];
    if (document.title.startsWith('broken in')) found.push('the title');
    const ours = '/assets/page.js';
    for (const element of document.querySelectorAll('*')) {
        const name = element.localName;
        const foreign = ['img', 'iframe', 'object', 'embed', 'style', 'base', 'math'].includes(name)
            || (name === 'script' && element.getAttribute('src') !== ours)
            || (name === 'svg' && !element.matches('.chart, .graph'));
        if (foreign) found.push(element.outerHTML);
        for (const { name, value } of element.attributes) {
            if (name.startsWith('on') || name === 'style' || name === 'srcdoc' || name === 'autofocus'
                || /^\\s*(javascript|data):/i.test(value)) found.push(name + '=' + value);
        }
    }
    return found.join(' AND ');
})()";

/// A commit on top of main that adds a file of this name and content. Returns its id.
fn commit_file(swarm: &Swarm, name: &str, content: &str) -> String {
    let git = git2::Repository::open_bare(swarm.project.repository()).unwrap();
    let head = git.find_reference("refs/heads/main").unwrap();
    let head = head.peel_to_commit().unwrap();
    let blob = git.blob(content.as_bytes()).unwrap();
    let mut tree = git.treebuilder(None).unwrap();
    tree.insert(name, blob, 0o100_644).unwrap();
    let tree = git.find_tree(tree.write().unwrap()).unwrap();
    let who = git2::Signature::now("somebody", "somebody@example.org").unwrap();
    let commit = git.commit(None, &who, &who, "work", &tree, &[&head]);
    commit.unwrap().to_string()
}

/// Every text field that people or agents fill, filled with everything hostile. Returns the pages that
/// no navigation leads to.
async fn filled_with_hostile_text(swarm: &Swarm) -> Vec<String> {
    let human = swarm.human();
    let all = PAYLOADS.join("\n");
    // A title is one line of text: control characters are refused.
    let one_line = |text: &str| text.replace(|c: char| c.is_control(), "");
    let title: String = one_line(&PAYLOADS.concat()).chars().take(500).collect();
    let make = async |ticket: Value| {
        let (status, made) = human.post("/tickets", ticket).await;
        assert!(status.is_success(), "{made}");
        made["id"].as_i64().unwrap()
    };
    let id = make(json!({ "title": title, "description": all })).await;
    for kind in ["question", "verify", "proposal"] {
        make(json!({ "title": title, "description": all, "type": kind, "assign": "human" })).await;
    }
    for payload in PAYLOADS {
        let waits = json!({ "title": one_line(payload), "description": payload,
            "blocked_by": [id] });
        make(waits).await;
        let said = json!({ "body": payload, "author": payload });
        human.post(&format!("/tickets/{id}/comments"), said).await;
        let learning = json!({ "body": payload, "author": payload });
        human.post("/learnings", learning).await;
    }
    let worker = swarm.enrolled("agent-1", Role::Worker).await;
    worker.work(0).await;
    let beat = json!({ "phase": all, "session_id": all, "usage": [{
        "run": 1, "phase": "work", "backend": all,
        "models": [{ "model": HOSTILE, "input_tokens": 1, "output_tokens": 1,
            "cache_read_tokens": 0, "cache_write_tokens": 0, "cost_microusd": 5_000_000 }],
    }] });
    worker
        .post(&format!("/attempts/{id}/1/heartbeat"), beat)
        .await;
    let begin = Begin {
        agent: "agent-1".into(),
        run: HOSTILE.into(),
        phase: HOSTILE.into(),
        backend: HOSTILE.into(),
        model: Some(HOSTILE.into()),
        ..Begin::default()
    };
    let now = ticket::transcript::now();
    let mut run = What::Begin(&begin).line(now);
    for payload in PAYLOADS {
        run.push_str(&What::Out(payload, false).line(now));
    }
    let path = format!("/attempts/{id}/1/runs/1/transcript?offset=0");
    let (status, kept) =
        crate::fixture::answer(worker.request(Method::POST, &path).body(run)).await;
    assert!(status.is_success(), "{kept}");
    // It bounces: nobody pushed that.
    let submit = json!({ "commit": all, "summary": all });
    worker
        .post(&format!("/attempts/{id}/1/submit"), submit)
        .await;
    until("the landing bounced", || async {
        (swarm.status_of(id).await == "in_progress").then_some(())
    })
    .await;
    let commit = commit_file(swarm, &HOSTILE.replace('/', "|"), &all);
    let end = json!({ "outcome": "agent-failed", "reason": all, "log_tail": all,
        "snapshot": commit, "session_id": all });
    let (status, said) = worker.post(&format!("/attempts/{id}/1/end"), end).await;
    assert!(status.is_success(), "{said}");
    vec![
        format!("/tickets/{id}"),
        format!("/tickets/{id}/diff/1"),
        format!("/tickets/{id}/transcript/1"),
        format!("/tickets/{id}/prompt"),
        "/agents/agent-1".into(),
    ]
}

/// Every page of the navigation, and those that lead on from there, full of what agents could write.
#[tokio::test(flavor = "multi_thread")]
async fn nothing_hostile_runs_on_any_page() {
    let swarm = Swarm::start().await;
    let human = swarm.human();
    let mut pages = filled_with_hostile_text(&swarm).await;
    let browser = Browser::open().await;
    browser
        .go(&format!("{}/login?token={}", human.url, human.token))
        .await;
    let links = "[...document.querySelectorAll('nav a')].map((link) => link.pathname)";
    let links = browser.eval(links).await;
    let links = links.as_array().unwrap();
    pages.extend(links.iter().map(|link| link.as_str().unwrap().to_owned()));
    assert!(pages.len() >= 14, "{pages:?}");
    for address in pages {
        browser.go(&format!("{}{address}", human.url)).await;
        browser.until_text("connection", "live").await;
        let title = browser.eval("document.title").await;
        assert!(title.as_str().unwrap().contains('–'), "{address}: {title}");
        assert_eq!(browser.eval(BROKEN).await, "", "{address}");
        // The same once more when the script has swapped every part.
        let swapped =
            "document.querySelectorAll('[data-part]').forEach((part) => waiting.add(part)), swap()";
        browser.eval(swapped).await;
        until("every part was swapped", || async {
            (browser.eval("waiting.size === 0 && !swapping").await == true).then_some(())
        })
        .await;
        assert_eq!(browser.eval(BROKEN).await, "", "{address}, swapped");
        let shown = browser
            .eval("document.body.innerText.includes('broken in')")
            .await;
        // The agent has no ticket any more, and the configuration is nobody's to write.
        let is_expected = !["/agents", "/settings"].contains(&address.as_str());
        assert_eq!(shown, is_expected, "{address} shows what was written");
    }
    browser.close().await;
}
