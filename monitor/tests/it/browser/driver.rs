//! A real browser, driven over the WebDriver protocol.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use reqwest::{Client, Method};
use serde_json::{Value, json};

use crate::fixture::{Door, until};

/// What WebDriver calls an element in its answers.
const ELEMENT: &str = "element-6066-11e4-a52e-4f735466cecf";
/// How long the driver may take to end the browser.
const END_WITHIN: Duration = Duration::from_secs(20);

/// A browser window; closed when the test is over, however it ended.
pub struct Browser {
    driver: Child,
    port: u16,
    http: Client,
    session: String,
}

impl Browser {
    pub async fn open() -> Browser {
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
            port,
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

    pub async fn ask(&self, method: Method, path: &str, body: Value) -> Value {
        let answer = self.try_to(method, path, body).await;
        assert!(answer.get("error").is_none(), "{answer}");
        answer
    }

    /// What the driver answers, which may be an error.
    async fn try_to(&self, method: Method, path: &str, body: Value) -> Value {
        let request = self.http.request(method, format!("{}{path}", self.session));
        let request = match body {
            Value::Null => request,
            body => request.json(&body),
        };
        let answer: Value = request.send().await.unwrap().json().await.unwrap();
        answer["value"].clone()
    }

    pub async fn go(&self, address: &str) {
        self.ask(Method::POST, "/url", json!({ "url": address }))
            .await;
    }

    /// Logs in, and is on the board.
    pub async fn log_in(&self, door: &Door) {
        self.go(&format!("{}/login?token={}", door.url, door.token))
            .await;
    }

    /// What a command of the DevTools protocol answers.
    pub async fn devtools(&self, command: &str, params: Value) -> Value {
        let body = json!({ "cmd": command, "params": params });
        self.ask(Method::POST, "/goog/cdp/execute", body).await
    }

    /// A screen so wide and high, in this colour scheme.
    pub async fn show_on(&self, width: u32, height: u32, scheme: &str) {
        let metrics = json!({ "width": width, "height": height, "deviceScaleFactor": 1,
            "mobile": width < 600 });
        self.devtools("Emulation.setDeviceMetricsOverride", metrics)
            .await;
        let media = json!({ "features": [{ "name": "prefers-color-scheme", "value": scheme }] });
        self.devtools("Emulation.setEmulatedMedia", media).await;
    }

    /// The value of an expression in the page.
    pub async fn eval(&self, expression: &str) -> Value {
        let script = json!({ "script": format!("return {expression}"), "args": [] });
        self.ask(Method::POST, "/execute/sync", script).await
    }

    /// Does this to the element that the selector finds first, as soon as it can be done: a live page
    /// puts parts in anew.
    async fn act(&self, selector: &str, action: &str, body: Value) {
        until(&format!("{action} of {selector}"), || async {
            let by = json!({ "using": "css selector", "value": selector });
            let found = self.try_to(Method::POST, "/element", by).await;
            let element = found.get(ELEMENT)?.as_str()?;
            let path = format!("/element/{element}/{action}");
            let answer = self.try_to(Method::POST, &path, body.clone()).await;
            answer.get("error").is_none().then_some(())
        })
        .await;
    }

    /// Clicks on an element, as soon as it can be clicked on.
    pub async fn click(&self, selector: &str) {
        self.act(selector, "click", json!({})).await;
    }

    /// Types into a field.
    pub async fn fill(&self, selector: &str, text: &str) {
        self.act(selector, "value", json!({ "text": text })).await;
    }

    /// Presses a key where the focus is.
    pub async fn press(&self, key: &str) {
        self.press_together(&[key]).await;
    }

    /// Presses keys one after the other and lets them go together.
    pub async fn press_together(&self, keys: &[&str]) {
        let down = keys
            .iter()
            .map(|key| json!({ "type": "keyDown", "value": key }));
        let up = keys
            .iter()
            .rev()
            .map(|key| json!({ "type": "keyUp", "value": key }));
        let keys: Vec<Value> = down.chain(up).collect();
        let actions = json!({ "actions": [{ "type": "key", "id": "keys", "actions": keys }] });
        self.ask(Method::POST, "/actions", actions).await;
    }

    /// Types where the focus is.
    pub async fn write(&self, text: &str) {
        for character in text.chars() {
            self.press(&character.to_string()).await;
        }
    }

    /// Presses a key when this element has the focus.
    pub async fn press_in(&self, selector: &str, key: &str) {
        self.eval(&format!(
            "document.activeElement.blur() || document.querySelector('{selector}').focus()"
        ))
        .await;
        self.press(key).await;
    }

    /// Says yes to a dialog.
    pub async fn accept(&self) {
        self.ask(Method::POST, "/alert/accept", json!({})).await;
    }

    /// What the page shows, which needs no script; nothing while the next one comes.
    pub async fn shown(&self) -> String {
        let by = json!({ "using": "css selector", "value": "body" });
        let found = self.try_to(Method::POST, "/element", by).await;
        let Some(element) = found.get(ELEMENT).and_then(Value::as_str) else {
            return String::new();
        };
        let path = format!("/element/{element}/text");
        let text = self.try_to(Method::GET, &path, Value::Null).await;
        text.as_str().unwrap_or_default().to_owned()
    }

    pub async fn text_of(&self, part: &str) -> String {
        let text = self
            .eval(&format!("document.getElementById('{part}').innerText"))
            .await;
        text.as_str().unwrap().to_owned()
    }

    pub async fn until_text(&self, part: &str, words: &str) {
        until(&format!("{part} says {words}"), || async {
            self.text_of(part).await.contains(words).then_some(())
        })
        .await;
    }

    /// Has the driver end the browser and remove its profile. Without a runtime, as a failed test may
    /// have none any more.
    fn end(&self) -> io::Result<()> {
        let path = self.session.splitn(4, '/').nth(3).unwrap_or_default();
        let mut driver = TcpStream::connect((Ipv4Addr::LOCALHOST, self.port))?;
        driver.set_read_timeout(Some(END_WITHIN))?;
        write!(
            driver,
            "DELETE /{path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
        )?;
        driver.read(&mut [0; 512]).map(drop)
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        if let Err(error) = self.end() {
            eprintln!("the browser may still run: {error}");
        }
        let _ = self.driver.kill();
        let _ = self.driver.wait();
    }
}
