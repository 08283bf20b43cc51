//! A day of the human's, by clicks and keys: every kind of form, with what it changes seen without a
//! reload.

use serde_json::json;

use super::driver::Browser;
use crate::fixture::{Swarm, until};

/// The form of the page that does this.
fn form(address: &str) -> String {
    format!("form[action=\"{address}\"]")
}

/// Opens the part of the page under this summary, unless it is open.
async fn open_details(browser: &Browser, summary: &str) {
    let open = format!(
        "[...document.querySelectorAll('summary')]
            .filter((s) => s.textContent === '{summary}' && !s.parentElement.open)
            .forEach((s) => s.click())"
    );
    browser.eval(&open).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn tickets_are_made_changed_and_ended_by_clicks_and_keys() {
    let swarm = Swarm::start().await;
    let human = swarm.human();
    let browser = Browser::open().await;
    browser.log_in(&human).await;
    browser.until_text("connection", "live").await;
    browser.eval("window.loaded = 'once'").await;

    browser.press("c").await;
    browser.fill(".new [name=title]", "Mend the menu").await;
    browser.fill(".new [name=labels]", "ui, soon").await;
    browser.click(".new button").await;
    browser.until_text("tickets", "Mend the menu").await;
    browser.fill(".new [name=title]", "Mend the door").await;
    browser.click(".new button").await;
    browser.until_text("tickets", "Mend the door").await;
    assert_eq!(browser.eval("window.loaded").await, "once");
    browser.press_in("body", "/").await;
    assert_eq!(browser.eval("document.activeElement.name").await, "q");

    browser.go(&format!("{}/tickets/1", human.url)).await;
    browser.until_text("connection", "live").await;
    browser.eval("window.loaded = 'once'").await;
    let at = |action: &str| form(&format!("/tickets/1/{action}"));
    browser
        .fill(&format!("{} textarea", at("comment")), "It flickers.")
        .await;
    browser.click(&format!("{} button", at("comment"))).await;
    browser.until_text("ticket", "It flickers.").await;
    open_details(&browser, "Change it").await;
    browser
        .eval(&format!(
            "document.querySelector('{} select').value = '0'",
            at("update")
        ))
        .await;
    browser
        .click(&format!("{}:has(select) button", at("update")))
        .await;
    until("its priority is 0", || async {
        let (_, ticket) = human.get("/tickets/1").await;
        (ticket["priority"] == 0 && ticket["labels"] == json!(["soon", "ui"])).then_some(())
    })
    .await;
    open_details(&browser, "Change it").await;
    browser
        .fill(&format!("{} [name=by]", at("block")), "2")
        .await;
    browser.click(&format!("{} button", at("block"))).await;
    browser.until_text("ticket", "Waits for #2").await;
    browser.until_text("forms", "Wait no longer for #2").await;
    open_details(&browser, "Change it").await;
    browser.click(&format!("{} button", at("unblock"))).await;
    until("it waits no longer", || async {
        (!browser.text_of("ticket").await.contains("Waits for")).then_some(())
    })
    .await;
    open_details(&browser, "Change it").await;
    browser
        .fill(&format!("{} [name=text]", at("cancel")), "No need.")
        .await;
    browser.click(&format!("{} button", at("cancel"))).await;
    browser.accept().await;
    browser.until_text("ticket", "cancelled").await;
    browser.until_text("ticket", "No need.").await;
    browser.until_text("forms", "Reopen it").await;
    open_details(&browser, "Reopen it").await;
    browser
        .fill(&format!("{} textarea", at("reopen")), "Needed after all.")
        .await;
    browser.click(&format!("{} button", at("reopen"))).await;
    browser.until_text("ticket", "Taken up again as #3").await;
    assert_eq!(browser.eval("window.loaded").await, "once");
    assert_eq!(swarm.status_of(3).await, "open");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_swarm_is_drained_paused_and_scaled_by_clicks() {
    let swarm = Swarm::start().await;
    let human = swarm.human();
    let worker = swarm.worker("agent-1").await;
    swarm.ticket("work").await;
    worker.work(0).await;
    let browser = Browser::open().await;
    browser.log_in(&human).await;
    browser.until_text("connection", "live").await;
    browser.eval("window.loaded = 'once'").await;
    open_details(&browser, "The swarm").await;
    let reason = form("/swarm/drain") + " [name=text]";
    for (button, frozen) in [("Drain", false), ("Pause", true)] {
        browser.fill(&reason, "lunch").await;
        browser
            .eval(&format!(
                "[...document.querySelectorAll('#controls button')].find((b) => b.textContent === '{button}').click()"
            ))
            .await;
        browser.until_text("problems", "lunch").await;
        browser.until_text("controls", "Nobody claims").await;
        assert_eq!(swarm.running.hub.freeze.is_on(), frozen, "{button}");
        let state = if frozen { "frozen" } else { "working" };
        let (_, status) = human.get("/status").await;
        assert_eq!(status["agents"][0]["state"], state);
        browser.click(&(form("/swarm/resume") + " button")).await;
        browser.until_text("controls", "Withhold claims").await;
        assert!(!swarm.running.hub.freeze.is_on());
    }
    let number = form("/swarm/scale") + " [name=agents]";
    browser
        .eval(&format!("document.querySelector('{number}').value = ''"))
        .await;
    browser.fill(&number, "7").await;
    browser.click(&(form("/swarm/scale") + " button")).await;
    browser.until_text("summary", "7").await;
    assert_eq!(browser.eval("window.loaded").await, "once");
}
