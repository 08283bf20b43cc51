//! What the engine reports, changed one field at a time.

use std::path::Path;

use serde_json::{Value, json};

use super::*;
use crate::config::Config;
use crate::fleet::spec::Blueprint;

fn spec() -> ContainerSpec {
    let mut config = Config::default();
    config.network.access = crate::config::Access::HubOnly;
    Blueprint::new("a1b2c3", &config, "swarm-a1b2c3-agent:42").worker(1, "once")
}

fn around() -> Surroundings {
    Surroundings {
        seccomp: Some("default".into()),
        image_env: ["PATH".to_string(), "HOME".to_string()].into(),
        image_volumes: ["/data".to_string()].into(),
    }
}

/// As an engine of API 1.41 reports a worker before its start.
fn report() -> Value {
    json!({
        "Config": {
            "Image": "swarm-a1b2c3-agent:42",
            "User": "1000:1000",
            "Env": ["SWARM_HUB=http://hub:7777", "SWARM_CODE=once", "PATH=/bin", "HOME=/home/agent"],
            "Labels": {
                "swarm.project": "a1b2c3", "swarm.role": "worker", "swarm.name": "agent-1",
                "maintainer": "somebody"
            }
        },
        "HostConfig": {
            "Privileged": false,
            "CapDrop": ["ALL"],
            "CapAdd": null,
            "SecurityOpt": ["no-new-privileges"],
            "ReadonlyRootfs": true,
            "Init": true,
            "IpcMode": "private",
            "PidMode": "",
            "UTSMode": "",
            "UsernsMode": "",
            "CgroupnsMode": "private",
            "MaskedPaths": ["/proc/kcore"],
            "ReadonlyPaths": ["/proc/sys"],
            "RestartPolicy": {"Name": "no", "MaximumRetryCount": 0},
            "Memory": 4_294_967_296i64,
            "NanoCpus": 2_000_000_000,
            "PidsLimit": 1024,
            "Ulimits": [
                {"Name": "nofile", "Soft": 1024, "Hard": 4096},
                {"Name": "fsize", "Soft": 17_179_869_184i64, "Hard": 17_179_869_184i64}
            ],
            "Tmpfs": {"/tmp": "rw,exec,nosuid,nodev,mode=1777"},
            "NetworkMode": "swarm-a1b2c3-inner",
            "PortBindings": {},
            "PublishAllPorts": false,
            "Devices": [], "DeviceRequests": null, "ExtraHosts": null
        },
        "Mounts": [{
            "Type": "volume", "Name": "swarm-a1b2c3-agent-1-work", "Destination": "/work",
            "Source": "/var/lib/docker/volumes/swarm-a1b2c3-agent-1-work/_data", "RW": true
        }],
        "NetworkSettings": {"Networks": {"swarm-a1b2c3-inner": {}}}
    })
}

fn fields(around: &Surroundings, report: Value) -> Vec<&'static str> {
    let found = serde_json::from_value(report).unwrap();
    let drifts = drift(&spec(), around, &found);
    drifts.into_iter().map(|drift| drift.field).collect()
}

#[test]
fn a_container_as_it_should_be_has_no_drift() {
    assert_eq!(fields(&around(), report()), Vec::<&str>::new());
}

#[test]
fn every_field_that_opens_a_container_is_noticed() {
    let bind = json!([{"Type": "bind", "Source": "/", "Destination": "/work", "RW": true}]);
    let table = [
        ("Image", "/Config/Image", json!("debian")),
        ("User", "/Config/User", json!("")),
        (
            "Env",
            "/Config/Env",
            json!(["SWARM_CODE=x", "ANTHROPIC_API_KEY=sk"]),
        ),
        (
            "Labels",
            "/Config/Labels",
            json!({"swarm.project": "ffffff"}),
        ),
        ("Privileged", "/HostConfig/Privileged", json!(true)),
        ("Privileged", "/HostConfig/Privileged", Value::Null),
        ("CapDrop", "/HostConfig/CapDrop", Value::Null),
        ("CapDrop", "/HostConfig/CapDrop", json!(["NET_RAW"])),
        ("CapAdd", "/HostConfig/CapAdd", json!(["SYS_ADMIN"])),
        ("SecurityOpt", "/HostConfig/SecurityOpt", json!([])),
        (
            "SecurityOpt",
            "/HostConfig/SecurityOpt",
            json!(["no-new-privileges", "seccomp=unconfined"]),
        ),
        (
            "SecurityOpt",
            "/HostConfig/SecurityOpt",
            json!(["no-new-privileges", "apparmor=unconfined"]),
        ),
        ("ReadonlyRootfs", "/HostConfig/ReadonlyRootfs", json!(false)),
        ("Init", "/HostConfig/Init", json!(false)),
        ("MaskedPaths", "/HostConfig/MaskedPaths", json!([])),
        ("ReadonlyPaths", "/HostConfig/ReadonlyPaths", json!([])),
        ("GroupAdd", "/HostConfig/GroupAdd", json!(["999"])),
        ("PidMode", "/HostConfig/PidMode", json!("host")),
        ("UTSMode", "/HostConfig/UTSMode", json!("host")),
        ("UsernsMode", "/HostConfig/UsernsMode", json!("host")),
        ("IpcMode", "/HostConfig/IpcMode", json!("host")),
        ("CgroupnsMode", "/HostConfig/CgroupnsMode", json!("host")),
        (
            "RestartPolicy",
            "/HostConfig/RestartPolicy",
            json!({"Name": "always"}),
        ),
        ("Memory", "/HostConfig/Memory", json!(0)),
        ("NanoCpus", "/HostConfig/NanoCpus", json!(0)),
        ("PidsLimit", "/HostConfig/PidsLimit", Value::Null),
        ("Ulimits", "/HostConfig/Ulimits", Value::Null),
        (
            "Ulimits",
            "/HostConfig/Ulimits",
            json!([{"Name": "fsize", "Soft": 1, "Hard": -1}]),
        ),
        (
            "Devices",
            "/HostConfig/Devices",
            json!([{"PathOnHost": "/dev/kvm"}]),
        ),
        (
            "DeviceRequests",
            "/HostConfig/DeviceRequests",
            json!([{"Driver": "nvidia"}]),
        ),
        (
            "DeviceCgroupRules",
            "/HostConfig/DeviceCgroupRules",
            json!(["c 10:200 rwm"]),
        ),
        (
            "Sysctls",
            "/HostConfig/Sysctls",
            json!({"net.ipv4.ip_forward": "1"}),
        ),
        ("Tmpfs", "/HostConfig/Tmpfs", json!({})),
        ("VolumesFrom", "/HostConfig/VolumesFrom", json!(["other"])),
        ("Mounts", "/Mounts", bind),
        ("Mounts", "/Mounts", json!([])),
        ("NetworkMode", "/HostConfig/NetworkMode", json!("host")),
        (
            "Networks",
            "/NetworkSettings/Networks",
            json!({"swarm-a1b2c3-inner": {}, "bridge": {}}),
        ),
        (
            "PortBindings",
            "/HostConfig/PortBindings",
            json!({"22/tcp": [{"HostIp": "", "HostPort": "22"}]}),
        ),
        (
            "PublishAllPorts",
            "/HostConfig/PublishAllPorts",
            json!(true),
        ),
        (
            "ExtraHosts",
            "/HostConfig/ExtraHosts",
            json!(["hub:1.2.3.4"]),
        ),
        ("Links", "/HostConfig/Links", json!(["a:b"])),
    ];
    for (field, place, value) in table {
        let mut changed = report();
        let (parent, key) = place.rsplit_once('/').unwrap();
        let parent = if parent.is_empty() {
            &mut changed
        } else {
            changed.pointer_mut(parent).unwrap()
        };
        parent[key] = value.clone();
        assert_eq!(fields(&around(), changed), [field], "{place} = {value}");
    }
}

#[test]
fn an_engine_without_its_seccomp_profile_is_noticed() {
    for (options, drifts) in [
        (
            vec!["name=apparmor", "name=seccomp,profile=default"],
            vec![],
        ),
        (vec!["name=seccomp,profile=builtin"], vec![]),
        (vec!["name=seccomp,profile=unconfined"], vec!["Seccomp"]),
        (vec!["name=apparmor"], vec!["Seccomp"]),
    ] {
        let options: Vec<String> = options.into_iter().map(String::from).collect();
        let around = Surroundings {
            seccomp: seccomp(&options),
            ..around()
        };
        assert_eq!(fields(&around, report()), drifts, "{options:?}");
    }
}

#[test]
fn an_empty_volume_of_the_image_is_no_mount_of_ours() {
    let mut with = report();
    let nameless = "0123456789abcdef".repeat(4);
    let volume = json!({"Type": "volume", "Name": nameless, "Destination": "/data"});
    with["Mounts"].as_array_mut().unwrap().push(volume);
    assert_eq!(fields(&around(), with.clone()), Vec::<&str>::new());
    with["Mounts"][1]["Name"] = json!("somebody-elses");
    assert_eq!(fields(&around(), with), ["Mounts"]);
}

#[test]
fn a_missing_report_is_a_drift_in_everything_that_matters() {
    let drifts = fields(&Surroundings::default(), json!({}));
    for field in [
        "User",
        "Privileged",
        "CapDrop",
        "SecurityOpt",
        "Seccomp",
        "ReadonlyRootfs",
        "Mounts",
    ] {
        assert!(drifts.contains(&field), "{field}");
    }
}

#[test]
fn the_hub_is_held_to_its_own_spec() {
    let mut report = report();
    report["HostConfig"]["Binds"] = json!(["/:/host"]);
    report["Mounts"] = json!([{"Type": "bind", "Source": "/", "Destination": "/host"}]);
    let host = crate::fleet::spec::HubHost {
        root: Path::new("/p"),
        folder: Path::new("/p/.swarm"),
        socket: Path::new("/var/run/docker.sock"),
        user: "1000:1000".into(),
        socket_group: 999,
        port: 3000,
    };
    let names = crate::fleet::Names::of("a1b2c3");
    let spec = crate::fleet::spec::hub(&names, "swarm-hub:1", &host);
    let drifts = drift(&spec, &around(), &serde_json::from_value(report).unwrap());
    let mounts = drifts.iter().find(|drift| drift.field == "Mounts").unwrap();
    assert!(
        mounts.expected.contains("bind /p/.swarm at /p/.swarm"),
        "{mounts}"
    );
    assert!(mounts.found.contains("bind / at /host"), "{mounts}");
}
