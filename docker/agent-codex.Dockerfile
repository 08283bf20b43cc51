# Puts the `codex` program on top of another image.
#
# It is a few static executables in its npm platform package; a stage of its own
# fetches it, so npm does not end up in the image. The context holds ca.crt
# (may be empty): the certificates to trust where the host is behind a TLS proxy.
# Plain Dockerfile syntax only: it is built over the engine's API.
ARG AGENT=debian:bookworm-slim

FROM debian:bookworm-slim AS fetch
COPY ca.crt /usr/local/share/ca-certificates/swarm-host.crt
RUN set -e; \
    mkdir -p /etc/ssl/certs; \
    cat /usr/local/share/ca-certificates/swarm-host.crt >>/etc/ssl/certs/ca-certificates.crt; \
    [ -s /usr/local/share/ca-certificates/swarm-host.crt ] || rm /usr/local/share/ca-certificates/swarm-host.crt; \
    apt-get update; \
    DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends ca-certificates npm; \
    update-ca-certificates
ARG CODEX_VERSION=0.169.0
RUN set -e; \
    export SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt NODE_EXTRA_CA_CERTS=/etc/ssl/certs/ca-certificates.crt; \
    case $(dpkg --print-architecture) in \
        amd64) package=linux-x64 ;; \
        arm64) package=linux-arm64 ;; \
        *) echo "there is no codex for $(dpkg --print-architecture)" >&2; exit 1 ;; \
    esac; \
    npm install --prefix /opt/fetch --ignore-scripts --no-audit --no-fund --no-update-notifier --force \
        "@openai/codex@$CODEX_VERSION-$package"; \
    mkdir /opt/codex; \
    mv /opt/fetch/node_modules/@openai/codex/vendor/*/bin/* \
       /opt/fetch/node_modules/@openai/codex/vendor/*/codex-path/* /opt/codex/; \
    rm -rf /opt/fetch; \
    chmod 0755 /opt/codex/*

FROM ${AGENT}
COPY --from=fetch /opt/codex/ /usr/local/bin/
