//! `agent-runner reach`: whether addresses can be reached from here, for `swarm doctor`. Standard input
//! holds a list of `HOST:PORT` as JSON, the last line of standard output what came of each.

use std::net::{TcpStream, ToSocketAddrs};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use ticket::probe::Reached;

/// How long one address may take, its name included.
const BUDGET: Duration = Duration::from_secs(8);

/// Tries each address once, all at the same time.
pub fn run(addresses: Vec<String>) -> Vec<Reached> {
    let tries: Vec<_> = addresses
        .into_iter()
        .map(|address| {
            let (tell, told) = mpsc::channel();
            let begun = Instant::now();
            let wanted = address.clone();
            // A resolver knows no time limit, so a thread that hangs is left behind.
            std::thread::spawn(move || tell.send(connect(&wanted)));
            (address, begun, told)
        })
        .collect();
    tries
        .into_iter()
        .map(|(address, begun, told)| {
            let left = BUDGET.saturating_sub(begun.elapsed());
            let ended = told.recv_timeout(left);
            let error = ended.unwrap_or_else(|_| Some("no answer in time".into()));
            let ms = u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX);
            Reached { address, ms, error }
        })
        .collect()
}

/// Why there is no connection, if there is none.
fn connect(address: &str) -> Option<String> {
    let found = match address.to_socket_addrs() {
        Ok(found) => found,
        Err(error) => return Some(format!("its name is not found: {error}")),
    };
    let mut last = Some("its name stands for no address".to_owned());
    for place in found {
        match TcpStream::connect_timeout(&place, BUDGET) {
            Ok(_) => return None,
            Err(error) => last = Some(error.to_string()),
        }
    }
    last
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;

    #[test]
    fn what_listens_is_reached_and_what_does_not_says_why() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let there = listener.local_addr().unwrap().to_string();
        let away = TcpListener::bind("127.0.0.1:0").unwrap();
        let gone = away.local_addr().unwrap().to_string();
        drop(away);
        let found = run(vec![there.clone(), gone, "no port".into()]);
        assert_eq!(
            (found[0].address.as_str(), &found[0].error),
            (there.as_str(), &None)
        );
        assert!(
            found[1].error.as_deref().unwrap().contains("refused"),
            "{found:?}"
        );
        assert!(found[2].error.is_some());
    }
}
