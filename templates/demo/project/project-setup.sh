#!/bin/sh
# Runs once, as root, when the agents' image is built (debian:bookworm-slim).
set -eu
export DEBIAN_FRONTEND=noninteractive

apt-get update
apt-get install --yes --no-install-recommends python3
rm -rf /var/lib/apt/lists/*

# The scripted agent that stands in for a real agent CLI in this demo.
install -m 0755 /opt/swarm/extra/demo-agent /usr/local/bin/demo-agent
