//! Histories that are out to run something on the human's machine, or to overwrite what is theirs.
//!
//! In each of them the human's git is set up to run everything that git can run: every hook, filters,
//! drivers, a file monitor, helpers. `swarm pull` is watched by strace: it starts no program, speaks to
//! nobody, and writes what it may and nothing else.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use git2::{ObjectType, Oid, Repository};

use crate::support::Place;
use crate::witness::{Seen, watch};

/// What has to come of a pull.
#[derive(Clone, Copy)]
enum Comes {
    /// It comes.
    Freely,
    /// It is listed with these words, and comes with `--allow`.
    Allowed(&'static [&'static str]),
    /// It is refused with these words, whatever is allowed.
    Never(&'static [&'static str]),
}
use Comes::{Allowed, Freely, Never};

/// A file in a hostile tree.
#[derive(Clone)]
enum Entry {
    File(Vec<u8>),
    Link(&'static str),
    Commit,
}

type Files = Vec<(&'static str, Entry)>;

struct History {
    name: &'static str,
    /// What the human has set up before.
    human: fn(&Place),
    /// What lands.
    lands: fn() -> Files,
    comes: Comes,
}

fn file(text: &str) -> Entry {
    Entry::File(text.into())
}

fn nothing(_: &Place) {}

const fn history(name: &'static str, lands: fn() -> Files, comes: Comes) -> History {
    History {
        name,
        human: nothing,
        lands,
        comes,
    }
}

const fn with(
    name: &'static str,
    human: fn(&Place),
    lands: fn() -> Files,
    comes: Comes,
) -> History {
    History {
        name,
        human,
        lands,
        comes,
    }
}

const NAME: &[&str] = &["has a name that never lands"];
const LINK: &[&str] = &["a link out of the tree or a submodule"];
const OVERWRITE: &[&str] = &["would be overwritten"];

const HISTORIES: [History; 48] = [
    history(
        "direnv",
        || vec![(".envrc", file("evil"))],
        Allowed(&[".envrc: a shell"]),
    ),
    history(
        "direnv watches a flake",
        || vec![("flake.nix", file("evil"))],
        Allowed(&["flake.nix: a shell"]),
    ),
    history(
        "an editor's tasks",
        || vec![(".vscode/tasks.json", file("{}"))],
        Allowed(&[".vscode/tasks.json: an editor"]),
    ),
    history(
        "the same, as macOS reads it",
        || vec![("sub/.VSCode/tasks.json", file("{}"))],
        Allowed(&["an editor"]),
    ),
    history(
        "run configurations",
        || vec![(".idea/runConfigurations/x.xml", file("<x/>"))],
        Allowed(&["an editor"]),
    ),
    history(
        "a development container",
        || vec![(".devcontainer/devcontainer.json", file("{}"))],
        Allowed(&["an editor"]),
    ),
    history(
        "settings of an agent CLI",
        || vec![(".claude/settings.json", file("{}"))],
        Allowed(&["an agent CLI"]),
    ),
    history(
        "servers of an agent CLI",
        || vec![(".mcp.json", file("{}"))],
        Allowed(&[".mcp.json"]),
    ),
    history(
        "orders for an agent CLI",
        || vec![(".cursor/rules/x.mdc", file("x"))],
        Allowed(&["an agent CLI"]),
    ),
    history(
        "husky",
        || vec![(".husky/pre-commit", file("evil"))],
        Allowed(&["as a hook"]),
    ),
    history(
        "hooks by a configuration",
        || vec![(".pre-commit-config.yaml", file("repos: []"))],
        Allowed(&["as a hook"]),
    ),
    with(
        "core.hooksPath leads into the tree",
        |place| drop(place.git("config core.hooksPath my/hooks")),
        || vec![("my/hooks/post-merge", file("evil"))],
        Allowed(&["core.hookspath names it"]),
    ),
    with(
        "a hook is a link into the tree",
        |place| {
            let hook = place.root().join(".git/hooks/pre-push");
            symlink("../../scripts/check", hook).unwrap();
        },
        || vec![("scripts/check", file("evil"))],
        Allowed(&["your git hook pre-push leads to it"]),
    ),
    with(
        "a hook calls a script of the tree",
        |place| {
            let hook = place.root().join(".git/hooks/pre-push");
            fs::write(hook, "#!/bin/sh\nexec scripts/check\n").unwrap();
        },
        || vec![("scripts/check", file("evil"))],
        Allowed(&["your git hook pre-push names it"]),
    ),
    with(
        "git's configuration includes a file of the tree",
        |place| drop(place.git("config include.path ../team.gitconfig")),
        || vec![("team.gitconfig", file("[core]\nfsmonitor = evil\n"))],
        Allowed(&["include.path names it"]),
    ),
    with(
        "a filter is a program of the tree",
        |place| drop(place.git("config filter.own.clean ./tools/clean.sh")),
        || vec![("tools/clean.sh", file("evil"))],
        Allowed(&["filter.own.clean names it"]),
    ),
    history(
        "filters for all files",
        || {
            vec![
                (
                    ".gitattributes",
                    file("* filter=evil merge=evil diff=evil\n"),
                ),
                ("a.txt", file("2\n")),
            ]
        },
        Allowed(&["it sets filter=evil"]),
    ),
    history(
        "filters for a folder",
        || {
            vec![
                ("sub/.gitattributes", file("* filter=evil\n")),
                ("sub/x", file("2\n")),
            ]
        },
        Allowed(&["it sets filter=evil"]),
    ),
    with(
        "a pointer to a large file, where git-lfs is set up",
        |place| commit(place, ".gitattributes", "*.bin filter=evil\n"),
        || {
            vec![(
                "x.bin",
                file("version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n"),
            )]
        },
        Freely,
    ),
    history(
        "where large files are fetched from",
        || vec![(".lfsconfig", file("[lfs]\nurl = https://evil.example\n"))],
        Allowed(&["git may run"]),
    ),
    history(
        "line ends and encodings",
        || {
            vec![
                (".gitattributes", file("*.txt text eol=crlf ident\n")),
                ("b.txt", file("$Id$\n")),
            ]
        },
        Freely,
    ),
    history(
        "an install script",
        || {
            vec![(
                "package.json",
                file(r#"{"scripts":{"postinstall":"evil"}}"#),
            )]
        },
        Allowed(&["'postinstall' runs when packages are installed"]),
    ),
    with(
        "a script that is called by hand",
        |place| commit(place, "package.json", r#"{"scripts":{"prepare":"mine"}}"#),
        || {
            vec![(
                "package.json",
                file(r#"{"scripts":{"prepare":"mine","test":"x"}}"#),
            )]
        },
        Freely,
    ),
    history(
        "a build backend of its own",
        || {
            let text =
                "[build-system]\nrequires = []\nbuild-backend = \"x\"\nbackend-path = [\".\"]\n";
            vec![("pyproject.toml", file(text))]
        },
        Allowed(&["build-system.backend-path"]),
    ),
    history(
        "a build script",
        || vec![("build.rs", file("fn main() {}"))],
        Allowed(&["build.rs"]),
    ),
    history(
        "a tool's wrapper",
        || {
            vec![(
                ".cargo/config.toml",
                file("[build]\nrustc-wrapper = \"evil\"\n"),
            )]
        },
        Allowed(&["a tool runs it"]),
    ),
    with(
        "a program behind an editor's linked folder",
        |place| {
            fs::create_dir(place.root().join("tools")).unwrap();
            symlink("tools", place.root().join(".vscode")).unwrap();
            commit(place, "tools/x", "x");
        },
        || vec![("tools/tasks.json", file("{}"))],
        Allowed(&["tools/tasks.json: an editor"]),
    ),
    history(
        "a repository within the tree",
        || {
            vec![
                ("docs/x/HEAD", file("ref: refs/heads/x\n")),
                ("docs/x/config", file("[core]\nfsmonitor = evil\n")),
                ("docs/x/objects/y", file("")),
                ("docs/x/refs/heads/x", file("0\n")),
            ]
        },
        Allowed(&["git takes for a repository"]),
    ),
    history(
        "a name that clears the screen",
        || vec![("\u{1b}[2Jinnocent/.envrc", file("evil"))],
        Allowed(&["[2Jinnocent/.envrc: a shell"]),
    ),
    history(
        "a name that says all is well",
        || vec![("a\nerror: 'trunk' is up to date/.envrc", file("evil"))],
        Allowed(&["/.envrc: a shell"]),
    ),
    history(
        "a file of sixty megabytes",
        || vec![("big", Entry::File(vec![0; 60 << 20]))],
        Allowed(&["big: it has 60 MiB"]),
    ),
    history(
        "a hook in .git",
        || vec![(".git/hooks/post-checkout", file("evil"))],
        Never(NAME),
    ),
    history(
        "settings in .GIT",
        || vec![("sub/.GIT/config", file("evil"))],
        Never(NAME),
    ),
    history(
        "git~1",
        || vec![("git~1/config", file("evil"))],
        Never(NAME),
    ),
    history(
        ".git with a stream",
        || vec![(".git::$INDEX_ALLOCATION/config", file("x"))],
        Never(NAME),
    ),
    history(
        ".git with a mark within",
        || vec![(".g\u{200c}it/config", file("evil"))],
        Never(NAME),
    ),
    history(
        "a way out with backslashes",
        || vec![("a\\..\\..\\x", file("evil"))],
        Never(NAME),
    ),
    history(
        "a way out",
        || vec![("a/../../../evil", file("evil"))],
        Never(NAME),
    ),
    history(
        "the swarm's own settings",
        || vec![(".swarm/secrets/x", file("evil"))],
        Never(NAME),
    ),
    history(
        "a submodule's address",
        || vec![(".gitmodules", file("[submodule \"x\"]\n"))],
        Never(NAME),
    ),
    history("a submodule", || vec![("x", Entry::Commit)], Never(LINK)),
    history(
        "a link to anywhere",
        || vec![("x", Entry::Link("/etc/passwd"))],
        Never(LINK),
    ),
    history(
        "a link upwards",
        || vec![("x/y", Entry::Link("../../up"))],
        Never(LINK),
    ),
    history(
        "a link by way of a link",
        || {
            vec![
                ("x/y/root", Entry::Link("../..")),
                ("x/y/out", Entry::Link("root/..")),
            ]
        },
        Never(LINK),
    ),
    history(
        "a link to the hooks",
        || vec![("x", Entry::Link(".git/hooks"))],
        Never(LINK),
    ),
    with(
        "an ignored file of the human's",
        |place| place.write(&[("secret.log", "mine\n")]),
        || vec![("secret.log", file("evil"))],
        Never(OVERWRITE),
    ),
    with(
        "two files that are one",
        |place| drop(place.git("config core.ignorecase true")),
        || vec![("readme", file("1")), ("README", Entry::Link("a.txt"))],
        Never(&["are the same file on this file system"]),
    ),
    with(
        "a folder in the place of a link that leads out",
        |place| {
            let outside = beside(place, "outside");
            fs::create_dir(&outside).unwrap();
            symlink(outside, place.root().join("data")).unwrap();
            place.git("add data");
            place.git("commit -q --no-verify -m Data");
            take(place);
        },
        || vec![("data/x", file("evil"))],
        Freely,
    ),
];

/// What git writes in `.git` when something is fetched and a branch moves.
const RECORDS: [&str; 8] = [
    "objects",
    "refs",
    "logs",
    "index",
    "index.lock",
    "shallow",
    "shallow.lock",
    "FETCH_HEAD",
];

#[test]
fn nothing_runs_and_nothing_is_overwritten() {
    let failed: Vec<&str> = HISTORIES
        .iter()
        .filter(|history| std::panic::catch_unwind(|| try_one(history)).is_err())
        .map(|history| history.name)
        .collect();
    assert_eq!(failed, Vec::<&str>::new());
}

fn try_one(history: &History) {
    let name = history.name;
    let place = Place::with_project(&[("a.txt", "1\n"), (".gitignore", "*.log\n")]);
    (history.human)(&place);
    arm(&place);
    let before = snapshot(&place);
    let from = head(&place);
    let to = land(&place, (history.lands)());
    let paths = changed(&place, from, to);

    let (said, seen) = watch(&place, "pull");
    assert_eq!(seen.started, Vec::<String>::new(), "{name}");
    assert_eq!(seen.spoke, Vec::<String>::new(), "{name}");
    let (all, err) = (format!("{said:?}"), said.err.clone());
    assert!(!err.contains('\u{1b}'), "{name}: {all}");
    match history.comes {
        Freely => {
            assert_eq!(said.code, 0, "{name}: {all}");
            must_be_there(&place, name, to, &seen, &paths, &before);
        }
        Allowed(words) => {
            assert_eq!(said.code, 1, "{name}: {all}");
            assert!(words.iter().all(|word| err.contains(word)), "{name}: {all}");
            let lines = err
                .lines()
                .filter(|line| line.starts_with("error: "))
                .count();
            assert_eq!(lines, 1, "{name}: {all}");
            must_be_untouched(&place, name, from, &seen, &before);
            let (said, seen) = watch(&place, &format!("pull --allow {to}"));
            assert_eq!(said.code, 0, "{name}: {said:?}");
            assert_eq!(seen.started, Vec::<String>::new(), "{name}");
            must_be_there(&place, name, to, &seen, &paths, &before);
        }
        Never(words) => {
            assert_eq!(said.code, 1, "{name}: {all}");
            assert!(words.iter().all(|word| err.contains(word)), "{name}: {all}");
            must_be_untouched(&place, name, from, &seen, &before);
            let (said, seen) = watch(&place, "pull --allow");
            assert_eq!(said.code, 1, "{name}: {said:?}");
            must_be_untouched(&place, name, from, &seen, &before);
        }
    }
}

#[test]
fn a_tree_that_holds_itself_is_refused_at_once() {
    let place = Place::with_project(&[("a.txt", "1\n")]);
    let bare = bare(&place);
    let mut below = (bare.blob(b"x").unwrap(), "100644");
    for _ in 0..20 {
        let entries = ["a", "b", "c", "d", "e", "f", "g", "h"].map(|name| (name, below.1, below.0));
        below = (raw_tree(&bare, &entries), "40000");
    }
    let to = commit_tree(&bare, below.0);
    let (said, seen) = watch(&place, "pull --allow");
    said.refused(&["more than 2000000 files"]);
    assert_ne!(head(&place), to);
    assert_eq!(seen.started, Vec::<String>::new());
}

#[test]
fn trees_too_deep_and_names_too_long_are_refused() {
    let place = Place::with_project(&[("a.txt", "1\n")]);
    let bare = bare(&place);
    let mut below = (bare.blob(b"x").unwrap(), "100644");
    for _ in 0..300 {
        below = (raw_tree(&bare, &[("d", below.1, below.0)]), "40000");
    }
    commit_tree(&bare, below.0);
    place.swarm("pull").refused(&["more than 200 folders"]);

    let place = Place::with_project(&[("a.txt", "1\n")]);
    let long: &'static str = Box::leak("x".repeat(300).into_boxed_str());
    land(&place, vec![(long, file("x")), ("b.txt", file("x"))]);
    place.swarm("pull").refused(&["too long for a name"]);
    assert!(!place.root().join("b.txt").exists());
}

#[test]
fn what_was_looked_at_is_what_comes() {
    let place = Place::with_project(&[("a.txt", "1\n")]);
    let seen = land(&place, vec![(".envrc", file("harmless"))]);
    let said = place.swarm("pull");
    assert!(
        said.err
            .contains(&format!("swarm pull --allow {:.10}", seen.to_string())),
        "{said:?}"
    );
    assert!(said.err.contains("-- .envrc"), "{said:?}");
    land(&place, vec![(".envrc", file("evil"))]);
    place.swarm(&format!("pull --allow {seen}")).ok();
    assert_eq!(place.read(".envrc"), "harmless");
    place.swarm("pull").refused_at_length(&[".envrc: a shell"]);

    place
        .swarm("pull --allow 0000000")
        .refused(&["no commit that has landed"]);
    place.git("commit -q --allow-empty -m Mine");
    place
        .swarm("pull --allow HEAD")
        .refused(&["no commit that has landed"]);
    place
        .swarm("pull")
        .refused(&["rebase yours first", "look at them before: .envrc"]);
}

#[test]
fn what_waits_for_a_checkout_is_told_before() {
    let place = Place::with_project(&[("a.txt", "1\n")]);
    place.git("checkout -q -b mine");
    let from = place.git("rev-parse trunk");
    land(&place, vec![(".envrc", file("evil"))]);
    place.swarm("pull").refused_at_length(&[".envrc"]);
    assert_eq!(place.git("rev-parse trunk"), from);
}

/// Sets the human's git up to run whatever it can, with a trap behind each.
fn arm(place: &Place) {
    let trap = beside(place, "trap.sh");
    let sprung = beside(place, "sprung");
    fs::write(
        &trap,
        format!("#!/bin/sh\ntouch {}\ncat\n", sprung.display()),
    )
    .unwrap();
    fs::set_permissions(&trap, fs::Permissions::from_mode(0o755)).unwrap();
    for hook in [
        "post-checkout",
        "post-merge",
        "post-rewrite",
        "pre-push",
        "pre-commit",
        "post-index-change",
        "reference-transaction",
        "fsmonitor-watchman",
    ] {
        let hook = place.root().join(".git/hooks").join(hook);
        if fs::symlink_metadata(&hook).is_err() {
            symlink(&trap, hook).unwrap();
        }
    }
    let config = place.root().join(".git/config");
    let trap = trap.display();
    let more = format!(
        "[core]\nfsmonitor = {trap}\nsshCommand = {trap}\neditor = {trap}\npager = {trap}\n\
         gitProxy = {trap}\nalternateRefsCommand = {trap}\n\
         [filter \"evil\"]\nclean = {trap}\nsmudge = {trap}\nprocess = {trap}\nrequired = true\n\
         [filter \"lfs\"]\nclean = {trap}\nsmudge = {trap}\nprocess = {trap}\n\
         [merge \"evil\"]\ndriver = {trap}\n[diff \"evil\"]\ntextconv = {trap}\n\
         [credential]\nhelper = {trap}\n[submodule]\nrecurse = true\n[fetch]\nrecurseSubmodules = yes\n\
         [protocol \"file\"]\nallow = always\n[gc]\nauto = 1\n"
    );
    let text = fs::read_to_string(&config).unwrap();
    fs::write(config, text + &more).unwrap();
}

/// A place of the human's outside of the project.
fn beside(place: &Place, name: &str) -> PathBuf {
    place.root().with_file_name("home").join(name)
}

/// Commits a file of the human's, and lets the swarm take it over.
fn commit(place: &Place, name: &str, text: &str) {
    place.write(&[(name, text)]);
    place.git("add -A");
    place.git("commit -q --no-verify -m Mine");
    take(place);
}

fn take(place: &Place) {
    let project = swarm::Project::open(&place.root()).unwrap();
    assert_eq!(swarm::bare::take(&project, "trunk").unwrap(), 1);
}

fn bare(place: &Place) -> Repository {
    Repository::open_bare(place.root().join(".swarm/repo.git")).unwrap()
}

fn head(place: &Place) -> Oid {
    let human = Repository::open(place.root()).unwrap();
    let head = human.find_reference("refs/heads/trunk").unwrap();
    head.target().unwrap()
}

/// Nothing of the human's is different.
fn must_be_untouched(
    place: &Place,
    name: &str,
    from: Oid,
    seen: &Seen,
    before: &BTreeMap<PathBuf, Vec<u8>>,
) {
    assert_eq!(head(place), from, "{name}");
    assert_eq!(
        different(&snapshot(place), before),
        Vec::<&Path>::new(),
        "{name}"
    );
    wrote_only(place, name, seen, &[]);
}

/// What landed is there, and the rest is as it was.
fn must_be_there(
    place: &Place,
    name: &str,
    to: Oid,
    seen: &Seen,
    paths: &[String],
    before: &BTreeMap<PathBuf, Vec<u8>>,
) {
    assert_eq!(head(place), to, "{name}");
    wrote_only(place, name, seen, paths);
    let own = |path: &Path| {
        let path = path.strip_prefix("p").unwrap_or(path);
        paths
            .iter()
            .any(|landed| Path::new(landed).starts_with(path) || path.starts_with(landed))
    };
    let after = snapshot(place);
    let other = different(&after, before)
        .into_iter()
        .filter(|path| !own(path));
    assert_eq!(other.collect::<Vec<_>>(), Vec::<&Path>::new(), "{name}");
    for path in paths {
        let there = fs::symlink_metadata(place.root().join(path));
        assert!(there.is_ok() || path == "data", "{name}: {path}");
    }
}

/// In the repository git's own records alone, in the tree what landed.
fn wrote_only(place: &Place, name: &str, seen: &Seen, paths: &[String]) {
    let root = place.root().canonicalize().unwrap();
    for path in &seen.wrote {
        if path == Path::new("/dev/null") {
            continue;
        }
        let inside = path.strip_prefix(&root);
        let inside = inside.unwrap_or_else(|_| panic!("{name}: wrote {}", path.display()));
        let is_record = inside
            .strip_prefix(".git")
            .is_ok_and(|rest| RECORDS.iter().any(|record| rest.starts_with(record)));
        let text = inside.display().to_string();
        // strace writes control characters as C does.
        let landed = |path: &String| {
            let path = path.replace('\n', "\\n").replace('\u{1b}', "\\33");
            path == text || Path::new(&path).starts_with(&text)
        };
        assert!(
            is_record || paths.iter().any(landed),
            "{name}: wrote {text}"
        );
    }
}

/// What is in one and not, or not the same, in the other.
fn different<'a>(
    one: &'a BTreeMap<PathBuf, Vec<u8>>,
    other: &'a BTreeMap<PathBuf, Vec<u8>>,
) -> Vec<&'a Path> {
    let all = one.keys().chain(other.keys());
    let mut found: Vec<&Path> = all
        .filter(|path| one.get(*path) != other.get(*path))
        .map(PathBuf::as_path)
        .collect();
    found.dedup();
    found
}

/// Every file of the human's but git's records: names, modes, contents.
fn snapshot(place: &Place) -> BTreeMap<PathBuf, Vec<u8>> {
    let base = place.root().parent().unwrap().to_path_buf();
    let mut found = BTreeMap::new();
    let mut folders = vec![base.clone()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).unwrap().flatten() {
            let path = entry.path();
            let name = path.strip_prefix(&base).unwrap().to_path_buf();
            if RECORDS
                .iter()
                .any(|record| name.starts_with(Path::new("p/.git").join(record)))
                || name.starts_with("p/.swarm/repo.git")
            {
                continue;
            }
            let kind = entry.file_type().unwrap();
            let content = if kind.is_symlink() {
                fs::read_link(&path)
                    .unwrap()
                    .into_os_string()
                    .into_encoded_bytes()
            } else if kind.is_dir() {
                folders.push(path.clone());
                Vec::new()
            } else {
                let mut content = fs::read(&path).unwrap();
                content.push((entry.metadata().unwrap().permissions().mode() & 0o111 != 0).into());
                content
            };
            found.insert(name, content);
        }
    }
    found
}

/// The paths that differ between two commits of the swarm's.
fn changed(place: &Place, from: Oid, to: Oid) -> Vec<String> {
    let bare = bare(place);
    let tree = |id: Oid| bare.find_commit(id).unwrap().tree().unwrap();
    let diff = bare
        .diff_tree_to_tree(Some(&tree(from)), Some(&tree(to)), None)
        .unwrap();
    let paths = diff.deltas().map(|delta| {
        let path = delta
            .new_file()
            .path_bytes()
            .or(delta.old_file().path_bytes());
        String::from_utf8(path.unwrap().to_vec()).unwrap()
    });
    paths.collect()
}

/// Lands files as a broken or hostile git would write them: without a look at any name.
fn land(place: &Place, files: Files) -> Oid {
    let bare = bare(place);
    let head = bare.find_reference("refs/heads/trunk").unwrap();
    let tree = head.peel_to_tree().unwrap().id();
    let files = files
        .into_iter()
        .map(|(path, entry)| (path.split('/').collect::<Vec<_>>(), entry));
    let tree = merged(&bare, Some(tree), files.collect());
    commit_tree(&bare, tree)
}

fn commit_tree(bare: &Repository, tree: Oid) -> Oid {
    let mut head = bare.find_reference("refs/heads/trunk").unwrap();
    let parent = head.peel_to_commit().unwrap();
    let agent = git2::Signature::now("agent-1", "agent-1@swarm").unwrap();
    let tree = bare.find_tree(tree).unwrap();
    let commit = bare
        .commit(None, &agent, &agent, "Land", &tree, &[&parent])
        .unwrap();
    head.set_target(commit, "land").unwrap();
    commit
}

fn merged(bare: &Repository, old: Option<Oid>, files: Vec<(Vec<&str>, Entry)>) -> Oid {
    let mut entries: BTreeMap<String, (&str, Oid)> = BTreeMap::new();
    let old = old.and_then(|id| bare.find_tree(id).ok());
    for entry in old.iter().flat_map(|tree| tree.iter()) {
        let mode = match entry.kind() {
            Some(ObjectType::Tree) => "40000",
            _ if entry.filemode() == 0o100755 => "100755",
            _ if entry.filemode() == 0o120000 => "120000",
            _ => "100644",
        };
        entries.insert(entry.name().unwrap().into(), (mode, entry.id()));
    }
    let mut below: BTreeMap<&str, Vec<(Vec<&str>, Entry)>> = BTreeMap::new();
    for (path, entry) in files {
        let (first, rest) = path.split_first().unwrap();
        if !rest.is_empty() {
            below.entry(first).or_default().push((rest.to_vec(), entry));
            continue;
        }
        let made = match entry {
            Entry::File(content) => ("100755", bare.blob(&content).unwrap()),
            Entry::Link(target) => ("120000", bare.blob(target.as_bytes()).unwrap()),
            Entry::Commit => ("160000", Oid::from_str(&"1".repeat(40)).unwrap()),
        };
        entries.insert((*first).into(), made);
    }
    for (name, files) in below {
        let old = entries.get(name).filter(|(mode, _)| *mode == "40000");
        let tree = merged(bare, old.map(|(_, id)| *id), files);
        entries.insert(name.into(), ("40000", tree));
    }
    let entries: Vec<(&str, &str, Oid)> = entries
        .iter()
        .map(|(name, (mode, id))| (name.as_str(), *mode, *id))
        .collect();
    raw_tree(bare, &entries)
}

/// A tree object with these entries, in git's order.
fn raw_tree(bare: &Repository, entries: &[(&str, &str, Oid)]) -> Oid {
    let mut entries = entries.to_vec();
    entries.sort_by_key(|(name, mode, _)| match *mode {
        "40000" => format!("{name}/"),
        _ => (*name).to_owned(),
    });
    let mut bytes = Vec::new();
    for (name, mode, id) in entries {
        bytes.extend_from_slice(format!("{mode} {name}\0").as_bytes());
        bytes.extend_from_slice(id.as_bytes());
    }
    bare.odb().unwrap().write(ObjectType::Tree, &bytes).unwrap()
}
