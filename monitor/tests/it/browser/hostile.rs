//! Every text that people or agents can write, full of hostile strings, on every page that shows it.
//! Once as it is, and once with the page's content security policy switched off, so that whatever got
//! into a page as markup would really run.

use std::collections::BTreeMap;

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use ticket::transcript::{Begin, What};
use ticket::wire::Role;

use super::driver::Browser;
use super::strings::{all, line};
use crate::fixture::{Door, Swarm, answer, until};
use crate::fleet::Yard;

/// The longest name of a person or an agent, and the longest title.
const NAME: usize = 100;
const TITLE: usize = 500;
/// A word that pages show although nobody hostile wrote it, beside which what they wrote is looked for.
const MARK: &str = "broken";

/// Before anything of a page: what would be noticed is noted.
const WITNESS: &str = "
    window.witness = [];
    const note = (what) => window.witness.push(String(what).slice(0, 300));
    document.addEventListener('securitypolicyviolation',
        (event) => note(`${event.violatedDirective} ${event.blockedURI} ${event.sample}`));
    for (const dialog of ['alert', 'confirm', 'prompt', 'print', 'open'])
        window[dialog] = () => note(dialog);
";

/// What is wrong with a page: what ran, and every element, attribute, name and address that the
/// templates do not have.
const WRONG: &str = "(() => {
    const wrong = [...window.witness];
    if (window.broken !== undefined) wrong.push('it ran');
    const elements = new Set(`html head meta title link script body a header p nav span section main footer kbd h1
        h2 h3 h4 h5 h6 div ol ul li small form label input select option button details summary textarea
        dl dt dd table thead tbody tr th td pre code time article blockquote figure svg path rect line
        text em strong del hr br b noscript`.split(/\\s+/));
    const attributes = new Set(`class id href lang charset name content rel src defer role method action
        formaction type value required maxlength rows inputmode pattern placeholder selected min max
        tabindex open viewBox x y width height d rx x1 x2 y1 y2 text-anchor start disabled checked
        data-part data-on data-live data-ask data-after data-key data-listen data-text data-unit aria-label
        aria-labelledby aria-current aria-live`.split(/\\s+/));
    const names = new Set(`viewport color-scheme text title description priority labels blocked_by by
        agents assign q label type assigned_to ticket agent action category body`.split(/\\s+/));
    const ids = /^(main|waiting|connection|problems|summary|tickets|controls|column-\\d+|needs|need-\\d+|ticket|forms|agents|agent|landings|activity|graph|graph-title|cost|learnings|(session|log|verify)-title|run-\\d+)$/;
    const ours = ['/assets/page.js'];
    for (const element of document.querySelectorAll('*')) {
        const tell = (why) => wrong.push(`${why}: ${element.outerHTML.slice(0, 300)}`);
        const name = element.localName;
        if (!elements.has(name)) tell('a foreign element');
        if (name === 'script' && !ours.includes(element.getAttribute('src'))) tell('a foreign script');
        if (name === 'svg' && !element.matches('.chart, .graph')) tell('a foreign drawing');
        if (name === 'meta' && element.httpEquiv) tell('a foreign meta');
        if (name === 'link' && element.getAttribute('href') !== '/assets/page.css') tell('a foreign link');
        for (const attribute of element.attributes) {
            if (!attributes.has(attribute.name)) tell(`the attribute ${attribute.name}`);
        }
        if (element.hasAttribute('name') && !names.has(element.getAttribute('name'))) tell('a foreign name');
        if (element.id && !ids.test(element.id)) tell('a foreign id');
        if (element.parentElement?.closest('.prose, .printed, .diff, .prompt') && element.matches('form, button, [data-part], [data-text], [id], [name]'))
            tell('what acts, among text');
        for (const at of ['action', 'formaction', 'data-part']) {
            const leads = element.getAttribute(at);
            if (leads !== null && !/^\\/([a-z]|$)/.test(leads)) tell(`a foreign ${at}`);
        }
        if (element.hasAttribute('href')) {
            const address = name === 'a' && element.href.baseVal === undefined
                ? element : new URL(element.getAttribute('href'), location);
            if (!['http:', 'https:', 'mailto:'].includes(address.protocol)) tell('where it leads');
        }
    }
    return wrong.slice(0, 5).join(' AND ');
})()";

/// What the page of a ticket shows of it: the heading and the fields of its form.
const SHOWN: &str = "(() => {
    const form = document.querySelector('form[action$=\"/update\"]');
    return { heading: document.querySelector('h1').textContent, title: form.elements.title.value,
             description: form.elements.description.value };
})()";

/// A commit on top of main that adds these files. Returns its id.
fn commit_files(swarm: &Swarm, files: &BTreeMap<String, String>) -> String {
    let git = git2::Repository::open_bare(swarm.project.repository()).unwrap();
    let head = git.head().unwrap().peel_to_commit().unwrap();
    let mut tree = git.treebuilder(None).unwrap();
    for (name, content) in files {
        let blob = git.blob(content.as_bytes()).unwrap();
        tree.insert(name, blob, 0o100_644).unwrap();
    }
    let tree = git.find_tree(tree.write().unwrap()).unwrap();
    let who = git2::Signature::now("somebody", "somebody@example.org").unwrap();
    let commit = git.commit(None, &who, &who, "work", &tree, &[&head]);
    commit.unwrap().to_string()
}

/// A file's name can have every byte but two, and 255 of them.
fn file_name(number: usize, text: &str) -> String {
    let name: String = text.chars().filter(|c| !"/\0".contains(*c)).collect();
    let mut name = format!("{number} {name}");
    while name.len() > 255 {
        name.pop();
    }
    name
}

/// What was made.
struct Made {
    /// Each string's ticket.
    tickets: Vec<i64>,
    /// The ticket that has all of them as comments, and an attempt.
    whole: i64,
}

async fn make(human: &Door, ticket: Value) -> i64 {
    let (status, made) = human.post("/tickets", ticket).await;
    assert!(status.is_success(), "{made}");
    made["id"].as_i64().unwrap()
}

async fn done(human: &Door, path: &str, body: Value) {
    let (status, said) = human.post(path, body).await;
    assert!(status.is_success(), "{path}: {said}");
}

/// Each string as a title, description, author, comment, learning, question, answer, proposal, check
/// and as the name of an agent. Labels and categories are words, and take none of them.
async fn people_write(human: &Door) -> Made {
    let mut tickets = Vec::new();
    let whole = make(human, json!({ "title": "whole", "priority": 0 })).await;
    for (number, text) in all().iter().enumerate() {
        let (title, name) = (line(text, TITLE), line(text, NAME));
        let new = json!({ "title": title, "description": text, "created_by": name,
            "blocked_by": [whole] });
        let id = make(human, new).await;
        tickets.push(id);
        // It stays in the graph: what it waits for is never done.
        let waits = json!({ "title": title, "blocked_by": [id] });
        make(human, waits).await;
        let said = json!({ "body": format!("x{text}"), "author": name });
        done(human, &format!("/tickets/{whole}/comments"), said).await;
        let learning = format!("x{}", text.chars().take(900).collect::<String>());
        done(
            human,
            "/learnings",
            json!({ "body": learning, "author": name }),
        )
        .await;
        let kind = ["question", "proposal", "verify"][number % 3];
        let asked = json!({ "title": title, "description": text, "type": kind, "assign": "human" });
        let asked = make(human, asked).await;
        if number % 6 == 0 {
            let answer = json!({ "body": format!("x{text}") });
            done(human, &format!("/tickets/{asked}/answer"), answer).await;
        }
        let is_word = |c: char| c.is_alphanumeric() || "-_./:".contains(c);
        for wrong in [json!({ "labels": [text] }), json!({ "labels": [title] })] {
            let words = wrong["labels"][0].as_str().unwrap();
            if words.chars().all(is_word) && words.chars().count() <= 64 {
                continue;
            }
            let mut new = wrong.clone();
            new["title"] = json!("labelled");
            let (status, said) = human.post("/tickets", new).await;
            assert_eq!(status, StatusCode::BAD_REQUEST, "{wrong}: {said}");
        }
    }
    Made { tickets, whole }
}

/// An agent works on the whole ticket, and prints, names and hands in nothing else.
async fn an_agent_works(swarm: &Swarm, whole: i64) {
    let strings = all();
    let everything = strings.join("\n");
    let worker = swarm.enrolled("agent-1", Role::Worker).await;
    let work = worker.work(0).await;
    assert_eq!(work["ticket"]["id"], whole);
    let model = line(&strings[0], NAME);
    let usage = |run: usize, text: &String| {
        json!({ "run": run, "phase": "work", "backend": line(text, NAME), "models": [{
            "model": line(text, NAME), "input_tokens": 1, "output_tokens": 1,
            "cache_read_tokens": 0, "cache_write_tokens": 0, "cost_microusd": 5_000_000 }] })
    };
    let usage: Vec<Value> = strings
        .iter()
        .enumerate()
        .map(|(n, s)| usage(n + 1, s))
        .collect();
    let beat = json!({ "phase": everything, "session_id": everything, "usage": usage });
    let at = format!("/attempts/{whole}/1");
    done(&worker, &format!("{at}/heartbeat"), beat).await;
    let begin = Begin {
        agent: "agent-1".into(),
        run: strings[1].clone(),
        phase: strings[2].clone(),
        backend: strings[3].clone(),
        model: Some(model),
        ..Begin::default()
    };
    let now = ticket::transcript::now();
    let mut run = What::Begin(&begin).line(now);
    for text in &strings {
        run.push_str(&What::Out(text, false).line(now));
        run.push_str(&What::Err(text, false).line(now));
    }
    let path = format!("{at}/runs/1/transcript?offset=0");
    let (status, kept) = answer(worker.request(Method::POST, &path).body(run)).await;
    assert!(status.is_success(), "{kept}");
    // It bounces: nobody pushed that.
    let submit = json!({ "commit": everything, "summary": everything });
    done(&worker, &format!("{at}/submit"), submit).await;
    until("the landing bounced", || async {
        (swarm.status_of(whole).await == "in_progress").then_some(())
    })
    .await;
    let files = strings.iter().enumerate();
    let files = files.map(|(n, text)| (file_name(n, text), text.chars().take(300).collect()));
    let commit = commit_files(swarm, &files.collect());
    let end = json!({ "outcome": "agent-failed", "reason": everything, "log_tail": everything,
        "snapshot": commit, "session_id": everything });
    done(&worker, &format!("{at}/end"), end).await;
    // What verify.sh printed comes from a verifier; here it is what the landing has.
    let database = rusqlite::Connection::open(swarm.project.database()).unwrap();
    let landings = "UPDATE landings SET log_tail = ?1, reason = ?1";
    assert_eq!(database.execute(landings, [&everything]).unwrap(), 1);
}

/// Others claim by hand, under every name.
async fn others_claim(human: &Door, made: &Made) {
    done(human, &format!("/tickets/{}/cancel", made.whole), json!({})).await;
    for text in all() {
        let claim = json!({ "agent": line(&text, NAME) });
        done(human, "/tickets/claim-next", claim).await;
    }
}

/// A branch's name, of as many strings as fit, without what git refuses in one.
fn branch() -> String {
    let mut branch = String::from("b");
    for text in all() {
        let allowed = |c: &char| !c.is_control() && !" ~^:?*[\\/.@{".contains(*c);
        let part: String = text.chars().filter(allowed).collect();
        let part = format!("/x{}", part.trim_end_matches(".lock"));
        if part.len() < 200 && branch.len() + part.len() < 900 {
            branch.push_str(&part);
        }
    }
    branch
}

/// Looks a page over, as it is served and when its parts were swapped.
async fn look_over(browser: &Browser, address: &str) {
    browser.until_text("connection", "live").await;
    let title = browser.eval("document.title").await;
    assert!(title.as_str().unwrap().contains('–'), "{address}: {title}");
    assert_eq!(browser.eval(WRONG).await, "", "{address}");
    let swapped =
        "document.querySelectorAll('[data-part]').forEach((part) => waiting.add(part)), swap()";
    browser.eval(swapped).await;
    until("every part was swapped", || async {
        (browser.eval("waiting.size === 0 && !swapping").await == true).then_some(())
    })
    .await;
    assert_eq!(browser.eval(WRONG).await, "", "{address}, swapped");
}

async fn witnessed(door: &Door) -> Browser {
    let browser = Browser::open().await;
    let witness = json!({ "source": WITNESS });
    browser
        .devtools("Page.addScriptToEvaluateOnNewDocument", witness)
        .await;
    browser.log_in(door).await;
    browser
}

/// The policy no longer keeps anything in a page from running.
async fn without_policy(browser: &Browser) {
    let params = json!({ "enabled": true });
    browser.devtools("Page.setBypassCSP", params).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_hostile_runs_on_any_page() {
    let swarm = Swarm::start().await;
    let human = swarm.human();
    let made = people_write(&human).await;
    an_agent_works(&swarm, made.whole).await;
    others_claim(&human, &made).await;
    let browser = witnessed(&human).await;
    let links = "[...document.querySelectorAll('nav a')].map((link) => link.pathname)";
    let links = browser.eval(links).await;
    let links = links.as_array().unwrap().iter();
    let mut pages: Vec<String> = links
        .map(|link| link.as_str().unwrap().to_owned())
        .collect();
    let whole = format!("/tickets/{}", made.whole);
    pages.extend([
        whole.clone(),
        format!("{whole}/diff/1"),
        format!("{whole}/transcript/1"),
        format!("{whole}/prompt"),
        format!("/tickets/{}/prompt", made.tickets[0]),
        "/agents/agent-1".into(),
    ]);
    assert!(pages.len() >= 15, "{pages:?}");
    for has_policy in [true, false] {
        if !has_policy {
            without_policy(&browser).await;
        }
        for address in &pages {
            browser.go(&format!("{}{address}", human.url)).await;
            look_over(&browser, address).await;
            let shown = format!("document.body.innerText.includes('{MARK}')");
            // The agent has no ticket any more, and the configuration is nobody's to write.
            let is_expected = !["/agents", "/settings"].contains(&address.as_str());
            let shown = browser.eval(&shown).await;
            assert_eq!(shown, is_expected, "{address} shows what was written");
        }
    }
}

/// The page of each string's ticket: heading, title and form show the text as it is.
#[tokio::test(flavor = "multi_thread")]
async fn every_hostile_text_is_shown_and_edited_as_it_is() {
    let swarm = Swarm::start().await;
    let human = swarm.human();
    let browser = witnessed(&human).await;
    without_policy(&browser).await;
    for text in all() {
        let title = line(&text, TITLE);
        let id = make(&human, json!({ "title": title, "description": text })).await;
        let address = format!("{}/tickets/{id}", human.url);
        browser.go(&address).await;
        assert_eq!(browser.eval(WRONG).await, "", "{text:?}");
        let shown = browser.eval(SHOWN).await;
        let words = |text: &str| text.split_whitespace().collect::<String>();
        let heading = shown["heading"].as_str().unwrap();
        assert!(heading.ends_with(&title), "{heading:?} and not {title:?}");
        assert_eq!(shown["title"], title, "{text:?}");
        // A text area knows one kind of line end, and no NUL.
        let expected = text.replace('\0', "\u{fffd}");
        let described = shown["description"].as_str().unwrap();
        assert_eq!(words(described), words(&expected), "{text:?}");
    }
}

/// The base branch and the project are named on every page.
#[tokio::test(flavor = "multi_thread")]
async fn a_hostile_branch_is_only_a_name() {
    let name = branch();
    let config = json!({ "project": { "name": name, "branch": name } });
    let swarm = Swarm::start_on(&name, &config.to_string()).await;
    let human = swarm.human();
    let browser = witnessed(&human).await;
    without_policy(&browser).await;
    for address in ["/", "/landing", "/settings"] {
        browser.go(&format!("{}{address}", human.url)).await;
        look_over(&browser, address).await;
        let shown = browser.eval("document.body.textContent").await;
        assert!(shown.as_str().unwrap().contains(&name), "{address}");
    }
}

/// A container prints all of it, and its log is followed.
/// What the page of an agent shows of its log.
async fn log_of(browser: &Browser) -> String {
    let log = browser
        .eval("document.querySelector('[data-text=log]').textContent")
        .await;
    log.as_str().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_container_prints_is_only_text() {
    let printed = all().join("\n");
    let yard = Yard::printing(&printed).await;
    let human = yard.door();
    let browser = witnessed(&human).await;
    without_policy(&browser).await;
    let address = format!("{}/agents/agent-1", human.url);
    until("the log is there", || async {
        browser.go(&address).await;
        log_of(&browser)
            .await
            .contains("<script>broken=1</script>")
            .then_some(())
    })
    .await;
    look_over(&browser, "/agents/agent-1").await;
    until("the stream has sent it, too", || async {
        log_of(&browser)
            .await
            .contains("onerror=broken=1")
            .then_some(())
    })
    .await;
    assert_eq!(browser.eval(WRONG).await, "");
    yard.clear().await;
}
