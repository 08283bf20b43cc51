//! Looks at a shell script without running it.

use std::io::Write;
use std::process::{Command, Stdio};

/// What is wrong with the script.
pub fn check(text: &str) -> Result<(), String> {
    let first = text.lines().next().unwrap_or_default();
    let Some(program) = first.strip_prefix("#!") else {
        return Err("its first line has to name the program, such as #!/bin/sh".into());
    };
    if !text.lines().skip(1).any(does_something) {
        return Err("it runs nothing: write the commands into it".into());
    }
    match shell(program) {
        Some(shell) => parse(shell, text),
        None => {
            Err("expected a script for sh or bash, with #!/bin/sh or #!/usr/bin/env bash".into())
        }
    }
}

/// A line with a command that could fail.
fn does_something(line: &str) -> bool {
    let line = line.trim();
    let nothing = ["", ":", "true", "exit", "exit 0", "fi", "done"];
    !line.starts_with('#')
        && !line.starts_with("set ")
        && !line.starts_with("echo ")
        && !nothing.contains(&line.trim_end_matches(';'))
}

fn shell(program: &str) -> Option<&'static str> {
    let mut words = program.split_whitespace();
    let name = |word: &str| word.rsplit('/').next().unwrap_or_default().to_owned();
    let mut first = name(words.next()?);
    if first == "env" {
        first = name(words.find(|word| !word.starts_with('-'))?);
    }
    ["sh", "bash", "dash"]
        .into_iter()
        .find(|shell| *shell == first)
}

/// Has the shell read it, with `-n`: it runs nothing. A shell that is not here says nothing.
fn parse(shell: &str, text: &str) -> Result<(), String> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let child = Command::new(shell)
        .arg("-n")
        .env_clear()
        .env("PATH", path)
        .env("LC_ALL", "C")
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn();
    let Ok(mut child) = child else {
        return Ok(());
    };
    if let Some(mut stdin) = child.stdin.take() {
        // One that stops reading has found something, and says so.
        let _ = stdin.write_all(text.as_bytes());
    }
    match child.wait_with_output() {
        Ok(output) if !output.status.success() => {
            let said = ticket::text::one_line(&String::from_utf8_lossy(&output.stderr));
            Err(format!("its syntax is wrong: {said}"))
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scripts_are_read_and_not_run() {
        let dir = tempfile::tempdir().unwrap();
        let trap = dir.path().join("trap");
        let text = format!("#!/bin/sh\ntouch {}\n", trap.display());
        check(&text).unwrap();
        assert!(!trap.exists());
        for (text, words) in [
            ("", "first line"),
            ("#!/bin/sh\n", "runs nothing"),
            ("#!/bin/sh\nset -eu\n# pytest\nexit 0\n", "runs nothing"),
            ("#!/usr/bin/python3\nprint()\n", "sh or bash"),
            ("#!/bin/sh\nif pytest; then\n", "syntax"),
        ] {
            let error = check(text).unwrap_err();
            assert!(error.contains(words), "{text:?}: {error}");
        }
        for program in [
            "/bin/sh",
            "/usr/bin/env bash",
            " /bin/bash -e",
            "/usr/bin/env -S bash -e",
        ] {
            assert!(
                check(&format!("#!{program}\nmake test\n")).is_ok(),
                "{program}"
            );
        }
    }
}
