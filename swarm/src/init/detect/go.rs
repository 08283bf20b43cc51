//! Go.

use std::path::Path;

use super::{Detected, first, lines, read, version};

pub fn detect(root: &Path) -> Option<Detected> {
    let module = read(root, "go.mod")?;
    let mut verify = lines(["go vet ./..."]);
    let mut setup = String::from(
        "\
# Debian's Go is old: the image golang:1 has a newer one (image.base in the configuration).
command -v go >/dev/null || install golang
# Go takes the race detector and native packages with a C compiler:
# install gcc libc6-dev",
    );
    let linter = [
        ".golangci.yml",
        ".golangci.yaml",
        ".golangci.toml",
        ".golangci.json",
    ];
    if first(root, &linter).is_some() {
        verify.push("golangci-lint run".into());
        let install = "command -v golangci-lint >/dev/null || GOBIN=/usr/local/bin go install github.com/golangci/golangci-lint/v2/cmd/golangci-lint@latest";
        setup = format!("{setup}\n{install}");
    }
    verify.push("go test ./...".into());
    let asked = module
        .lines()
        .find_map(|line| version(line.trim().strip_prefix("go ")?, 2));
    let version = asked.unwrap_or_else(|| "1".into());
    Some(Detected::new("a Go project", &verify, &setup).on(format!("golang:{version}-bookworm")))
}
