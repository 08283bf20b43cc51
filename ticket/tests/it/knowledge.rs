//! What can be found again: full-text search, threads of comments, learnings, the log.

use ticket::comment::NewComment;
use ticket::filter::{LogFilter, Search};
use ticket::learning::{LearningFilter, NewLearning};
use ticket::prompt::Wanted;
use ticket::ticket::{NewTicket, TicketChange};
use ticket::{Actor, Queue};

use crate::support::Fixture;

pub fn found(f: &mut Fixture, words: &str) -> Vec<i64> {
    let search = Search {
        words: words.into(),
        ..Search::default()
    };
    let hits = f.human(|q| q.search(&search)).unwrap();
    hits.iter().map(|hit| hit.ticket.id).collect()
}

#[test]
fn search_finds_words_wherever_they_are() {
    let mut f = Fixture::new();
    let title = f.ticket("Mend the Café parser", &[]);
    let described = NewTicket {
        title: "Another".into(),
        description: Some("the parser's second look-ahead".into()),
        ..NewTicket::default()
    };
    let described = f.human(|q| q.create(&described)).unwrap();
    let said = f.ticket("Third", &[]);
    f.human(|q| q.comment(said, &NewComment::new("Is it the parser again?")))
        .unwrap();
    assert_eq!(found(&mut f, "parser"), [said, described, title]);
    assert_eq!(found(&mut f, "cafe PARSER"), [title]);
    assert_eq!(found(&mut f, "\"second look\""), [described]);
    assert_eq!(found(&mut f, "look second"), [described]);
    assert_eq!(found(&mut f, "pars*"), [said, described, title]);
    assert_eq!(found(&mut f, "title:parser OR nothing"), Vec::<i64>::new());
    assert!(f.human(|q| q.search(&Search::default())).is_err());
}

#[test]
fn search_knows_the_newest_text_and_the_status() {
    let mut f = Fixture::new();
    let id = f.ticket("old words", &[]);
    let change = TicketChange {
        title: Some("new words".into()),
        ..TicketChange::default()
    };
    f.human(|q| q.update(id, &change)).unwrap();
    assert_eq!(found(&mut f, "old"), Vec::<i64>::new());
    assert_eq!(found(&mut f, "new"), [id]);
    f.human(|q| q.mark_done(id, None)).unwrap();
    let open = Search {
        words: "new".into(),
        status: Some("open".into()),
        ..Search::default()
    };
    assert!(f.human(|q| q.search(&open)).unwrap().is_empty());
    assert_eq!(found(&mut f, "new"), [id], "done tickets are found too");
}

#[test]
fn a_limit_counts_tickets_and_not_comments() {
    let mut f = Fixture::new();
    let quiet = f.ticket("one", &[]);
    f.human(|q| q.comment(quiet, &NewComment::new("echo")))
        .unwrap();
    let loud = f.ticket("two", &[]);
    for _ in 0..5 {
        f.human(|q| q.comment(loud, &NewComment::new("echo")))
            .unwrap();
    }
    let search = Search {
        words: "echo".into(),
        limit: Some(2),
        ..Search::default()
    };
    let hits = f.human(|q| q.search(&search)).unwrap();
    assert_eq!(hits.len(), 2);
    assert_eq!(hits[0].excerpt, "[echo]");
}

#[test]
fn a_reply_answers_a_comment_of_the_same_ticket() {
    let mut f = Fixture::new();
    let (one, two) = (f.ticket("1", &[]), f.ticket("2", &[]));
    let first = f
        .human(|q| q.comment(one, &NewComment::new("why?")))
        .unwrap();
    let reply = NewComment {
        reply_to: Some(first),
        ..NewComment::new("because")
    };
    f.human(|q| q.comment(one, &reply)).unwrap();
    assert!(f.human(|q| q.comment(two, &reply)).is_err());
    assert_eq!(f.show(one).comments[1].reply_to, Some(first));
}

#[test]
fn a_learning_is_kept_once_and_found_by_its_words() {
    let mut f = Fixture::new();
    f.ticket("own", &[]);
    f.claim("agent-1").unwrap();
    let new = |body: &str, category: Option<&str>| NewLearning {
        body: body.into(),
        category: category.map(Into::into),
        author: Some("somebody".into()),
        ticket: None,
    };
    let agent = Actor::Attempt {
        agent: "agent-1".into(),
        ticket: 1,
        attempt: 1,
    };
    let mut session = f.store.session(&agent);
    let first = session
        .learn(&new("Run make gen first", Some("build")))
        .unwrap();
    let again = session
        .learn(&new(" Run make gen first\n", Some("build")))
        .unwrap();
    assert_eq!(first, again);
    session.learn(&new("The tests need a tty", None)).unwrap();
    assert!(session.learn(&new("  ", None)).is_err());
    assert!(session.learn(&new("x", Some("two words"))).is_err());
    let about = |category: Option<&str>, search: Option<&str>| LearningFilter {
        category: category.map(Into::into),
        search: search.map(Into::into),
        ..LearningFilter::default()
    };
    let mut ask = |filter| f.human(|q| q.learnings(&filter)).unwrap();
    let all = ask(about(None, None));
    assert_eq!(all.len(), 2);
    assert_eq!(
        (all[0].author.as_str(), all[0].ticket_id),
        ("agent-1", Some(1))
    );
    assert_eq!(ask(about(Some("build"), None)).len(), 1);
    assert_eq!(ask(about(None, Some("TTY tests"))).len(), 1);
    assert_eq!(ask(about(None, Some("tty make"))).len(), 0);
}

#[test]
fn a_prompt_gets_the_learnings_that_match_its_ticket() {
    let mut f = Fixture::new();
    let id = f.ticket("Mend the quotation marks", &[]);
    let learn = |f: &mut Fixture, body: &str| {
        let new = NewLearning {
            body: body.into(),
            ..NewLearning::default()
        };
        f.human(|q| q.learn(&new)).unwrap();
    };
    learn(&mut f, "Quotation marks are in marks.py");
    for n in 0..300 {
        learn(
            &mut f,
            &format!("{n}: {}", "the weather is fine ".repeat(10)),
        );
    }
    let wanted = Wanted {
        ticket: Some(id),
        ..Wanted::default()
    };
    let prompt = f.human(|q| q.prompt(&wanted)).unwrap().text;
    assert!(prompt.contains("Quotation marks are in marks.py"));
    assert!(prompt.contains("299: the weather") && !prompt.contains(" 1: the weather"));
    let shown = prompt.matches("general: ").count();
    let more = format!(
        "`ticket learnings --search WORDS` finds {} more",
        301 - shown
    );
    assert!(prompt.contains(&more), "{more} is missing");
    assert!((60..100).contains(&shown), "{shown}");
}

#[test]
fn the_log_of_one_ticket_is_its_own() {
    let mut f = Fixture::new();
    f.ticket("1", &[]);
    let two = f.ticket("2", &[]);
    f.human(|q| q.mark_done(two, None)).unwrap();
    let filter = LogFilter {
        ticket: Some(two),
        limit: None,
    };
    let actions: Vec<String> = f
        .human(|q| q.log(&filter))
        .unwrap()
        .into_iter()
        .map(|e| e.action)
        .collect();
    assert_eq!(actions, ["done", "created"]);
}
