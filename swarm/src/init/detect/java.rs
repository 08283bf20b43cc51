//! Maven and Gradle, which run linters and tests by one word.

use std::path::Path;

use super::{Detected, first, has, lines, read};

/// The Java that is proposed when the project asks for none.
const USUAL: &str = "21";

pub fn detect(root: &Path) -> Option<Detected> {
    if let Some(pom) = read(root, "pom.xml") {
        let java = asked(
            &pom,
            &["maven.compiler.release>", "java.version>", "<release>"],
        );
        let (call, image) = match has(root, "mvnw") {
            true => ("sh ./mvnw", format!("eclipse-temurin:{java}-jdk")),
            false => ("mvn", format!("maven:3-eclipse-temurin-{java}")),
        };
        let verify = vec![format!("{call} --batch-mode --no-transfer-progress verify")];
        let setup = "\
command -v javac >/dev/null || install default-jdk-headless
command -v mvn >/dev/null || install maven";
        return Some(
            Detected::new("a Java project with Maven", &verify, setup)
                .on(image)
                .leaving(&["target/"]),
        );
    }
    let build = first(
        root,
        &[
            "build.gradle",
            "build.gradle.kts",
            "settings.gradle",
            "settings.gradle.kts",
        ],
    )?;
    let java = asked(
        &read(root, build)?,
        &["JavaLanguageVersion.of(", "JavaVersion.VERSION_"],
    );
    let (call, image) = match has(root, "gradlew") {
        true => ("sh ./gradlew", format!("eclipse-temurin:{java}-jdk")),
        false => ("gradle", format!("gradle:8-jdk{java}")),
    };
    let mut verify = lines(["export GRADLE_OPTS=-Dorg.gradle.daemon=false"]);
    verify.push(format!("{call} --console=plain check"));
    let setup = "\
command -v javac >/dev/null || install default-jdk-headless
command -v gradle >/dev/null || install gradle";
    Some(
        Detected::new("a Java project with Gradle", &verify, setup)
            .on(image)
            .leaving(&["build/", ".gradle/"]),
    )
}

/// The release that stands behind one of these words, when it is one that images are made for.
fn asked(text: &str, words: &[&str]) -> String {
    let number = |word: &str| {
        let (_, rest) = text.split_once(word)?;
        let number: String = rest.chars().take_while(char::is_ascii_digit).collect();
        ["17", "21", "25"]
            .contains(&number.as_str())
            .then_some(number)
    };
    let found = words.iter().find_map(|word| number(word));
    found.unwrap_or_else(|| USUAL.into())
}
