//! A browser that runs no script: every page can be read, and its forms do what they say.

use serde_json::json;

use super::driver::Browser;
use super::looks::{PAGES, lively};
use crate::fixture::{Swarm, until};

async fn without_script() -> Browser {
    let browser = Browser::open().await;
    let off = json!({ "value": true });
    browser
        .devtools("Emulation.setScriptExecutionDisabled", off)
        .await;
    browser
}

#[tokio::test(flavor = "multi_thread")]
async fn every_page_can_be_read_without_a_script() {
    let swarm = lively().await;
    let human = swarm.human();
    let browser = without_script().await;
    browser.log_in(&human).await;
    for (name, address) in PAGES {
        browser.go(&format!("{}{address}", human.url)).await;
        let shown = browser.shown().await;
        assert!(
            shown.contains("Reload the page to see what changed"),
            "{name}: {shown}"
        );
        assert!(!shown.contains("live"), "{name}: a script ran: {shown}");
        let words = match name {
            "board" | "ticket" => "Mend the menu",
            "needs-you" => "Which colour is the menu?",
            "agents" => "agent-1",
            "landing" => "Nothing waits to land",
            "activity" => "commented",
            "graph" => "waits for",
            "cost" => "$0.15",
            "learnings" => "The menu flickers",
            "settings" => "max_attempts",
            "prompt" => "Speed the parser up",
            "agent" => "Container log",
            _ => "Transcript of attempt 1",
        };
        assert!(shown.contains(words), "{name}: {shown}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_day_goes_without_a_script() {
    let swarm = Swarm::start().await;
    let human = swarm.human();
    let browser = without_script().await;
    browser.log_in(&human).await;
    browser.click(".new summary").await;
    browser.fill(".new [name=title]", "Mend the menu").await;
    browser.click(".new button").await;
    until("the new ticket's page", || async {
        let shown = browser.shown().await;
        (shown.contains("#1 Mend the menu") && shown.contains("Nobody said anything")).then_some(())
    })
    .await;
    browser.fill("[action$='/comment'] textarea", "Soon.").await;
    browser.click("[action$='/comment'] button").await;
    until("the comment", || async {
        browser.shown().await.contains("Soon.").then_some(())
    })
    .await;

    let question = json!({ "title": "Which way?", "type": "question", "assign": "human" });
    human.post("/tickets", question).await;
    browser.go(&format!("{}/needs", human.url)).await;
    browser.fill(".need textarea", "Left.").await;
    browser.click(".need button").await;
    until("the answer", || async {
        browser.shown().await.contains("answered").then_some(())
    })
    .await;

    // What is refused is a page with the way back, and so is what is not there.
    browser.go(&format!("{}/tickets/1", human.url)).await;
    browser.click("#forms summary").await;
    browser.fill("[action$='/block'] [name=by]", "999").await;
    browser.click("[action$='/block'] button").await;
    until("the refusal", || async {
        let shown = browser.shown().await;
        (shown.contains("That was refused") || shown.contains("Not found")).then_some(())
    })
    .await;
    assert!(browser.shown().await.contains("999"));
    browser.click("main a").await;
    until("the ticket", || async {
        browser
            .shown()
            .await
            .contains("Mend the menu")
            .then_some(())
    })
    .await;
    for (address, words) in [
        ("/tickets/999", "ticket 999 not found"),
        ("/agents/nobody", "there is no agent 'nobody'"),
        ("/activity?ticket=seven", "is not the number of a ticket"),
        ("/ticket/1", "no page at this address"),
    ] {
        browser.go(&format!("{}{address}", human.url)).await;
        let shown = browser.shown().await;
        assert!(shown.contains(words), "{address}: {shown}");
        assert!(!shown.contains('{'), "{address}: {shown}");
    }
}
