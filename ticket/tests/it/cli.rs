//! A first look at the command from outside, on the file. Its whole contract is checked on every door
//! in `monitor/tests/contract`.

use std::path::Path;
use std::process::{Command, Output};

fn ticket(folder: &Path, args: &[&str]) -> Output {
    Command::new(crate::programs::program("ticket"))
        .args(args)
        .current_dir(folder)
        .env_remove("TICKET_DB")
        .env_remove("TICKET_URL")
        .env_remove("TICKET_TOKEN")
        .output()
        .unwrap()
}

#[test]
fn a_ticket_is_made_claimed_and_done() {
    let dir = tempfile::tempdir().unwrap();
    for (args, code, said) in [
        (&["list"][..], 1, ""),
        (&["migrate"], 0, "Applied migration 1: reference\n"),
        (&["list"], 0, "No tickets found.\n"),
        (&["create", "one"], 0, "1\n"),
        (&["create", "two", "--blocked-by", "1"], 0, "2\n"),
        (
            &["claim-next", "--agent", "a"],
            0,
            "Ticket #1\nTitle:       one\n",
        ),
        (&["claim-next", "--agent", "b"], 1, ""),
        (&["complete", "1"], 0, "Ticket 1 work complete.\n"),
        (&["mark-done", "1"], 0, "Ticket 1 done.\n"),
        (&["claim-next", "--agent", "b"], 0, "Ticket #2\n"),
        (&["list", "--colour"], 2, ""),
    ] {
        let out = ticket(dir.path(), args);
        assert_eq!(out.status.code(), Some(code), "{args:?}: {out:?}");
        let printed = String::from_utf8(out.stdout).unwrap();
        assert!(printed.starts_with(said), "{args:?}: {printed}");
        assert_eq!(printed.is_empty(), said.is_empty(), "{args:?}: {printed}");
    }
}
