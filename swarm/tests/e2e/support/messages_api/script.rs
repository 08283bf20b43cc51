//! What the scripted model does: for each ticket and kind of prompt, its steps in order.

use serde_json::{Value, json};

use super::conversation::Conversation;

/// What stands for the program's folder in a tool's input.
const FOLDER: &str = "{cwd}";
/// How long a command may take; the program's own default is too short for a busy machine.
const BASH_MILLISECONDS: u64 = 600_000;

/// All that a model can do.
#[derive(Default)]
pub struct Script(Vec<Scene>);

struct Scene {
    /// Text of the prompt that says what it is about, such as the ticket's title.
    marker: &'static str,
    /// The kind of prompt.
    kind: &'static str,
    steps: Vec<Step>,
}

/// One answer: what the model says and the tools it uses at once.
#[derive(Clone, Debug, Default)]
pub struct Step(Vec<Block>);

/// A piece of an answer.
#[derive(Clone, Debug)]
pub enum Block {
    /// Words.
    Text(String),
    /// The use of a tool.
    Tool {
        /// `Bash`, `Edit` …
        name: &'static str,
        /// What it gets.
        input: Value,
    },
}

impl Script {
    /// Adds what the model does when a prompt of this kind mentions `marker`; after the last step
    /// it says that it is done. An empty marker fits every prompt that no other one fits.
    pub fn on<const N: usize>(
        mut self,
        marker: &'static str,
        kind: &'static str,
        steps: [Step; N],
    ) -> Script {
        let steps = steps.into();
        self.0.push(Scene {
            marker,
            kind,
            steps,
        });
        self
    }

    /// The next step of the conversation, and the marker of the scene that it belongs to; `None`
    /// when no scene fits.
    pub fn next(&self, read: &Conversation<'_>) -> Option<(&'static str, Step)> {
        let scenes = self.0.iter().filter(|scene| scene.kind == read.kind());
        let fitting = scenes.filter_map(|scene| match scene.marker {
            "" => Some(((usize::MAX, 0), scene)),
            marker => Some((read.mentions(marker)?, scene)),
        });
        let (_, scene) = fitting.min_by_key(|(place, _)| *place)?;
        let step = scene.steps.get(read.step()).cloned();
        let step = step.unwrap_or_else(|| Step::say("Done."));
        let folder = read.folder().unwrap_or_default();
        Some((scene.marker, step.at(&folder)))
    }
}

impl Step {
    /// Says something.
    pub fn say(text: &str) -> Step {
        Step::default().and(Block::Text(text.into()))
    }

    /// Runs a command.
    pub fn bash(command: &str) -> Step {
        let description = "Run a command of the script";
        let input = json!({
            "command": command,
            "description": description,
            "timeout": BASH_MILLISECONDS,
        });
        Step::tool("Bash", input)
    }

    /// Reads a file, which is what the program wants before a file may be changed.
    pub fn read(path: &str) -> Step {
        Step::tool("Read", json!({"file_path": inside(path)}))
    }

    /// Writes a new file.
    pub fn write(path: &str, content: &str) -> Step {
        Step::tool(
            "Write",
            json!({"file_path": inside(path), "content": content}),
        )
    }

    /// Replaces text that occurs once.
    pub fn edit(path: &str, old: &str, new: &str) -> Step {
        let input = json!({"file_path": inside(path), "old_string": old, "new_string": new});
        Step::tool("Edit", input)
    }

    /// Calls a tool that the program does not have by itself.
    pub fn call(name: &'static str, input: Value) -> Step {
        Step::tool(name, input)
    }

    /// This and the other step in one answer.
    pub fn with(mut self, other: Step) -> Step {
        self.0.extend(other.0);
        self
    }

    /// The pieces.
    pub fn blocks(&self) -> &[Block] {
        &self.0
    }

    fn tool(name: &'static str, input: Value) -> Step {
        Step::default().and(Block::Tool { name, input })
    }

    fn and(mut self, block: Block) -> Step {
        self.0.push(block);
        self
    }

    fn at(mut self, folder: &str) -> Step {
        for block in &mut self.0 {
            if let Block::Tool { input, .. } = block {
                put_folder(input, folder);
            }
        }
        self
    }
}

fn inside(path: &str) -> String {
    format!("{FOLDER}/{path}")
}

fn put_folder(value: &mut Value, folder: &str) {
    match value {
        Value::String(text) => *text = text.replace(FOLDER, folder),
        Value::Object(map) => map.values_mut().for_each(|v| put_folder(v, folder)),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn step(script: &Script, messages: Value) -> Option<String> {
        let request = json!({ "messages": messages });
        let (_, step) = script.next(&Conversation::read(&request)?)?;
        Some(format!("{:?}", step.blocks()))
    }

    #[test]
    fn the_same_conversation_gets_the_same_step() {
        let script = Script::default()
            .on(
                "Paint it",
                "work",
                [Step::write("a", "1"), Step::bash("ls {cwd}")],
            )
            .on("", "work", [Step::say("I do not know this one.")]);
        let folder = json!({"role": "system", "content": "Primary working directory: /tree"});
        let prompt = json!({"role": "user", "content": "swarm: work\nPaint it"});
        let said = json!({"role": "assistant", "content": []});

        let first = step(&script, json!([folder, prompt])).unwrap();
        assert!(first.contains("/tree/a"), "{first}");
        let second = step(&script, json!([folder, prompt, said])).unwrap();
        assert!(second.contains("ls /tree"), "{second}");
        let third = step(&script, json!([folder, prompt, said, said])).unwrap();
        assert!(third.contains("Done."), "{third}");

        let other = step(
            &script,
            json!([{"role": "user", "content": "swarm: work\nx"}]),
        )
        .unwrap();
        assert!(other.contains("I do not know"), "{other}");
        let none = step(
            &script,
            json!([{"role": "user", "content": "swarm: propose"}]),
        );
        assert_eq!(none, None);
    }
}
