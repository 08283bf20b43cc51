//! A key's path as people write it: `agents.count`, `prices."gpt-5.1".input`. Pure.

/// The names on the way to a key.
pub type Path = Vec<String>;

/// The path as it is written: names parted by dots, in quotes where a name has a dot itself.
pub fn written<S: AsRef<str>>(path: &[S]) -> String {
    let names = path.iter().map(|name| match is_plain(name.as_ref()) {
        true => name.as_ref().to_owned(),
        false => serde_json::Value::from(name.as_ref()).to_string(),
    });
    names.collect::<Vec<_>>().join(".")
}

/// The path that is written so; none where quotes do not end or a name is empty.
pub fn read(text: &str) -> Option<Path> {
    let mut names = Vec::new();
    let mut rest = text;
    loop {
        let (name, after) = match rest.starts_with('"') {
            true => quoted(rest)?,
            false => {
                let end = rest.find('.').unwrap_or(rest.len());
                (rest[..end].to_owned(), &rest[end..])
            }
        };
        if name.is_empty() {
            return None;
        }
        names.push(name);
        match after.strip_prefix('.') {
            Some(more) => rest = more,
            None if after.is_empty() => return Some(names),
            None => return None,
        }
    }
}

/// The name in quotes at the beginning, and what follows it.
fn quoted(text: &str) -> Option<(String, &str)> {
    let mut names = serde_json::Deserializer::from_str(text).into_iter::<String>();
    let name = names.next()?.ok()?;
    Some((name, &text[names.byte_offset()..]))
}

fn is_plain(name: &str) -> bool {
    let plain = |c: char| c.is_alphanumeric() || "_-*$/:".contains(c);
    !name.is_empty() && name.chars().all(plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_again() {
        for names in [
            &["agents", "count"][..],
            &["prices", "gpt-5.1", "input"],
            &["prices", "a \"b\"\\", "input"],
            &["prices", "claude-*"],
            &["x"],
        ] {
            assert_eq!(read(&written(names)).unwrap(), names);
        }
        assert_eq!(written(&["prices", "gpt-5.1"]), "prices.\"gpt-5.1\"");
    }

    #[test]
    fn what_is_no_path_is_none() {
        for text in [
            "", ".", "a.", ".a", "a..b", "\"a", "a.\"b", "\"a\"b", "\"\"",
        ] {
            assert_eq!(read(text), None, "{text}");
        }
    }
}
