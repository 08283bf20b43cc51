//! When a usage limit ends, as agent CLIs write it for people: a Unix time, RFC 3339, a span such as
//! `3 hours 20 minutes` or `13h19m1s`, or a time of day with or without its date and zone. Pure.

use std::sync::LazyLock;

use chrono::{DateTime, Datelike, Days, NaiveDate, NaiveDateTime, NaiveTime, TimeZone, Utc};
use chrono_tz::Tz;
use regex::{Captures, Regex};

/// A moment later than this, in seconds from now, was misread.
const FARTHEST: i64 = 62 * DAY;
const DAY: i64 = 24 * 60 * 60;
/// A time of day that passed no longer ago than this is the one that was meant, in seconds.
const JUST_PASSED: i64 = 10 * 60;
/// Unix times above this are in milliseconds.
const MILLISECONDS_FROM: i64 = 100_000_000_000;

/// A number with its unit.
const PART: &str =
    r"(\d+(?:\.\d+)?)\s*(weeks?|w|days?|d|hours?|hrs?|h|minutes?|mins?|m|seconds?|secs?|s)";

static SPAN: LazyLock<Regex> = LazyLock::new(|| compiled(&format!("(?i){PART}")));
static SPANS: LazyLock<Regex> = LazyLock::new(|| {
    compiled(&format!(
        r"(?i)^(?:in|after|about|\s)*{PART}(?:(?:\s|,|and)*{PART})*$"
    ))
});
static CLOCK: LazyLock<Regex> = LazyLock::new(|| {
    compiled(
        r"(?ix)^(?:at\s+)?
        (?:(?P<month>[a-z]{3,9})\.?\s+(?P<day>\d{1,2})(?:st|nd|rd|th)?(?:,?\s+(?P<year>\d{4}))?(?:,|\s+at)?\s+)?
        (?P<hour>\d{1,2})(?::(?P<minute>\d{2}))?(?::\d{2})?\s*(?P<half>[ap]\.?m\.?)?
        \s*(?:\(?(?P<zone>[A-Za-z][A-Za-z0-9_+/-]*)\)?)?$",
    )
});

fn compiled(pattern: &str) -> Regex {
    #[allow(clippy::unwrap_used, reason = "a constant, compiled in a test")]
    Regex::new(pattern).unwrap()
}

/// The moment in Unix seconds that `text` names, seen at `now`. None when it cannot be read.
pub fn reset_time(text: &str, now: i64) -> Option<i64> {
    let text = text.trim().trim_end_matches(['.', ';']).trim();
    let text = strip(text, "resets").unwrap_or(text);
    number(text)
        .or_else(|| absolute(text))
        .or_else(|| span(text, now))
        .or_else(|| clock(text, now))
        .filter(|at| *at >= 0 && *at - now <= FARTHEST)
}

fn strip<'a>(text: &'a str, word: &str) -> Option<&'a str> {
    let head = text.get(..word.len())?;
    head.eq_ignore_ascii_case(word)
        .then(|| text[word.len()..].trim_start())
}

fn number(text: &str) -> Option<i64> {
    let number: i64 = text.parse().ok()?;
    match number {
        MILLISECONDS_FROM.. => Some(number / 1000),
        1_000_000_000.. => Some(number),
        _ => None,
    }
}

fn absolute(text: &str) -> Option<i64> {
    let zoned = DateTime::parse_from_rfc3339(text).map(|at| at.timestamp());
    zoned.ok().or_else(|| {
        let text = text.trim_end_matches("UTC").trim_end();
        let naive = ["%Y-%m-%d %H:%M:%S", "%Y-%m-%d %H:%M", "%Y-%m-%dT%H:%M:%S"]
            .into_iter()
            .find_map(|format| NaiveDateTime::parse_from_str(text, format).ok());
        Some(naive?.and_utc().timestamp())
    })
}

fn span(text: &str, now: i64) -> Option<i64> {
    if !SPANS.is_match(text) {
        return None;
    }
    let mut seconds = 0.0;
    let mut at = 0;
    while let Some(part) = SPAN.captures_at(text, at) {
        let number: f64 = part[1].parse().ok()?;
        let unit = part[2].to_ascii_lowercase();
        seconds += number
            * match unit.as_bytes().first()? {
                b'w' => 7.0 * 86_400.0,
                b'd' => 86_400.0,
                b'h' => 3600.0,
                b'm' => 60.0,
                _ => 1.0,
            };
        at = part.get(2)?.end();
    }
    #[allow(clippy::cast_possible_truncation, reason = "it saturates")]
    let seconds = seconds.ceil() as i64;
    now.checked_add(seconds)
}

/// The next such time of day, or that of the date. Without a zone it is UTC: a container's clock.
fn clock(text: &str, now: i64) -> Option<i64> {
    let parts = CLOCK.captures(text)?;
    let zone: Tz = match parts.name("zone") {
        Some(zone) => zone.as_str().parse().ok()?,
        None => Tz::UTC,
    };
    let half = parts.name("half").map(|half| half.as_str().as_bytes()[0]);
    if half.is_none() && parts.name("minute").is_none() {
        return None;
    }
    let time = time_of_day(&parts, half)?;
    let here = zone.from_utc_datetime(&DateTime::from_timestamp(now, 0)?.naive_utc());
    let at = |date: NaiveDate| {
        let local = zone.from_local_datetime(&date.and_time(time));
        local
            .earliest()
            .map(|at| at.with_timezone(&Utc).timestamp())
    };
    let Some(month) = parts.name("month") else {
        let today = at(here.date_naive())?;
        return match today + JUST_PASSED >= now {
            true => Some(today),
            false => at(here.date_naive().checked_add_days(Days::new(1))?),
        };
    };
    let month: chrono::Month = month.as_str().parse().ok()?;
    let day: u32 = parts["day"].parse().ok()?;
    let date = |year| NaiveDate::from_ymd_opt(year, month.number_from_month(), day);
    match parts.name("year") {
        Some(year) => at(date(year.as_str().parse().ok()?)?),
        None => {
            let this_year = at(date(here.year())?)?;
            match this_year + DAY >= now {
                true => Some(this_year),
                false => at(date(here.year() + 1)?),
            }
        }
    }
}

fn time_of_day(parts: &Captures<'_>, half: Option<u8>) -> Option<NaiveTime> {
    let hour: u32 = parts["hour"].parse().ok()?;
    let minute: u32 = match parts.name("minute") {
        Some(minute) => minute.as_str().parse().ok()?,
        None => 0,
    };
    let hour = match half.map(|half| half.to_ascii_lowercase()) {
        None => hour,
        Some(_) if !(1..=12).contains(&hour) => return None,
        Some(b'a') => hour % 12,
        Some(_) => hour % 12 + 12,
    };
    NaiveTime::from_hms_opt(hour, minute, 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Saturday, 2026-11-21 16:00 UTC.
    const NOW: i64 = 1_795_276_800;

    fn at(text: &str) -> i64 {
        DateTime::parse_from_rfc3339(text).unwrap().timestamp()
    }

    #[test]
    fn moments_are_read_as_people_write_them() {
        for (text, expected) in [
            ("1795285570", 1_795_285_570),
            ("1795285570123", 1_795_285_570),
            ("2026-11-21T19:00:00Z", at("2026-11-21T19:00:00Z")),
            ("2026-11-21T19:00:00+02:00", at("2026-11-21T17:00:00Z")),
            ("2026-11-21 19:00:00 UTC", at("2026-11-21T19:00:00Z")),
            ("in 3 hours", NOW + 3 * 3600),
            ("3 hours 20 minutes", NOW + 3 * 3600 + 20 * 60),
            (
                "in 4 days, 20 hours and 9 minutes.",
                NOW + 4 * DAY + 20 * 3600 + 540,
            ),
            ("13h19m1s", NOW + 13 * 3600 + 19 * 60 + 1),
            ("1.2s", NOW + 2),
            ("about 2 weeks", NOW + 14 * DAY),
            ("10am (UTC)", at("2026-11-22T10:00:00Z")),
            ("resets 10pm (UTC)", at("2026-11-21T22:00:00Z")),
            ("4:50am (Europe/Rome)", at("2026-11-22T03:50:00Z")),
            ("6:22 PM", at("2026-11-21T18:22:00Z")),
            ("at 18:30", at("2026-11-21T18:30:00Z")),
            ("12am (UTC)", at("2026-11-22T00:00:00Z")),
            ("12:30 p.m.", at("2026-11-22T12:30:00Z")),
            ("3:55 PM", at("2026-11-21T15:55:00Z")),
            ("Nov 24, 10am (UTC)", at("2026-11-24T10:00:00Z")),
            ("Nov 24th, 2026 6:22 PM", at("2026-11-24T18:22:00Z")),
            ("January 7, 11am (Asia/Seoul)", at("2027-01-07T02:00:00Z")),
        ] {
            assert_eq!(reset_time(text, NOW), Some(expected), "{text}");
        }
    }

    #[test]
    fn what_cannot_be_read_is_no_moment() {
        for text in [
            "",
            "later",
            "soon (UTC)",
            "25pm",
            "10",
            "10am (Mars/Base)",
            "Nov 31, 10am",
            "Foo 3, 10am",
            "in -3 hours",
            "3 hours ago or so",
            "99999999999999999999",
            "in 999999999999999999999 weeks",
            "Feb 7, 11am",
        ] {
            assert_eq!(reset_time(text, NOW), None, "{text}");
        }
    }
}
