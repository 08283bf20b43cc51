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
            let line = line.trim_end();
            if !line.is_empty() {
                self.line(line, progress);
            }
        }
    }

    fn line(&mut self, line: &str, progress: &mut dyn FnMut(&BuildLine)) {
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
                step: match self.step.as_str() {
                    "" => message,
                    step => format!("{message} in the step '{step}'"),
                },
                tail,
            },
            other => other,
        }
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

    #[test]
    fn a_failed_build_names_the_step_and_its_last_lines() {
        let mut reading = Reading::default();
        let mut seen = Vec::new();
        let mut progress = |line: &BuildLine| seen.push(line.clone());
        reading.take(
            "Step 1/2 : FROM x\n ---> abc\nStep 2/2 : RUN ma",
            &mut progress,
        );
        reading.take("ke\nno rule to make\n", &mut progress);
        let error = bollard::errors::Error::DockerStreamError {
            error: "returned a non-zero code: 2".into(),
        };
        let words = reading.failed(error).to_string();
        assert!(
            words.contains("non-zero code: 2 in the step 'RUN make'"),
            "{words}"
        );
        assert!(words.ends_with("\nno rule to make"), "{words}");
        assert_eq!(seen.len(), 4);
    }

    #[test]
    fn a_full_disk_is_one_sentence() {
        for (tail, message) in [
            ("cp: No space: no space left on device\n", "code: 1"),
            ("", "write /x: no space left on device"),
        ] {
            let mut reading = Reading::default();
            reading.take(tail, &mut |_| {});
            let error = bollard::errors::Error::DockerStreamError {
                error: message.into(),
            };
            assert!(matches!(reading.failed(error), FleetError::NoSpace));
        }
    }
}
