//! Scripts as people have them for the reference system, unchanged: `sh`, and `ticket` in the PATH.

use std::process::Command;

use crate::place::{Place, Run, binary};

on_every_door!(
    a_worker_takes_one_ticket_after_the_other,
    a_plan_is_made_with_the_ids_that_create_prints,
    exit_codes_steer_a_script,
    a_question_goes_to_the_human_and_back,
);

fn script(place: &Place, name: &str, text: &str) -> String {
    place.file(name, text);
    let path = std::env::var("PATH").unwrap();
    let here = binary().parent().unwrap().display().to_string();
    let mut sh = Command::new("sh");
    sh.arg("-eu").arg(name).current_dir(place.folder());
    sh.env_remove("TICKET_DB")
        .env_remove("TICKET_URL")
        .env_remove("TICKET_TOKEN");
    sh.envs(
        place
            .program()
            .get_envs()
            .filter_map(|(k, v)| Some((k, v?))),
    );
    sh.env("PATH", format!("{here}:{path}"));
    Run::of(&mut sh, "").ok()
}

fn a_worker_takes_one_ticket_after_the_other(place: &Place) {
    place.create(&["first", "--priority", "3"]);
    place.create(&["second \"quoted\", with id: 7"]);
    place.create(&["third", "--blocked-by", "1"]);
    let said = script(place, "worker.sh", include_str!("scripts/worker.sh"));
    assert_eq!(said, "took 2\ntook 1\ntook 3\nnothing left");
    assert_eq!(place.ok(&["count"]), "0");
}

fn a_plan_is_made_with_the_ids_that_create_prints(place: &Place) {
    let said = script(place, "plan.sh", include_str!("scripts/plan.sh"));
    assert_eq!(said, "5 tickets, 2 ready\nopen,in_progress: 5");
    assert_eq!(place.show(4)["blocked_by"], serde_json::json!([2, 3, 5]));
}

fn exit_codes_steer_a_script(place: &Place) {
    let said = script(place, "codes.sh", include_str!("scripts/codes.sh"));
    assert_eq!(said, "all as documented");
}

fn a_question_goes_to_the_human_and_back(place: &Place) {
    let said = script(place, "question.sh", include_str!("scripts/question.sh"));
    assert_eq!(said, "blocked\nthe answer: Round half up.\nagain mine");
}
