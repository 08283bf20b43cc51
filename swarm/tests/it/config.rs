//! `swarm config`, the file and the environment.

use serde_json::Value;

use crate::support::Place;

const FILE: &str = ".swarm/config.json";

#[test]
fn init_writes_a_file_that_names_its_schema() {
    let place = Place::with_project(&[("a", "")]);
    let config: Value = serde_json::from_str(&place.read(FILE)).unwrap();
    assert_eq!(config["$schema"], "./config.schema.json");
    assert_eq!(config["project"]["branch"], "trunk");
    let schema: Value = serde_json::from_str(&place.read(".swarm/config.schema.json")).unwrap();
    let count = &schema["properties"]["agents"]["properties"]["count"];
    assert_eq!(count["maximum"], 64);
    let printed = Place::new().swarm("config schema").ok();
    assert_eq!(printed, place.read(".swarm/config.schema.json"));
    assert!(place.swarm("config check").ok().contains("can be used"));
}

#[test]
fn a_key_is_read_set_and_unset_and_the_rest_stays() {
    let place = Place::with_project(&[("a", "")]);
    let text = "{\n    \"queue\": {\"max_attempts\": 4},\n    \"agents\": {\"count\": 2}\n}\n";
    place.write(&[(FILE, text)]);
    assert_eq!(place.swarm("config get agents.count").ok(), "2\n");
    assert_eq!(place.swarm("config get agents.stall_minutes").ok(), "15\n");
    let said = place.swarm("config set agents.count 5").ok();
    assert_eq!(
        said,
        "agents.count = 5\nIt counts from the next 'swarm start'.\n"
    );
    assert_eq!(place.read(FILE), text.replace('2', "5"));
    place.swarm("config set notify.events limit,idle").ok();
    assert_eq!(
        place.swarm("config get notify.events --json").ok(),
        "[\n  \"limit\",\n  \"idle\"\n]\n"
    );
    let said = place.swarm("config unset agents.count --json").ok();
    let said: Value = serde_json::from_str(&said).unwrap();
    assert_eq!(
        (&said["changed"], &said["now"][0]["value"]),
        (&true.into(), &"3".into())
    );
    assert!(!place.read(FILE).contains("count"));
    assert!(
        place
            .swarm("config unset agents.count")
            .ok()
            .contains("agents.count = 3")
    );
}

#[test]
fn of_a_section_that_is_set_only_what_was_said_is_told() {
    let place = Place::with_project(&[("a", "")]);
    let said = place
        .swarm(r#"config set agents.backend {"kind":"codex"}"#)
        .ok();
    assert_eq!(
        said,
        "agents.backend.kind = codex\nIt counts from the next 'swarm start'.\n"
    );
    let said = place.swarm("config unset agents.backend").ok();
    assert_eq!(
        said,
        "agents.backend has its defaults: 'swarm config get agents.backend' shows them.\n\
         It counts from the next 'swarm start'.\n"
    );
    for (value, words) in [
        ("codex", "agents.backend: expected an object"),
        (
            r#"{"kind":"cobol"}"#,
            "agents.backend.kind: expected one of",
        ),
    ] {
        let refused = place.swarm(&format!("config set agents.backend {value}"));
        assert_eq!((refused.code, refused.err.lines().count()), (1, 1));
        assert!(refused.err.contains(words), "{refused:?}");
    }
}

#[test]
fn what_cannot_be_is_refused_and_nothing_is_written() {
    let place = Place::with_project(&[("a", "")]);
    let before = place.read(FILE);
    for (command, words) in [
        (
            "config set agents.count 0",
            &["agents.count: expected a whole number from 1 to 64, not 0"][..],
        ),
        (
            "config set agents.cuont 3",
            &["there is no such key", "did you mean agents.count?"],
        ),
        ("config set agents.count.x 3", &["agents.count has no keys"]),
        (
            "config set network.access none",
            &["one of \"open\", \"hub-only\""],
        ),
        ("config set limits.memory 1m", &["at least \"64m\""]),
        (
            "config set agents.roles.work.backend other",
            &["there is no backends.other"],
        ),
        ("config set .. 3", &["is no key"]),
        (
            "config get colour",
            &["there is no such key: the keys are agents"],
        ),
        ("config get agents.model", &["agents.model is not set"]),
        ("config unset $schema.x", &["has no keys"]),
    ] {
        place.swarm(command).refused(words);
    }
    assert_eq!(place.read(FILE), before);
}

#[test]
fn the_environment_goes_before_the_file_and_is_checked_too() {
    let mut place = Place::with_project(&[("a", "")]);
    place.set("SWARM_AGENTS_COUNT", "5");
    assert_eq!(place.swarm("config get agents.count").ok(), "5\n");
    let all: Value = serde_json::from_str(&place.swarm("config --json").ok()).unwrap();
    let settings = all["settings"].as_array().unwrap();
    let count = settings
        .iter()
        .find(|one| one["key"] == "agents.count")
        .unwrap();
    assert_eq!(count["source"], "environment");
    assert_eq!(count["variable"], "SWARM_AGENTS_COUNT");
    let said = place.swarm("config set agents.count 2").ok();
    assert!(
        said.contains("SWARM_AGENTS_COUNT of the environment goes before the file"),
        "{said}"
    );
    place.set("SWARM_AGENTS_COUNT", "many");
    place.swarm("config get agents.count").ended_with(
        7,
        &["the environment: SWARM_AGENTS_COUNT: expected a whole number"],
    );
    place.set("SWARM_AGENTS_CUONT", "5");
    let said = place.swarm("config check");
    assert_eq!(said.code, 1);
    assert!(
        said.err.contains("did you mean SWARM_AGENTS_COUNT?"),
        "{said:?}"
    );
}

#[test]
fn everything_that_is_wrong_is_said_at_once() {
    let place = Place::with_project(&[("a", "")]);
    place.write(&[(
        FILE,
        r#"{"agents": {"cuont": 1}, "verify": {"window": 99}}"#,
    )]);
    let said = place.swarm("config check");
    assert_eq!((said.code, said.err.lines().count()), (1, 2), "{said:?}");
    let said = place.swarm("config check --json");
    let said: Value = serde_json::from_str(&said.out).unwrap();
    assert_eq!(said["ok"], false);
    assert_eq!(said["faults"][1]["key"], "verify.window");
    place.write(&[(FILE, "{\n  \"agents\": {\n")]);
    place.swarm("status").ok();
    place
        .swarm("start")
        .ended_with(7, &["config.json: line 3", "not JSON"]);
}

#[test]
fn files_of_other_versions_are_taken_over() {
    let place = Place::with_project(&[("a", "")]);
    std::fs::remove_file(place.root().join(FILE)).unwrap();
    place.write(&[(".swarm/config.toml", "[agents]\ncount = 7\n")]);
    let said = place.swarm("config get agents.count");
    assert_eq!(said.out, "7\n");
    assert!(
        said.err.starts_with("note: the configuration is JSON now"),
        "{said:?}"
    );
    assert_eq!(
        place.read(".swarm/config.toml.old"),
        "[agents]\ncount = 7\n"
    );
    assert_eq!(place.swarm("config get agents.count").err, "");

    let flat = r#"{"agents": 4, "ntfy_topic": "", "max_turns": 50, "monitor_port": 3100}"#;
    place.write(&[(FILE, flat)]);
    assert_eq!(place.swarm("config get agents.count").ok(), "4\n");
    assert!(
        place
            .swarm("config check")
            .ok()
            .contains("note: max_turns has no effect")
    );
    place.swarm("config set agents.model m").ok();
    let config: Value = serde_json::from_str(&place.read(FILE)).unwrap();
    assert_eq!(config["agents"]["count"], 4);
    assert_eq!(config["monitor"]["port"], 3100);
    assert_eq!(config.get("max_turns"), None);
}
