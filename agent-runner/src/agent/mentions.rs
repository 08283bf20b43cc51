//! Some agent CLIs take a word of the prompt that begins with `@` for a file to attach, wherever it is
//! and without asking.

/// Escapes what would be taken for a file to attach: a word that begins with `@` and leads
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

#[cfg(test)]
mod tests {
    use super::*;

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
