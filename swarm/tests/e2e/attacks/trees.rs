//! Trees that would reach out of the repository, or into git's own folders on somebody's machine.

use std::collections::BTreeMap;

use crate::support::puppet::{
    attempts, kept, landed_subjects, other_refs, puppets, seen, task, until_landed,
};
use crate::support::swarm::Swarm;

/// What is planted, how, and what its agent is told.
const PLANTED: [(&str, &str, &str); 8] = [
    (
        "Link to a file of the machine",
        "os.symlink('/etc/passwd', 'planted')",
        "planted is a symbolic link that may lead out of the tree",
    ),
    (
        "Link above the tree",
        "os.makedirs('a'); os.symlink('../../planted', 'a/planted')",
        "a/planted is a symbolic link that may lead out of the tree",
    ),
    (
        "Link through a link",
        "os.symlink('a', 'b'); os.symlink('b/../../planted', 'planted')",
        "planted is a symbolic link that may lead out of the tree",
    ),
    (
        "Link into git's folder",
        "os.symlink('.git/config', 'planted')",
        "planted is a symbolic link that may lead out of the tree",
    ),
    (
        "Repository in the repository",
        "git('init', 'planted'); git('-C', 'planted', 'commit', '--allow-empty', '-m', 'x', \
         GIT_AUTHOR_NAME='x', GIT_AUTHOR_EMAIL='x', GIT_COMMITTER_NAME='x', GIT_COMMITTER_EMAIL='x')",
        "planted is a submodule",
    ),
    (
        "List of repositories",
        "write('.gitmodules', '[submodule \"x\"]\\n\\tpath = x\\n\\turl = /etc\\n')",
        ".gitmodules has a name that does not land",
    ),
    (
        "Folder of the swarm",
        "write('.swarm/config.toml', 'x'); git('add', '--force', '.swarm'); git('commit', '-m', 'x')",
        ".swarm/config.toml has a name that does not land",
    ),
    (
        "Folder of the swarm in capitals",
        "write('sub/.SWARM/hub.json', 'x')",
        "sub/.SWARM/hub.json has a name that does not land",
    ),
];

#[test]
fn a_tree_that_reaches_out_comes_back_and_never_was_on_main() {
    let swarm = puppets();
    let plant = |(title, how, _): &(&str, &str, &str)| {
        task(
            &swarm,
            title,
            &include_str!("trees.py").replace("PLANTED", how),
        )
    };
    let tickets: Vec<i64> = PLANTED.iter().map(plant).collect();
    swarm.start(&["--agents", "2"]);
    until_landed(&swarm, &tickets);

    for (id, (title, _, words)) in tickets.iter().zip(PLANTED) {
        let noted: BTreeMap<String, String> = seen(&swarm, *id);
        assert!(noted.keys().eq(["told"]), "{title}: {noted:?}");
        assert!(noted["told"].contains(words), "{title}: {}", noted["told"]);
        assert_eq!(attempts(&swarm, *id).len(), 1, "{title}");
    }
    assert_eq!(landed_subjects(&swarm).len(), PLANTED.len());
    assert_eq!(other_refs(&swarm), kept(&tickets));
    every_tree_of_main_is_plain(&swarm);
    swarm.swarm(&["pull"]);
    assert_eq!(swarm.git(&["status", "--porcelain"]), "");
    swarm.stop();
}

/// Files alone, of this project and its tickets.
fn every_tree_of_main_is_plain(swarm: &Swarm) {
    for commit in swarm.repository(&["rev-list", "main"]).lines() {
        let tree = swarm.repository(&["ls-tree", "-r", "--format=%(objectmode) %(path)", commit]);
        for entry in tree.lines() {
            assert!(entry.starts_with("100"), "{commit} has {entry}");
            let bad = entry.contains("planted") || entry.to_lowercase().contains("swarm");
            assert!(
                !bad && !entry.contains(".gitmodules"),
                "{commit} has {entry}"
            );
        }
    }
}
