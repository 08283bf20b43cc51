# Puts the `opencode` program on top of another image.
#
# It is one native executable in its npm platform package; a stage of its own
# fetches it, so npm does not end up in the image. The context holds ca.crt
# (may be empty): the certificates to trust where the host is behind a TLS proxy.
# Plain Dockerfile syntax only: it is built over the engine's API.
ARG AGENT=debian:bookworm-slim

# Which C library the target has; only this word reaches the next stage, so a
# new target image does not fetch the program again.
FROM ${AGENT} AS libc
USER root
RUN if command -v apk >/dev/null; then echo -musl; fi >/libc-suffix

FROM debian:bookworm-slim AS fetch
COPY ca.crt /usr/local/share/ca-certificates/swarm-host.crt
RUN set -e; \
    mkdir -p /etc/ssl/certs; \
    cat /usr/local/share/ca-certificates/swarm-host.crt >>/etc/ssl/certs/ca-certificates.crt; \
    [ -s /usr/local/share/ca-certificates/swarm-host.crt ] || rm /usr/local/share/ca-certificates/swarm-host.crt; \
    apt-get update; \
    DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends ca-certificates npm; \
    update-ca-certificates
ARG OPENCODE_VERSION=1.18.33
COPY --from=libc /libc-suffix /opt/libc-suffix
RUN set -e; \
    export SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt NODE_EXTRA_CA_CERTS=/etc/ssl/certs/ca-certificates.crt; \
    case $(dpkg --print-architecture) in \
        amd64) package=linux-x64-baseline ;; \
        arm64) package=linux-arm64 ;; \
        *) echo "there is no opencode for $(dpkg --print-architecture)" >&2; exit 1 ;; \
    esac; \
    package=opencode-$package$(cat /opt/libc-suffix); \
    npm install --prefix /opt/fetch --ignore-scripts --no-audit --no-fund --no-update-notifier --force \
        "$package@$OPENCODE_VERSION"; \
    mv "/opt/fetch/node_modules/$package/bin/opencode" /opt/opencode; \
    rm -rf /opt/fetch; \
    chmod 0755 /opt/opencode

FROM ${AGENT}
COPY --from=fetch /opt/opencode /usr/local/bin/opencode
