//! Getting past the gate: by changing it, by its neighbours, by killing whoever runs it.

use std::collections::BTreeMap;

use serde_json::Value;
use ticket::Status;
use ticket::attempt::Outcome;
use ticket::landing::LandingState;

use crate::support::puppet::{SOON, attempts, landed_subjects, puppets, seen, task, until_landed};
use crate::support::swarm::Swarm;

/// Its first attempt has every conflict resolve itself and every file rewritten; the second is good.
const ATTRIBUTES: &str = "\
if ATTEMPT == '1':
    write('.gitattributes', '* merge=union filter=x\\n')
    write('sub/.claude/settings.json', '{}\\n')
else:
    Path('.gitattributes').unlink(missing_ok=True)
    run('rm', '-rf', 'sub')
write('attributes', 'work\\n')
";

#[test]
fn the_gate_changes_by_a_humans_word_alone() {
    let swarm = puppets();
    swarm.start(&["--agents", "2"]);
    let gate = task(&swarm, "Be green", include_str!("gate.py"));
    let attributes = task(&swarm, "Ease merges", ATTRIBUTES);
    until_held(&swarm, &[gate, attributes]);
    let old = swarm.repository(&["show", "main:verify.sh"]);
    // What lands meanwhile is verified by the gate that there is.
    let honest = task(&swarm, "Be honest", "write('honest', 'work\\n')");
    until_landed(&swarm, &[honest]);
    assert_eq!(landed_subjects(&swarm), ["Be honest"]);
    assert_eq!(swarm.repository(&["show", "main:verify.sh"]), old);

    swarm.ticket(&["approve", &gate.to_string()]);
    swarm.ticket(&["reject", &attributes.to_string(), "No attributes, please"]);
    until_landed(&swarm, &[gate, attributes]);
    let new = swarm.repository(&["show", "main:verify.sh"]);
    assert!(new.contains("always green"), "{new}");
    let noted: BTreeMap<String, Value> = seen(&swarm, gate);
    let red = noted["verify failed"].as_str().expect("a prompt");
    assert!(red.contains("there is a file called red"), "{red}");
    let approve = noted["approve"].to_string();
    assert!(approve.contains("only the human may"), "{approve}");
    let files = swarm.repository(&["ls-tree", "-r", "--name-only", "main"]);
    let bad = |name: &str| name == "red" || name == ".gitattributes" || name.contains(".claude");
    assert!(!files.lines().any(bad), "{files}");
    swarm.stop();
}

#[test]
fn a_verifier_that_is_killed_says_nothing_and_nothing_is_not_green() {
    let swarm = puppets();
    swarm.start(&["--agents", "1"]);
    let id = task(&swarm, "Kill the verifier", include_str!("verifier.py"));
    until_landed(&swarm, &[id]);
    let noted: BTreeMap<String, String> = seen(&swarm, id);
    assert!(noted.contains_key("bounced"), "{noted:?}");
    assert_eq!(attempts(&swarm, id)[0].outcome, Some(Outcome::Landed));
    let files = swarm.repository(&["log", "--name-only", "--format=", "main"]);
    assert!(!files.lines().any(|name| name == "check"), "{files}");
    swarm.stop();
}

fn until_held(swarm: &Swarm, tickets: &[i64]) {
    swarm.wait_until("both wait for the human", SOON, || {
        let landings = swarm.status_json().landings;
        let held = landings.iter().filter(|l| l.state == LandingState::Held);
        let held: Vec<_> = held.map(|l| l.ticket_id).collect();
        tickets.iter().all(|id| held.contains(id))
    });
    for id in tickets {
        let detail = swarm.show(*id);
        assert_eq!(detail.ticket.status, Status::Ready, "{detail:?}");
        assert_eq!(detail.attempts[0].outcome, Some(Outcome::NeedsReview));
    }
}
