//! Moments as people write them on the command line, and as they are printed: in UTC.

use chrono::{DateTime, NaiveDateTime};

/// How moments are written in the database, the JSON and the text.
const FORMAT: &str = "%Y-%m-%d %H:%M:%S";

/// Seconds since 1970, by the wall clock.
pub fn now() -> i64 {
    chrono::Utc::now().timestamp()
}

/// Today's date, where this program runs: `2030-01-31`.
pub fn today() -> String {
    day_of(now())
}

/// The date of a moment in Unix seconds, where this program runs: `2030-01-31`.
pub fn day_of(moment: i64) -> String {
    let utc = DateTime::from_timestamp(moment, 0).unwrap_or_default();
    utc.with_timezone(&chrono::Local).date_naive().to_string()
}

/// A day as it is written: `2030-01-31`.
pub fn day(text: &str) -> Option<chrono::NaiveDate> {
    let day: chrono::NaiveDate = text.parse().ok()?;
    // Not `2030-1-31`, which would not be in the order of the days.
    (day.to_string() == text).then_some(day)
}

/// A moment in Unix seconds: `+30m`, `+2h`, `+1d` from `now` on, `2030-01-31 08:00:00` in UTC, RFC
/// 3339, or `now` itself, which is 0: for at once.
pub fn parse(text: &str, now: i64) -> Result<i64, String> {
    let text = text.trim();
    if text == "now" {
        return Ok(0);
    }
    let moment = match text.strip_prefix('+') {
        Some(span) => seconds(span).and_then(|seconds| now.checked_add(seconds)),
        None => absolute(text),
    };
    moment
        .filter(|moment| (0..=MAX).contains(moment))
        .ok_or_else(|| {
            "use +30m, +2h, +1d, a time such as '2030-01-31 08:00:00' (UTC), or now".into()
        })
}

/// The end of the year 9999: later moments cannot be written down.
const MAX: i64 = 253_402_300_799;

/// A moment as text; none for one that cannot be written down.
pub fn text(moment: i64) -> Option<String> {
    let moment = DateTime::from_timestamp(moment, 0)?;
    Some(moment.format(FORMAT).to_string())
}

/// `30m` as seconds.
fn seconds(span: &str) -> Option<i64> {
    let unit = match span.chars().last()? {
        's' => 1,
        'm' => 60,
        'h' => 60 * 60,
        'd' => 24 * 60 * 60,
        _ => return None,
    };
    let number: u32 = span[..span.len() - 1].parse().ok()?;
    i64::from(number).checked_mul(unit)
}

fn absolute(text: &str) -> Option<i64> {
    let utc = NaiveDateTime::parse_from_str(text, FORMAT).map(|moment| moment.and_utc());
    let moment = utc.or_else(|_| DateTime::parse_from_rfc3339(text).map(|moment| moment.to_utc()));
    Some(moment.ok()?.timestamp())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_read_as_people_write_them() {
        for (text, moment) in [
            ("+30m", 1000 + 1800),
            ("+2h", 1000 + 7200),
            ("+1d", 1000 + 86400),
            ("+5s", 1005),
            ("now", 0),
            ("1970-01-02 00:00:01", 86401),
            ("1970-01-02T01:00:01+01:00", 86401),
            ("1970-01-02T00:00:01Z", 86401),
        ] {
            assert_eq!(parse(text, 1000), Ok(moment), "{text}");
        }
    }

    #[test]
    fn what_is_no_moment_is_refused() {
        for text in [
            "",
            "+",
            "+h",
            "+1w",
            "+1é",
            "30m",
            "+-1m",
            "tomorrow",
            "2030-01-31",
            "2030-13-01 00:00:00",
            "+4294967295d",
            "1969-12-31 23:59:59",
        ] {
            assert!(parse(text, 1000).is_err(), "{text}");
        }
    }

    #[test]
    fn moments_are_printed_in_utc() {
        assert_eq!(text(86401).as_deref(), Some("1970-01-02 00:00:01"));
        assert_eq!(text(i64::MAX), None);
    }
}
