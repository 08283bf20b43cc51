//! Pushes to anything but the own branch, and traps for whoever runs git there next.

use std::collections::BTreeMap;

use crate::support::puppet::{
    Ran, kept, landed_subjects, other_refs, puppets, seen, task, until_landed,
};

/// What each push must be told, in the order in which they are tried.
const REFUSED: [(&str, &str); 18] = [
    ("main", "pushes its own branch only"),
    ("main by force", "pushes its own branch only"),
    ("main away", "pushes its own branch only"),
    ("head", "pushes its own branch only"),
    ("other ticket", "not for ticket"),
    ("next attempt", "not for 2"),
    ("kept attempt", "pushes its own branch only"),
    ("candidate", "pushes its own branch only"),
    ("start", "pushes its own branch only"),
    ("tag", "pushes its own branch only"),
    ("beside", "pushes its own branch only"),
    ("mirror", ""),
    ("own with main", "another ref was refused"),
    ("backwards", "non-fast-forward"),
    ("another history", "non-fast-forward"),
    ("own away", "never deleted by a push"),
    ("guessed token", "could not read Username"),
    ("dot git", ".git"),
];

#[test]
fn a_push_moves_the_own_branch_forward_and_nothing_else() {
    let swarm = puppets();
    let base = swarm.repository(&["rev-parse", "main"]);
    // One agent, so that what the first leaves behind meets the second.
    swarm.start(&["--agents", "1"]);
    let pushes = task(&swarm, "Push everywhere", include_str!("branches.py"));
    let traps = task(&swarm, "Leave traps", include_str!("traps.py"));
    let sprung = task(&swarm, "Look at the traps", include_str!("sprung.py"));
    until_landed(&swarm, &[pushes, traps, sprung]);

    let tried: BTreeMap<String, Ran> = seen(&swarm, pushes);
    assert_eq!(tried["own"].0, 0, "{tried:?}");
    for (what, words) in REFUSED {
        let (code, said) = &tried[what];
        assert_ne!(*code, 0, "{what}: {said}");
        assert!(said.contains(words), "{what}: {said}");
    }
    assert_eq!(tried.len(), REFUSED.len() + 1, "{tried:?}");

    let noted: BTreeMap<String, Vec<String>> = seen(&swarm, sprung);
    assert_eq!(noted["sprung"], Vec::<String>::new());

    let subjects = ["Push everywhere", "Leave traps", "Look at the traps"];
    assert_eq!(landed_subjects(&swarm), subjects);
    let number = swarm.repository(&["rev-list", "--count", &format!("{base}..main")]);
    assert_eq!(number, subjects.len().to_string());
    assert_eq!(other_refs(&swarm), kept(&[pushes, traps, sprung]));
    swarm.stop();
}
