//! Markdown as safe HTML: no tags of its author's, no images, and links only to where a browser may
//! go. Its headings lie below those of the page.

use pulldown_cmark::{
    Alignment, CowStr, Event, HeadingLevel, LinkType, Options, Parser, Tag, TagEnd, html::push_html,
};

/// What a link may lead to.
const SCHEMES: [&str; 3] = ["https://", "http://", "mailto:"];

/// The text as HTML. What it holds of HTML is shown as it was written.
pub fn html(text: &str) -> String {
    let options =
        Options::ENABLE_TABLES | Options::ENABLE_STRIKETHROUGH | Options::ENABLE_TASKLISTS;
    let mut out = String::with_capacity(text.len() * 3 / 2);
    push_html(&mut out, Parser::new_ext(text, options).map(tamed));
    out
}

fn tamed(event: Event<'_>) -> Event<'_> {
    match event {
        Event::Html(raw) | Event::InlineHtml(raw) => Event::Text(raw),
        Event::Start(Tag::HtmlBlock) => Event::Start(Tag::Paragraph),
        Event::End(TagEnd::HtmlBlock) => Event::End(TagEnd::Paragraph),
        Event::Start(Tag::Link { dest_url, .. } | Tag::Image { dest_url, .. }) => {
            Event::Start(link_to(dest_url))
        }
        Event::Start(Tag::Heading { level, .. }) => Event::Start(Tag::Heading {
            level: below(level),
            id: None,
            classes: Vec::new(),
            attrs: Vec::new(),
        }),
        Event::End(TagEnd::Heading(level)) => Event::End(TagEnd::Heading(below(level))),
        // What is too wide is scrolled by the keyboard, too.
        Event::Start(Tag::CodeBlock(_)) => Event::Html("<pre tabindex=\"0\"><code>".into()),
        Event::End(TagEnd::CodeBlock) => Event::Html("</code></pre>\n".into()),
        // A box to tick would be a control that does nothing.
        Event::TaskListMarker(is_done) => Event::Text(if is_done { "☑ " } else { "☐ " }.into()),
        // Alignment would be a style, which the page's policy does not take.
        Event::Start(Tag::Table(columns)) => {
            Event::Start(Tag::Table(vec![Alignment::None; columns.len()]))
        }
        Event::End(TagEnd::Image) => Event::End(TagEnd::Link),
        other => other,
    }
}

/// The page has two levels of its own.
fn below(level: HeadingLevel) -> HeadingLevel {
    match level {
        // People begin with either.
        HeadingLevel::H1 | HeadingLevel::H2 => HeadingLevel::H3,
        HeadingLevel::H3 => HeadingLevel::H4,
        HeadingLevel::H4 => HeadingLevel::H5,
        HeadingLevel::H5 | HeadingLevel::H6 => HeadingLevel::H6,
    }
}

/// A link without a title. An address that is not for a browser leads nowhere.
fn link_to(address: CowStr<'_>) -> Tag<'_> {
    let lower = address.trim_start().to_ascii_lowercase();
    let is_known = SCHEMES.iter().any(|scheme| lower.starts_with(scheme));
    Tag::Link {
        link_type: LinkType::Inline,
        dest_url: match is_known {
            true => address,
            false => "#".into(),
        },
        title: "".into(),
        id: "".into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_people_write_is_formatted() {
        let shown = html(
            "# Why\n\n*soon*, `a < b`\n\n- [x] one\n\n[docs](https://example.org/a?b=1&c=2)\n\n```rust\na < b\n```",
        );
        for expected in [
            "<h3>Why</h3>",
            "<li>☑ one</li>",
            "<pre tabindex=\"0\"><code>a &lt; b\n</code></pre>",
            "<em>soon</em>",
            "<code>a &lt; b</code>",
            "<a href=\"https://example.org/a?b=1&amp;c=2\">docs</a>",
        ] {
            assert!(shown.contains(expected), "{expected} in {shown}");
        }
    }

    #[test]
    fn nothing_that_a_browser_would_run_comes_through() {
        for hostile in [
            "<script>alert(1)</script>",
            "a <img src=x onerror=alert(1)> b",
            "[x](javascript:alert(1))",
            "[x](JaVaScRiPt:alert(1))",
            "[x]( data:text/html;base64,PHNjcmlwdD4=)",
            "![x](https://evil.example/pixel.png)",
            "![x](javascript:alert(1))",
            "<a href=\"javascript:alert(1)\">x</a>",
            "[x](https://ok.example \"title\\\" onmouseover=alert(1)\")",
            "[x]: javascript:alert(1)\n\n[x]",
            "<javascript:alert(1)>",
            "`` <b>x</b> ``",
            "| <svg onload=alert(1)> | b |\n|--|--|\n| 1 | 2 |",
            "```<script>\nalert(1)\n```",
            "| a | b |\n|:--|--:|\n| 1 | 2 |",
        ] {
            let shown = html(hostile).to_lowercase();
            for tag in [
                "<script",
                "<img",
                "<svg",
                "<b>",
                "<a href=\"javascript",
                "<a href=\"data",
                " title=",
                " style=",
            ] {
                assert!(!shown.contains(tag), "{hostile} became {shown}");
            }
        }
    }
}
