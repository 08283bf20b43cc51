//! The project's own protected paths: the file `.swarm-protected` at the root of main's tree, one
//! pattern a line, in the manner of `.gitignore`. They are added to the built-in ones, never taken
//! from them. The file is protected itself. Pure.
//!
//! A pattern without a slash is a name anywhere in the tree; one with a slash in front or within is a
//! path from the root; a folder stands for all that it holds. `*` and `?` match within a name, `**`
//! over any folders. Case does not matter. Empty lines and those that begin with `#` say nothing.

use globset::{GlobBuilder, GlobSet, GlobSetBuilder};

/// The file's name, at the root of the tree.
pub const FILE: &str = ".swarm-protected";
/// The longest file, in bytes.
pub const LONGEST: usize = 64 * 1024;
/// The most patterns.
const MOST: usize = 1000;

/// What a project protects beyond the built-in paths.
#[derive(Clone, Debug, Default)]
pub struct Protected(GlobSet);

impl Protected {
    /// Reads the file's content; an error is one sentence that names the line.
    pub fn parse(content: &[u8]) -> Result<Protected, String> {
        if content.len() > LONGEST {
            return Err(format!("{FILE} is longer than {} KiB", LONGEST >> 10));
        }
        let text = std::str::from_utf8(content).map_err(|_| format!("{FILE} is not UTF-8"))?;
        let mut set = GlobSetBuilder::new();
        let lines = text.lines().zip(1..);
        let patterns = lines
            .map(|(line, number)| (line.trim(), number))
            .filter(|(line, _)| !line.is_empty() && !line.starts_with('#'));
        for (count, (pattern, number)) in patterns.enumerate() {
            if count == MOST {
                return Err(format!("{FILE} has more than {MOST} patterns"));
            }
            for glob in globs(pattern).map_err(|why| broken(number, pattern, &why))? {
                let glob = GlobBuilder::new(&glob)
                    .literal_separator(true)
                    .case_insensitive(true)
                    .build()
                    .map_err(|e| broken(number, pattern, &e.kind().to_string()))?;
                set.add(glob);
            }
        }
        let set = set.build();
        set.map(Protected)
            .map_err(|e| format!("{FILE} cannot be used: {e}"))
    }

    /// Whether this path, with `/` between its names, is one of them.
    pub fn covers(&self, path: &str) -> bool {
        self.0.is_match(path)
    }
}

/// A path itself and all below it.
fn globs(pattern: &str) -> Result<[String; 2], String> {
    if pattern.starts_with('!') {
        return Err("nothing can be taken from the list".into());
    }
    let path = pattern.trim_end_matches('/');
    let (rest, anchored) = match path.strip_prefix('/') {
        Some(rest) => (rest, true),
        None => (path, path.contains('/')),
    };
    if rest.is_empty() || rest.split('/').any(|name| matches!(name, "" | "." | "..")) {
        return Err("expected a path from the root, or a name".into());
    }
    let path = match anchored {
        true => rest.to_owned(),
        false => format!("**/{rest}"),
    };
    Ok([format!("{path}/**"), path])
}

fn broken(line: usize, pattern: &str, why: &str) -> String {
    let pattern: String = ticket::text::one_line(pattern).chars().take(100).collect();
    format!("line {line} of {FILE} is not a pattern ('{pattern}'): {why}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_cover_names_paths_and_what_is_below() {
        let text =
            b"# ours\n\n/deploy/\nsecrets.*\ndocs/*.md\nmigrations/**/down.sql\n  Makefile  \n";
        let protected = Protected::parse(text).unwrap();
        for (path, covered) in [
            ("deploy", true),
            ("deploy/prod/x.yml", true),
            ("Deploy/x", true),
            ("a/deploy/x", false),
            ("secrets.env", true),
            ("a/b/secrets.json", true),
            ("a/secrets.d/key", true),
            ("docs/a.md", true),
            ("docs/a/b.md", false),
            ("x/docs/a.md", false),
            ("migrations/1/down.sql", true),
            ("migrations/down.sql", true),
            ("makefile", true),
            ("src/Makefile", true),
            ("src/Makefile.rs", false),
            ("# ours", false),
        ] {
            assert_eq!(protected.covers(path), covered, "{path}");
        }
    }

    #[test]
    fn what_is_no_pattern_is_one_sentence_with_its_line() {
        for (text, words) in [
            (
                "ok\n[a\n",
                "line 2 of .swarm-protected is not a pattern ('[a')",
            ),
            ("!verify.sh", "nothing can be taken"),
            ("/", "expected a path"),
            ("a/../b", "expected a path"),
            ("a//b", "expected a path"),
        ] {
            let error = Protected::parse(text.as_bytes()).unwrap_err();
            assert!(error.contains(words), "{text:?}: {error}");
        }
        assert!(Protected::parse(b"\xff").unwrap_err().contains("UTF-8"));
        let many = "x\n".repeat(MOST + 1);
        assert!(
            Protected::parse(many.as_bytes())
                .unwrap_err()
                .contains("more than")
        );
        let long = vec![b'#'; LONGEST + 1];
        assert!(Protected::parse(&long).unwrap_err().contains("64 KiB"));
        assert!(!Protected::parse(b"").unwrap().covers("x"));
    }
}
