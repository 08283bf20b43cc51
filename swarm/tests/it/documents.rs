//! The commands that README.md and docs/ name are there, with the flags that stand behind them.

use std::fs;
use std::path::{Path, PathBuf};

use crate::fuzz::{Commands, SWARM, TICKET};

#[test]
fn commands_of_the_documents_are_there() {
    let programs = [
        ("swarm", Commands::read(&SWARM)),
        ("ticket", Commands::read(&TICKET)),
    ];
    let mut found = 0;
    let mut wrong = Vec::new();
    for file in documents() {
        let text = fs::read_to_string(&file).unwrap();
        for line in spoken(&text) {
            let words = line.split_whitespace().map(str::to_owned).collect();
            let words = shell_words::split(line).unwrap_or(words);
            let Some((name, words)) = words.split_first() else {
                continue;
            };
            let known = programs.iter().find(|(known, _)| known == name);
            let Some((_, commands)) = known else { continue };
            found += 1;
            if let Some(why) = fault(commands, words) {
                wrong.push(format!("{}: {line}: {why}", file.display()));
            }
        }
    }
    assert!(found > 200, "only {found} commands were found");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// README.md, and what lies in docs/ itself: decisions tell of what was.
fn documents() -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let docs = fs::read_dir(root.join("docs")).unwrap();
    let pages = docs.map(|entry| entry.unwrap().path());
    let pages = pages.filter(|path| path.extension().is_some_and(|kind| kind == "md"));
    pages.chain([root.join("README.md")]).collect()
}

/// What stands between backticks, or is a line of an example.
fn spoken(text: &str) -> Vec<&str> {
    let mut found = Vec::new();
    let mut in_example = false;
    for line in text.lines() {
        if line.starts_with("```") {
            in_example = !in_example;
        } else if in_example {
            found.push(line.strip_prefix("$ ").unwrap_or(line));
        } else {
            found.extend(line.split('`').skip(1).step_by(2));
        }
    }
    found
}

/// What is wrong with the words behind a program's name, if anything.
fn fault(commands: &Commands, words: &[String]) -> Option<String> {
    let ends = ["|", ">", "&&", ";", "#", "--", "…"];
    let words = words
        .iter()
        .take_while(|word| !ends.contains(&word.as_str()));
    let words: Vec<&str> = words
        .map(|word| word.trim_matches(['[', ']', ',', ';', '(', ')', '…']))
        .collect();
    let mut path: Vec<String> = Vec::new();
    for word in &words {
        let longer = [path.as_slice(), &[(*word).to_owned()]].concat();
        if !commands.names.contains(&longer) {
            break;
        }
        path = longer;
    }
    let is_flag = |word: &&str| word.starts_with('-');
    // In capitals it stands for any.
    let is_any = |word: &str| word == "help" || word.chars().all(char::is_uppercase);
    if let Some(word) = words.first().filter(|_| path.is_empty())
        && !is_flag(word)
        && !is_any(word)
    {
        return Some("no such command".into());
    }
    let flags = words.iter().filter(|word| is_flag(word));
    let mut flags = flags.map(|flag| flag.split(['=', '|']).next().unwrap_or_default());
    let known = &commands.flags[&path];
    let unknown = flags.find(|flag| flag.len() > 1 && !known.iter().any(|one| one == flag));
    unknown.map(|flag| format!("no {flag}"))
}
