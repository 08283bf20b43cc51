//! A Docker engine of its own whose disk is small: a second dockerd, its data in a memory file system
//! that only it sees.

use std::fs;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use tempfile::TempDir;

/// Enough for the engine's own files, in megabytes.
const MEGABYTES: usize = 48;
/// How long an engine may take to answer.
const START_DEADLINE: Duration = Duration::from_secs(60);
/// How often it is looked at meanwhile.
const LOOK_EVERY: Duration = Duration::from_millis(50);
/// Mounts the disk, then becomes the engine. It reaches no network and changes nothing of the host's.
const BECOME_ENGINE: &str = "\
mount -t tmpfs -o size=${MEGABYTES}m small \"$PLACE/data\" &&
exec dockerd --data-root \"$PLACE/data\" --exec-root \"$PLACE/exec\" --pidfile \"$PLACE/pid\" \
    --host \"unix://$PLACE/docker.sock\" --config-file \"$PLACE/daemon.json\" \
    --iptables=false --ip6tables=false --bridge=none --storage-driver=vfs
";

/// The engine. It ends when this is dropped.
pub struct SmallEngine {
    place: TempDir,
    dockerd: Child,
}

impl SmallEngine {
    /// `None` where it cannot be had: it takes root, and the program `dockerd`.
    pub fn start() -> Option<SmallEngine> {
        let place = tempfile::tempdir().expect("a temporary folder");
        fs::create_dir(place.path().join("data")).expect("a folder");
        fs::write(place.path().join("daemon.json"), "{}").expect("a file");
        let log = fs::File::create(place.path().join("log")).expect("a file");
        let dockerd = Command::new("unshare")
            .args(["--mount", "--net", "sh", "-c", BECOME_ENGINE])
            .env("PLACE", place.path())
            .env("MEGABYTES", MEGABYTES.to_string())
            .stdin(Stdio::null())
            .stdout(log.try_clone().expect("a file"))
            .stderr(log)
            .spawn()
            .ok()?;
        let mut engine = SmallEngine { place, dockerd };
        let end = Instant::now() + START_DEADLINE;
        while UnixStream::connect(engine.socket()).is_err() {
            if engine.dockerd.try_wait().expect("a child").is_some() {
                return None;
            }
            assert!(
                Instant::now() < end,
                "the small engine does not answer: {}",
                engine.log()
            );
            thread::sleep(LOOK_EVERY);
        }
        Some(engine)
    }

    /// For `DOCKER_HOST`.
    pub fn address(&self) -> String {
        format!("unix://{}", self.socket().display())
    }

    /// How large its disk is.
    pub fn bytes(&self) -> usize {
        MEGABYTES << 20
    }

    fn socket(&self) -> PathBuf {
        self.place.path().join("docker.sock")
    }

    fn log(&self) -> String {
        fs::read_to_string(self.place.path().join("log")).unwrap_or_default()
    }
}

impl Drop for SmallEngine {
    fn drop(&mut self) {
        // In good order, so that it ends its own containerd.
        let id = self.dockerd.id().to_string();
        let _ = Command::new("kill").arg(id).status();
        let _ = self.dockerd.wait();
        if thread::panicking() {
            eprintln!("===== log of the small engine\n{}", self.log());
        }
    }
}
