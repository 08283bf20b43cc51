//! What is shown while images are built or agents finish: a bar on a terminal, plain lines elsewhere.

use std::io::{IsTerminal, Write};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};
use swarm::fleet::BuildLine;
use swarm::image::Progress;
use ticket::text::{beginning, one_line};

use super::talk::{self, Level};

/// How long an instruction may be in one line.
const WIDTH: usize = 60;
/// How often the bar's spinner turns.
const TICK: Duration = Duration::from_millis(120);

/// Shows a build's progress on standard error.
pub struct Build {
    bar: Option<ProgressBar>,
    what: &'static str,
}

impl Build {
    pub fn new() -> Build {
        Build {
            bar: on_a_terminal().then(ProgressBar::new_spinner),
            what: "",
        }
    }

    pub fn show(&mut self, progress: Progress<'_>) {
        match progress {
            Progress::Begin(what) => {
                self.what = what;
                self.begin();
            }
            Progress::Line(BuildLine::Step {
                number,
                of,
                instruction,
            }) => self.step(*number, *of, &shorten(instruction)),
            Progress::Line(BuildLine::Output(line)) => {
                tracing::debug!("  {}", one_line(line));
            }
            Progress::End(what) => self.end(what),
        }
    }

    fn begin(&self) {
        match &self.bar {
            Some(bar) => {
                bar.reset();
                bar.set_style(style());
                bar.set_prefix(format!("Building {}", self.what));
                bar.enable_steady_tick(TICK);
            }
            None => say(&format!("Building {}", self.what)),
        }
    }

    fn step(&self, number: u64, of: u64, instruction: &str) {
        match &self.bar {
            Some(bar) => {
                bar.set_length(of);
                bar.set_position(number);
                bar.set_message(instruction.to_string());
            }
            None => say(&format!("  {number}/{of} {instruction}")),
        }
    }

    fn end(&self, what: &str) {
        let line = format!("Built {what}");
        match &self.bar {
            Some(bar) => {
                bar.println(line);
                bar.finish_and_clear();
            }
            None => say(&line),
        }
    }
}

impl Drop for Build {
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

/// Shows what is waited for on standard error.
pub struct Wait {
    bar: Option<ProgressBar>,
    said: String,
}

impl Wait {
    pub fn new() -> Wait {
        let bar = on_a_terminal().then(ProgressBar::new_spinner);
        if let Some(bar) = &bar {
            bar.enable_steady_tick(TICK);
        }
        Wait {
            bar,
            said: String::new(),
        }
    }

    /// Says how long still, too.
    pub fn show(&mut self, what: &str, left: Duration) {
        let left = match left.as_secs() {
            seconds @ 0..60 => format!("{} s", seconds + 1),
            seconds => format!("{} min", seconds.div_ceil(60)),
        };
        self.line(
            what,
            &format!("; at most {left} more, Ctrl-C lets them go on"),
        );
    }

    pub fn tell(&mut self, what: &str) {
        self.line(what, "");
    }

    fn line(&mut self, what: &str, rest: &str) {
        let line = format!("{what}{rest}");
        match &self.bar {
            Some(bar) => bar.set_message(line),
            // The time alone is not worth a line.
            None if self.said != what => say(&line),
            None => {}
        }
        what.clone_into(&mut self.said);
    }
}

impl Drop for Wait {
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

/// Whether a bar can be drawn, and nothing else is printed meanwhile.
fn on_a_terminal() -> bool {
    std::io::stderr().is_terminal() && talk::level() == Level::Usual
}

/// Without colour where NO_COLOR asks for that; the console crate sees to it.
fn style() -> ProgressStyle {
    ProgressStyle::with_template(
        "{spinner:.cyan} {prefix} {pos}/{len} {bar:20.cyan} {elapsed} {msg}",
    )
    .unwrap_or_else(|_| ProgressStyle::default_bar())
}

fn say(line: &str) {
    if talk::level() == Level::Quiet {
        return;
    }
    let _ = writeln!(std::io::stderr(), "{line}");
}

fn shorten(instruction: &str) -> String {
    beginning(&one_line(instruction), WIDTH)
}
