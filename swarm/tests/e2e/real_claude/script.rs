//! What the scripted model does on `boltons`. One ticket is mended after a red gate and again after
//! a conflict; one makes a follow-up ticket.

use crate::support::messages_api::{Script, Step};

pub const DESCRIBE: &str = "Describe the project in PROJECT.md";
pub const REMOVE_SUFFIX: &str = "Add removesuffix to strutils";
pub const SIGN: &str = "Add sign to mathutils";
pub const DOCUMENT: &str = "Document the new functions";
/// Made by the agent that documents.
pub const CLAMP: &str = "Test clamp with fractions";
/// Everything that lands.
pub const TASKS: [&str; 5] = [DESCRIBE, REMOVE_SUFFIX, SIGN, DOCUMENT, CLAMP];

const CHANGELOG: &str = "CHANGELOG.md";
const STRUTILS: &str = "boltons/strutils.py";
const MATHUTILS: &str = "boltons/mathutils.py";

pub fn script() -> Script {
    let script = Script::default().on("", "propose", propose());
    let script = script.on(DESCRIBE, "work", describe());
    let script = script.on(REMOVE_SUFFIX, "work", remove_suffix());
    let script = script
        .on(SIGN, "work", sign())
        .on(SIGN, "verify failed", mend_sign())
        .on(SIGN, "conflict", keep_both_sides());
    let script = script.on(DOCUMENT, "work", document());
    script.on(CLAMP, "work", clamp())
}

fn propose() -> [Step; 2] {
    let create = "ticket create 'Drop Python 3.7' --type proposal --assign human \
                  --description 'It is no longer maintained.'";
    [Step::bash(create), Step::say("I proposed something.")]
}

fn describe() -> [Step; 4] {
    let text = "# boltons\n\nPure Python utilities in boltons/, tests in tests/ (pytest).\n";
    [
        Step::read("PROJECT.md").with(Step::bash("ls boltons tests")),
        Step::write("PROJECT.md", text),
        Step::bash("ticket comment \"$TICKET_ID\" 'One page, from what the folders hold.'"),
        Step::say("PROJECT.md says what the project is."),
    ]
}

fn remove_suffix() -> [Step; 6] {
    let end =
        "    if text.startswith(prefix):\n        return text[len(prefix):]\n    return text\n";
    let function = "\n\ndef removesuffix(text: str, suffix: str) -> str:\n    r\"\"\"\n    \
                    Remove `suffix` from end of `text` if present.\n    \"\"\"\n    \
                    if suffix and text.endswith(suffix):\n        \
                    return text[:-len(suffix)]\n    return text\n";
    let tests = "from boltons.strutils import removesuffix\n\n\n\
                 def test_removesuffix():\n    \
                 assert removesuffix('name.py', '.py') == 'name'\n    \
                 assert removesuffix('name', '') == 'name'\n    \
                 assert removesuffix('name', '.py') == 'name'\n";
    [
        Step::say("I read before I write.").with(Step::read(STRUTILS)),
        Step::edit(
            STRUTILS,
            "'removeprefix']",
            "'removeprefix',\n           'removesuffix']",
        )
        .with(Step::edit(STRUTILS, end, &format!("{end}{function}")))
        .with(Step::write("tests/test_strutils_removesuffix.py", tests)),
        Step::read(CHANGELOG),
        announce("Add [`strutils.removesuffix`][strutils.removesuffix]"),
        Step::bash(
            "python3 -m pytest -q -p no:cacheprovider tests/test_strutils*.py && \
             ticket comment \"$TICKET_ID\" 'An empty suffix changes nothing, as in 3.9.'",
        ),
        Step::say("strutils has removesuffix, with tests."),
    ]
}

/// Wrong for zero, and done only when somebody else's line is in the changelog of main.
fn sign() -> [Step; 6] {
    let place = "def ceil(x, options=None):";
    let function = "def sign(x):\n    \"\"\"Return -1, 0 or 1 as *x* is negative, zero or positive.\"\"\"\n    \
                    return -1 if x < 0 else 1\n\n\n";
    let tests = "from boltons.mathutils import sign\n\n\n\
                 def test_sign():\n    \
                 assert [sign(x) for x in (-2.5, 0, 7)] == [-1, 0, 1]\n";
    [
        Step::read(MATHUTILS).with(Step::read(CHANGELOG)),
        Step::edit(MATHUTILS, place, &format!("{function}{place}")),
        Step::write("tests/test_mathutils_sign.py", tests),
        announce("Add [`mathutils.sign`][mathutils.sign]"),
        Step::bash(&format!(
            "until ticket list --status done --format json | grep -q '{REMOVE_SUFFIX}'; do sleep 1; done"
        )),
        Step::say("mathutils has sign, with a test."),
    ]
}

fn mend_sign() -> [Step; 4] {
    let (wrong, right) = ("return -1 if x < 0 else 1", "return (x > 0) - (x < 0)");
    [
        Step::read(MATHUTILS),
        Step::edit(MATHUTILS, wrong, right),
        Step::bash(
            "./verify.sh && ticket comment \"$TICKET_ID\" 'Zero has the sign 0; the gate found that.'",
        ),
        Step::say("Zero is right now."),
    ]
}

fn keep_both_sides() -> [Step; 3] {
    let markers = "-e '/^<<<<<<< /d' -e '/^=======$/d' -e '/^>>>>>>> /d' -e '/^||||||| /d'";
    [
        Step::bash("git diff --stat; cat CHANGELOG.md | head -n 30"),
        Step::bash(&format!("sed -i {markers} {CHANGELOG} && ./verify.sh")),
        Step::say("Both lines are in the changelog."),
    ]
}

fn document() -> [Step; 4] {
    let docs = "docs/mathutils.rst";
    let place = ".. autofunction:: boltons.mathutils.floor\n";
    let create = format!("ticket create '{CLAMP}' --description 'fractions.Fraction, as a bound.'");
    [
        Step::read(docs),
        Step::edit(
            docs,
            place,
            &format!("{place}\n.. autofunction:: boltons.mathutils.sign\n"),
        ),
        Step::bash(&format!(
            "number=$({create}) && ticket comment \"$TICKET_ID\" \"clamp is not tested with \
             fractions: see $number. strutils documents itself.\""
        )),
        Step::say("The new function is documented."),
    ]
}

fn clamp() -> [Step; 3] {
    let tests = "from fractions import Fraction\n\nfrom boltons.mathutils import clamp\n\n\n\
                 def test_clamp_with_fractions():\n    \
                 assert clamp(2, upper=Fraction(3, 2)) == Fraction(3, 2)\n";
    [
        Step::write("tests/test_mathutils_clamp.py", tests),
        Step::bash("./verify.sh && ticket comment \"$TICKET_ID\" 'Fractions work as they are.'"),
        Step::say("clamp is tested with fractions."),
    ]
}

/// A line at the top of the changelog, where everybody's goes.
fn announce(line: &str) -> Step {
    let place = "## 25.0.0\n";
    Step::edit(
        CHANGELOG,
        place,
        &format!("## Unreleased\n\n- {line}\n\n{place}"),
    )
}
