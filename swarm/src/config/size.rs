//! Sizes as Docker writes them.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use ticket::text::exact_size;

/// What a size looks like in text.
pub(super) const PATTERN: &str = r"^\s*[0-9]+ *([bB]|[kKmMgGtT]([iI]?[bB])?)?\s*$";

/// A number of bytes, written as `"4g"`, `"512m"` or a plain number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Size(pub u64);

impl Size {
    fn parse(text: &str) -> Option<Size> {
        let text = text.trim().to_ascii_lowercase();
        let digits = text
            .find(|c: char| !c.is_ascii_digit())
            .unwrap_or(text.len());
        let (number, unit) = text.split_at(digits);
        let factor: u64 = match unit.trim() {
            "" | "b" => 1,
            "k" | "kb" | "kib" => 1 << 10,
            "m" | "mb" | "mib" => 1 << 20,
            "g" | "gb" | "gib" => 1 << 30,
            "t" | "tb" | "tib" => 1 << 40,
            _ => return None,
        };
        number.parse::<u64>().ok()?.checked_mul(factor).map(Size)
    }
}

/// As it may be written.
impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&exact_size(self.0))
    }
}

impl Serialize for Size {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Size {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl serde::de::Visitor<'_> for Visitor {
            type Value = Size;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a size such as \"4g\" or \"512m\"")
            }

            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Size, E> {
                Size::parse(text)
                    .ok_or_else(|| E::invalid_value(serde::de::Unexpected::Str(text), &self))
            }

            fn visit_u64<E: serde::de::Error>(self, bytes: u64) -> Result<Size, E> {
                Ok(Size(bytes))
            }

            fn visit_i64<E: serde::de::Error>(self, bytes: i64) -> Result<Size, E> {
                u64::try_from(bytes)
                    .map(Size)
                    .map_err(|_| E::invalid_value(serde::de::Unexpected::Signed(bytes), &self))
            }
        }
        deserializer.deserialize_any(Visitor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_written_as_they_are_read() {
        for text in ["4g", "512m", "1025m", "3t", "1k", "1023", "0"] {
            assert_eq!(Size::parse(text).unwrap().to_string(), text);
        }
    }

    #[test]
    fn sizes_are_read_as_docker_reads_them() {
        let table = [
            ("4g", Some(4 << 30)),
            ("512M", Some(512 << 20)),
            ("2 GiB", Some(2 << 30)),
            ("1024", Some(1024)),
            ("", None),
            ("-1", None),
            ("4 parsecs", None),
            ("99999999999t", None),
        ];
        let pattern = regex::Regex::new(PATTERN).unwrap();
        for (text, bytes) in table {
            assert_eq!(Size::parse(text), bytes.map(Size), "{text}");
            let fits = pattern.is_match(text) && text != "99999999999t";
            assert_eq!(fits, bytes.is_some(), "{text}");
        }
    }
}
