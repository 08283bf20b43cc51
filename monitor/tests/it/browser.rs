//! The page in a real browser, driven over the WebDriver protocol.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

use reqwest::{Client, Method};
use serde_json::{Value, json};

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
