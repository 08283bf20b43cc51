//! The Docker engine as its own client shows it: what a project has there, independent of our code.

use std::collections::BTreeSet;
use std::io::Read;
use std::net::IpAddr;
use std::process::Stdio;
use std::time::Duration;

use swarm::config::DEFAULT_BASE_IMAGE;

use super::command::{output, printed, within};

/// How long one question to the engine may take.
const DEADLINE: Duration = Duration::from_secs(120);

/// What can be labelled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Container,
    Network,
    Volume,
    Image,
}

/// Fails with a sentence when there is no engine to test with.
pub fn require() {
    let answer =
        output(within(DEADLINE, "docker").args(["version", "--format", "{{.Server.Version}}"]));
    assert!(
        answer.status.success(),
        "this test needs a Docker engine and its client: run 'scripts/setup engine' and 'scripts/engine start' ({})",
        String::from_utf8_lossy(&answer.stderr).trim(),
    );
}

/// What `docker` prints.
pub fn docker(arguments: &[&str]) -> String {
    printed(within(DEADLINE, "docker").args(arguments))
}

/// What `docker` prints on both streams, whatever its exit code.
pub fn docker_says(arguments: &[&str]) -> String {
    let output = output(within(DEADLINE, "docker").args(arguments));
    String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned()
}

/// The names of everything of this kind that has the project's label.
pub fn labelled(kind: Kind, project: &str) -> Vec<String> {
    let words: &[&str] = match kind {
        Kind::Container => &["ps", "--all", "--format", "{{.Names}}"],
        Kind::Network => &["network", "ls", "--format", "{{.Name}}"],
        Kind::Volume => &["volume", "ls", "--format", "{{.Name}}"],
        Kind::Image => &["image", "ls", "--format", "{{.Repository}}:{{.Tag}}"],
    };
    list(words, project).into_iter().collect()
}

/// The images that the project's containers were made from.
pub fn images_in_use(project: &str) -> Vec<String> {
    let words = ["ps", "--all", "--format", "{{.Image}}"];
    list(&words, project).into_iter().collect()
}

fn list(words: &[&str], project: &str) -> BTreeSet<String> {
    let label = format!("label=swarm.project={project}");
    let printed = docker(&[words, &["--filter", &label]].concat());
    printed.lines().map(String::from).collect()
}

/// An address of this machine that every container reaches, whatever its network.
pub fn address_of_this_machine() -> IpAddr {
    let template = "{{range .IPAM.Config}}{{.Gateway}} {{end}}";
    let gateways = docker(&["network", "inspect", "bridge", "--format", template]);
    let mut addresses = gateways
        .split_whitespace()
        .filter_map(|word| word.parse().ok());
    addresses.find(IpAddr::is_ipv4).unwrap_or_else(|| {
        panic!("the engine's bridge has no gateway on this machine: '{gateways}'")
    })
}

/// The processes in containers, as `(container, arguments)`. One that just ended has none.
pub fn processes(containers: &[String]) -> Vec<(String, String)> {
    let of = |name: &String| {
        let table = docker_says(&["top", name, "-eo", "pid,args"]);
        let lines = table.lines().map(|line| (name.clone(), line.to_string()));
        lines.collect::<Vec<_>>()
    };
    containers.iter().flat_map(of).collect()
}

/// The environments of the processes in a container, as far as its own user may read them: as far as
/// an agent in it could. `None` when it just ended.
pub fn environments(container: &str) -> Option<String> {
    let read = "cat /proc/[0-9]*/environ 2>/dev/null | tr '\\0' '\\n'";
    let said = docker_says(&["exec", container, "sh", "-c", read]);
    if ["No such container", "is not running"]
        .iter()
        .any(|ended| said.contains(ended))
    {
        return None;
    }
    assert!(
        said.contains("PATH="),
        "environments could not be read: {said}"
    );
    Some(said)
}

/// Calls `look` with the whole content of images: their layers and their configuration.
pub fn saved<T>(images: &[String], look: impl FnOnce(&mut dyn Read) -> T) -> T {
    let images: Vec<&str> = images.iter().map(String::as_str).collect();
    stream(&[&["save"], images.as_slice()].concat(), look)
}

/// Calls `look` with all files of a volume, as an archive.
pub fn volume_content<T>(volume: &str, look: impl FnOnce(&mut dyn Read) -> T) -> T {
    let mount = format!("{volume}:/volume:ro");
    let run = ["run", "--rm", "--network=none", "--volume", &mount];
    // A file that changes meanwhile is exit code 1, and no fault.
    let tar = "tar --create --directory /volume . || [ $? -eq 1 ]";
    stream(
        &[run.as_slice(), &[DEFAULT_BASE_IMAGE, "sh", "-c", tar]].concat(),
        look,
    )
}

fn stream<T>(arguments: &[&str], look: impl FnOnce(&mut dyn Read) -> T) -> T {
    let mut command = within(DEADLINE, "docker");
    let command = command.args(arguments).stdout(Stdio::piped());
    let mut child = command.spawn().expect("docker");
    let mut content = child.stdout.take().expect("a pipe");
    let found = look(&mut content);
    std::io::copy(&mut content, &mut std::io::sink()).expect("the rest");
    let status = child.wait().expect("docker");
    assert!(status.success(), "docker {arguments:?} ended with {status}");
    found
}

/// Removes what is named, whatever its state. Layers of images stay for the next build.
pub fn remove(kind: Kind, names: &[String]) {
    let words: &[&str] = match kind {
        Kind::Container => &["rm", "--force", "--volumes"],
        Kind::Network => &["network", "rm"],
        Kind::Volume => &["volume", "rm", "--force"],
        Kind::Image => &["image", "rm", "--force", "--no-prune"],
    };
    for name in names {
        docker_says(&[words, &[name.as_str()]].concat());
    }
}
