//! The images of a project: one for its agents and verifiers, one for the hub.
//!
//! Their tags are hashes of everything that goes into them, so what did not change is neither
//! built nor sent to the engine again. Nothing secret is ever in an image.

use std::collections::{BTreeMap, HashMap};
use std::fs;

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};
use ticket::backend::Kind;

use crate::config::{Config, DEFAULT_BASE_IMAGE};
use crate::fleet::names::ROLE_LABEL;
use crate::fleet::{BuildLine, BuildRequest, Fleet, Names};
use crate::project::Project;

mod context;
mod sources;

pub use context::Files;
use sources::{certificates, extra_files, program, project_setup};

const AGENT_RECIPE: &str = include_str!("../../docker/agent.Dockerfile");
const CLAUDE_RECIPE: &str = include_str!("../../docker/agent-claude.Dockerfile");
const CODEX_RECIPE: &str = include_str!("../../docker/agent-codex.Dockerfile");
const OPENCODE_RECIPE: &str = include_str!("../../docker/agent-opencode.Dockerfile");
const GEMINI_RECIPE: &str = include_str!("../../docker/agent-gemini.Dockerfile");
const HUB_RECIPE: &str = include_str!("../../docker/hub.Dockerfile");

/// The images that a project runs on, by name and tag.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Images {
    /// For agents and verifiers.
    pub agent: String,
    /// For the hub.
    pub hub: String,
}

/// What is said while images are made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Progress<'a> {
    /// This image is being built: `the agents' image`.
    Begin(&'static str),
    /// A line of the build.
    Line(&'a BuildLine),
    /// It is built.
    End(&'static str),
}

impl Images {
    /// What the last start built. The hub asks this.
    pub fn load(project: &Project) -> Result<Images> {
        let file = project.images_file();
        let text = fs::read_to_string(&file)
            .with_context(|| format!("cannot read {}: run 'swarm start'", file.display()))?;
        serde_json::from_str(&text)
            .with_context(|| format!("{} is damaged: run 'swarm start'", file.display()))
    }

    fn save(&self, project: &Project) -> Result<()> {
        let file = project.images_file();
        let draft = file.with_extension("json.new");
        fs::write(&draft, serde_json::to_vec_pretty(self)?)
            .and_then(|()| fs::rename(&draft, &file))
            .with_context(|| format!("cannot write {}", file.display()))
    }
}

/// Builds what is not there yet and keeps the names for the hub. Tags of earlier builds of the
/// project are taken away.
pub async fn build(
    fleet: &Fleet,
    project: &Project,
    config: &Config,
    progress: &mut dyn FnMut(Progress<'_>),
) -> Result<Images> {
    let certificates = certificates()?;
    let mut agents: Vec<String> = Vec::new();
    for recipe in agent_recipes(project, config, &certificates)? {
        let below = agents.last().cloned().unwrap_or_default();
        agents.push(recipe.on(&below).make(fleet, progress).await?);
    }
    let images = Images {
        agent: agents.last().cloned().unwrap_or_default(),
        hub: hub_recipe(&certificates)?.make(fleet, progress).await?,
    };
    images.save(project)?;
    forget_others(fleet, project, &agents).await;
    Ok(images)
}

/// What [`build`] would make now.
pub fn wanted(project: &Project, config: &Config) -> Result<Images> {
    let certificates = certificates()?;
    let mut agent = String::new();
    for recipe in agent_recipes(project, config, &certificates)? {
        agent = recipe.on(&agent).tag();
    }
    Ok(Images {
        agent,
        hub: hub_recipe(&certificates)?.tag(),
    })
}

/// An image to make, before it is known on which other one.
struct Recipe {
    what: &'static str,
    repository: String,
    files: Files,
    args: BTreeMap<String, String>,
    labels: BTreeMap<String, String>,
    /// The argument that names the image made just before.
    on: Option<&'static str>,
}

impl Recipe {
    fn on(mut self, image: &str) -> Recipe {
        if let Some(argument) = self.on {
            self.args.insert(argument.into(), image.into());
        }
        self
    }

    /// What it is called: the same parts make the same name.
    fn tag(&self) -> String {
        format!("{}:{}", self.repository, self.files.hash(&self.args))
    }

    async fn make(self, fleet: &Fleet, progress: &mut dyn FnMut(Progress<'_>)) -> Result<String> {
        let tag = self.tag();
        if fleet.has_image(&tag).await? {
            tracing::debug!("{} is there already: {tag}", self.what);
            return Ok(tag);
        }
        progress(Progress::Begin(self.what));
        let request = BuildRequest {
            tag: tag.clone(),
            context: self.files.tar()?,
            args: self.args.into_iter().collect(),
            labels: self.labels.into_iter().collect::<HashMap<_, _>>(),
        };
        fleet
            .build(request, &mut |line| progress(Progress::Line(line)))
            .await?;
        progress(Progress::End(self.what));
        Ok(tag)
    }
}

/// The agents' image, on top of one for each agent CLI that a role has. Those are the same for every
/// project on their base, and the larger part by far.
fn agent_recipes(project: &Project, config: &Config, certificates: &[u8]) -> Result<Vec<Recipe>> {
    let names = Names::of(project.id());
    let mut files = Files::with_recipe(AGENT_RECIPE);
    files.add("ca.crt", certificates.to_vec(), false);
    files.add(
        "project-setup.sh",
        project_setup(project, &config.project.branch)?,
        true,
    );
    files.add("agent-runner", program("agent-runner")?, true);
    files.add("ticket", program("ticket")?, true);
    files.add_folder("extra");
    extra_files(&project.image_extra(), "extra", &mut files)?;
    let agent = Recipe {
        what: "the agents' image",
        repository: names.agent_repository(),
        files,
        args: BTreeMap::from([("BASE".into(), config.image.base.clone())]),
        labels: names.labels(),
        on: None,
    };
    let mut recipes: Vec<Recipe> = Vec::new();
    for kind in config.clis().into_iter().map(|cli| cli.backend.kind) {
        if let Some(recipe) = cli_recipe(kind, config, certificates)
            && !recipes.iter().any(|r| r.repository == recipe.repository)
        {
            let on = Some("AGENT").filter(|_| !recipes.is_empty());
            recipes.push(Recipe { on, ..recipe });
        }
    }
    let on = Some("BASE").filter(|_| !recipes.is_empty());
    recipes.push(Recipe { on, ..agent });
    Ok(recipes)
}

/// Puts the program of a kind on top of another image; none for a kind that has no program.
fn cli_recipe(kind: Kind, config: &Config, certificates: &[u8]) -> Option<Recipe> {
    let image = &config.image;
    let (what, recipe, version) = match kind {
        Kind::Claude => (
            "the image with claude",
            CLAUDE_RECIPE,
            &image.claude_version,
        ),
        Kind::Codex => ("the image with codex", CODEX_RECIPE, &image.codex_version),
        Kind::Opencode => (
            "the image with opencode",
            OPENCODE_RECIPE,
            &image.opencode_version,
        ),
        Kind::Gemini => (
            "the image with gemini",
            GEMINI_RECIPE,
            &image.gemini_version,
        ),
        Kind::Command => return None,
    };
    let mut files = Files::with_recipe(recipe);
    files.add("ca.crt", certificates.to_vec(), false);
    let version_argument = format!("{}_VERSION", kind.as_str().to_uppercase());
    Some(Recipe {
        what,
        repository: format!("swarm-{kind}"),
        files,
        args: BTreeMap::from([
            ("AGENT".into(), image.base.clone()),
            (version_argument, version.clone()),
        ]),
        labels: BTreeMap::from([(ROLE_LABEL.into(), "worker".into())]),
        on: None,
    })
}

/// The hub's image is the same for every project of one version.
fn hub_recipe(certificates: &[u8]) -> Result<Recipe> {
    let mut files = Files::with_recipe(HUB_RECIPE);
    files.add("ca.crt", certificates.to_vec(), false);
    files.add("monitor", program("monitor")?, true);
    Ok(Recipe {
        what: "the hub's image",
        repository: "swarm-hub".into(),
        files,
        args: BTreeMap::from([("BASE".into(), DEFAULT_BASE_IMAGE.into())]),
        labels: BTreeMap::from([(ROLE_LABEL.into(), "hub".into())]),
        on: None,
    })
}

/// Old tags cost disk space and nothing else, so a failure here is not worth a word.
async fn forget_others(fleet: &Fleet, project: &Project, kept: &[String]) {
    let repository = Names::of(project.id()).agent_repository();
    for tag in fleet.image_tags(&repository).await.unwrap_or_default() {
        if !kept.contains(&tag) {
            let _ = fleet.forget_image(&tag).await;
        }
    }
}

/// Takes away every image of the project.
pub async fn forget(fleet: &Fleet, project: &Project) -> Result<()> {
    let repository = Names::of(project.id()).agent_repository();
    for tag in fleet.image_tags(&repository).await? {
        fleet.forget_image(&tag).await?;
    }
    Ok(())
}
