#!/bin/sh
# Runs once, as root, when the agents' image is built: install here what the project needs to be
# built and tested. The project's files are not there yet. The base image is named in
# .swarm/config.json. A change of this file takes effect at the next 'swarm start'.
set -eu

@COMMANDS@
