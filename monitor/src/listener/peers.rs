//! How many connections each peer holds open, so that one hostile agent cannot take the places of
//! the others.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};

/// The peers of one listener.
#[derive(Clone)]
pub struct Peers {
    open: Arc<Mutex<HashMap<IpAddr, usize>>>,
    most: usize,
}

/// One connection's place; free again when this is dropped.
pub struct Place {
    peers: Peers,
    peer: IpAddr,
}

impl Peers {
    /// Each peer may hold so many connections.
    pub fn each_at_most(most: usize) -> Peers {
        Peers {
            open: Arc::default(),
            most,
        }
    }

    /// A place for one more connection of `peer`; none when it has enough.
    pub fn admit(&self, peer: IpAddr) -> Option<Place> {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let count = open.entry(peer).or_default();
        if *count >= self.most {
            return None;
        }
        *count += 1;
        Some(Place {
            peers: self.clone(),
            peer,
        })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let open = &self.peers.open;
        let mut open = open.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = open.get_mut(&self.peer) {
            *count -= 1;
            if *count == 0 {
                open.remove(&self.peer);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_peer_cannot_take_the_places_of_others() {
        let peers = Peers::each_at_most(2);
        let (one, other) = ([10, 0, 0, 1].into(), [10, 0, 0, 2].into());
        let places = [peers.admit(one), peers.admit(one)];
        assert!(places.iter().all(Option::is_some));
        assert!(peers.admit(one).is_none());
        assert!(peers.admit(other).is_some());
        drop(places);
        assert!(peers.admit(one).is_some());
        assert!(peers.open.lock().unwrap().is_empty());
    }
}
