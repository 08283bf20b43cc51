//! A patch for a terminal. What agents wrote steers nothing: the only colours are ours.

use super::plain;

const BOLD: &str = "1";
const RED: &str = "31";
const GREEN: &str = "32";
const CYAN: &str = "36";

/// The patch as safe text, in colours if wanted.
pub fn patch(patch: &[u8], colours: bool) -> String {
    let text = plain(&String::from_utf8_lossy(patch));
    let mut in_header = false;
    let mut out = String::with_capacity(text.len());
    for line in text.split_inclusive('\n') {
        if line.starts_with("diff ") {
            in_header = true;
        } else if line.starts_with("@@") {
            in_header = false;
        }
        let (line, end) = match line.strip_suffix('\n') {
            Some(line) => (line, "\n"),
            None => (line, ""),
        };
        match colour(line, in_header).filter(|_| colours) {
            Some(colour) => out += &format!("\x1b[{colour}m{line}\x1b[0m{end}"),
            None => out += &format!("{line}{end}"),
        }
    }
    out
}

fn colour(line: &str, in_header: bool) -> Option<&'static str> {
    match line.chars().next() {
        Some(_) if in_header => Some(BOLD),
        Some('@') => Some(CYAN),
        Some('+') => Some(GREEN),
        Some('-') => Some(RED),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_our_own_colours_reach_the_terminal() {
        let text = b"diff --git a/x b/x\n--- a/x\n+++ b/x\n@@ -1 +1 @@\n--- old\x1b[2J\n+new\xff\n";
        let plain = "diff --git a/x b/x\n--- a/x\n+++ b/x\n@@ -1 +1 @@\n--- old[2J\n+new\u{fffd}\n";
        assert_eq!(patch(text, false), plain);
        let coloured = patch(text, true);
        assert!(coloured.contains("\x1b[1m--- a/x\x1b[0m\n"));
        assert!(coloured.contains("\x1b[31m--- old[2J\x1b[0m\n"));
        assert_eq!(coloured.matches('\x1b').count(), 12);
    }
}
