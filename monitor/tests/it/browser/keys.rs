//! A human without a mouse: everything by the keys that the foot of each page tells, and by those of the
//! browser. What one is at stays where it is while the page follows what happens.

use serde_json::json;

use super::driver::Browser;
use crate::fixture::{Swarm, until};

const TAB: &str = "\u{e004}";
const ENTER: &str = "\u{e007}";
const CONTROL: &str = "\u{e009}";
const ESCAPE: &str = "\u{e00c}";
/// What has the focus, and what it says or is called.
const FOCUSED: &str =
    "(document.activeElement.name ?? '') + document.activeElement.textContent.trim()";

async fn until_focused(browser: &Browser, words: &str) {
    until(&format!("the focus is on {words}"), || async {
        let focused = browser.eval(FOCUSED).await;
        focused.as_str()?.contains(words).then_some(())
    })
    .await;
}

async fn until_at(browser: &Browser, path: &str) {
    until(&format!("the page is {path}"), || async {
        (browser.eval("location.pathname").await == path).then_some(())
    })
    .await;
    browser.until_text("connection", "live").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_day_goes_by_keys_alone() {
    let swarm = Swarm::start().await;
    let human = swarm.human();
    let browser = Browser::open().await;
    browser.log_in(&human).await;
    browser.until_text("connection", "live").await;

    browser.press("c").await;
    until_focused(&browser, "title").await;
    browser.write("menu").await;
    browser.press(TAB).await;
    browser.write("It flickers").await;
    browser.press_together(&[CONTROL, ENTER]).await;
    browser.until_text("tickets", "menu").await;
    let (_, made) = human.get("/tickets/1").await;
    assert_eq!(
        (&made["title"], &made["description"]),
        (&json!("menu"), &json!("It flickers"))
    );

    browser.press("?").await;
    let keys = "document.querySelector('.keys dl').innerText";
    assert!(
        browser
            .eval(keys)
            .await
            .as_str()
            .unwrap()
            .contains("Ctrl Enter")
    );
    browser.press("/").await;
    until_focused(&browser, "q").await;
    browser.press(ESCAPE).await;
    browser.press("j").await;
    until_focused(&browser, "menu").await;
    browser.press(ENTER).await;
    until_at(&browser, "/tickets/1").await;
    browser.press("m").await;
    browser.write("soon").await;
    browser.press_together(&[CONTROL, ENTER]).await;
    browser.until_text("ticket", "soon").await;

    let question = json!({ "title": "left or right", "type": "question", "assign": "human" });
    human.post("/tickets", question).await;
    browser.press("2").await;
    until_at(&browser, "/needs").await;
    browser.press("j").await;
    until_focused(&browser, "left or right").await;
    browser.press(TAB).await;
    browser.write("left").await;
    browser.press(TAB).await;
    browser.press(ENTER).await;
    browser.until_text("needs", "Nothing needs you").await;
    assert_eq!(swarm.status_of(2).await, "done");
    for (number, path) in [
        "/",
        "/needs",
        "/agents",
        "/landing",
        "/activity",
        "/graph",
        "/cost",
        "/learnings",
        "/settings",
    ]
    .iter()
    .enumerate()
    {
        browser.press(&(number + 1).to_string()).await;
        until_at(&browser, path).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_focus_stays_and_what_is_open_stays_open_while_the_page_changes() {
    let swarm = Swarm::start().await;
    let human = swarm.human();
    let proposal = |title: &str| json!({ "title": title, "type": "proposal", "assign": "human" });
    human.post("/tickets", proposal("first")).await;
    let browser = Browser::open().await;
    browser.log_in(&human).await;
    browser.go(&format!("{}/needs", human.url)).await;
    browser.until_text("connection", "live").await;
    browser
        .eval("document.querySelector('.need button').focus()")
        .await;
    until_focused(&browser, "Approve").await;
    human.post("/tickets", proposal("second")).await;
    browser.until_text("needs", "second").await;
    until_focused(&browser, "Approve").await;
    browser.press(ENTER).await;
    until("the first is approved", || async {
        let (_, ticket) = human.get("/tickets/1").await;
        (ticket["type"] == "task").then_some(())
    })
    .await;
    assert_eq!(human.get("/tickets/2").await.1["type"], "proposal");

    // What is the same is not put in anew: what is selected there stays so.
    browser.go(&format!("{}/tickets/1", human.url)).await;
    browser.until_text("connection", "live").await;
    browser
        .eval("document.querySelector('#forms details').open = true")
        .await;
    browser
        .eval("document.querySelector('#problems').append(document.createElement('i'))")
        .await;
    let changed =
        "document.querySelectorAll('[data-part]').forEach((part) => waiting.add(part)), swap()";
    for _ in 0..2 {
        browser.eval(changed).await;
        until("every part was fetched", || async {
            (browser.eval("waiting.size === 0 && !swapping").await == true).then_some(())
        })
        .await;
        browser
            .eval("document.querySelector('#ticket').firstElementChild.mark = true")
            .await;
    }
    browser.eval(changed).await;
    until("every part was fetched", || async {
        (browser.eval("waiting.size === 0 && !swapping").await == true).then_some(())
    })
    .await;
    assert_eq!(
        browser
            .eval("document.querySelector('#ticket').firstElementChild.mark")
            .await,
        true
    );
    assert_eq!(
        browser
            .eval("document.querySelectorAll('#problems i').length")
            .await,
        0
    );
    assert_eq!(
        browser
            .eval("document.querySelector('#forms details').open")
            .await,
        true
    );
}
