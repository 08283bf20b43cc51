//! Blockers that many processes add at once never form a circle.

use super::audit::audit;
use super::worker::{Role, Scene};

#[test]
fn blockers_added_by_many_at_once_form_no_circle() {
    let scene = Scene::new(40);
    let gate = scene.close_gate();
    let mut workers: Vec<_> = (0..8)
        .map(|n| scene.start(Role::Block, &format!("agent-{n}")))
        .collect();
    workers.iter_mut().for_each(|worker| worker.wait_for(1));
    drop(gate);
    workers.into_iter().for_each(|worker| worker.finish());
    audit(&scene);
    let added: usize = scene.told().iter().map(|(_, told)| told.len() - 1).sum();
    assert!(
        added > 100,
        "{added} blockers are too few to prove anything"
    );
}
