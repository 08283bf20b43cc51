//! Names in a tree, as the most forgiving file systems see them: which of them never arrive, and where
//! links may lead. Pure. The lander asks before something lands, `swarm pull` before it is written.

/// Files and folders that tell an agent CLI what it may do or how it works, in lower case.
pub const OBEYED_BY_AGENTS: [&str; 18] = [
    ".claude",
    "claude.md",
    "claude.local.md",
    ".mcp.json",
    "agents.md",
    "gemini.md",
    ".codex",
    ".cursor",
    ".cursorrules",
    ".gemini",
    ".opencode",
    "opencode.json",
    "opencode.jsonc",
    ".windsurf",
    ".windsurfrules",
    ".clinerules",
    ".roo",
    ".aider.conf.yml",
];

/// The names along a path. A backslash separates too, as on Windows.
pub fn components(path: &[u8]) -> impl Iterator<Item = &[u8]> {
    path.split(|byte| matches!(byte, b'/' | b'\\'))
}

/// The name without the characters that HFS+ ignores, without what NTFS cuts off (a stream's name,
/// dots and blanks at the end), in lower case.
pub fn folded(name: &[u8]) -> String {
    let text = String::from_utf8_lossy(name);
    let seen: String = text
        .chars()
        .filter(|c| !is_ignored_by_hfs(*c))
        .flat_map(char::to_lowercase)
        .collect();
    let stream = seen.split(':').next().unwrap_or_default();
    match stream.trim_end_matches(['.', ' ']) {
        // `.` and `..` are names of their own.
        "" => stream.to_owned(),
        rest => rest.to_owned(),
    }
}

/// True for a path that some file system takes for one in `.git`, for `.gitmodules` or for `.swarm`.
pub fn is_forbidden(path: &[u8]) -> bool {
    components(path).any(|name| {
        let name = folded(name);
        matches!(
            name.as_str(),
            "" | "." | ".." | ".git" | ".gitmodules" | ".swarm"
        ) || is_short_name(&name)
    })
}

/// Whether a link at `path` to `target` can never lead out of the tree, whatever other links there
/// are: `..` only at the beginning, and no more of them than folders above the link.
pub fn stays_inside(path: &[u8], target: &[u8]) -> bool {
    if target.is_empty()
        || target.starts_with(b"/")
        || target.contains(&b'\\')
        || target.contains(&b':')
    {
        return false;
    }
    let depth = path.iter().filter(|byte| **byte == b'/').count();
    let names: Vec<&[u8]> = target
        .split(|byte| *byte == b'/')
        .filter(|name| !name.is_empty() && *name != b".")
        .collect();
    let ups = names.iter().take_while(|name| **name == b"..").count();
    ups <= depth
        && names[ups..]
            .iter()
            .all(|name| *name != b".." && !is_forbidden(name))
}

/// The short names that NTFS makes for `.git`, `.gitmodules` and `.swarm`: `git~1` and the like.
fn is_short_name(name: &str) -> bool {
    let Some((stem, number)) = name.split_once('~') else {
        return false;
    };
    // `gi7eba` is how NTFS shortens `.gitmodules` when the plain short names are taken.
    ["git", "gitmod", "gi7eba", "swarm"].contains(&stem)
        && !number.is_empty()
        && number.bytes().all(|b| b.is_ascii_digit())
}

fn is_ignored_by_hfs(c: char) -> bool {
    matches!(
        c,
        '\u{200c}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{206a}'..='\u{206f}' | '\u{feff}'
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_some_file_system_takes_for_git_are_forbidden() {
        for (path, forbidden) in [
            ("src/main.rs", false),
            (".gitignore", false),
            ("digit~1", false),
            ("sub/.GIT/hooks/x", true),
            (".git ./x", true),
            (".git::$INDEX_ALLOCATION/x", true),
            ("GIT~12/config", true),
            (".g\u{200c}it/config", true),
            ("a\\.git\\hooks", true),
            ("GI7EBA~1", true),
            ("x/.Swarm", true),
            ("a/../b", true),
        ] {
            assert_eq!(is_forbidden(path.as_bytes()), forbidden, "{path:?}");
        }
    }

    #[test]
    fn a_link_may_not_lead_out_of_the_tree() {
        for (path, target, inside) in [
            ("a", "b", true),
            ("a/b", "../c", true),
            ("a", "..", false),
            ("a/b", "../../c", false),
            ("a/b", "c/../../../d/e", false),
            ("a", "/etc/passwd", false),
            // Through another link `b` this may lead anywhere.
            ("a", "b/../c", false),
            ("a", ".git/hooks", false),
        ] {
            let found = stays_inside(path.as_bytes(), target.as_bytes());
            assert_eq!(found, inside, "{path} to {target}");
        }
    }
}
