//! The pages in a real browser.

mod acting;
mod driver;
mod hostile;
mod keys;
mod looks;
mod plain;
mod readable;
mod strings;

use serde_json::json;

use crate::fixture::Swarm;
use driver::Browser;

/// What a page must never run.
const HOSTILE: &str =
    "<img src=x onerror=\"document.title='broken in'\"><script>document.title='broken in'</script>";

#[tokio::test(flavor = "multi_thread")]
async fn the_page_follows_what_happens_and_runs_nothing_of_it() {
    let swarm = Swarm::start().await;
    let human = swarm.human();
    let browser = Browser::open().await;
    browser.log_in(&human).await;
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
    browser.log_in(&human).await;
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
}

#[tokio::test(flavor = "multi_thread")]
async fn the_page_comes_back_with_the_hub() {
    let swarm = Swarm::start().await;
    let human = swarm.human();
    let port = swarm.running.human.port();
    let browser = Browser::open().await;
    browser.log_in(&human).await;
    browser.until_text("connection", "live").await;
    let swarm = swarm.restart_on(port).await;
    swarm.ticket("made after the restart").await;
    browser
        .until_text("tickets", "made after the restart")
        .await;
    browser.until_text("connection", "live").await;
}
