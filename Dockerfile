# hotset as a container: `docker build -t ghcr.io/hotset/hotset:0.1.0 .` (put your own registry in its place).
#
#   --build-arg REVISION=$(git rev-parse HEAD)           which commit this is: for the label, and for `hotset --version`
#   --build-arg CREATED=$(git log -1 --format=%cI)       when it was made: likewise
#   --build-arg BUILD_IMAGE=…                            another Debian with cargo, a C compiler and glibc's headers
#   --build-context build=FOLDER                         compile nothing: take FOLDER/out and FOLDER/state, as
#                                                        `packaging/rootfs HOTSET FOLDER/out FOLDER/state` lays them out
#
# The final image is laid out from the same Debian that the program is linked in, so that both have one glibc, and it is
# the same whatever registry that Debian is from. It has no shell and no package manager.
ARG BUILD_IMAGE=docker.io/library/rust:1.95-slim-bookworm

FROM ${BUILD_IMAGE} AS build
RUN apt-get update -q \
    && DEBIAN_FRONTEND=noninteractive apt-get install -qy --no-install-recommends ca-certificates libc6 libgcc-s1 tzdata \
    && rm -rf /var/lib/apt/lists/*
# It runs once, so that it is built in the way that takes the least time.
ARG CYCLONEDX=0.5.9
RUN cargo install --debug --locked --root /tools --version "$CYCLONEDX" cargo-cyclonedx
WORKDIR /src
COPY . .
ARG REVISION=
ARG CREATED=
RUN HOTSET_COMMIT="$REVISION${REVISION:+${CREATED:+ ${CREATED%%T*}}}" cargo build --locked --profile dist --bin hotset
# Of what this target and these features link in. It is the same for the same commit.
RUN export SOURCE_DATE_EPOCH="$(date -d "${CREATED:-@0}" +%s)" \
    && /tools/bin/cargo-cyclonedx cyclonedx --quiet --format json --spec-version 1.5 --no-build-deps --override-filename hotset.cdx \
    && install -D -m 644 -t /out/usr/share/doc/hotset hotset.cdx.json
RUN packaging/rootfs target/dist/hotset /out /state

FROM scratch
ARG VERSION=0.1.0
ARG REVISION=
ARG CREATED=
ARG SOURCE=https://github.com/hotset/hotset
LABEL org.opencontainers.image.title="hotset" \
      org.opencontainers.image.description="Keeps the right objects hot in an S3 read cache" \
      org.opencontainers.image.version="$VERSION" \
      org.opencontainers.image.revision="$REVISION" \
      org.opencontainers.image.created="$CREATED" \
      org.opencontainers.image.source="$SOURCE" \
      org.opencontainers.image.documentation="$SOURCE" \
      org.opencontainers.image.licenses="MIT OR Apache-2.0"
COPY --from=build /out /
# The one place that is written to: a volume, so that the root can be read-only.
COPY --from=build --chown=65532:65532 /state/ /var/lib/
VOLUME /var/lib/hotset
# SQLite looks for the place of large sorts in the working directory last, which is the one that can be written to.
WORKDIR /var/lib/hotset
ENV PATH=/usr/bin HOME=/var/lib/hotset STATE_DIRECTORY=/var/lib/hotset HOTSET_CONFIG=/etc/hotset
# By number, so that Kubernetes can tell that it is not root.
USER 65532:65532
EXPOSE 9464
# No HEALTHCHECK: Kubernetes asks /healthz and /readyz itself, and ignores it; elsewhere `hotset status` tells, by its code.
ENTRYPOINT ["hotset"]
CMD ["daemon"]
