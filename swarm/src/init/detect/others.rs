//! Kinds of projects that have one usual way to be tested.

use std::path::Path;

use super::{Detected, first, has, lines, names_in, read};

pub fn dotnet(root: &Path) -> Option<Detected> {
    let endings = [".sln", ".slnx", ".csproj", ".fsproj"];
    let is_project = |name: &String| endings.iter().any(|ending| name.ends_with(ending));
    names_in(root).iter().find(|name| is_project(name))?;
    let mut verify = lines(["export DOTNET_CLI_TELEMETRY_OPTOUT=1 DOTNET_NOLOGO=1"]);
    if has(root, ".editorconfig") {
        verify.push("dotnet format whitespace --verify-no-changes".into());
    }
    verify.push("dotnet test".into());
    let setup =
        "command -v dotnet >/dev/null || { echo 'build on an image with dotnet' >&2; exit 1; }";
    let image = "mcr.microsoft.com/dotnet/sdk:9.0-bookworm-slim";
    Some(
        Detected::new("a .NET project", &verify, setup)
            .on(image)
            .leaving(&["bin/", "obj/"]),
    )
}

pub fn ruby(root: &Path) -> Option<Detected> {
    let gems = read(root, "Gemfile")?;
    let mut verify = lines([
        "export BUNDLE_PATH=\"$PWD/vendor/bundle\"",
        "mkdir -p vendor/bundle && echo '*' >vendor/bundle/.gitignore",
        "bundle install --quiet",
    ]);
    if has(root, ".rubocop.yml") {
        verify.push("bundle exec rubocop".into());
    }
    verify.push(match root.join("spec").is_dir() || gems.contains("rspec") {
        true => "bundle exec rspec".into(),
        false => "bundle exec rake test".into(),
    });
    let setup = "command -v bundle >/dev/null || install ruby-full bundler\ncommand -v gcc >/dev/null || install build-essential";
    Some(Detected::new("a Ruby project", &verify, setup).on("ruby:3-slim-bookworm"))
}

pub fn php(root: &Path) -> Option<Detected> {
    let package: serde_json::Value = serde_json::from_str(&read(root, "composer.json")?).ok()?;
    let mut verify = lines(["composer install --no-interaction --no-progress --quiet"]);
    for script in ["lint", "phpstan", "test"] {
        if !package["scripts"][script].is_null() {
            verify.push(format!("composer run-script {script}"));
        }
    }
    if verify.len() == 1 {
        first(root, &["phpunit.xml", "phpunit.xml.dist"])?;
        verify.push("vendor/bin/phpunit".into());
    }
    let setup =
        "command -v composer >/dev/null || install composer php-cli php-xml php-mbstring unzip";
    Some(
        Detected::new("a PHP project", &verify, setup)
            .on("composer:2")
            .leaving(&["vendor/"]),
    )
}

pub fn elixir(root: &Path) -> Option<Detected> {
    read(root, "mix.exs")?;
    let mut verify = lines([
        "mix local.hex --force --if-missing >/dev/null",
        "mix deps.get --only test",
    ]);
    if has(root, ".formatter.exs") {
        verify.push("mix format --check-formatted".into());
    }
    verify.push("MIX_ENV=test mix test".into());
    let setup = "command -v mix >/dev/null || install elixir";
    Some(
        Detected::new("an Elixir project", &verify, setup)
            .on("elixir:1-slim")
            .leaving(&["_build/", "deps/"]),
    )
}

pub fn cmake(root: &Path) -> Option<Detected> {
    let text = read(root, "CMakeLists.txt")?;
    if !text.contains("enable_testing") && !text.contains("include(CTest)") {
        return None;
    }
    let verify = lines([
        "mkdir -p build && echo '*' >build/.gitignore",
        "cmake -S . -B build",
        "cmake --build build",
        "ctest --test-dir build --output-on-failure",
    ]);
    let setup = "command -v cmake >/dev/null || install cmake\ncommand -v c++ >/dev/null || install g++ make";
    Some(Detected::new("a CMake project", &verify, setup).leaving(&["build/"]))
}
