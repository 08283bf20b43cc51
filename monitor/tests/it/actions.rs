//! Every action that people have, by each of its doors: the form that a browser sends without a script,
//! a call of the API, a command. It has one name there, and it does the same.

use std::process::{Command, Stdio};

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::document::DOCUMENT;
use crate::fixture::{Door, Swarm, answer};
use crate::programs;

/// How an action is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum By {
    Page,
    Api,
    Command,
}

/// An action as each door has it.
struct Action<'a> {
    /// Its name in the API's document.
    name: &'a str,
    /// The page that has its form, and where the form leads.
    page: &'a str,
    form: &'a str,
    fields: &'a [(&'a str, &'a str)],
    call: (Method, &'a str, Value),
    /// Words between blanks.
    command: &'a str,
}

/// What came of it.
#[derive(Debug, PartialEq, Eq)]
enum Came {
    Done,
    /// With this sentence somewhere in what was answered or printed.
    Refused(String),
}

struct People<'a> {
    swarm: &'a Swarm,
    human: Door,
    by: By,
}

impl People<'_> {
    async fn tries(&self, action: &Action<'_>) -> Came {
        match self.by {
            By::Page => self.sends(action).await,
            By::Api => self.calls(action).await,
            By::Command => self.runs(action.command).await,
        }
    }

    async fn does(&self, action: &Action<'_>) {
        let came = self.tries(action).await;
        assert_eq!(came, Came::Done, "{} by {:?}", action.command, self.by);
    }

    async fn sends(&self, action: &Action<'_>) -> Came {
        let request = self
            .human
            .http
            .get(format!("{}{}", self.human.url, action.page));
        let page = request.bearer_auth(&self.human.token).send().await.unwrap();
        let page = page.text().await.unwrap();
        let mut forms = page.split("<form method=\"post\" ").skip(1).map(|rest| {
            let (form, _) = rest.split_once("</form>").unwrap();
            form
        });
        // A form may have a second button that leads elsewhere.
        let leads = format!("action=\"{}\"", action.form);
        let is_it = |form: &str| {
            let mut fields = action.fields.iter();
            form.contains(&leads)
                && form.contains("<button")
                && fields.all(|(name, _)| form.contains(&format!("name=\"{name}\"")))
        };
        assert!(
            forms.any(is_it),
            "{} has no form for {} with {:?}: {page}",
            action.page,
            action.form,
            action.fields
        );
        let request = self
            .human
            .http
            .post(format!("{}{}", self.human.url, action.form));
        let request = request
            .bearer_auth(&self.human.token)
            .header("origin", &self.human.url)
            .header("sec-fetch-mode", "navigate")
            .header("content-type", "application/x-www-form-urlencoded")
            .body(serde_urlencoded::to_string(action.fields).unwrap());
        let response = request.send().await.unwrap();
        match response.status() {
            StatusCode::SEE_OTHER => Came::Done,
            _ => Came::Refused(response.text().await.unwrap()),
        }
    }

    async fn calls(&self, action: &Action<'_>) -> Came {
        let (method, path, body) = &action.call;
        let template = path
            .split('/')
            .map(|part| match part.parse::<i64>() {
                Ok(_) => "{id}",
                Err(_) if part == "agent-1" => "{name}",
                Err(_) => part,
            })
            .collect::<Vec<_>>()
            .join("/");
        let operation = &DOCUMENT["paths"][&template][method.as_str().to_lowercase()];
        assert_eq!(operation["operationId"], action.name, "{template}");
        let request = self.human.request(method.clone(), path).json(body);
        let (status, said) = answer(request).await;
        match status.is_success() {
            true => Came::Done,
            false => Came::Refused(said["error"]["message"].as_str().unwrap().to_owned()),
        }
    }

    async fn runs(&self, command: &str) -> Came {
        let mut words = command.split_whitespace();
        let mut program = Command::new(programs::program(words.next().unwrap()));
        program
            .args(words)
            .current_dir(self.swarm.project.root())
            .stdin(Stdio::null());
        let output = tokio::task::spawn_blocking(move || program.output().unwrap());
        let output = output.await.unwrap();
        match output.status.success() {
            true => Came::Done,
            false => Came::Refused(String::from_utf8(output.stderr).unwrap()),
        }
    }

    /// Does this to a ticket. `field` is what carries the text: in the form, in the call, and before it
    /// on the command line.
    async fn acts(&self, id: i64, name: &str, field: Option<(&str, &str, &str)>, text: &str) {
        let (form_field, key, flag) = field.unwrap_or_default();
        let body = match field {
            Some(_) if key == "by" => json!({ key: text.parse::<i64>().unwrap() }),
            Some(_) => json!({ key: text }),
            None => json!({}),
        };
        let fields = [(form_field, text)];
        // A ticket's comments are a list, to which a call adds one.
        let last = if name == "comment" { "comments" } else { name };
        self.does(&Action {
            name,
            page: &format!("/tickets/{id}"),
            form: &format!("/tickets/{id}/{name}"),
            fields: if field.is_some() { &fields } else { &[] },
            call: (Method::POST, &format!("/tickets/{id}/{last}"), body),
            command: &format!("ticket {name} {id} {flag} {text}"),
        })
        .await;
    }

    /// Changes fields of a ticket; `command` are the options that do.
    async fn changes(&self, id: i64, fields: &[(&str, &str)], body: Value, command: &str) {
        self.does(&Action {
            name: "update",
            page: &format!("/tickets/{id}"),
            form: &format!("/tickets/{id}/update"),
            fields,
            call: (Method::PATCH, &format!("/tickets/{id}"), body),
            command: &format!("ticket update {id} {command}"),
        })
        .await;
    }

    /// Something that is there beforehand, whichever door is tried.
    async fn has(&self, ticket: Value) -> i64 {
        let (status, made) = self.human.post("/tickets", ticket).await;
        assert_eq!(status, StatusCode::OK, "{made}");
        made["id"].as_i64().unwrap()
    }
}

/// What is known of every ticket, and what happened, without what no two runs have alike.
async fn everything(human: &Door) -> Vec<Value> {
    let (_, all) = human
        .get("/tickets?status=open,in_progress,ready,done")
        .await;
    let mut known = Vec::new();
    for ticket in all.as_array().unwrap() {
        known.push(human.get(&format!("/tickets/{}", ticket["id"])).await.1);
    }
    known.push(human.get("/log?limit=1000").await.1);
    known.push(human.get("/learnings").await.1);
    known.iter_mut().for_each(forget_the_moment);
    known
}

fn forget_the_moment(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            let of_the_moment = ["not_before", "base_commit"];
            fields.retain(|name, _| {
                !name.ends_with("_at") && !of_the_moment.contains(&name.as_str())
            });
            fields.values_mut().for_each(forget_the_moment);
        }
        Value::Array(values) => values.iter_mut().for_each(forget_the_moment),
        _ => {}
    }
}

const TEXT: &str = "Half-up.";

/// Each action of a ticket once, always in the same order.
async fn a_day(by: By) -> Vec<Value> {
    let swarm = Swarm::start().await;
    let human = swarm.human();
    let people = People {
        swarm: &swarm,
        human: human.clone(),
        by,
    };
    people
        .does(&Action {
            name: "create",
            page: "/",
            form: "/tickets",
            fields: &[
                ("title", "Menu"),
                ("description", "Flickers."),
                ("priority", "1"),
                ("labels", "soon, ui"),
            ],
            call: (
                Method::POST,
                "/tickets",
                json!({ "title": "Menu", "description": "Flickers.", "priority": 1,
                    "labels": ["soon", "ui"] }),
            ),
            command: "ticket create Menu --description Flickers. --priority 1 --label soon --label ui",
        })
        .await;
    let fields = [
        ("title", "Menus"),
        ("description", "They-flicker."),
        ("labels", "ui, later"),
    ];
    let body = json!({ "title": "Menus", "description": "They-flicker.", "add_labels": ["later"],
        "remove_labels": ["soon"] });
    let options = "--title Menus --description They-flicker. --label later --remove-label soon";
    people.changes(1, &fields, body, options).await;
    let (field, body) = ([("priority", "4")], json!({ "priority": 4 }));
    people.changes(1, &field, body, "--priority 4").await;
    let (field, body) = ([("assign", "human")], json!({ "assign": "human" }));
    people.changes(1, &field, body, "--assign human").await;

    let body = Some(("text", "body", ""));
    let reason = Some(("text", "reason", ""));
    people.acts(1, "comment", body, TEXT).await;
    people.acts(1, "answer", body, TEXT).await;
    people.acts(1, "reopen", reason, TEXT).await;
    let other = people.has(json!({ "title": "other" })).await;
    let by_other = Some(("by", "by", "--by"));
    people.acts(2, "block", by_other, &other.to_string()).await;
    people
        .acts(2, "unblock", by_other, &other.to_string())
        .await;
    people.acts(2, "cancel", reason, TEXT).await;
    people.acts(other, "cancel", None, "").await;
    for (kind, name, field) in [
        ("question", "answer", body),
        ("proposal", "approve", None),
        ("proposal", "reject", reason),
        ("verify", "pass", Some(("text", "comment", ""))),
        ("verify", "pass", None),
        ("verify", "fail", reason),
    ] {
        let asked = json!({ "title": kind, "type": kind, "assign": "human" });
        let id = people.has(asked).await;
        let text = if field.is_some() { TEXT } else { "" };
        people.acts(id, name, field, text).await;
    }
    let hard = people.has(json!({ "title": "hard", "priority": 0 })).await;
    let worker = swarm.worker("agent-1").await;
    worker.work(0).await;
    let end = json!({ "outcome": "agent-failed", "reason": "no idea", "log_tail": null,
        "snapshot": null, "session_id": null });
    let (status, said) = worker.post(&format!("/attempts/{hard}/1/end"), end).await;
    assert!(status.is_success(), "{said}");
    people.acts(hard, "retry", None, "").await;
    worker.work(0).await;
    people.acts(hard, "unclaim", None, "").await;
    for (name, field) in [("approve", None), ("reject", reason)] {
        let work = worker.work(0).await;
        let token = work["token"].as_str().unwrap();
        let id = work["ticket"]["id"].as_i64().unwrap();
        let none = json!({ "reason": "It is so already." });
        let agent = swarm.agents(token);
        let path = format!("/tickets/{id}/no-change");
        let (status, said) = agent.post(&path, none).await;
        assert!(status.is_success(), "{said}");
        let text = if field.is_some() { TEXT } else { "" };
        people.acts(id, name, field, text).await;
    }
    people
        .does(&Action {
            name: "learn",
            page: "/learnings",
            form: "/learnings",
            fields: &[("body", "Small-ports."), ("category", "net")],
            call: (
                Method::POST,
                "/learnings",
                json!({ "body": "Small-ports.", "category": "net" }),
            ),
            command: "ticket learn Small-ports. --category net",
        })
        .await;
    everything(&human).await
}

#[tokio::test(flavor = "multi_thread")]
async fn every_action_on_a_ticket_does_the_same_by_form_call_and_command() {
    let by_page = a_day(By::Page).await;
    assert!(by_page.len() > 10, "{by_page:#?}");
    for by in [By::Api, By::Command] {
        let others = a_day(by).await;
        for (one, other) in by_page.iter().zip(&others) {
            assert_eq!(one, other, "by {by:?}");
        }
        assert_eq!(by_page.len(), others.len(), "{by:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_action_on_the_swarm_does_the_same_by_form_call_and_command() {
    for by in [By::Page, By::Api, By::Command] {
        let swarm = Swarm::start().await;
        let human = swarm.human();
        let people = People {
            swarm: &swarm,
            human: human.clone(),
            by,
        };
        for (name, text, frozen) in [
            ("pause", "lunch", true),
            ("resume", "", false),
            ("drain", "night", false),
            ("resume", "", false),
        ] {
            let fields = [("text", text)];
            people
                .does(&Action {
                    name,
                    page: "/",
                    form: &format!("/swarm/{name}"),
                    fields: if text.is_empty() { &[] } else { &fields },
                    call: (Method::POST, &format!("/{name}"), json!({ "reason": text })),
                    command: &format!("swarm {name} {text}"),
                })
                .await;
            let paused = human.get("/paused").await.1;
            let expected = (!text.is_empty()).then_some(text);
            assert_eq!(paused.as_str(), expected, "{name} by {by:?}");
            assert_eq!(swarm.running.hub.freeze.is_on(), frozen, "{name} by {by:?}");
        }
        let scale = Action {
            name: "scale",
            page: "/",
            form: "/swarm/scale",
            fields: &[("agents", "7")],
            call: (Method::PUT, "/fleet", json!({ "agents": 7 })),
            command: "swarm scale 7",
        };
        people.does(&scale).await;
        assert_eq!(human.get("/status").await.1["desired_agents"], 7, "{by:?}");
        for (name, order) in [("agentStop", "stop"), ("agentRestart", "restart")] {
            let at = format!("/agents/agent-1/{order}");
            let command = format!("swarm agent {order} agent-1");
            let action = Action {
                name,
                page: "/agents/agent-1",
                form: &at,
                fields: &[],
                call: (Method::POST, &at, json!({})),
                command: &command,
            };
            let Came::Refused(said) = people.tries(&action).await else {
                panic!("{order} by {by:?} ended a container of nobody");
            };
            assert!(
                said.contains("this hub runs no containers"),
                "{by:?}: {said}"
            );
        }
    }
}
