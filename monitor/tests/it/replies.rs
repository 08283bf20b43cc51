//! Answers from a phone, over an ntfy server: what a tap and a text do, and what is refused.

use axum::http::StatusCode;
use serde_json::{Value, json};

use crate::fixture::{Swarm, until};
use crate::ntfy::{Ntfy, REPLIES, button};

/// Something of an agent's that waits for the human. Returns its number.
async fn make(swarm: &Swarm, kind: &str, title: &str) -> i64 {
    swarm.ticket("work").await;
    let worker = swarm.worker(&format!("agent-of-{kind}")).await;
    let work = worker.work(0).await;
    let token = work["token"].as_str().unwrap();
    let new = json!({
        "title": title, "type": kind, "assign": "human", "description": "Up\u{1b}[31m or down?",
        "block_dependents_of": [], "blocked_by": [],
    });
    let (status, made) = swarm.agents(token).post("/tickets", new).await;
    assert_eq!(status, StatusCode::OK, "{made}");
    made["id"].as_i64().unwrap()
}

async fn ticket(swarm: &Swarm, id: i64) -> Value {
    swarm.human().get(&format!("/tickets/{id}")).await.1
}

async fn is_done(swarm: &Swarm, id: i64, resolution: &str) {
    until(&format!("ticket {id} to be {resolution}"), || async {
        let found = ticket(swarm, id).await;
        (found["resolution"] == resolution).then_some(())
    })
    .await;
}

/// What the log says of this ticket.
async fn log(swarm: &Swarm, id: i64) -> String {
    let (_, events) = swarm.human().get(&format!("/log?ticket={id}")).await;
    events.to_string()
}

#[tokio::test]
async fn a_tap_approves_once_and_its_replay_is_told() {
    let server = Ntfy::start().await;
    let swarm = Swarm::start_with(&server.config()).await;
    server.is_listened_to().await;
    let id = make(&swarm, "proposal", "Round everything").await;
    let message = server.gets("a proposal: Round everything", 1).await;
    assert_eq!(button(&message, "Approve")["clear"], true);
    assert_eq!(server.tap(&message, "Approve").await, StatusCode::OK);
    until("the proposal to be a task", || async {
        let found = ticket(&swarm, id).await;
        (found["type"] == "task" && found["assigned_to"].is_null()).then_some(())
    })
    .await;
    let log_after = log(&swarm, id).await;
    assert!(log_after.contains("approve by phone"), "{log_after}");
    assert!(log_after.contains("approved"), "{log_after}");

    server.tap(&message, "Approve").await;
    let told = server.gets("your answer was not taken", 1).await;
    assert!(
        told["message"].as_str().unwrap().contains("used before"),
        "{told}"
    );
    server.tap(&message, "Reject").await;
    server.gets("your answer was not taken", 2).await;
    assert_eq!(log(&swarm, id).await, log_after, "nothing else happened");
    swarm.running.end().await.unwrap();
}

#[tokio::test]
async fn a_text_answers_a_question_and_no_text_that_people_see_holds_a_code() {
    let server = Ntfy::start().await;
    let swarm = Swarm::start_with(&server.config()).await;
    server.is_listened_to().await;
    let id = make(&swarm, "question", "Which way to \u{202e}round?").await;
    let message = server.gets("a question", 1).await;
    let copied = button(&message, "Copy to answer")["value"]
        .as_str()
        .unwrap();
    let code = copied.trim_end_matches(": ").rsplit(' ').next().unwrap();
    assert_eq!(code.len(), 16, "{copied}");
    for field in ["title", "message", "click", "sequence_id", "tags"] {
        let text = message[field].to_string();
        assert!(
            !text.contains(code) && !text.contains(REPLIES),
            "{field}: {text}"
        );
        assert!(
            !text.contains("\\u001b") && !text.contains('\u{202e}'),
            "{field}: {text}"
        );
    }
    let view = button(&message, "Paste it here");
    assert_eq!(view["url"], format!("http://{}/{REPLIES}", server.address));

    server.paste(&message, "Copy to answer", "Half up:\n<b>always</b>.");
    is_done(&swarm, id, "answered").await;
    let comments = ticket(&swarm, id).await["comments"].clone();
    assert_eq!(comments[0]["body"], "Half up:\n<b>always</b>.");
    assert_eq!(comments[0]["author"], "human");
    swarm.running.end().await.unwrap();
}

#[tokio::test]
async fn a_check_passes_by_a_tap_and_fails_by_a_text() {
    let server = Ntfy::start().await;
    let swarm = Swarm::start_with(&server.config()).await;
    server.is_listened_to().await;
    let id = make(&swarm, "verify", "Look at the menu").await;
    let message = server.gets("please check: Look at the menu", 1).await;
    assert_eq!(button(&message, "Pass")["action"], "http");
    server.paste(&message, "Copy to fail it", "It is blue.");
    is_done(&swarm, id, "failed").await;
    swarm.running.end().await.unwrap();
}

#[tokio::test]
async fn what_was_answered_during_a_cut_or_a_restart_is_taken_once() {
    let server = Ntfy::start().await;
    let swarm = Swarm::start_with(&server.config()).await;
    server.is_listened_to().await;
    let id = make(&swarm, "question", "Red or blue?").await;
    let message = server.gets("Red or blue?", 1).await;
    server.go_away();
    server.paste(&message, "Copy to answer", "Red.");
    server.come_back();
    is_done(&swarm, id, "answered").await;
    assert!(server.streams().len() >= 2);

    let second = make(&swarm, "proposal", "Paint it").await;
    let message = server.gets("Paint it", 1).await;
    server.go_away();
    let project = swarm.project.clone();
    swarm.running.end().await.unwrap();
    server.tap(&message, "Reject").await;
    server.come_back();
    let running = monitor::hub::Running::start(crate::fixture::settings(&project));
    let running = running.await.unwrap();
    until("the proposal to be rejected", || async {
        let shown = running.hub.database.read(move |store| {
            ticket::Queue::show(&mut store.session(&ticket::Actor::Human), second)
        });
        let resolution = shown.await.unwrap().ticket.resolution;
        (resolution == Some(ticket::ticket::Resolution::Rejected)).then_some(())
    })
    .await;
    // Everything was read again by `since`, and nothing twice.
    let told = server.got();
    let refused = told
        .iter()
        .filter(|m| m["title"].as_str().unwrap().contains("not taken"));
    assert_eq!(refused.count(), 0, "{told:?}");
    running.end().await.unwrap();
}

#[tokio::test]
async fn guesses_make_the_codes_void_and_that_is_told_once() {
    let server = Ntfy::start().await;
    let swarm = Swarm::start_with(&server.config()).await;
    server.is_listened_to().await;
    let id = make(&swarm, "proposal", "Round everything").await;
    let message = server.gets("Round everything", 1).await;
    for guess in 0..9 {
        server.say(&format!("{id} aaaabbbbccccddd{guess}"));
    }
    for noise in ["", "hello", "\u{1b}[2J", "12", "' OR 1=1; --"] {
        server.say(noise);
    }
    let told = server.gets("your answer was not taken", 1).await;
    assert!(
        told["message"].as_str().unwrap().contains("wrong codes"),
        "{told}"
    );
    server.tap(&message, "Approve").await;
    let told = server.gets("your answer was not taken", 2).await;
    assert!(told["message"].as_str().unwrap().contains("void"), "{told}");
    assert_eq!(ticket(&swarm, id).await["type"], "proposal");
    swarm.running.end().await.unwrap();
}

#[tokio::test]
async fn a_ticket_that_changed_is_told_anew_and_the_new_code_works() {
    let server = Ntfy::start().await;
    let swarm = Swarm::start_with(&server.config()).await;
    server.is_listened_to().await;
    let id = make(&swarm, "proposal", "Round everything").await;
    let message = server.gets("a proposal", 1).await;
    let change = json!({ "title": "Delete everything" });
    let human = swarm.human();
    let request = human.request(reqwest::Method::PATCH, &format!("/tickets/{id}"));
    let (status, said) = crate::fixture::answer(request.json(&change)).await;
    assert!(status.is_success(), "{said}");
    server.tap(&message, "Approve").await;
    let told = server.gets("your answer was not taken", 1).await;
    assert!(
        told["message"].as_str().unwrap().contains("has changed"),
        "{told}"
    );
    assert_eq!(ticket(&swarm, id).await["type"], "proposal");
    let message = server.gets("a proposal: Delete everything", 1).await;
    server.tap(&message, "Reject").await;
    is_done(&swarm, id, "rejected").await;
    swarm.running.end().await.unwrap();
}

#[tokio::test]
async fn a_code_forwarded_to_another_ticket_does_nothing() {
    let server = Ntfy::start().await;
    let swarm = Swarm::start_with(&server.config()).await;
    server.is_listened_to().await;
    let harmless = make(&swarm, "proposal", "Fix a typo").await;
    let dangerous = make(&swarm, "verify", "Drop the tables").await;
    let message = server.gets("Fix a typo", 1).await;
    let body = button(&message, "Approve")["body"].as_str().unwrap();
    let code = body.rsplit(' ').next().unwrap();
    server.say(&format!("{dangerous} {code}"));
    // What comes after it shows that it had its chance.
    server.tap(&message, "Reject").await;
    is_done(&swarm, harmless, "rejected").await;
    assert_eq!(ticket(&swarm, dangerous).await["status"], "open");
    swarm.running.end().await.unwrap();
}

#[tokio::test]
async fn a_server_that_knows_no_copy_gets_the_buttons_that_it_knows() {
    let server = Ntfy::start().await;
    server.know_no_copy();
    let swarm = Swarm::start_with(&server.config()).await;
    server.is_listened_to().await;
    let id = make(&swarm, "verify", "Look at the menu").await;
    let message = server.gets("Look at the menu", 1).await;
    assert_eq!(message["actions"].as_array().unwrap().len(), 2, "{message}");
    server.tap(&message, "Pass").await;
    is_done(&swarm, id, "passed").await;
    swarm.running.end().await.unwrap();
}

#[tokio::test]
async fn the_hub_reads_with_its_token_and_the_phone_writes_with_its_own() {
    let server = Ntfy::start().await;
    server.want_token("topic", "tk_hub");
    server.want_token(REPLIES, "tk_hub");
    let swarm = Swarm::start_with(&server.config()).await;
    let human = swarm.human();
    until("the refusal to be a problem", || async {
        let (_, status) = human.get("/status").await;
        let problems = status["problems"].to_string();
        assert!(!problems.contains(REPLIES), "{problems}");
        problems
            .contains("answers from the phone do not arrive")
            .then_some(())
    })
    .await;
    std::fs::write(swarm.project.secret_file("ntfy-token"), "tk_hub").unwrap();
    std::fs::write(swarm.project.secret_file("ntfy-reply-token"), "tk_phone").unwrap();
    let swarm = swarm.restart().await;
    server.is_listened_to().await;
    let id = make(&swarm, "proposal", "Round everything").await;
    let message = server.gets("Round everything", 1).await;
    assert!(!message.to_string().contains("tk_hub"), "{message}");
    server.want_token(REPLIES, "tk_phone");
    assert_eq!(server.tap(&message, "Reject").await, StatusCode::OK);
    is_done(&swarm, id, "rejected").await;
    swarm.running.end().await.unwrap();
}

#[tokio::test]
async fn without_a_reply_topic_messages_have_no_buttons_and_old_codes_are_void() {
    let server = Ntfy::start().await;
    let swarm = Swarm::start_with(&server.config()).await;
    server.is_listened_to().await;
    make(&swarm, "proposal", "Round everything").await;
    server.gets("Round everything", 1).await;
    let config = swarm.project.config_file();
    let text = std::fs::read_to_string(&config).unwrap();
    let mut without: Value = serde_json::from_str(&text).unwrap();
    without["notify"]
        .as_object_mut()
        .unwrap()
        .remove("reply_topic");
    std::fs::write(&config, without.to_string()).unwrap();
    let swarm = swarm.restart().await;
    let id = make(&swarm, "verify", "Look at the menu").await;
    let message = server.gets("Look at the menu", 1).await;
    assert_eq!(message.get("actions"), None, "{message}");
    assert_eq!(ticket(&swarm, id).await["status"], "open");
    let open = rusqlite::Connection::open(swarm.project.database()).unwrap();
    until("the old codes to be void", || async {
        let open: i64 = open
            .query_row(
                "SELECT count(*) FROM reply_codes WHERE state = 'open'",
                [],
                |row| row.get(0),
            )
            .unwrap();
        (open == 0).then_some(())
    })
    .await;
    swarm.running.end().await.unwrap();
}
