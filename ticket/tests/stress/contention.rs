//! Many processes on one file: nobody gets what another has, nobody starves, nobody is refused.

use std::time::Instant;

use super::audit::audit;
use super::number;
use super::worker::{Role, Scene, Told};
use ticket::history::Acknowledged;

#[test]
fn many_processes_share_the_tickets_fairly_and_without_an_error() {
    let processes = number("TICKET_STRESS_PROCESSES", 64);
    let tickets = number("TICKET_STRESS_TICKETS", 1_500);
    let (shares, seconds) = drain(Role::Drain, processes, tickets);
    let fair = tickets / processes;
    println!(
        "{processes} processes, {tickets} tickets: {:.0} claims and as many finishes a second; \
         {} to {} each where {fair} is fair",
        tickets as f64 / seconds,
        shares[0],
        shares[processes - 1],
    );
    assert!(
        shares[0] * 2 >= fair,
        "the unluckiest got {} of {fair}: {shares:?}",
        shares[0]
    );
}

#[test]
fn the_program_started_by_many_at_once_doubles_nothing() {
    let tickets = number("TICKET_STRESS_TICKETS", 1_500) / 10;
    let (shares, seconds) = drain(Role::DrainByProgram, 16, tickets);
    println!(
        "16 shells, {tickets} tickets: {:.0} calls a second; {shares:?}",
        2.0 * tickets as f64 / seconds
    );
}

/// How many tickets each process got, in order, and how long all took.
fn drain(role: Role, processes: usize, tickets: usize) -> (Vec<usize>, f64) {
    let scene = Scene::new(tickets);
    let gate = scene.close_gate();
    let mut workers: Vec<_> = (0..processes)
        .map(|n| scene.start(role, &format!("agent-{n}")))
        .collect();
    workers.iter_mut().for_each(|worker| worker.wait_for(1));
    let began = Instant::now();
    drop(gate);
    workers.into_iter().for_each(|worker| worker.finish());
    let seconds = began.elapsed().as_secs_f64();
    audit(&scene);
    let claimed = |told: &Told| matches!(told, Told::Of(Acknowledged::Claimed(..)));
    let mut shares: Vec<usize> = scene
        .told()
        .iter()
        .map(|(_, told)| told.iter().filter(|t| claimed(t)).count())
        .collect();
    shares.sort_unstable();
    assert_eq!(shares.iter().sum::<usize>(), tickets);
    (shares, seconds)
}
