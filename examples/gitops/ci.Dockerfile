# What GitLab runs the check in: hotset beside a shell, which its own image does not have.
FROM ghcr.io/hotset/hotset:0.1.0 AS hotset
FROM debian:bookworm-slim
RUN apt-get update -q \
    && DEBIAN_FRONTEND=noninteractive apt-get install -qy --no-install-recommends ca-certificates curl git jq \
    && rm -rf /var/lib/apt/lists/*
COPY --from=hotset /usr/bin/hotset /usr/bin/hotset
