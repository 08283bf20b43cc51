use std::time::Duration;

use super::*;

fn landing(state: LandingState) -> Seen {
    Seen::Settled(Box::new(Landing {
        id: 1,
        ticket_id: 7,
        attempt: 1,
        priority: 2,
        title: "Mend it".into(),
        agent: "agent-1".into(),
        commit_id: "c".into(),
        candidate: None,
        state,
        approved_by: None,
        summary: None,
        reason: Some("why".into()),
        log_tail: Some("log".into()),
        submitted_at: String::new(),
        finished_at: None,
    }))
}

fn asked(ending: Ending) -> Seen {
    Seen::Asked {
        ending,
        live: true,
        log: "said".into(),
    }
}

fn completed() -> Seen {
    asked(Ending::Completed(None))
}

fn ask(handback: Handback) -> Step {
    Step::Ask {
        handback,
        fresh: false,
    }
}

fn red() -> Handback {
    Handback::VerifyFailed { log: "red".into() }
}

fn conflict(reason: Option<&str>) -> Handback {
    Handback::Conflict {
        files: vec!["a".into()],
        reason: reason.map(Into::into),
    }
}

fn bounced() -> Handback {
    Handback::Bounced(Bounce {
        reason: "why".into(),
        log: Some("log".into()),
    })
}

fn end(outcome: Outcome, reason: &str, log: Option<&str>) -> Step {
    failed(outcome, reason, log.map(Into::into))
}

/// Plays what was seen and compares each step.
fn plays(retries: u32, story: Vec<(Seen, Step)>) {
    let mut progress = Progress::new(retries);
    assert_eq!(progress.first(), ask(Handback::Work));
    for (number, (seen, expected)) in story.into_iter().enumerate() {
        let what = format!("step {number} after {seen:?}");
        assert_eq!(progress.next(seen), expected, "{what}");
    }
}

fn conflicts() -> Seen {
    Seen::Conflicts(vec!["a".into()])
}

#[test]
fn good_work_lands() {
    plays(
        2,
        vec![
            (completed(), Step::Commit),
            (Seen::Committed, Step::Gate),
            (Seen::Green, Step::Update),
            (Seen::Current, Step::Submit),
            (Seen::Submitted, Step::Await),
            (landing(LandingState::Queued), Step::Await),
            (landing(LandingState::Verifying), Step::Await),
            (landing(LandingState::Landed), Step::Done),
        ],
    );
}

#[test]
fn after_a_merge_the_gate_runs_once_more_and_main_is_not_chased() {
    plays(
        0,
        vec![
            (completed(), Step::Commit),
            (Seen::Committed, Step::Gate),
            (Seen::Green, Step::Update),
            (Seen::Merged, Step::Gate),
            (Seen::Green, Step::Submit),
        ],
    );
}

#[test]
fn a_red_gate_comes_back_until_the_retries_are_used_up() {
    plays(
        1,
        vec![
            (completed(), Step::Commit),
            (Seen::Committed, Step::Gate),
            (Seen::Red("red".into()), ask(red())),
            (completed(), Step::Commit),
            (Seen::Committed, Step::Gate),
            (
                Seen::Red("still red".into()),
                end(Outcome::VerifyRed, "the gate stayed red", Some("still red")),
            ),
        ],
    );
}

#[test]
fn what_git_does_not_take_comes_back() {
    plays(
        1,
        vec![
            (completed(), Step::Commit),
            (Seen::NotCommitted("red".into()), ask(red())),
        ],
    );
}

#[test]
fn a_conflict_comes_back_and_main_is_looked_at_again() {
    plays(
        3,
        vec![
            (completed(), Step::Commit),
            (Seen::Committed, Step::Gate),
            (Seen::Green, Step::Update),
            (conflicts(), ask(conflict(None))),
            (completed(), Step::Commit),
            (Seen::MarkersLeft(vec!["a".into()]), ask(conflict(None))),
            (completed(), Step::Commit),
            (Seen::MergeUndone, Step::Update),
            (conflicts(), ask(conflict(None))),
            (completed(), Step::Commit),
            (Seen::Committed, Step::Gate),
            (Seen::Green, Step::Update),
            (Seen::Current, Step::Submit),
        ],
    );
}

#[test]
fn a_conflict_that_stays_ends_the_attempt() {
    plays(
        0,
        vec![
            (completed(), Step::Commit),
            (Seen::Committed, Step::Gate),
            (Seen::Green, Step::Update),
            (
                conflicts(),
                end(Outcome::Conflict, "conflicts with main remain in a", None),
            ),
        ],
    );
}

#[test]
fn a_bounce_comes_back_with_main_merged_in() {
    for merged in [Seen::Current, Seen::Merged, Seen::MergedAway] {
        plays(
            1,
            vec![
                (landing(LandingState::Bounced), Step::Update),
                (merged, ask(bounced())),
                (completed(), Step::Commit),
                (Seen::Committed, Step::Gate),
                (Seen::Green, Step::Update),
                (Seen::Current, Step::Submit),
                (Seen::Submitted, Step::Await),
                (landing(LandingState::Bounced), Step::Update),
                (Seen::Merged, end(Outcome::VerifyRed, "why", Some("log"))),
            ],
        );
    }
}

#[test]
fn a_bounce_for_a_conflict_is_handed_back_as_one() {
    plays(
        1,
        vec![
            (landing(LandingState::Bounced), Step::Update),
            (conflicts(), ask(conflict(Some("why")))),
        ],
    );
    plays(
        0,
        vec![
            (landing(LandingState::Bounced), Step::Update),
            (
                conflicts(),
                end(Outcome::Conflict, "conflicts with main remain in a", None),
            ),
        ],
    );
}

#[test]
fn a_push_that_the_hub_refuses_comes_back() {
    let refused = || Seen::Refused("too large".into());
    let handback = Handback::Bounced(Bounce {
        reason: "too large".into(),
        log: None,
    });
    plays(
        1,
        vec![
            (refused(), ask(handback)),
            (completed(), Step::Commit),
            (Seen::Committed, Step::Gate),
            (Seen::Green, Step::Update),
            (Seen::Current, Step::Submit),
            (refused(), end(Outcome::VerifyRed, "too large", None)),
        ],
    );
}

#[test]
fn no_change_is_a_failed_attempt() {
    plays(
        2,
        vec![
            (completed(), Step::Commit),
            (
                Seen::Unchanged,
                end(
                    Outcome::AgentFailed,
                    "the agent exited 0 but changed nothing",
                    None,
                ),
            ),
        ],
    );
    plays(
        2,
        vec![(
            Seen::MergedAway,
            end(
                Outcome::AgentFailed,
                "main has all of this change already: nothing is left of it",
                None,
            ),
        )],
    );
}

#[test]
fn what_ended_elsewhere_is_left() {
    let gone = Seen::Asked {
        ending: Ending::Completed(None),
        live: false,
        log: String::new(),
    };
    let leave = |why: &str| Step::Leave(why.into());
    plays(2, vec![(gone, leave("the attempt was ended from outside"))]);
    plays(
        2,
        vec![(
            asked(Ending::Interrupted(Why::Lost)),
            leave("the attempt was ended from outside"),
        )],
    );
    plays(2, vec![(Seen::Lost("over".into()), leave("over"))]);
    plays(2, vec![(landing(LandingState::Cancelled), leave("why"))]);
    plays(2, vec![(landing(LandingState::Held), Step::Done)]);
}

#[test]
fn a_killed_agent_goes_on_where_it_was() {
    let killed = || asked(Ending::Killed(9));
    plays(
        2,
        vec![
            (killed(), ask(Handback::Work)),
            (completed(), Step::Commit),
            (Seen::Committed, Step::Gate),
            (Seen::Red("red".into()), ask(red())),
            (
                killed(),
                end(
                    Outcome::AgentFailed,
                    "the agent was ended by signal 9, again and again",
                    Some("said"),
                ),
            ),
        ],
    );
}

#[test]
fn a_conversation_is_given_up_once() {
    for lost in [
        Ending::NoConversation("gone".into()),
        Ending::Unusable("too long".into()),
    ] {
        let mut progress = Progress::new(0);
        let again = Step::Ask {
            handback: Handback::Work,
            fresh: true,
        };
        assert_eq!(progress.next(asked(lost.clone())), again);
        assert!(matches!(progress.next(asked(lost)), Step::End(_)));
    }
}

#[test]
fn only_the_agents_own_failures_count() {
    let said = || "said".to_owned();
    for (ending, outcome) in [
        (Ending::MaxTurns, Outcome::AgentFailed),
        (Ending::Budget, Outcome::AgentFailed),
        (Ending::Failed(said()), Outcome::AgentFailed),
        (
            Ending::TimedOut(Duration::from_secs(9)),
            Outcome::AgentFailed,
        ),
        (Ending::Killed(9), Outcome::AgentFailed),
        (
            Ending::RateLimited {
                limit: ticket::halt::UsageLimit::default(),
                said: said(),
            },
            Outcome::RateLimited,
        ),
        (Ending::Auth(said()), Outcome::AuthFailed),
        (Ending::Service(said()), Outcome::InfraFailed),
        (Ending::NoModel(said()), Outcome::InfraFailed),
        (Ending::NotStarted(said()), Outcome::InfraFailed),
        (Ending::Interrupted(Why::HubAway), Outcome::InfraFailed),
    ] {
        let what = format!("{ending:?}");
        match Progress::new(0).next(asked(ending)) {
            Step::End(end) => {
                assert_eq!(end.outcome, outcome, "{what}");
                assert_eq!(end.log_tail.as_deref(), Some("said"));
            }
            other => panic!("{what} led to {other:?}"),
        }
    }
    assert!(matches!(
        Progress::new(0).next(Seen::Broken("x".into())),
        Step::End(End {
            outcome: Outcome::InfraFailed,
            ..
        })
    ));
}

/// One of each ending.
fn endings() -> Vec<Ending> {
    let said = || "said".to_owned();
    let limit = ticket::halt::UsageLimit::default();
    let span = Duration::from_secs(1);
    vec![
        Ending::Completed(None),
        Ending::MaxTurns,
        Ending::Budget,
        Ending::RateLimited {
            limit,
            said: said(),
        },
        Ending::Auth(said()),
        Ending::Service(said()),
        Ending::Unusable(said()),
        Ending::NoConversation(said()),
        Ending::NoModel(said()),
        Ending::NotStarted(said()),
        Ending::Failed(said()),
        Ending::Killed(9),
        Ending::TimedOut(span),
        Ending::Stalled(span),
        Ending::Interrupted(Why::Stop),
        Ending::Interrupted(Why::Lost),
        Ending::Interrupted(Why::HubAway),
        Ending::OutOfMemory("out of memory".into()),
        Ending::Interrupted(Why::Disk(1)),
        Ending::Interrupted(Why::Budget(ticket::usage::Budget::Ticket)),
        Ending::Interrupted(Why::Budget(ticket::usage::Budget::Day)),
    ]
}

/// What an attempt comes to that has no retries left, for each ending of its agent CLI and each state
/// in which git, the gate and the landing find what it left. None where somebody else ended it.
#[test]
fn every_ending_in_every_state_has_one_outcome() {
    let states: [(&str, Vec<Seen>, Option<Outcome>); 8] = [
        (
            "nothing changed",
            vec![Seen::Unchanged],
            Some(Outcome::AgentFailed),
        ),
        (
            "git takes it not",
            vec![Seen::NotCommitted("x".into())],
            Some(Outcome::VerifyRed),
        ),
        (
            "markers are left",
            vec![Seen::MarkersLeft(vec!["a".into()])],
            Some(Outcome::Conflict),
        ),
        (
            "the gate is red",
            vec![Seen::Committed, Seen::Red("x".into())],
            Some(Outcome::VerifyRed),
        ),
        (
            "the gate fills the disk",
            vec![Seen::Committed, Seen::DiskFull(1)],
            Some(Outcome::VerifyRed),
        ),
        (
            "main does not merge",
            vec![
                Seen::Committed,
                Seen::Green,
                Seen::Conflicts(vec!["a".into()]),
            ],
            Some(Outcome::Conflict),
        ),
        (
            "main has it all",
            vec![Seen::Committed, Seen::Green, Seen::MergedAway],
            Some(Outcome::AgentFailed),
        ),
        (
            "it is broken here",
            vec![Seen::Broken("disk".into())],
            Some(Outcome::InfraFailed),
        ),
    ];
    for ending in endings() {
        // A new conversation was tried already, where that is what helps.
        let expected = match &ending {
            Ending::Completed(_) => None,
            Ending::MaxTurns
            | Ending::Budget
            | Ending::Unusable(_)
            | Ending::Failed(_)
            | Ending::Killed(_)
            | Ending::OutOfMemory(_)
            | Ending::TimedOut(_)
            | Ending::Interrupted(Why::Disk(_))
            | Ending::Interrupted(Why::Budget(ticket::usage::Budget::Ticket)) => {
                Some(Outcome::AgentFailed)
            }
            Ending::Stalled(_) => Some(Outcome::Stalled),
            Ending::RateLimited { .. } => Some(Outcome::RateLimited),
            Ending::Auth(_) => Some(Outcome::AuthFailed),
            Ending::Service(_)
            | Ending::NoConversation(_)
            | Ending::NoModel(_)
            | Ending::NotStarted(_)
            | Ending::Interrupted(Why::HubAway) => Some(Outcome::InfraFailed),
            Ending::Interrupted(Why::Budget(ticket::usage::Budget::Day)) => Some(Outcome::Released),
            Ending::Interrupted(Why::Stop | Why::Lost) => Some(Outcome::Released),
        };
        for (state, seen, of_state) in &states {
            let mut progress = Progress::new(0);
            progress.restarted = true;
            let mut step = progress.next(asked(ending.clone()));
            for seen in seen {
                if matches!(step, Step::End(_) | Step::Leave(_)) {
                    break;
                }
                step = progress.next(seen.clone());
            }
            let outcome = match step {
                Step::End(end) => end.outcome,
                Step::Leave(_) => Outcome::Released,
                other => panic!("{ending:?}, {state}: {other:?}"),
            };
            assert_eq!(Some(outcome), expected.or(*of_state), "{ending:?}, {state}");
        }
    }
}

#[test]
fn four_outcomes_cost_an_attempt() {
    let counting: Vec<Outcome> = Outcome::ALL.into_iter().filter(|o| o.counts()).collect();
    assert_eq!(
        counting,
        [
            Outcome::AgentFailed,
            Outcome::VerifyRed,
            Outcome::Conflict,
            Outcome::Stalled
        ]
    );
}
