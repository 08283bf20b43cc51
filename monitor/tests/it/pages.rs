//! The pages beside the board: what they show, and what they are told as it happens.

use futures_util::StreamExt;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use ticket::transcript::{What, now};

use crate::fixture::{Door, PATIENCE, Swarm, answer, beginning, until};

async fn page(swarm: &Swarm, path: &str) -> (StatusCode, String) {
    let human = swarm.human();
    let request = human.http.get(format!("{}{path}", human.url));
    let response = request.bearer_auth(&human.token).send().await.unwrap();
    (response.status(), response.text().await.unwrap())
}

async fn shown(swarm: &Swarm, path: &str) -> String {
    let (status, text) = page(swarm, path).await;
    assert_eq!(status, StatusCode::OK, "{path}: {text}");
    text
}

#[tokio::test]
async fn activity_is_narrowed_and_goes_on_where_a_page_ends() {
    let swarm = Swarm::start().await;
    for n in 0..130 {
        swarm.ticket(&format!("ticket number {n}")).await;
    }
    let first = shown(&swarm, "/activity").await;
    assert!(first.contains("#130") && !first.contains(">#5<"), "{first}");
    let (_, older) = first.split_once("<a href=\"/activity?before=").unwrap();
    let (cursor, _) = older.split_once('"').unwrap();
    let second = shown(&swarm, &format!("/activity?before={cursor}")).await;
    assert!(
        second.contains(">#5<") && !second.contains("#130"),
        "{second}"
    );

    let of_one = shown(&swarm, "/activity?ticket=%237&action=created").await;
    assert!(of_one.contains("ticket number 6") && !of_one.contains("ticket number 7"));
    let nobodys = shown(&swarm, "/activity?agent=agent-9").await;
    assert!(
        nobodys.contains("Nothing of this kind happened yet"),
        "{nobodys}"
    );
    let (status, refused) = page(&swarm, "/activity?ticket=seven").await;
    assert_eq!(status, StatusCode::BAD_REQUEST, "{refused}");
}

#[tokio::test]
async fn settings_say_where_they_come_from_and_no_secret() {
    let config = r#"{"agents": {"count": 2, "env": {"KEY": "very-secret"}},
                     "notify": {"ntfy": "https://ntfy.example/very-secret"}}"#;
    let swarm = Swarm::start_with(config).await;
    swarm.human().put("/fleet", json!({ "agents": 5 })).await;
    let text = shown(&swarm, "/settings").await;
    assert!(!text.contains("very-secret"), "{text}");
    for words in [
        "<code>agents.env</code>",
        "<b>config.json</b>",
        "default",
        "swarm scale",
    ] {
        assert!(text.contains(words), "{words} is not in {text}");
    }
    assert!(!text.contains("has changed"));
    std::fs::write(swarm.project.config_file(), r#"{"agents": {"count": 3}}"#).unwrap();
    assert!(shown(&swarm, "/settings").await.contains("has changed"));
    std::fs::write(swarm.project.config_file(), "{").unwrap();
    assert!(
        shown(&swarm, "/settings")
            .await
            .contains("not in force, as it is broken")
    );
}

#[tokio::test]
async fn a_changed_configuration_is_taken_over_as_far_as_it_can_be() {
    let swarm = Swarm::start_with(r#"{"queue": {"max_attempts": 4}}"#).await;
    let change = |text: &str| std::fs::write(swarm.project.config_file(), text).unwrap();
    change(
        r#"{"queue": {"max_attempts": 7}, "verify": {"window": 5},
              "budgets": {"max_usd_per_day": 3}}"#,
    );
    until("the new values to be in force", || async {
        (swarm.running.hub.config().queue.max_attempts == 7).then_some(())
    })
    .await;
    let config = swarm.running.hub.config();
    assert_eq!(config.verify.window, 1, "this waits for a restart");
    until("the budgets to count", || async {
        let budgets = swarm.running.hub.database.read(|store| store.budgets());
        (budgets.await.unwrap() == config.budgets).then_some(())
    })
    .await;
    let text = shown(&swarm, "/settings").await;
    assert!(text.contains("has changed"), "{text}");
    change("{ broken");
    until("the broken file to be seen", || async {
        let text = shown(&swarm, "/settings").await;
        text.contains("as it is broken").then_some(())
    })
    .await;
    assert_eq!(swarm.running.hub.config().queue.max_attempts, 7);
}

#[tokio::test]
async fn a_learning_is_kept_by_the_form_and_found() {
    let swarm = Swarm::start().await;
    let human = swarm.human();
    let form = async |body: &str| {
        let request = human.http.post(format!("{}/learnings", human.url));
        let request = request
            .bearer_auth(&human.token)
            .header("sec-fetch-mode", "cors")
            .header("content-type", "application/x-www-form-urlencoded");
        answer(request.body(body.to_owned())).await
    };
    let (status, _) = form("body=Use+the+small+port&category=net&ticket=").await;
    assert_eq!(status, StatusCode::NO_CONTENT);
    let (status, refused) = form("body=&category=").await;
    assert_eq!(status, StatusCode::BAD_REQUEST, "{refused}");
    let (status, refused) = form("body=x&ticket=seven").await;
    assert_eq!(status, StatusCode::BAD_REQUEST, "{refused}");
    for (query, found) in [("q=PORT", true), ("category=net", true), ("q=large", false)] {
        let list = shown(&swarm, &format!("/learnings?{query}")).await;
        assert_eq!(list.contains("Use the small port"), found, "{query}");
    }
}

#[tokio::test]
async fn the_board_looks_for_words_in_what_is_unfinished() {
    let swarm = Swarm::start().await;
    let human = swarm.human();
    let first = swarm.ticket("a red door").await;
    for (title, more) in [
        ("a blue door", json!({ "labels": ["ui"] })),
        (
            "a green door",
            json!({ "labels": ["ui"], "blocked_by": [first] }),
        ),
        ("a red window", json!({ "labels": ["ui"] })),
    ] {
        let mut ticket = more;
        ticket["title"] = json!(title);
        human.post("/tickets", ticket).await;
    }
    let board = async |query: &str| shown(&swarm, &format!("/parts/tickets?{query}")).await;
    let found = async |query: &str| {
        let text = board(query).await;
        let titles = ["red door", "blue door", "green door", "red window"];
        titles.map(|title| text.contains(title))
    };
    assert_eq!(found("q=door").await, [true, true, true, false]);
    assert_eq!(found("q=door&label=ui").await, [false, true, true, false]);
    // In the column before that of open tickets.
    let text = board("q=green").await;
    assert!(text.find("green door").unwrap() < text.find("column-3").unwrap());
    let done = format!("/tickets/{first}/mark-done");
    human.post(&done, json!({})).await;
    assert_eq!(found("q=red").await, [false, false, false, true]);
}

/// However long the queue is, what the human is asked and what is worked on is on the board.
#[tokio::test]
async fn a_board_of_a_long_queue_begins_with_what_somebody_is_at() {
    let swarm = Swarm::start().await;
    let human = swarm.human();
    let many: Vec<Value> = (0..600)
        .map(|n| json!({ "title": format!("old {n}") }))
        .collect();
    let (status, made) = human.post("/tickets/batch", json!(many)).await;
    assert_eq!(status, StatusCode::OK, "{made}");
    let asked = json!({ "title": "which way", "type": "question", "assign": "human" });
    human.post("/tickets", asked).await;
    let urgent = json!({ "title": "urgent", "priority": 0 });
    human.post("/tickets", urgent).await;
    swarm.worker("agent-1").await.work(0).await;
    swarm.ticket("new").await;
    let text = shown(&swarm, "/").await;
    for words in [
        "which way",
        "urgent",
        "old 0",
        "old 497",
        "498 shown",
        "103 more",
    ] {
        assert!(text.contains(words), "{words} is not in {text}");
    }
    for words in ["old 498<", ">new<"] {
        assert!(!text.contains(words), "{words} is in {text}");
    }
}

#[tokio::test]
async fn work_that_bounced_is_on_the_landing_page_with_its_reason() {
    let swarm = Swarm::start().await;
    let id = swarm.ticket("a change").await;
    let worker = swarm.worker("agent-1").await;
    worker.work(0).await;
    let submit = json!({ "commit": "1".repeat(40), "summary": null });
    worker
        .post(&format!("/attempts/{id}/1/submit"), submit)
        .await;
    crate::fixture::until("it bounced", || async {
        let text = shown(&swarm, "/landing").await;
        (text.contains("bounced") && text.contains("Nothing waits to land")).then_some(())
    })
    .await;
    let text = shown(&swarm, "/landing").await;
    assert!(text.contains(&format!("/tickets/{id}/diff/1")), "{text}");
    let text = shown(&swarm, &format!("/tickets/{id}")).await;
    for words in ["<h2>Submissions</h2>", "bounced", "push it first"] {
        assert!(text.contains(words), "{words} is not in {text}");
    }
}

#[tokio::test]
async fn tickets_that_wait_are_in_the_graph_and_others_are_not() {
    let swarm = Swarm::start().await;
    let first = swarm.ticket("the ground").await;
    let waits = json!({ "title": "the roof", "blocked_by": [first] });
    swarm.human().post("/tickets", waits).await;
    swarm.ticket("a tree").await;
    let text = shown(&swarm, "/graph").await;
    assert!(text.contains("<path d=\"M"), "{text}");
    assert!(text.contains("the ground") && text.contains("the roof"));
    assert!(!text.contains("a tree"));
    let done = format!("/tickets/{first}/mark-done");
    swarm.human().post(&done, json!({})).await;
    assert!(!shown(&swarm, "/graph").await.contains("the roof"));
}

async fn print(worker: &Door, offset: usize, text: String) -> usize {
    let path = format!("/attempts/1/1/runs/1/transcript?offset={offset}");
    let (status, kept) = answer(worker.request(Method::POST, &path).body(text)).await;
    assert_eq!(status, StatusCode::OK, "{kept}");
    usize::try_from(kept["bytes"].as_u64().unwrap()).unwrap()
}

/// A page that looks at an agent is sent its session: what is there, then what comes.
#[tokio::test]
async fn a_session_is_sent_as_it_happens() {
    let (swarm, worker) = Swarm::at_work().await;
    let at = print(&worker, 0, beginning()).await;
    let human = swarm.human();
    let request = human
        .http
        .get(format!("{}/live?session=agent-1", human.url));
    let response = request.bearer_auth(&human.token).send().await.unwrap();
    let mut pieces = response.bytes_stream();
    let mut heard = String::new();
    let mut until_heard = async |words: &str| {
        let reading = async {
            while !heard.contains(words) {
                let piece = pieces.next().await.unwrap().unwrap();
                heard.push_str(&String::from_utf8_lossy(&piece));
            }
        };
        tokio::time::timeout(PATIENCE, reading).await.expect(words);
        heard.clone()
    };
    let first = until_heard("attempt 1, run 1").await;
    assert!(first.contains("event: text"), "{first}");
    let (_, data) = first.split_once("data: {").unwrap();
    let data: Value = serde_json::from_str(&format!("{{{}", data.lines().next().unwrap())).unwrap();
    assert_eq!(
        (&data["into"], &data["reset"]),
        (&json!("session"), &json!(true))
    );
    print(
        &worker,
        at,
        What::Out("<b>and so on</b>", false).line(now()),
    )
    .await;
    let all = until_heard("and so on").await;
    assert!(all.contains("\"reset\":false"), "{all}");
    for path in ["/agents/agent-1", "/tickets/1/transcript/1"] {
        let text = shown(&swarm, path).await;
        assert!(
            text.contains("and so on") && !text.contains("<b>and"),
            "{text}"
        );
    }
    let (status, _) = page(&swarm, "/tickets/1/transcript/2").await;
    assert_eq!(status, StatusCode::NOT_FOUND);
    let (status, _) = page(&swarm, "/agents/nobody").await;
    assert_eq!(status, StatusCode::NOT_FOUND);
    assert!(shown(&swarm, "/tickets/1/prompt").await.contains("work"));
}
