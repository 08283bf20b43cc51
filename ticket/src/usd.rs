//! Money, in millionths of a US dollar: exact when added up, a plain number of dollars in JSON.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::error::Error;

/// Millionths in a dollar.
const MICRO: i64 = 1_000_000;
/// The largest amount that can be named, in dollars.
const MOST: f64 = 1e9;

/// An amount of money.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Usd(
    /// In millionths of a dollar.
    pub i64,
);

impl Usd {
    /// A number of dollars; none when it is none, or more than a billion.
    pub fn from_dollars(dollars: f64) -> Option<Usd> {
        if !(-MOST..=MOST).contains(&dollars) {
            return None;
        }
        #[allow(
            clippy::cast_possible_truncation,
            reason = "at most a billion dollars, which are 1e15 millionths"
        )]
        let micro = (dollars * 1e6).round() as i64;
        Some(Usd(micro))
    }

    /// In dollars.
    pub fn dollars(self) -> f64 {
        #[allow(
            clippy::cast_precision_loss,
            reason = "amounts of money are far below 2^53 millionths"
        )]
        let micro = self.0 as f64;
        micro / 1e6
    }
}

/// In cents; what is less than a cent, and more than nothing, in hundredths of one.
impl fmt::Display for Usd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.0 < 0 { "-" } else { "" };
        let micro = self.0.unsigned_abs();
        let unit = MICRO.unsigned_abs();
        if micro > 0 && micro < 10_000 {
            return write!(f, "{sign}$0.{:04}", ((micro + 50) / 100).max(1));
        }
        let cents = (micro + 5_000) / 10_000;
        let dollars = unit / 10_000;
        write!(f, "{sign}${}.{:02}", cents / dollars, cents % dollars)
    }
}

impl FromStr for Usd {
    type Err = Error;

    /// `5`, `0.50` or `$5`.
    fn from_str(text: &str) -> Result<Usd, Error> {
        let number = text.trim().strip_prefix('$').unwrap_or(text.trim());
        let plain = number.chars().all(|c| c.is_ascii_digit() || c == '.');
        let dollars = number.parse().ok().filter(|_| plain);
        dollars.and_then(Usd::from_dollars).ok_or_else(|| {
            Error::Invalid(format!(
                "'{}' is no amount of money: write a number of US dollars such as 5 or 0.50",
                crate::text::one_line(text)
            ))
        })
    }
}

impl Serialize for Usd {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_f64(self.dollars())
    }
}

impl<'de> Deserialize<'de> for Usd {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Usd, D::Error> {
        let dollars = f64::deserialize(from)?;
        Usd::from_dollars(dollars).ok_or_else(|| {
            serde::de::Error::custom(format!(
                "{dollars} is no amount of money: expected a number of US dollars"
            ))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_amount_is_said_in_cents_and_kept_exactly() {
        for (text, micro, said) in [
            ("5", 5_000_000, "$5.00"),
            ("$0.50", 500_000, "$0.50"),
            ("0.0037292", 3_729, "$0.0037"),
            ("0", 0, "$0.00"),
            ("12.345", 12_345_000, "$12.35"),
            ("0.999999", 999_999, "$1.00"),
            ("0.0000001", 0, "$0.00"),
        ] {
            let amount: Usd = text.parse().unwrap();
            assert_eq!(
                (amount.0, amount.to_string().as_str()),
                (micro, said),
                "{text}"
            );
            let json = serde_json::to_string(&amount).unwrap();
            assert_eq!(
                serde_json::from_str::<Usd>(&json).unwrap(),
                amount,
                "{json}"
            );
        }
        assert_eq!(Usd(-1_230_000).to_string(), "-$1.23");
    }

    #[test]
    fn what_is_no_amount_is_refused() {
        for bad in [
            "",
            "-1",
            "five",
            "1e3",
            "inf",
            "NaN",
            "1,5",
            "9999999999",
            ".",
        ] {
            assert!(bad.parse::<Usd>().is_err(), "{bad}");
        }
        assert!(serde_json::from_str::<Usd>("1e10").is_err());
    }
}
