# An agent's image: any base with apt or apk, plus git and our two binaries.
#
# The context holds ca.crt (may be empty), extra/, project-setup.sh,
# agent-runner and ticket. What changes most comes last, so that new binaries
# neither install packages again nor repeat the project's set-up.
# Plain Dockerfile syntax only: it is built over the engine's API.
ARG BASE=debian:bookworm-slim
FROM ${BASE}

USER root

# Where the host is behind a TLS proxy, what it trusts is trusted here too:
# at once, as packages may come over https, and whenever the bundle is made anew.
COPY ca.crt /usr/local/share/ca-certificates/swarm-host.crt
RUN set -e; \
    mkdir -p /etc/ssl/certs; \
    cat /usr/local/share/ca-certificates/swarm-host.crt >>/etc/ssl/certs/ca-certificates.crt; \
    if command -v apt-get >/dev/null; then \
        apt-get update; \
        DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends git ca-certificates; \
        rm -rf /var/lib/apt/lists/*; \
    elif command -v apk >/dev/null; then \
        apk add --no-cache git ca-certificates bash libgcc libstdc++; \
    else \
        echo "this base image has neither apt nor apk: choose one based on Debian, Ubuntu or Alpine" >&2; \
        exit 1; \
    fi; \
    [ -s /usr/local/share/ca-certificates/swarm-host.crt ] || rm /usr/local/share/ca-certificates/swarm-host.crt; \
    update-ca-certificates

# User and group 1000 are called agent, whoever they were in the base image;
# written by hand because the commands for it differ from base to base.
# /work is where a named volume is mounted, which takes over its owner.
RUN set -e; \
    touch /etc/passwd /etc/group; \
    sed -i -e '/^agent:/d' -e '/^[^:]*:[^:]*:1000:/d' /etc/passwd /etc/group; \
    echo 'agent:x:1000:1000:agent:/home/agent:/bin/sh' >>/etc/passwd; \
    echo 'agent:x:1000:' >>/etc/group; \
    mkdir -p /home/agent /work; \
    chown 1000:1000 /home/agent /work

ENV HOME=/home/agent \
    SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt \
    NODE_EXTRA_CA_CERTS=/etc/ssl/certs/ca-certificates.crt \
    REQUESTS_CA_BUNDLE=/etc/ssl/certs/ca-certificates.crt

COPY extra/ /opt/swarm/extra/

COPY project-setup.sh /opt/swarm/project-setup.sh
RUN cd /root && HOME=/root sh /opt/swarm/project-setup.sh </dev/null

COPY agent-runner ticket /usr/local/bin/

USER 1000:1000
WORKDIR /work
ENTRYPOINT ["/usr/local/bin/agent-runner"]
