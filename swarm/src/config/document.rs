//! The text of `config.json` as a value, with the sentence for what is no JSON. A name that stands
//! twice is refused: which of the two counts would be a guess. Pure.

use std::fmt;

use serde::de::{Deserialize, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};

/// The value that `text` holds, or what is wrong and where.
pub fn parse(text: &str) -> Result<Value, String> {
    let read: Result<Once, serde_json::Error> = serde_json::from_str(text);
    match read {
        Ok(Once(value)) if value.is_object() => Ok(value),
        Ok(_) => Err("expected an object, as {\"agents\": {\"count\": 3}}".into()),
        Err(error) => {
            let (line, column) = (error.line(), error.column());
            let message = error.to_string();
            let place = format!(" at line {line} column {column}");
            let message = message.strip_suffix(&place).unwrap_or(&message);
            Err(format!(
                "line {line}, column {column} is not JSON: {}",
                ticket::text::one_line(message)
            ))
        }
    }
}

/// A value none of whose names stands twice.
struct Once(Value);

impl<'de> Deserialize<'de> for Once {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Once, D::Error> {
        from.deserialize_any(Reader).map(Once)
    }
}

struct Reader;

impl<'de> Visitor<'de> for Reader {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E: Error>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Value, E> {
        let number = Number::from_f64(value);
        number
            .map(Value::Number)
            .ok_or_else(|| E::custom("no number"))
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut from: A) -> Result<Value, A::Error> {
        let mut items = Vec::new();
        while let Some(Once(item)) = from.next_element()? {
            items.push(item);
        }
        Ok(items.into())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut from: A) -> Result<Value, A::Error> {
        let mut entries = Map::new();
        while let Some((name, Once(value))) = from.next_entry::<String, Once>()? {
            if entries.contains_key(&name) {
                return Err(A::Error::custom(format!("\"{name}\" is there twice")));
            }
            entries.insert(name, value);
        }
        Ok(entries.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_json_is_said_with_its_place() {
        for (text, words) in [
            ("", "line 1, column 0 is not JSON"),
            ("{\n  \"a\": = 1\n}", "line 2, column 8 is not JSON"),
            ("{\"a\": 1, \"a\": 2}", "\"a\" is there twice"),
            ("{\"a\": {\"b\": [], \"b\": 1}}", "\"b\" is there twice"),
            ("[1]", "expected an object"),
            ("{} x", "trailing characters"),
        ] {
            let said = parse(text).unwrap_err();
            assert!(said.contains(words), "{text:?} gives {said:?}");
        }
    }

    #[test]
    fn values_are_those_of_the_text() {
        let text = r#"{"a": [1, -2, 2.5, "x", true, null, {"b": {}}]}"#;
        let plain: Value = serde_json::from_str(text).unwrap();
        assert_eq!(parse(text).unwrap(), plain);
    }
}
