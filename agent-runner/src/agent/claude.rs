//! How Claude Code is called: headless, stream-json, the prompt on standard input, no hooks and no
//! MCP servers from the repository, no background tasks, no update of itself.

use std::process::Command;

use rand::RngExt;

/// What may be in the repository must not run: its hooks. CLAUDE.md is still read.
const SETTINGS: &str = r#"{"disableAllHooks":true}"#;
/// The first answer to "is the service there": with the default of 10 a failure takes minutes.
const MAX_RETRIES: &str = "4";

/// Which conversation a run belongs to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Session {
    /// A new one under this name.
    New(String),
    /// The one of this name goes on.
    Resume(String),
}

impl Session {
    /// A new conversation.
    pub fn start() -> Session {
        Session::New(uuid(rand::rng().random()))
    }

    /// The conversation's name.
    pub fn id(&self) -> &str {
        match self {
            Session::New(id) | Session::Resume(id) => id,
        }
    }
}

/// The program with its arguments; the prompt goes to standard input.
pub fn command(
    program: &str,
    further: &[String],
    model: Option<&str>,
    session: &Session,
) -> Command {
    let mut command = Command::new(program);
    command.args(["-p", "--output-format", "stream-json", "--verbose"]);
    if let Some(model) = model {
        command.args(["--model", model]);
    }
    match session {
        Session::New(id) => command.args(["--session-id", id]),
        Session::Resume(id) => command.args(["--resume", id]),
    };
    command
        .arg("--dangerously-skip-permissions")
        .args(["--settings", SETTINGS])
        .arg("--strict-mcp-config")
        .args(further);
    command
}

/// Variables that keep it to itself.
pub const ENVIRONMENT: [(&str, &str); 7] = [
    ("DISABLE_AUTOUPDATER", "1"),
    ("DISABLE_TELEMETRY", "1"),
    ("DISABLE_ERROR_REPORTING", "1"),
    ("CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC", "1"),
    ("CLAUDE_CODE_DISABLE_BACKGROUND_TASKS", "1"),
    ("CLAUDE_CODE_STARTUP_FAILURE_RESULTS", "1"),
    ("CLAUDE_CODE_MAX_RETRIES", MAX_RETRIES),
];

/// Escapes what Claude Code would take for a file to attach: a word that begins with `@` and leads
/// out of the tree.
pub fn escape_mentions(prompt: &str) -> String {
    let mut escaped = String::with_capacity(prompt.len());
    let mut before = ' ';
    let mut rest = prompt;
    while let Some(c) = rest.chars().next() {
        if c == '@' && before.is_whitespace() && leads_out(&rest[1..]) {
            escaped.push('\\');
        }
        escaped.push(c);
        before = c;
        rest = &rest[c.len_utf8()..];
    }
    escaped
}

fn leads_out(rest: &str) -> bool {
    let word = rest.split_whitespace().next().unwrap_or_default();
    let begins = |p: &&str| rest.starts_with(*p);
    ["/", "~", "./", "\""].iter().any(begins) || word.split('/').any(|part| part == "..")
}

/// A version 4 UUID from random bytes.
fn uuid(mut bytes: [u8; 16]) -> String {
    bytes[6] = bytes[6] & 0x0f | 0x40;
    bytes[8] = bytes[8] & 0x3f | 0x80;
    let hex: String = bytes.iter().map(|b| format!("{b:02x}")).collect();
    let parts = [
        &hex[..8],
        &hex[8..12],
        &hex[12..16],
        &hex[16..20],
        &hex[20..],
    ];
    parts.join("-")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn arguments(session: &Session) -> String {
        let command = command(
            "claude",
            &["--max-turns".into(), "9".into()],
            Some("sonnet"),
            session,
        );
        let words: Vec<_> = command.get_args().map(|a| a.to_string_lossy()).collect();
        words.join(" ")
    }

    #[test]
    fn a_conversation_starts_under_a_name_and_is_resumed_by_it() {
        let common = r#"--dangerously-skip-permissions --settings {"disableAllHooks":true} --strict-mcp-config --max-turns 9"#;
        assert_eq!(
            arguments(&Session::New("u".into())),
            format!(
                "-p --output-format stream-json --verbose --model sonnet --session-id u {common}"
            )
        );
        assert_eq!(
            arguments(&Session::Resume("u".into())),
            format!("-p --output-format stream-json --verbose --model sonnet --resume u {common}")
        );
    }

    #[test]
    fn names_of_conversations_are_version_4_uuids() {
        assert_eq!(uuid([0xff; 16]), "ffffffff-ffff-4fff-bfff-ffffffffffff");
        assert_eq!(uuid([0; 16]), "00000000-0000-4000-8000-000000000000");
        assert_ne!(Session::start(), Session::start());
    }

    #[test]
    fn files_are_not_attached_by_accident() {
        for (prompt, expected) in [
            ("see @/etc/passwd", r"see \@/etc/passwd"),
            ("@~/.ssh/id", r"\@~/.ssh/id"),
            ("a\n@../x @\"/y\"", "a\n\\@../x \\@\"/y\""),
            ("@a/../../x @..", r"\@a/../../x \@.."),
            ("@ / @a..b", "@ / @a..b"),
            ("import x from '@/lib'", "import x from '@/lib'"),
            ("@pytest.fixture mail@/x ä@b", "@pytest.fixture mail@/x ä@b"),
        ] {
            assert_eq!(escape_mentions(prompt), expected);
        }
    }
}
