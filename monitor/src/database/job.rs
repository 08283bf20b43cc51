//! One write that waits: what it does, and who is told what came of it.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};

use ticket::{Error, Result, Store};
use tokio::sync::oneshot;

/// A write of whatever type.
pub trait Job: Send {
    /// Does it, within a transaction that is not committed yet.
    fn run(&mut self, store: &mut Store);
    /// Tells the caller, now that the transaction was kept or not.
    fn answer(self: Box<Self>, kept: &Result<()>);
}

/// A call of [`super::Database::call`].
pub struct Call<T, W> {
    work: Option<W>,
    result: Option<Result<T>>,
    answer: oneshot::Sender<Result<T>>,
}

impl<T, W> Call<T, W> {
    pub fn new(work: W, answer: oneshot::Sender<Result<T>>) -> Call<T, W> {
        Call {
            work: Some(work),
            result: None,
            answer,
        }
    }
}

impl<T, W> Job for Call<T, W>
where
    T: Send,
    W: FnOnce(&mut Store) -> Result<T> + Send,
{
    fn run(&mut self, store: &mut Store) {
        let Some(work) = self.work.take() else {
            return;
        };
        // A panic rolls the write back when it unwinds: the store is sound.
        let done = catch_unwind(AssertUnwindSafe(|| work(store)));
        self.result = Some(done.unwrap_or_else(|panic| Err(panicked(&*panic))));
    }

    fn answer(self: Box<Self>, kept: &Result<()>) {
        let result = match (kept, self.result) {
            (Ok(()), Some(result)) => result,
            (Ok(()), None) => Err(Error::Unavailable("the write was not made".into())),
            (Err(error), _) => Err(Error::Unavailable(format!(
                "nothing was written, try again: {error}"
            ))),
        };
        // The caller may have given up waiting; what it would have got is dropped.
        let _ = self.answer.send(result);
    }
}

fn panicked(panic: &(dyn Any + Send)) -> Error {
    let text = panic.downcast_ref::<&str>().copied();
    let words = text.or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    Error::Unavailable(format!(
        "the hub failed inside its database: {}",
        words.unwrap_or("no reason given")
    ))
}
