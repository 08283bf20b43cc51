//! The ticket routes through the client that the CLIs use: both implementations of the queue agree
//! on what is sent.

use ticket::client::Client;
use ticket::comment::NewComment;
use ticket::filter::{ClaimFilter, Filter, LogFilter};
use ticket::ticket::{NewTicket, Resolution, TicketChange};
use ticket::{Error, Queue, Status};

use crate::fixture::Swarm;

fn titled(title: &str) -> NewTicket {
    NewTicket {
        title: title.into(),
        ..NewTicket::default()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_client_and_the_routes_speak_the_same() {
    let swarm = Swarm::start().await;
    let human = swarm.human();
    let done = tokio::task::spawn_blocking(move || every_call(&human.url, &human.token));
    done.await.unwrap();
}

fn every_call(url: &str, token: &str) {
    let mut client = Client::new(url, token).unwrap();
    let one = client.create(&titled("one")).unwrap();
    let two = client.create(&titled("two")).unwrap();
    client.block(two, one).unwrap();
    assert!(matches!(client.block(one, two), Err(Error::Refused(_))));
    assert_eq!(client.show(two).unwrap().blocked_by, [one]);

    let change = TicketChange {
        priority: Some(0),
        ..TicketChange::default()
    };
    client.update(two, &change).unwrap();
    let said = NewComment {
        author: Some("somebody".into()),
        ..NewComment::new("said")
    };
    client.comment(one, &said).unwrap();
    assert_eq!(client.comments(one).unwrap()[0].author, "somebody");

    let claimed = client
        .claim_next("me", &ClaimFilter::default())
        .unwrap()
        .unwrap();
    assert_eq!(claimed.detail.ticket.id, one);
    assert!(
        client
            .claim_next("me", &ClaimFilter::default())
            .unwrap()
            .is_none()
    );
    client.unclaim(one).unwrap();
    client.complete(one).unwrap();
    client.mark_done(one, Some(Resolution::Cancelled)).unwrap();
    assert!(matches!(client.unclaim(one), Err(Error::Refused(_))));
    assert!(matches!(client.show(99), Err(Error::NotFound(_))));

    let question = NewTicket {
        assign: Some("human".into()),
        blocked_by: vec![two],
        ..titled("which?")
    };
    let question = client.create(&question).unwrap();
    client.unblock(question, two).unwrap();
    client.answer(question, "this").unwrap();
    let proposal = NewTicket {
        assign: Some("human".into()),
        ..titled("an idea")
    };
    let (good, bad) = (
        client.create(&proposal).unwrap(),
        client.create(&proposal).unwrap(),
    );
    client.approve(good).unwrap();
    client.reject(bad, "no").unwrap();

    let ready = Filter {
        status: Some("open,done".into()),
        ..Filter::default()
    };
    assert_eq!(client.count(&ready).unwrap(), 5);
    let open = client.list(&Filter::default()).unwrap();
    assert_eq!(open.iter().map(|t| t.id).collect::<Vec<_>>(), [two, good]);
    assert!(open.iter().all(|t| t.status == Status::Open));
    assert_eq!(
        client
            .log(&LogFilter {
                limit: Some(3),
                ticket: None,
            })
            .unwrap()
            .len(),
        3
    );
    assert_eq!(client.status().unwrap().tickets["done"], 3);
}
