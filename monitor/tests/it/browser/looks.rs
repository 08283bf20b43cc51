//! How the pages look: on a desk and on a phone, by day and in the dark. The pictures are kept where
//! cargo keeps what tests make, in `screenshots`.

use std::fs;
use std::path::Path;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use reqwest::Method;
use serde_json::{Value, json};

use super::driver::Browser;
use crate::fixture::{Door, Swarm};

pub const PAGES: [(&str, &str); 13] = [
    ("board", "/"),
    ("needs-you", "/needs"),
    ("agents", "/agents"),
    ("landing", "/landing"),
    ("activity", "/activity"),
    ("graph", "/graph"),
    ("cost", "/cost"),
    ("learnings", "/learnings"),
    ("settings", "/settings"),
    ("ticket", "/tickets/1"),
    ("prompt", "/tickets/2/prompt"),
    ("agent", "/agents/agent-1"),
    ("transcript", "/tickets/1/transcript/1"),
];

/// A swarm in which something of every kind is to be seen.
pub async fn lively() -> Swarm {
    let swarm = Swarm::start().await;
    let human = swarm.human();
    let long = "a_very_long_name_without_any_place_to_break_it_".repeat(4);
    let text =
        format!("## Why\n\nThe menu **flickers** in `{long}`.\n\n- one\n- two\n\n```\ncode\n```");
    for (title, more) in [
        (
            "Mend the menu",
            json!({ "description": text, "priority": 0, "labels": ["ui"] }),
        ),
        ("Speed the parser up", json!({ "blocked_by": [1] })),
        (
            "Write the guide",
            json!({ "blocked_by": [1, 2], "labels": ["docs"] }),
        ),
        (
            "Which colour is the menu?",
            json!({ "type": "question", "assign": "human" }),
        ),
        (
            "Remember what was asked last",
            json!({ "type": "proposal", "assign": "human" }),
        ),
        (long.as_str(), json!({})),
    ] {
        let mut ticket = more;
        ticket["title"] = json!(title);
        let (status, made) = human.post("/tickets", ticket).await;
        assert!(status.is_success(), "{made}");
    }
    human
        .post("/tickets/1/comments", json!({ "body": "Only at night." }))
        .await;
    human
        .post("/learnings", json!({ "body": text, "category": "ui" }))
        .await;
    let worker = swarm.worker("agent-1").await;
    worker.work(0).await;
    let used = json!({ "phase": "agent", "usage": [{ "run": 1, "phase": "work", "backend": "claude",
        "models": [{ "model": "model-1", "input_tokens": 1200, "output_tokens": 340,
            "cache_read_tokens": 9000, "cache_write_tokens": 70, "cost_microusd": 150_000 }] }] });
    worker.post("/attempts/1/1/heartbeat", used).await;
    human
        .post("/drain", json!({ "reason": "the release" }))
        .await;
    swarm
}

async fn picture(browser: &Browser, name: &str) {
    let picture = browser.ask(Method::GET, "/screenshot", Value::Null).await;
    let png = BASE64_STANDARD.decode(picture.as_str().unwrap()).unwrap();
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("screenshots");
    fs::create_dir_all(&folder).unwrap();
    fs::write(folder.join(format!("{name}.png")), png).unwrap();
}

async fn see(browser: &Browser, door: &Door, how: &str, page: (&str, &str)) {
    browser.go(&format!("{}{}", door.url, page.1)).await;
    browser.until_text("connection", "live").await;
    picture(browser, &format!("{}-{how}", page.0)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_page_fits_a_desk_and_a_phone_by_day_and_in_the_dark() {
    let swarm = lively().await;
    let human = swarm.human();
    let browser = Browser::open().await;
    browser.log_in(&human).await;
    for (screen, width, height) in [("desk", 1280, 900), ("phone", 390, 844)] {
        for scheme in ["light", "dark"] {
            browser.show_on(width, height, scheme).await;
            for page in PAGES {
                see(&browser, &human, &format!("{screen}-{scheme}"), page).await;
                let too_wide = "document.documentElement.scrollWidth - window.innerWidth";
                let too_wide = browser.eval(too_wide).await.as_i64().unwrap();
                assert!(
                    too_wide <= 0,
                    "{page:?} on a {screen}: {too_wide} pixels too wide"
                );
                // The sum of a colour's parts: the ground is bright by day and dark at night.
                let ground = "getComputedStyle(document.body).backgroundColor.match(/\\d+/g)
                    .slice(0, 3).reduce((sum, part) => sum + Number(part), 0)";
                let ground = browser.eval(ground).await.as_i64().unwrap();
                assert_eq!(ground < 384, scheme == "dark", "{page:?}: {ground}");
            }
        }
    }
}
