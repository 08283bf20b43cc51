//! Images: built with the engine's classic builder, found, and forgotten.

use std::collections::HashMap;

use bollard::query_parameters::{
    BuildImageOptionsBuilder, ListImagesOptionsBuilder, RemoveImageOptionsBuilder,
};
use futures_util::StreamExt;

use super::error::is_no_space;
use super::{Fleet, FleetError, Result};

/// How many of a failed step's last lines are shown.
const TAIL_LINES: usize = 20;
/// The builder paints what comes from standard error.
const STAINS: [&str; 2] = ["\x1b[91m", "\x1b[0m"];
/// What the builder says about its own containers and layers.
const NOISE: [&str; 2] = [" ---> ", "Removing intermediate container "];
/// How long the engine may say nothing at the start of a build: it reads the whole context first.
const BUILD_DEADLINE: std::time::Duration = std::time::Duration::from_secs(600);

/// An image to build.
pub struct BuildRequest {
    /// `name:tag`.
    pub tag: String,
    /// A tar archive with a `Dockerfile`.
    pub context: Vec<u8>,
    /// Build arguments.
    pub args: HashMap<String, String>,
    /// Labels.
    pub labels: HashMap<String, String>,
}

/// What a build says while it goes on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BuildLine {
    /// A step of the recipe begins.
    Step {
        /// Its number, from 1.
        number: u64,
        /// How many there are.
        of: u64,
        /// The instruction.
        instruction: String,
    },
    /// A line that the step printed.
    Output(String),
}

impl Fleet {
    /// True when the image is there.
    pub async fn has_image(&self, tag: &str) -> Result<bool> {
        match self
            .docker
            .inspect_image(tag)
            .await
            .map_err(FleetError::from)
        {
            Ok(_) => Ok(true),
            Err(FleetError::NotFound(_)) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Builds an image; tells `progress` each line. A failure carries the step and its last lines.
    pub async fn build(
        &self,
        request: BuildRequest,
        progress: &mut dyn FnMut(&BuildLine),
    ) -> Result<()> {
        tracing::debug!(
            "engine: build {} from {} bytes",
            request.tag,
            request.context.len()
        );
        let options = BuildImageOptionsBuilder::new()
            .dockerfile("Dockerfile")
            .t(&request.tag)
            .buildargs(&request.args)
            .labels(&request.labels)
            .rm(true)
            .forcerm(true)
            .build();
        let docker = self.docker.clone().with_timeout(BUILD_DEADLINE);
        let body = bollard::body_full(request.context.into());
        let mut lines = docker.build_image(options, None, Some(body));
        let mut reading = Reading::default();
        while let Some(line) = lines.next().await {
            match line {
                Ok(info) => {
                    let text = info.stream.or(info.status).unwrap_or_default();
                    reading.take(&text, progress);
                }
                Err(error) => return Err(reading.failed(error)),
            }
        }
        Ok(())
    }

    /// The tags of an image repository.
    pub async fn image_tags(&self, repository: &str) -> Result<Vec<String>> {
        let filters = HashMap::from([("reference", vec![repository.to_string()])]);
        let options = ListImagesOptionsBuilder::new().filters(&filters).build();
        let found = self.docker.list_images(Some(options)).await?;
        Ok(found
            .into_iter()
            .flat_map(|image| image.repo_tags)
            .collect())
    }

    /// Takes a tag away. Layers stay, as the next build may use them. One in use is left alone.
    pub async fn forget_image(&self, tag: &str) -> Result<()> {
        tracing::debug!("engine: forget the image {tag}");
        let options = RemoveImageOptionsBuilder::new().noprune(true).build();
        match self
            .docker
            .remove_image(tag, Some(options), None)
            .await
            .map_err(FleetError::from)
        {
            Ok(_) | Err(FleetError::NotFound(_)) => Ok(()),
            Err(FleetError::Engine(message))
                if message.contains("in use") || message.contains("being used") =>
            {
                Ok(())
            }
            Err(error) => Err(error),
        }
    }
}

/// What was read of a build so far: the step it is at, and that step's last lines.
#[derive(Default)]
struct Reading {
    partial: String,
    step: String,
    tail: Vec<String>,
}

impl Reading {
    fn take(&mut self, text: &str, progress: &mut dyn FnMut(&BuildLine)) {
        self.partial.push_str(text);
        while let Some(end) = self.partial.find(['\n', '\r']) {
            let line: String = self.partial.drain(..=end).collect();
            let line = STAINS
                .iter()
                .fold(line, |line, stain| line.replace(stain, ""));
            let line = line.trim_end();
            if !line.is_empty() {
                self.line(line, progress);
            }
        }
    }

    fn line(&mut self, line: &str, progress: &mut dyn FnMut(&BuildLine)) {
        if NOISE.iter().any(|noise| line.starts_with(noise)) {
            return;
        }
        let line = BuildLine::read(line);
        match &line {
            BuildLine::Step { instruction, .. } => {
                self.step = instruction.clone();
                self.tail.clear();
            }
            BuildLine::Output(text) => {
                if self.tail.len() == TAIL_LINES {
                    self.tail.remove(0);
                }
                self.tail.push(text.clone());
            }
        }
        progress(&line);
    }

    fn failed(self, error: bollard::errors::Error) -> FleetError {
        let tail = self.tail.join("\n");
        match FleetError::from(error) {
            FleetError::Engine(_) if is_no_space(&tail) => FleetError::NoSpace,
            FleetError::Engine(message) => FleetError::Build {
                what: what_failed(&message, &self.step),
                tail,
            },
            other => other,
        }
    }
}

/// The builder repeats the whole step when a command fails; its exit code is what is new.
fn what_failed(message: &str, step: &str) -> String {
    let code = message.rsplit_once("returned a non-zero code: ");
    match (code, step) {
        (_, "") => message.into(),
        (Some((_, code)), step) => format!("exit code {code} of the step '{step}'"),
        (None, step) => format!("{message}, in the step '{step}'"),
    }
}

impl BuildLine {
    /// The classic builder announces a step as `Step 3/12 : RUN make`.
    fn read(line: &str) -> BuildLine {
        let step = line.strip_prefix("Step ").and_then(|rest| {
            let (count, instruction) = rest.split_once(" : ")?;
            let (number, of) = count.split_once('/')?;
            Some(BuildLine::Step {
                number: number.parse().ok()?,
                of: of.parse().ok()?,
                instruction: instruction.into(),
            })
        });
        step.unwrap_or_else(|| BuildLine::Output(line.into()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failed(output: &[&str], message: &str) -> (FleetError, Vec<BuildLine>) {
        let (mut reading, mut seen) = (Reading::default(), Vec::new());
        for text in output {
            reading.take(text, &mut |line| seen.push(line.clone()));
        }
        let error = message.to_string();
        let error = bollard::errors::Error::DockerStreamError { error };
        (reading.failed(error), seen)
    }

    #[test]
    fn a_failed_build_names_the_step_and_its_last_lines() {
        let output = [
            "Step 1/2 : FROM x\n ---> abc\nStep 2/2 : RUN ma",
            "ke\n ---> Running in abc\n\x1b[91mno rule to make\n\x1b[0m",
            "Removing intermediate container abc\n",
        ];
        let (error, seen) = failed(&output, "The command 'make' returned a non-zero code: 2");
        assert_eq!(
            error.to_string(),
            "the image could not be built: exit code 2 of the step 'RUN make'\nno rule to make"
        );
        assert_eq!(seen.len(), 3, "{seen:?}");
        let (error, _) = failed(&["Step 1/2 : FROM x\n"], "pull access denied for x");
        assert_eq!(
            error.to_string(),
            "the image could not be built: pull access denied for x, in the step 'FROM x'"
        );
    }

    #[test]
    fn a_full_disk_is_one_sentence() {
        for (output, message) in [
            ("cp: No space: no space left on device\n", "code: 1"),
            ("", "write /x: no space left on device"),
        ] {
            let (error, _) = failed(&[output], message);
            assert!(matches!(error, FleetError::NoSpace), "{error}");
        }
    }
}
