//! What a screen reader is given of each page, and what eyes that see less can read: names, landmarks,
//! headings, tables, contrast, sizes.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::driver::Browser;
use super::looks::{PAGES, lively};

/// Roles of what is operated, each of which needs a name.
const OPERATED: [&str; 10] = [
    "button",
    "link",
    "textbox",
    "searchbox",
    "combobox",
    "spinbutton",
    "checkbox",
    "radio",
    "DisclosureTriangle",
    "slider",
];

/// Texts that are too faint for their ground, by WCAG 2.2, 1.4.3 and 1.4.11: 4.5 for text, 3 for the
/// edges of fields.
const FAINT: &str = "(() => {
    const parts = (colour) => {
        const numbers = colour.match(/[0-9.]+/g).map(Number);
        const scale = colour.startsWith('color(') ? 255 : 1;
        return [...numbers.slice(0, 3).map((n) => n * scale), numbers[3] ?? 1];
    };
    const over = ([r, g, b, a], [x, y, z]) => [r * a + x * (1 - a), g * a + y * (1 - a), b * a + z * (1 - a)];
    const ground = (element) => {
        const own = parts(getComputedStyle(element).backgroundColor);
        if (own[3] === 1) return own.slice(0, 3);
        return over(own, element.parentElement ? ground(element.parentElement) : [255, 255, 255]);
    };
    const light = (colour) => colour.map((n) => n / 255)
        .map((n) => n <= 0.04045 ? n / 12.92 : ((n + 0.055) / 1.055) ** 2.4)
        .reduce((sum, n, i) => sum + n * [0.2126, 0.7152, 0.0722][i], 0);
    const contrast = (one, other) => {
        const [a, b] = [light(one), light(other)];
        return (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    };
    const faint = [];
    for (const element of document.querySelectorAll('body *')) {
        const style = getComputedStyle(element);
        const says = [...element.childNodes].some((node) => node.nodeType === 3 && node.data.trim());
        const drawn = element.closest('svg');
        if (says && element.localName !== 'title') {
            const box = drawn?.matches('.graph') ? element.previousElementSibling : null;
            const on = box ? parts(getComputedStyle(box).fill).slice(0, 3) : ground(drawn?.parentElement ?? element);
            const colour = over(parts(drawn ? style.fill : style.color), on);
            if (contrast(colour, on) < 4.5) faint.push(`${element.localName} '${element.textContent.trim().slice(0, 30)}'`);
        }
        if (element.matches('input:not([type=hidden]), select, textarea, button')) {
            const around = ground(element.parentElement);
            const edge = over(parts(style.borderTopColor), around);
            if (contrast(edge, around) < 3) faint.push(`the edge of ${element.localName} ${element.name}`);
        }
    }
    return faint.slice(0, 5).join(', ');
})()";

/// What is too small to be hit by a finger, by WCAG 2.2, 2.5.8: 24 by 24. Links within text may be.
const SMALL: &str = "[...document.querySelectorAll('button, select, textarea, input:not([type=hidden]), summary, nav a, a.card')]
    .filter((e) => e.checkVisibility())
    .filter((e) => { const { width, height } = e.getBoundingClientRect(); return width < 24 || height < 24; })
    .map((e) => e.localName + ' ' + e.textContent.trim().slice(0, 30)).join(', ')";

/// An element of the accessibility tree.
struct Node(Value);

impl Node {
    fn role(&self) -> &str {
        self.0["role"]["value"].as_str().unwrap_or_default()
    }

    fn name(&self) -> &str {
        self.0["name"]["value"].as_str().unwrap_or_default().trim()
    }

    fn property(&self, name: &str) -> Option<&Value> {
        let properties = self.0["properties"].as_array()?;
        let found = properties
            .iter()
            .find(|property| property["name"] == name)?;
        Some(&found["value"]["value"])
    }
}

/// What a screen reader is told of the page.
async fn tree(browser: &Browser) -> Vec<Node> {
    let tree = browser
        .devtools("Accessibility.getFullAXTree", json!({}))
        .await;
    let nodes = tree["nodes"].as_array().unwrap().iter();
    nodes
        .filter(|node| node["ignored"] != true)
        .map(|node| Node(node.clone()))
        .collect()
}

/// Everything that is wrong with the tree.
fn wrong(nodes: &[Node]) -> Vec<String> {
    let with = |role: &'static str| nodes.iter().filter(move |node| node.role() == role);
    let mut wrong = Vec::new();
    for landmark in ["banner", "navigation", "main", "contentinfo"] {
        let count = with(landmark).count();
        // A page may have ways of its own beside the way to the others.
        if count != 1 && !(landmark == "navigation" && count > 1) {
            wrong.push(format!("{count} of the landmark {landmark}"));
        }
    }
    let names: BTreeSet<&str> = with("navigation").map(Node::name).collect();
    if names.len() != with("navigation").count() || names.contains("") {
        wrong.push(format!("navigations are called {names:?}"));
    }
    let level = |node: &Node| node.property("level").and_then(Value::as_i64);
    let levels: Vec<i64> = with("heading").filter_map(level).collect();
    if levels.first() != Some(&1) || levels.iter().filter(|level| **level == 1).count() != 1 {
        wrong.push(format!("headings of the levels {levels:?}"));
    }
    if levels.windows(2).any(|pair| pair[1] > pair[0] + 1) {
        wrong.push(format!("a level of headings is left out: {levels:?}"));
    }
    for node in nodes {
        if OPERATED.contains(&node.role()) && node.name().is_empty() {
            wrong.push(format!("no name: {}", node.0));
        }
        if ["image", "img", "graphics-document"].contains(&node.role()) && node.name().is_empty() {
            wrong.push(format!("a picture without words: {}", node.0));
        }
        // Only what came or went is read out by itself, and what hinders the swarm.
        let live = node.property("live").and_then(Value::as_str);
        let may = ["status", "alert"].contains(&node.role());
        if live.is_some_and(|live| live != "off") && !may {
            wrong.push(format!("it talks: {}", node.0));
        }
    }
    let tables = with("table").count();
    let headers = with("columnheader").count();
    if tables > 0 && (headers < tables * 2 || with("cell").count() == 0 || with("row").count() == 0)
    {
        wrong.push(format!("{tables} tables have {headers} headers"));
    }
    if with("columnheader").any(|header| header.name().is_empty()) {
        wrong.push("a column without a name".to_owned());
    }
    wrong
}

#[tokio::test(flavor = "multi_thread")]
async fn a_screen_reader_is_told_what_everything_is() {
    let swarm = lively().await;
    let human = swarm.human();
    let browser = Browser::open().await;
    browser.log_in(&human).await;
    let mut titles = BTreeSet::new();
    for (width, height) in [(1280, 900), (390, 844)] {
        browser.show_on(width, height, "light").await;
        for (name, address) in PAGES {
            browser.go(&format!("{}{address}", human.url)).await;
            browser.until_text("connection", "live").await;
            browser
                .eval("document.querySelectorAll('details').forEach((details) => { details.open = true; })")
                .await;
            let found = wrong(&tree(&browser).await);
            assert!(found.is_empty(), "{name}, {width} wide: {found:#?}");
            let twice =
                "(() => { const ids = [...document.querySelectorAll('[id]')].map((e) => e.id);
                return ids.filter((id, i) => ids.indexOf(id) !== i).join(' '); })()";
            assert_eq!(
                browser.eval(twice).await,
                "",
                "{name}: ids that are there twice"
            );
            assert_eq!(browser.eval("document.documentElement.lang").await, "en");
            assert_eq!(
                browser
                    .eval("document.querySelectorAll('[tabindex]:not([tabindex=\"0\"])').length")
                    .await,
                0
            );
            let small = browser.eval(SMALL).await;
            assert_eq!(small, "", "{name}, {width} wide: too small");
            titles.insert(browser.eval("document.title").await.to_string());
        }
    }
    assert_eq!(titles.len(), PAGES.len(), "{titles:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn every_text_stands_out_from_its_ground() {
    let swarm = lively().await;
    let human = swarm.human();
    let browser = Browser::open().await;
    browser.log_in(&human).await;
    for scheme in ["light", "dark"] {
        browser.show_on(1280, 900, scheme).await;
        for (name, address) in PAGES {
            browser.go(&format!("{}{address}", human.url)).await;
            browser.until_text("connection", "live").await;
            browser
                .eval("document.querySelectorAll('details').forEach((details) => { details.open = true; })")
                .await;
            assert_eq!(browser.eval(FAINT).await, "", "{name}, {scheme}");
        }
    }
    // What it measures is measured.
    browser
        .eval("document.body.style.color = 'rgb(90, 90, 90)'")
        .await;
    assert_ne!(browser.eval(FAINT).await, "", "faint text is not seen");
}
