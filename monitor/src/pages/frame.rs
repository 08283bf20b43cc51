//! What surrounds every page: the project, the way to the other pages, what hinders the swarm.

use askama::Template;
use ticket::wire::SwarmStatus;

use crate::error::Answer;
use crate::hub::Hub;
use crate::routes::status;

/// A page that the navigation leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Page {
    /// Its heading.
    pub title: &'static str,
    /// Its path.
    pub address: &'static str,
}

const fn page(title: &'static str, address: &'static str) -> Page {
    Page { title, address }
}

/// The pages, in the order of the navigation.
const PAGES: [Page; 9] = [
    page("Board", "/"),
    page("Needs you", "/needs"),
    page("Agents", "/agents"),
    page("Landing", "/landing"),
    page("Activity", "/activity"),
    page("Graph", "/graph"),
    page("Cost", "/cost"),
    page("Learnings", "/learnings"),
    page("Settings", "/settings"),
];

/// What the script does on a key, pressed outside of a field unless it says otherwise.
const KEYS: [(&str, &str); 8] = [
    ("1 to 9", "the pages, in the order of their links"),
    ("/", "search, or narrow what is shown"),
    ("j, k", "the next one of a list, the one before"),
    ("c", "something new: a ticket, a learning"),
    ("m", "a comment, on the page of a ticket"),
    ("Ctrl Enter", "send the text that is being written"),
    ("Esc", "leave a field"),
    ("?", "these keys"),
];

/// What `frame.html` shows around a page.
pub struct Frame {
    /// The page's heading.
    pub title: String,
    /// The newest event that the page may lack.
    pub after: i64,
    /// The swarm at a glance.
    pub status: SwarmStatus,
    /// How much waits for the human.
    pub waiting: Badge,
}

impl Frame {
    /// Around the page with this heading. Made before what is in the page, whose cursor it holds:
    /// what happens while the rest is read is told again.
    pub async fn around(hub: &Hub, title: &str) -> Answer<Frame> {
        let after = *hub.database.last_event().borrow();
        Ok(Frame {
            title: title.to_owned(),
            after,
            status: status::gather(hub).await?,
            waiting: waiting(hub).await?,
        })
    }

    /// The pages that the navigation leads to.
    pub fn pages(&self) -> &'static [Page] {
        &PAGES
    }

    /// The keys that the script knows, and what each does.
    pub fn keys(&self) -> &'static [(&'static str, &'static str)] {
        &KEYS
    }
}

/// How many tickets wait for the human.
#[derive(Template)]
#[template(source = "{% if count > 0 %}{{ count }}{% endif %}", ext = "html")]
pub struct Badge {
    count: usize,
}

/// At this moment.
pub async fn waiting(hub: &Hub) -> Answer<Badge> {
    Ok(Badge {
        count: hub.waiting().await?.len(),
    })
}

/// What hinders the swarm at present.
#[derive(Template)]
#[template(path = "problems.html")]
pub struct Problems {
    problems: Vec<String>,
}

/// At this moment.
pub async fn problems(hub: &Hub) -> Answer<Problems> {
    let problems = status::gather(hub).await?.problems;
    Ok(Problems { problems })
}
