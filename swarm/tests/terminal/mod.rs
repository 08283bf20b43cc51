//! A terminal of its own for `swarm`, made by the program `script`. Shared by the tests with and without
//! containers.

/// The arguments with which `script` runs `swarm` and then `stty`, which says how it left the terminal.
/// The exit code is that of `swarm`.
pub fn script(arguments: &str) -> [String; 5] {
    let swarm = env!("CARGO_BIN_EXE_swarm");
    let line = format!("stty cols 120 rows 40; {swarm} {arguments}; code=$?; stty -a; exit $code");
    [
        "--quiet",
        "--return",
        "--flush",
        &format!("--command={line}"),
        "/dev/null",
    ]
    .map(str::to_owned)
}
