//! What a container may, by role and configuration.

use super::*;

fn blueprint(config: &str) -> Blueprint {
    let config = Config::parse(config, Path::new("config.json")).unwrap();
    Blueprint::new("a1b2c3", &config, "swarm-a1b2c3-agent:42")
}

#[test]
fn an_agent_has_its_code_and_nothing_else_in_its_environment() {
    for role in [Role::Worker, Role::Verifier] {
        let spec = blueprint(r#"{"agents": {"env": {"KEY": "secret"}}}"#).agent(role, 1, "once");
        let env: Vec<_> = spec.env.iter().map(|(k, v)| format!("{k}={v}")).collect();
        let expected = [
            "SWARM_CODE=once",
            "SWARM_HUB=http://hub:7777",
            "SWARM_SCRATCH=/tmp",
        ];
        assert_eq!(env, expected);
        assert!(!format!("{spec:?}").contains("once"));
    }
}

#[test]
fn an_agent_sees_nothing_of_the_host() {
    for role in [Role::Worker, Role::Verifier] {
        let spec = blueprint("{}").agent(role, 7, "once");
        assert!(spec.binds.is_empty() && spec.publish.is_none() && spec.groups.is_empty());
        assert_eq!(spec.restart, Restart::No);
        assert_eq!(spec.user, "1000:1000");
    }
}

#[test]
fn only_a_workers_tree_outlives_it() {
    let worker = blueprint("{}").worker(2, "x");
    let volume = ("swarm-a1b2c3-agent-2-work".into(), "/work".into());
    assert_eq!(worker.volume, Some(volume));
    assert!(!worker.tmpfs.contains_key("/work"));
    let verifier = blueprint("{}").verifier(2, "x");
    assert_eq!(verifier.volume, None);
    assert!(verifier.tmpfs["/work"].contains("uid=1000"));
}

#[test]
fn limits_come_from_the_configuration() {
    let config = r#"{"limits": {"memory": "512m", "cpus": 1.5, "pids": 99, "file_size": "1g"}}"#;
    let expected = Resources {
        memory: 512 << 20,
        nano_cpus: 1_500_000_000,
        pids: 99,
        file_size: 1 << 30,
    };
    assert_eq!(blueprint(config).worker(1, "x").resources, expected);
    let small = blueprint(r#"{"limits": {"disk": "1g"}}"#);
    let in_memory = &small.verifier(1, "x").tmpfs["/work"];
    assert!(in_memory.ends_with(",size=1073741824"), "{in_memory}");
    let cores = |cores| blueprint("{}").worker(1, "x").on_cores(cores).resources;
    assert_eq!(cores(1).nano_cpus, NANO);
    assert_eq!(cores(16).nano_cpus, 2 * NANO);
}

#[test]
fn hub_only_leaves_no_way_out() {
    let reach = |config| {
        let blueprint = blueprint(config);
        let all = blueprint.networks();
        let joined = blueprint.worker(1, "x").networks;
        let joined = joined.iter().map(|a| {
            let network = all.iter().find(|network| network.name == a.network);
            network.unwrap().reach
        });
        joined.collect::<Vec<_>>()
    };
    assert_eq!(reach("{}"), [Reach::EachOther, Reach::Outside]);
    let closed = reach(r#"{"network": {"access": "hub-only"}}"#);
    assert_eq!(closed, [Reach::EachOther]);
}

#[test]
fn the_hub_sees_the_projects_folder_and_the_socket() {
    let host = HubHost {
        root: Path::new("/p"),
        folder: Path::new("/p/.swarm"),
        socket: Path::new("/run/user/7/docker.sock"),
        user: "1000:1000".into(),
        socket_group: 999,
        port: 3001,
    };
    let spec = hub(&Names::of("a1b2c3"), "swarm-hub:1", &host);
    let binds = [
        ("/p/.swarm", "/p/.swarm"),
        ("/run/user/7/docker.sock", ENGINE_SOCKET),
    ];
    assert_eq!(spec.binds, binds.map(|(from, to)| (from.into(), to.into())));
    assert_eq!(spec.groups, ["999"]);
    assert_eq!(spec.restart, Restart::Always);
    assert!(spec.env.is_empty());
    let args = spec.args.join(" ");
    assert!(args.starts_with("--keep ") && args.contains("--published 3001"));
    let networks: Vec<_> = spec.networks.iter().map(|a| a.network.as_str()).collect();
    assert_eq!(networks, ["swarm-a1b2c3-front", "swarm-a1b2c3-inner"]);
}
