//! What the scripted model does on `toolz`. One ticket is mended after a red gate and again after a
//! conflict; one makes a follow-up ticket.

use crate::support::messages_api::{Script, Step};

pub const DESCRIBE: &str = "Describe the project in PROJECT.md";
pub const WORDS: &str = "Add words and unwords to the sandbox";
pub const MEAN: &str = "Add mean to the sandbox";
pub const MENTION: &str = "Mention the sandbox in the README";
/// Made by the agent that works on [`MENTION`].
pub const UNZIP: &str = "Test unzip with nothing in it";
/// Everything that lands.
pub const TASKS: [&str; 5] = [DESCRIBE, WORDS, MEAN, MENTION, UNZIP];

/// Where everybody adds a line, at the same place.
const SANDBOX: &str = "toolz/sandbox/__init__.py";
const STATISTICS: &str = "toolz/sandbox/statistics.py";

pub fn script() -> Script {
    Script::default()
        .on("", "propose", propose())
        .on(DESCRIBE, "work", describe())
        .on(WORDS, "work", words())
        .on(MEAN, "work", mean())
        .on(MEAN, "verify failed", mend_mean())
        .on(MEAN, "conflict", keep_both_sides())
        .on(MENTION, "work", mention())
        .on(UNZIP, "work", unzip())
}

fn propose() -> [Step; 2] {
    let create = "ticket create 'Drop Python 3.8' --type proposal --assign human \
                  --description 'It is no longer maintained.'";
    [Step::bash(create), Step::say("I proposed something.")]
}

fn describe() -> [Step; 4] {
    let text = "# toolz\n\nPure Python utilities in toolz/, tests in toolz/tests/ (pytest).\n";
    [
        Step::read("PROJECT.md").with(Step::bash("ls toolz toolz/tests")),
        Step::write("PROJECT.md", text),
        Step::bash("ticket comment \"$TICKET_ID\" 'One page, from what the folders hold.'"),
        Step::say("PROJECT.md says what the project is."),
    ]
}

fn words() -> [Step; 5] {
    let module = "\
def words(text):
    \"\"\" The words of a text

    >>> words('a  few words')
    ['a', 'few', 'words']
    \"\"\"
    return text.split()


def unwords(seq):
    \"\"\" The text that these words make

    >>> unwords(['a', 'few', 'words'])
    'a few words'
    \"\"\"
    return ' '.join(seq)
";
    let tests = "\
from toolz.sandbox import unwords, words


def test_words():
    assert words(' a  few words') == ['a', 'few', 'words']
    assert unwords(words(' a  few words')) == 'a few words'
";
    [
        Step::say("I read before I write.").with(Step::read(SANDBOX)),
        Step::write("toolz/sandbox/text.py", module)
            .with(export("from .text import unwords, words"))
            .with(Step::write("toolz/tests/test_sandbox_text.py", tests)),
        Step::bash("python3 -m pytest -q -p no:cacheprovider toolz/tests/test_sandbox_text.py"),
        Step::bash("ticket comment \"$TICKET_ID\" '- words splits at any white space'"),
        Step::say("The sandbox has words and unwords, with tests."),
    ]
}

/// Wrong for halves, and done only when somebody else's line is on main.
fn mean() -> [Step; 4] {
    let module = "\
def mean(seq):
    \"\"\" The arithmetic mean of a sequence

    >>> mean([1, 2, 3])
    2.0
    \"\"\"
    seq = list(seq)
    return sum(seq) // len(seq)
";
    let tests = "\
from toolz.sandbox import mean


def test_mean():
    assert mean(iter([1, 2])) == 1.5
";
    [
        Step::read(SANDBOX),
        Step::write(STATISTICS, module)
            .with(export("from .statistics import mean"))
            .with(Step::write("toolz/tests/test_sandbox_statistics.py", tests)),
        Step::bash(&format!(
            "until ticket list --status done --format json | grep -q '{WORDS}'; do sleep 1; done"
        )),
        Step::say("The sandbox has mean, with a test."),
    ]
}

fn mend_mean() -> [Step; 4] {
    let comment = "ticket comment \"$TICKET_ID\" 'Halves were lost; the gate found that.'";
    [
        Step::read(STATISTICS),
        Step::edit(STATISTICS, "sum(seq) // len(seq)", "sum(seq) / len(seq)"),
        Step::bash(&format!("./verify.sh && {comment}")),
        Step::say("Halves are right now."),
    ]
}

fn keep_both_sides() -> [Step; 3] {
    let markers = "-e '/^<<<<<<< /d' -e '/^=======$/d' -e '/^>>>>>>> /d' -e '/^||||||| /d'";
    [
        Step::bash(&format!("git diff --stat; cat {SANDBOX}")),
        Step::bash(&format!("sed -i {markers} {SANDBOX} && ./verify.sh")),
        Step::say("Both lines are in the sandbox."),
    ]
}

fn mention() -> [Step; 4] {
    let readme = "README.rst";
    let place = "Structure and Heritage\n----------------------\n";
    let text = "What may become a part of it is tried out in ``toolz.sandbox``.\n";
    let create = format!("ticket create '{UNZIP}' --description '- what is unzip([])?'");
    [
        Step::read(readme),
        Step::edit(readme, place, &format!("{text}\n{place}")),
        Step::bash(&format!(
            "number=$({create}) && \
             ticket comment \"$TICKET_ID\" \"unzip is not tested with nothing: see $number.\""
        )),
        Step::say("The README mentions the sandbox."),
    ]
}

fn unzip() -> [Step; 3] {
    let tests = "\
from toolz.sandbox import unzip


def test_unzip_with_nothing_in_it():
    assert unzip([]) == ()
";
    [
        Step::write("toolz/tests/test_sandbox_unzip.py", tests),
        Step::bash("./verify.sh && ticket comment \"$TICKET_ID\" 'Nothing comes of nothing.'"),
        Step::say("unzip is tested with nothing in it."),
    ]
}

/// A line at the end of the sandbox's list.
fn export(line: &str) -> Step {
    let last = "from .parallel import fold\n";
    Step::edit(SANDBOX, last, &format!("{last}{line}\n"))
}
