//! Handing commits to the hub. A branch only ever moves forward there: what is pushed descends from
//! what was pushed before.

use crate::git::{Credential, Error, REMOTE_DEADLINE, refusal};
use crate::process::Exit;
use crate::worktree::WorkTree;

/// What came of a push.
#[derive(Debug, PartialEq, Eq)]
pub enum Push {
    /// The hub has it.
    Done,
    /// The hub does not take it.
    Refused(String),
    /// The hub could not be asked.
    Unreachable(String),
}

impl WorkTree {
    /// Pushes `commit` as the attempt's branch. Where the branch has another head that is not in the
    /// commit's history, a commit with the same tree and both as parents goes instead. Returns what
    /// was pushed.
    pub fn push(
        &self,
        credential: &Credential,
        branch: &str,
        commit: &str,
        message: &str,
    ) -> Result<(String, Push), Error> {
        let first = self.push_once(credential, branch, commit, message)?;
        if !matches!(first.1, Push::Refused(_)) {
            return Ok(first);
        }
        // An earlier push may have arrived although its answer did not.
        let theirs = self.remote_head(credential, branch)?;
        if theirs.is_none() || theirs == self.pushed() {
            return Ok(first);
        }
        self.push_onto(credential, branch, commit, message, theirs)
    }

    /// The same, but leaves it at a refusal: for what a later push makes good.
    pub fn push_once(
        &self,
        credential: &Credential,
        branch: &str,
        commit: &str,
        message: &str,
    ) -> Result<(String, Push), Error> {
        self.push_onto(credential, branch, commit, message, self.pushed())
    }

    fn push_onto(
        &self,
        credential: &Credential,
        branch: &str,
        commit: &str,
        message: &str,
        onto: Option<String>,
    ) -> Result<(String, Push), Error> {
        let commit = match &onto {
            Some(head) if !self.is_ancestor(head, commit)? => {
                self.commit_tree(&self.tree_of(commit)?, &[commit, head], message)?
            }
            _ => commit.to_owned(),
        };
        if onto.as_deref() == Some(&*commit) {
            return Ok((commit, Push::Done));
        }
        let refspec = format!("{commit}:refs/heads/{branch}");
        let captured = self
            .git
            .call(&[
                "push",
                "--quiet",
                "--porcelain",
                "--",
                &self.remote,
                &refspec,
            ])
            .with(credential)
            .within(REMOTE_DEADLINE)
            .output()?;
        let push = match captured.exit {
            Exit::Code(0) => {
                self.set_pushed(Some(commit.clone()));
                Push::Done
            }
            _ => match refused(&captured.stdout) {
                Some(why) => Push::Refused(why),
                None => Push::Unreachable(refusal("push".into(), &captured).to_string()),
            },
        };
        Ok((commit, push))
    }

    fn remote_head(&self, credential: &Credential, branch: &str) -> Result<Option<String>, Error> {
        let name = format!("refs/heads/{branch}");
        let listed = self
            .git
            .call(&["ls-remote", "--quiet", "--", &self.remote, &name])
            .with(credential)
            .within(REMOTE_DEADLINE)
            .text()?;
        let Some(head) = listed.split_whitespace().next() else {
            return Ok(None);
        };
        if !self.has(head) {
            self.fetch_refs(credential, &[&name])?;
        }
        Ok(Some(head.to_owned()))
    }
}

/// What the hub said of the ref, from a line `! <TAB> refs <TAB> [remote rejected] (why)`.
fn refused(report: &[u8]) -> Option<String> {
    let report = String::from_utf8_lossy(report);
    let line = report.lines().find(|line| line.starts_with('!'))?;
    let said = line.rsplit('\t').next().unwrap_or_default();
    let why = said.split_once(" (").map_or(said, |(_, why)| why);
    Some(why.trim_end_matches(')').to_owned())
}

#[cfg(test)]
mod tests {
    use super::refused;

    #[test]
    fn a_refusal_is_read_from_the_report() {
        let report = b"To http://hub:7777/git\n!\tabc:refs/heads/ticket/1/1\t[remote rejected] (attempt 1 is closed: it is over)\nDone\n";
        assert_eq!(
            refused(report).as_deref(),
            Some("attempt 1 is closed: it is over")
        );
        assert_eq!(
            refused(b"!\ta:b\t[rejected] (fetch first)\n").as_deref(),
            Some("fetch first")
        );
        assert_eq!(refused(b"To x\n*\ta:b\t[new branch]\nDone\n"), None);
        assert_eq!(refused(b""), None);
    }
}
