//! A secret that is easy to recognise, and the search for places where it must not be.

use std::io::Read;
use std::path::Path;

use rand::RngExt;

/// How much is searched at once.
const CHUNK: usize = 1 << 20;

/// A made-up API key. What counts as found is its random half: nothing else contains that.
pub struct Canary {
    random: String,
}

impl Canary {
    /// A new one.
    pub fn new() -> Canary {
        let bytes: [u8; 16] = rand::rng().random();
        Canary {
            random: bytes.iter().map(|b| format!("{b:02x}")).collect(),
        }
    }

    /// The whole key.
    pub fn key(&self) -> String {
        format!("sk-ant-canary-{}", self.random)
    }

    /// True when it is in what `content` gives.
    pub fn is_in(&self, content: &mut dyn Read) -> bool {
        let needle = self.random.as_bytes();
        let mut window = Vec::with_capacity(CHUNK + needle.len());
        loop {
            let kept = window.len();
            content
                .take(CHUNK as u64)
                .read_to_end(&mut window)
                .expect("a readable stream");
            if window.len() == kept {
                return false;
            }
            if contains(&window, needle) {
                return true;
            }
            // What it may end in: the beginning of the needle.
            window.drain(..window.len() - needle.len().min(window.len()));
        }
    }

    /// True when it is in this text.
    pub fn is_in_text(&self, text: &str) -> bool {
        text.contains(&self.random)
    }

    /// The files below `folder` that hold it, in their content or their name.
    pub fn files_with_it(&self, folder: &Path) -> Vec<String> {
        let mut found = Vec::new();
        let mut folders = vec![folder.to_path_buf()];
        while let Some(folder) = folders.pop() {
            for entry in folder.read_dir().expect("a readable folder") {
                let entry = entry.expect("a readable folder");
                let (path, kind) = (entry.path(), entry.file_type().expect("a file type"));
                let mut hit = self.is_in_text(&path.to_string_lossy());
                if kind.is_dir() {
                    folders.push(path.clone());
                } else if kind.is_file() {
                    // A running hub may remove a file meanwhile.
                    hit |= std::fs::File::open(&path).is_ok_and(|mut file| self.is_in(&mut file));
                }
                if hit {
                    found.push(path.display().to_string());
                }
            }
        }
        found
    }
}

/// Whether `needle` is somewhere in `hay`. By Horspool: images are gigabytes, and most of their bytes
/// need no look.
fn contains(hay: &[u8], needle: &[u8]) -> bool {
    let last = needle.len() - 1;
    let mut steps = [needle.len(); 256];
    for (place, byte) in needle[..last].iter().enumerate() {
        steps[usize::from(*byte)] = last - place;
    }
    let mut at = 0;
    while let Some(part) = hay.get(at..at + needle.len()) {
        if part == needle {
            return true;
        }
        at += steps[usize::from(part[last])];
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_found_wherever_chunks_are_cut() {
        let canary = Canary::new();
        for before in [0, 1, CHUNK - 40, CHUNK - 10, CHUNK, 2 * CHUNK - 1] {
            let mut content = vec![b'x'; before];
            assert!(!canary.is_in(&mut content.as_slice()));
            content.extend(canary.key().bytes());
            content.extend([b'y'; 100]);
            assert!(
                canary.is_in(&mut content.as_slice()),
                "after {before} bytes"
            );
        }
    }
}
