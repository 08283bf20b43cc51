//! Which pushes are taken. The commands at the beginning of a push are read and decided here, before
//! git sees them; what git gets then is written anew from what was decided on, so that git cannot
//! understand it otherwise.
//!
//! A refusal is said in git's own protocol, so that the client prints it beside the branch.

use super::access::Client;
use super::pktline::{self, FLUSH, Packet};

/// The most that the commands of one push may take. One branch needs 200 bytes.
const MAX_COMMANDS: usize = 64 * 1024;
/// What is said of a ref that would be taken, when another one of the same push is not.
const REFUSED_TOGETHER: &str = "nothing of this push was taken: another ref was refused";
/// The capabilities that are passed on to git. Others (push options, signed pushes) are not offered.
const CAPABILITIES: [&str; 6] = [
    "report-status",
    "report-status-v2",
    "side-band-64k",
    "quiet",
    "atomic",
    "ofs-delta",
];
const ZERO: &str = "0000000000000000000000000000000000000000";

/// What a client wants to do to one ref.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Command {
    /// What the client believes that it points to; zeros when it is new.
    pub old: String,
    /// What it shall point to; zeros to delete it.
    pub new: String,
    /// Its full name.
    pub name: String,
}

/// The beginning of a push.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Request {
    /// The commands, in their order.
    pub commands: Vec<Command>,
    /// The capabilities that the client asked for and that git may be told.
    pub capabilities: Vec<String>,
    /// The commits at which the client's own history is cut off.
    pub shallow: Vec<String>,
}

/// What the bytes so far are.
#[derive(Debug, PartialEq, Eq)]
pub enum Parsed {
    /// All commands are there; the pack begins after `length` bytes.
    Complete {
        /// The commands.
        request: Request,
        /// How long they are.
        length: usize,
    },
    /// More bytes are needed.
    Incomplete,
    /// Not a push as git makes it; the sentence says why.
    Invalid(&'static str),
}

/// Why one ref is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// Its full name.
    pub name: String,
    /// One sentence for the git client.
    pub reason: String,
}

/// Reads the commands at the beginning of a push.
pub fn parse(bytes: &[u8]) -> Parsed {
    let mut request = Request::default();
    let mut rest = bytes;
    loop {
        if bytes.len() - rest.len() > MAX_COMMANDS {
            return Parsed::Invalid("too many refs in one push");
        }
        match pktline::first(rest) {
            Packet::Incomplete if rest.len() > MAX_COMMANDS => {
                return Parsed::Invalid("too many refs in one push");
            }
            Packet::Incomplete => return Parsed::Incomplete,
            Packet::Invalid => return Parsed::Invalid("not a push"),
            Packet::Flush(pack) => {
                let length = bytes.len() - pack.len();
                return Parsed::Complete { request, length };
            }
            Packet::Data(line, after) => {
                if let Err(reason) = request.take_line(line) {
                    return Parsed::Invalid(reason);
                }
                rest = after;
            }
        }
    }
}

impl Request {
    fn take_line(&mut self, line: &[u8]) -> Result<(), &'static str> {
        let line = std::str::from_utf8(line).map_err(|_| "a ref name that is not UTF-8")?;
        let line = line.strip_suffix('\n').unwrap_or(line);
        if let Some(id) = line.strip_prefix("shallow ") {
            if !is_id(id) {
                return Err("not a push");
            }
            self.shallow.push(id.to_owned());
            return Ok(());
        }
        let (command, capabilities) = match line.split_once('\0') {
            Some((command, capabilities)) if self.commands.is_empty() => (command, capabilities),
            Some(_) => return Err("not a push"),
            None => (line, ""),
        };
        let known = capabilities
            .split(' ')
            .filter(|word| CAPABILITIES.contains(word));
        self.capabilities.extend(known.map(str::to_owned));
        self.commands.push(command_of(command)?);
        Ok(())
    }

    /// The commands in git's protocol.
    pub fn encode(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        for id in &self.shallow {
            bytes.extend(pktline::packet(format!("shallow {id}\n").as_bytes()));
        }
        let mut capabilities = format!("\0 {}", self.capabilities.join(" "));
        for Command { old, new, name } in &self.commands {
            let line = format!("{old} {new} {name}{capabilities}");
            bytes.extend(pktline::packet(line.as_bytes()));
            capabilities.clear();
        }
        bytes.extend(FLUSH);
        bytes
    }

    /// The answer that refuses the whole push.
    pub fn refusal_report(&self, refusals: &[Refusal]) -> Vec<u8> {
        let mut report = pktline::packet(b"unpack ok\n");
        for command in &self.commands {
            let reason = refusals
                .iter()
                .find(|refusal| refusal.name == command.name)
                .map_or(REFUSED_TOGETHER, |refusal| &refusal.reason);
            let line = format!("ng {} {}\n", command.name, one_line(reason));
            report.extend(pktline::packet(line.as_bytes()));
        }
        report.extend(FLUSH);
        if self.capabilities.iter().any(|word| word == "side-band-64k") {
            report = pktline::side_band(&report);
            report.extend(FLUSH);
        }
        report
    }
}

/// Whether `client` may do all of `commands`. Whether its attempt is still live is the store's to
/// say, afterwards.
pub fn decide(client: &Client, commands: &[Command]) -> Result<(), Vec<Refusal>> {
    let refusals: Vec<Refusal> = commands
        .iter()
        .filter_map(|command| {
            let reason = reason_against(client, command)?;
            let name = command.name.clone();
            Some(Refusal { name, reason })
        })
        .collect();
    if refusals.is_empty() {
        return Ok(());
    }
    Err(refusals)
}

fn reason_against(client: &Client, command: &Command) -> Option<String> {
    let (ticket, attempt) = match client {
        Client::Attempt { ticket, attempt } => (*ticket, *attempt),
        Client::Reader { .. } => return Some("this token may fetch and not push".into()),
        Client::Human => return Some("only the lander moves branches here: make a ticket".into()),
    };
    let own = format!("refs/heads/{}", ticket::attempt::branch(ticket, attempt));
    if command.name != own {
        return Some(match attempt_of(&command.name) {
            Some((other, _)) if other != ticket => {
                format!("this token is for ticket {ticket}, not for ticket {other}")
            }
            Some((_, other)) => format!("this token is for attempt {attempt}, not for {other}"),
            None => format!("an agent pushes its own branch only: {}", &own[11..]),
        });
    }
    (command.new == ZERO).then(|| "an attempt's branch is never deleted by a push".into())
}

/// The ticket and number in the full name of an attempt's branch.
pub fn attempt_of(name: &str) -> Option<(i64, i64)> {
    let (ticket, attempt) = name.strip_prefix("refs/heads/ticket/")?.split_once('/')?;
    let (ticket, attempt) = (ticket.parse().ok()?, attempt.parse().ok()?);
    // Only the one way of writing it: no signs, no leading zeros.
    (name == format!("refs/heads/{}", ticket::attempt::branch(ticket, attempt)))
        .then_some((ticket, attempt))
}

fn command_of(line: &str) -> Result<Command, &'static str> {
    let mut words = line.splitn(3, ' ');
    match (words.next(), words.next(), words.next()) {
        (Some(old), Some(new), Some(name)) if is_id(old) && is_id(new) && is_ref(name) => {
            Ok(Command {
                old: old.into(),
                new: new.into(),
                name: name.into(),
            })
        }
        _ => Err("not a push"),
    }
}

fn is_id(text: &str) -> bool {
    text.len() == ZERO.len() && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
}

fn is_ref(name: &str) -> bool {
    git2::Reference::is_valid_name(name)
}

fn one_line(text: &str) -> String {
    text.chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .take(1_000)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "1111111111111111111111111111111111111111";

    fn command(new: &str, name: &str) -> Command {
        Command {
            old: ZERO.into(),
            new: new.into(),
            name: name.into(),
        }
    }

    fn push(lines: &[&str]) -> Vec<u8> {
        let mut bytes: Vec<u8> = lines
            .iter()
            .flat_map(|l| pktline::packet(l.as_bytes()))
            .collect();
        bytes.extend(FLUSH);
        bytes
    }

    #[test]
    fn an_attempt_pushes_its_own_branch_and_nothing_else() {
        let own = "refs/heads/ticket/7/2";
        let reader = Client::Reader {
            name: "agent-1".into(),
        };
        let agent = Client::Attempt {
            ticket: 7,
            attempt: 2,
        };
        for (client, new, name, taken) in [
            (&agent, ID, own, true),
            (&agent, ZERO, own, false),
            (&agent, ID, "refs/heads/main", false),
            (&agent, ID, "refs/heads/ticket/7/1", false),
            (&agent, ID, "refs/heads/ticket/8/2", false),
            (&agent, ID, "refs/heads/ticket/7/02", false),
            (&agent, ID, "refs/heads/ticket/7/2/x", false),
            (&agent, ID, "refs/heads/Ticket/7/2", false),
            (&agent, ID, "refs/attempts/7/2", false),
            (&agent, ID, "refs/candidates/7", false),
            (&agent, ID, "refs/tags/v1", false),
            (&agent, ID, "HEAD", false),
            (&reader, ID, own, false),
            (&Client::Human, ID, own, false),
            (&Client::Human, ID, "refs/heads/main", false),
        ] {
            let decided = decide(client, &[command(new, name)]);
            assert_eq!(decided.is_ok(), taken, "{client:?} {new} {name}");
        }
    }

    #[test]
    fn one_bad_ref_refuses_the_whole_push() {
        let agent = Client::Attempt {
            ticket: 7,
            attempt: 2,
        };
        let request = Request {
            commands: vec![
                command(ID, "refs/heads/ticket/7/2"),
                command(ID, "refs/heads/main"),
            ],
            ..Request::default()
        };
        let refusals = decide(&agent, &request.commands).unwrap_err();
        assert_eq!(refusals.len(), 1);
        let report = String::from_utf8(request.refusal_report(&refusals)).unwrap();
        assert!(report.contains("ng refs/heads/ticket/7/2 nothing of this push"));
        assert!(report.contains("ng refs/heads/main an agent pushes its own branch only"));
    }

    #[test]
    fn a_push_is_read_as_git_writes_it() {
        let first =
            format!("{ZERO} {ID} refs/heads/a\0 report-status side-band-64k agent=git/2.47");
        let second = format!("{ZERO} {ID} refs/heads/b");
        let mut bytes = push(&[&format!("shallow {ID}"), &first, &second]);
        let length = bytes.len();
        bytes.extend(b"PACK...");
        let Parsed::Complete {
            request,
            length: read,
        } = parse(&bytes)
        else {
            panic!("{:?}", parse(&bytes))
        };
        assert_eq!(read, length);
        assert_eq!(request.commands[1], command(ID, "refs/heads/b"));
        assert_eq!(request.capabilities, ["report-status", "side-band-64k"]);
        assert_eq!(
            parse(&request.encode()),
            Parsed::Complete {
                length: request.encode().len(),
                request,
            }
        );
        for cut in 0..length {
            assert_eq!(parse(&bytes[..cut]), Parsed::Incomplete);
        }
    }

    #[test]
    fn what_git_would_not_send_is_not_a_push() {
        for line in [
            "push-cert\0report-status".to_owned(),
            format!("{ZERO} {ID}"),
            format!("{ZERO} {ID} refs/heads/a b"),
            format!("{ZERO} {ID} refs/heads/a\nrefs/heads/main"),
            format!("{ZERO} {ID} ../x"),
            format!("{ZERO} {} refs/heads/a", &ID[1..]),
            format!("{ZERO}  {ID} refs/heads/a"),
            "shallow x".to_owned(),
        ] {
            assert!(
                matches!(parse(&push(&[&line])), Parsed::Invalid(_)),
                "{line:?}"
            );
        }
        assert!(matches!(parse(b"PACK"), Parsed::Invalid(_)));
        assert!(matches!(parse(b"<html>"), Parsed::Invalid(_)));
    }

    #[test]
    fn an_endless_list_of_refs_is_refused() {
        let line = format!("{ZERO} {ID} refs/heads/a");
        let bytes = pktline::packet(line.as_bytes()).repeat(1000);
        assert!(matches!(parse(&bytes), Parsed::Invalid(_)));
    }
}
