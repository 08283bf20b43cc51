//! Conflict markers that a change adds. Found in the whole change, whoever committed it.

use crate::git::Error;
use crate::lines::first_bytes;
use crate::worktree::WorkTree;

/// How many places are named.
const NAMED: usize = 20;
/// What a line of a marker looks like, for git's own search.
const MARKER: &str = "^(<<<<<<<|>>>>>>>)( |$)";

impl WorkTree {
    /// The places in `base..head` that add a marker, as `file:line: text`, at most a few.
    pub fn added_markers(&self, base: &str, head: &str) -> Result<Vec<String>, Error> {
        let search = format!("-G{MARKER}");
        let arguments = [
            "diff-tree",
            "-r",
            "-p",
            "-U0",
            "--text",
            "--no-renames",
            "--no-ext-diff",
            "--no-textconv",
            "--no-color",
            "--src-prefix=a/",
            "--dst-prefix=b/",
            &search,
            base,
            head,
        ];
        Ok(added(&self.git.bare(&arguments).bytes()?))
    }
}

/// Reads a diff without context lines.
fn added(diff: &[u8]) -> Vec<String> {
    let (mut file, mut line, mut left) = (String::new(), 0_u64, 0_u64);
    let mut found = Vec::new();
    for raw in diff.split(|b| *b == b'\n') {
        if left > 0 {
            match raw.first() {
                Some(b'+') => {
                    if is_marker(&raw[1..]) && found.len() < NAMED {
                        let text = String::from_utf8_lossy(&raw[1..]);
                        found.push(format!(
                            "{file}:{line}: {}",
                            first_bytes(text.trim_end(), 80)
                        ));
                    }
                    line += 1;
                    left -= 1;
                }
                _ => continue,
            }
        } else if let Some(name) = raw.strip_prefix(b"+++ b/") {
            file = String::from_utf8_lossy(name).trim_end().to_owned();
        } else if let Some((start, count)) = hunk(raw) {
            (line, left) = (start, count);
        }
    }
    found
}

fn is_marker(line: &[u8]) -> bool {
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    [b"<<<<<<<", b">>>>>>>"].iter().any(|m| {
        line.strip_prefix(*m)
            .is_some_and(|rest| matches!(rest.first(), None | Some(b' ')))
    })
}

/// `@@ -1,2 +3,4 @@` gives 3 and 4.
fn hunk(line: &[u8]) -> Option<(u64, u64)> {
    let line = String::from_utf8_lossy(&line[..line.len().min(80)]);
    let added = line
        .strip_prefix("@@ -")?
        .split_once(" +")?
        .1
        .split(' ')
        .next()?;
    match added.split_once(',') {
        Some((start, count)) => Some((start.parse().ok()?, count.parse().ok()?)),
        None => Some((added.parse().ok()?, 1)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_added_markers_count() {
        let diff = b"\
diff --git a/x.py b/x.py
--- a/x.py
+++ b/x.py
@@ -1,2 +1,0 @@
-<<<<<<< HEAD
->>>>>>> main
@@ -10 +8,3 @@ def f():
-old
+<<<<<<< HEAD
+=======
+>>>>>>> theirs
diff --git a/notes.md b/notes.md
--- a/notes.md
+++ b/notes.md
@@ -0,0 +1,4 @@
+Title
+=======
+<<<<<<<< eight
+ <<<<<<< indented
";
        assert_eq!(
            added(diff),
            ["x.py:8: <<<<<<< HEAD", "x.py:10: >>>>>>> theirs"]
        );
    }

    #[test]
    fn content_that_looks_like_a_diff_changes_nothing() {
        let diff = b"\
+++ b/a
@@ -0,0 +1,3 @@
++++ b/other
+@@ -0,0 +1 @@
+<<<<<<<
";
        assert_eq!(added(diff), ["a:3: <<<<<<<"]);
    }
}
