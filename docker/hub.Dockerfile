# The hub's image. The context holds ca.crt (may be empty) and the static
# `monitor`; which user it runs as is said when it is run.
# Plain Dockerfile syntax only: it is built over the engine's API.
ARG BASE=debian:bookworm-slim
FROM ${BASE}

COPY ca.crt /usr/local/share/ca-certificates/swarm-host.crt
RUN set -e; \
    mkdir -p /etc/ssl/certs; \
    cat /usr/local/share/ca-certificates/swarm-host.crt >>/etc/ssl/certs/ca-certificates.crt; \
    apt-get update; \
    DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends git ca-certificates; \
    rm -rf /var/lib/apt/lists/*; \
    [ -s /usr/local/share/ca-certificates/swarm-host.crt ] || rm /usr/local/share/ca-certificates/swarm-host.crt; \
    update-ca-certificates

COPY monitor /usr/local/bin/monitor
ENTRYPOINT ["/usr/local/bin/monitor"]
