//! `ticket create`: one ticket, or all of a file.

use std::fs::File;
use std::path::Path;

use ticket::printed::{Made, MadeOfFile};
use ticket::ticket::NewTicket;
use ticket::{Error, Result, graph};

use super::print::print;
use super::stdin::{text_or_stdin, whole};
use crate::cli::{Create, Format};
use crate::door::Door;

pub fn run(door: &mut Door, format: Format, create: Create) -> Result<u8> {
    if let Some(file) = &create.file {
        return all(door, format, file);
    }
    let new = NewTicket {
        title: create.title.unwrap_or_default(),
        description: create
            .description
            .as_deref()
            .map(text_or_stdin)
            .transpose()?,
        parent: create.parent,
        assign: create.assign,
        blocked_by: create.blocked_by,
        block_dependents_of: create.block_dependents_of,
        created_by: create.created_by,
        kind: create.kind,
        priority: create.priority,
        labels: create.label,
        wait_for_children: create.wait_for_children,
        not_before: create.not_before,
        max_budget_usd: create.max_budget_usd,
    };
    let id = door.queue(|queue| queue.create(&new))?;
    print(format, &Made { id }, |made| made.id.to_string())
}

/// Makes the tickets of a file, all or none.
fn all(door: &mut Door, format: Format, file: &Path) -> Result<u8> {
    let name = file.display().to_string();
    let text = if file == Path::new("-") {
        whole("standard input", std::io::stdin(), graph::MAX_BYTES)?
    } else {
        let open = File::open(file).map_err(|e| Error::Io(format!("cannot open {name}"), e))?;
        whole(&name, open, graph::MAX_BYTES)?
    };
    let graph = graph::parse(&text)?;
    let ids = door.queue(|queue| queue.create_all(&graph.tickets))?;
    let keys = graph.keys.into_iter().zip(ids);
    let made: Vec<MadeOfFile> = keys.map(|(key, id)| MadeOfFile { key, id }).collect();
    print(format, &made, |made| {
        let ids: Vec<String> = made.iter().map(|one| one.id.to_string()).collect();
        ids.join("\n")
    })
}
