//! What is sent next of all that waits: the most urgent first, and several of a kind as one. Pure.

use ticket::notice::{Kind, Notice};

/// So many of one kind that wait at once become one message.
const TOGETHER: usize = 3;
/// The same for what can be answered, which needs a message of its own.
const TOGETHER_ANSWERED: usize = 7;
/// How many of them are named in it.
const NAMED: usize = 10;
/// A message that could not be sent for so long is old news, in seconds.
const TOO_OLD: i64 = 24 * 60 * 60;

/// One message to send, made of one or more that wait.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Letter {
    /// Which of those that wait it stands for.
    pub ids: Vec<i64>,
    /// The first one's key.
    pub key: String,
    /// What it is about.
    pub kind: Kind,
    /// The ticket, when it is about a single one.
    pub ticket: Option<i64>,
    /// The version of the ticket that it tells of, when it can be answered.
    pub version: Option<i64>,
    /// One line.
    pub title: String,
    /// A few lines.
    pub body: String,
    /// 1 to 5.
    pub priority: u8,
}

/// What is sent next, if anything waits. Where messages can be answered, more of a kind go one by one.
pub fn next(waiting: &[Notice], can_be_answered: bool) -> Option<Letter> {
    let first = waiting
        .iter()
        .min_by_key(|notice| (std::cmp::Reverse(notice.priority), notice.id))?;
    let same: Vec<&Notice> = waiting.iter().filter(|n| n.kind == first.kind).collect();
    let together = match first.version.filter(|_| can_be_answered) {
        Some(_) => TOGETHER_ANSWERED,
        None => TOGETHER,
    };
    if same.len() < together {
        return Some(Letter {
            ids: vec![first.id],
            key: first.key.clone(),
            kind: first.kind,
            ticket: first.ticket,
            version: first.version,
            title: first.title.clone(),
            body: first.body.clone(),
            priority: first.priority,
        });
    }
    let mut lines: Vec<&str> = same.iter().take(NAMED).map(|n| n.title.as_str()).collect();
    let more = format!("and {} more", same.len() - lines.len());
    if same.len() > NAMED {
        lines.push(&more);
    }
    Some(Letter {
        ids: same.iter().map(|n| n.id).collect(),
        key: first.key.clone(),
        kind: first.kind,
        ticket: None,
        version: None,
        title: format!("{} × {}", same.len(), first.kind.as_str()),
        body: lines.join("\n"),
        priority: first.priority,
    })
}

/// The messages that are too old to be sent at `now`.
pub fn stale(waiting: &[Notice], now: i64) -> Vec<i64> {
    let old = waiting.iter().filter(|n| now - n.created_at >= TOO_OLD);
    old.map(|n| n.id).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn notice(id: i64, kind: Kind, priority: u8) -> Notice {
        Notice {
            id,
            key: format!("key-{id}"),
            kind,
            ticket: Some(id),
            version: Some(id),
            title: format!("title {id}"),
            body: "body".into(),
            priority,
            created_at: id,
        }
    }

    #[test]
    fn the_most_urgent_goes_first_and_then_the_oldest() {
        let waiting = [
            notice(1, Kind::Proposal, 3),
            notice(2, Kind::Login, 5),
            notice(3, Kind::Question, 4),
            notice(4, Kind::Question, 4),
        ];
        assert_eq!(next(&waiting, false).unwrap().ids, [2]);
        assert_eq!(next(&waiting[2..], false).unwrap().ids, [3]);
        assert_eq!(next(&[], false), None);
    }

    #[test]
    fn many_of_a_kind_are_one_message() {
        let waiting: Vec<Notice> = (1..=25).map(|id| notice(id, Kind::Question, 4)).collect();
        let letter = next(&waiting, false).unwrap();
        assert_eq!(letter.ids.len(), 25);
        assert_eq!(letter.title, "25 × question");
        assert!(letter.body.starts_with("title 1\ntitle 2\n"));
        assert!(letter.body.ends_with("title 10\nand 15 more"));
        let letter = next(&waiting[..3], false).unwrap();
        assert_eq!(letter.body, "title 1\ntitle 2\ntitle 3");
    }

    #[test]
    fn what_can_be_answered_goes_one_by_one_until_there_are_too_many() {
        let mut waiting: Vec<Notice> = (1..=7).map(|id| notice(id, Kind::Question, 4)).collect();
        assert_eq!(next(&waiting, true).unwrap().ids.len(), 7);
        let letter = next(&waiting[..6], true).unwrap();
        assert_eq!((letter.ids, letter.version), (vec![1], Some(1)));
        for notice in &mut waiting {
            notice.version = None;
        }
        assert_eq!(next(&waiting[..3], true).unwrap().ids.len(), 3);
    }

    #[test]
    fn after_a_day_it_is_old_news() {
        let waiting = [notice(1, Kind::Idle, 3), notice(100, Kind::Idle, 3)];
        assert_eq!(stale(&waiting, 24 * 60 * 60 + 50), [1]);
    }
}
