//! Whether the tables, indexes and triggers are those that the migrations make. What they make is
//! asked of an empty database in memory.

use std::collections::BTreeMap;

use rusqlite::Connection;

use super::{REPAIR, RESTORE};
use crate::diagnosis::Finding;
use crate::error::Result;
use crate::store::migrate;

/// A table, index or trigger.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Object {
    /// `table`, `index` or `trigger`.
    pub kind: String,
    /// Its name.
    pub name: String,
    /// The statement that makes it.
    pub sql: String,
}

impl Object {
    /// Whether it can be built anew from the rest.
    pub fn is_derived(&self) -> bool {
        self.kind != "table"
    }
}

/// What is missing or other than it should be, and triggers that should not be there.
pub fn findings(conn: &Connection) -> Result<Vec<Finding>> {
    let fresh = expected()?;
    let (wanted, here) = (objects(&fresh)?, objects(conn)?);
    let mut found = Vec::new();
    for object in wanted.values() {
        let remedy = if object.is_derived() { REPAIR } else { RESTORE };
        let Object { kind, name, .. } = object;
        let wrong = match here.get(name) {
            None => format!("the {kind} {name} is missing"),
            Some(other) if differs(object, other) => {
                format!("the {kind} {name} is not what the migrations make")
            }
            Some(_) => continue,
        };
        found.push(Finding::fault("schema", wrong, remedy));
    }
    for table in wanted.values().filter(|o| o.kind == "table") {
        if !here.contains_key(&table.name) {
            continue;
        }
        let here = columns(conn, &table.name)?;
        let missing = columns(&fresh, &table.name)?
            .into_iter()
            .filter(|c| !here.contains(c));
        found.extend(missing.map(|column| {
            let what = format!("the table {} has no column {column}", table.name);
            Finding::fault("schema", what, RESTORE)
        }));
    }
    let strange = here
        .values()
        .filter(|o| o.kind == "trigger" && !wanted.contains_key(&o.name));
    found.extend(strange.map(|trigger| {
        Finding::note(
            "schema",
            format!("the trigger {} is none of ours", trigger.name),
        )
        .remedy("Drop it unless you know what it is for.")
    }));
    Ok(found)
}

/// An empty database as the migrations make it.
pub fn expected() -> Result<Connection> {
    let mut fresh = Connection::open_in_memory()?;
    migrate::run(&mut fresh, &mut |_| ())?;
    Ok(fresh)
}

/// Every object but SQLite's own, by name.
pub fn objects(conn: &Connection) -> Result<BTreeMap<String, Object>> {
    let mut query = conn.prepare(
        "SELECT type, name, sql FROM sqlite_schema WHERE name NOT LIKE 'sqlite\\_%' ESCAPE '\\'",
    )?;
    let rows = query.query_map([], |row| {
        Ok(Object {
            kind: row.get(0)?,
            name: row.get(1)?,
            sql: row.get::<_, Option<String>>(2)?.unwrap_or_default(),
        })
    })?;
    rows.map(|object| {
        let object = object?;
        Ok((object.name.clone(), object))
    })
    .collect()
}

/// Whether an index or trigger was made by another statement. Tables are compared by their columns:
/// the reference system wrote some of them in its own words.
pub fn differs(wanted: &Object, here: &Object) -> bool {
    here.kind != wanted.kind || (wanted.kind != "table" && here.sql != wanted.sql)
}

fn columns(conn: &Connection, table: &str) -> Result<Vec<String>> {
    let mut query = conn.prepare("SELECT name FROM pragma_table_info(?1)")?;
    let rows = query.query_map([table], |row| row.get(0))?;
    Ok(rows.collect::<Result<_, _>>()?)
}
