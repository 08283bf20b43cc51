//! The interviewer's tools: an MCP server on standard input and output, started by the agent CLI. They
//! write drafts and nothing else; what is wrong goes back to the interviewer, who mends it.

use anyhow::{Context, Result};
use rmcp::handler::server::wrapper::Parameters;
use rmcp::schemars::JsonSchema;
use rmcp::{ServerHandler, ServiceExt, schemars, tool, tool_handler, tool_router};
use serde::Deserialize;

use super::drafts::{Document, Drafts};
use crate::project::Project;

/// What the agent CLI calls the server.
pub const SERVER: &str = "swarm";
/// The tools' names.
pub const NAMES: [&str; 5] = [
    "write_project",
    "write_verify",
    "write_setup",
    "set_base_image",
    "finish",
];

/// Serves until the agent CLI closes the connection.
pub async fn serve(project: &Project) -> Result<()> {
    let tools = Tools {
        drafts: Drafts::of(project),
    };
    let service = tools
        .serve(rmcp::transport::stdio())
        .await
        .context("the agent CLI did not greet")?;
    service.waiting().await?;
    Ok(())
}

#[derive(Clone)]
struct Tools {
    drafts: Drafts,
}

#[derive(Deserialize, JsonSchema)]
struct Whole {
    /// The whole file.
    text: String,
}

#[derive(Deserialize, JsonSchema)]
struct Image {
    /// The image, such as python:3.13-slim. It has apt or apk.
    image: String,
}

#[derive(Deserialize, JsonSchema)]
struct Summary {
    /// One sentence that says what the project is.
    summary: String,
}

#[tool_router]
impl Tools {
    #[tool(
        description = "Write PROJECT.md, which tells agents what the project is. Markdown that begins with a heading."
    )]
    fn write_project(
        &self,
        Parameters(Whole { text }): Parameters<Whole>,
    ) -> Result<String, String> {
        self.write(Document::Project, &text)
    }

    #[tool(
        description = "Write verify.sh, which decides what becomes a part of the project: a script for sh or bash that runs linter and tests."
    )]
    fn write_verify(
        &self,
        Parameters(Whole { text }): Parameters<Whole>,
    ) -> Result<String, String> {
        self.write(Document::Verify, &text)
    }

    #[tool(
        description = "Write project-setup.sh, which installs what the agents' image needs: a script for sh or bash that runs as root when the image is built."
    )]
    fn write_setup(&self, Parameters(Whole { text }): Parameters<Whole>) -> Result<String, String> {
        self.write(Document::Setup, &text)
    }

    #[tool(description = "Choose the image that the agents' image is built on.")]
    fn set_base_image(
        &self,
        Parameters(Image { image }): Parameters<Image>,
    ) -> Result<String, String> {
        self.drafts.set_image(&image)?;
        Ok("Noted.".into())
    }

    #[tool(description = "End the interview, when everything is written and the owner has agreed.")]
    fn finish(
        &self,
        Parameters(Summary { summary }): Parameters<Summary>,
    ) -> Result<String, String> {
        self.drafts.finish(&summary)?;
        Ok("The interview is over. Say goodbye in one short sentence.".into())
    }

    fn write(&self, document: Document, text: &str) -> Result<String, String> {
        self.drafts.write(document, text)?;
        Ok(format!("{} is written.", document.name()))
    }
}

#[tool_handler(
    name = "swarm",
    instructions = "Write what an interview about a project found out."
)]
impl ServerHandler for Tools {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_names_are_those_that_are_served() {
        let mut served: Vec<String> = Tools::tool_router()
            .list_all()
            .into_iter()
            .map(|tool| tool.name.into_owned())
            .collect();
        served.sort();
        let mut names = NAMES.map(String::from);
        names.sort();
        assert_eq!(served, names);
    }
}
