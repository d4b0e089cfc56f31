# The steps of the gate and of the nightly run: one function each, which ends with another code than 0 where something is wrong.
# Sourced by `.ci/run` and `.ci/nightly` from the root of the repository.

export CARGO_TERM_COLOR=never CARGO_INCREMENTAL=0 INSTA_UPDATE=no RUST_BACKTRACE=1
target=${CARGO_TARGET_DIR:-$PWD/target}
export HOTSET_BIN=$target/debug/hotset HOTSET_CACHE_BIN=$target/debug/bench-cache

format() {
  { cargo fmt --version && cargo clippy --version; } >/dev/null || rustup component add rustfmt clippy
  cargo fmt --all --check
}

# What the README's main command builds, and the cache that the suites of `scale` load: the suites and the demo run these
# binaries, and `cargo test` finds them up to date.
build() {
  cargo build --locked --workspace --bin hotset --bin bench-cache
}

lint() {
  cargo clippy --workspace --all-targets --locked -- -D warnings
}

# The README's own command, so that the two cannot differ.
test_command() {
  awk '/<!-- test-command -->/ { marked = 1; next } marked && /^```/ { fence++; next } fence == 1 { print } fence > 1 { exit }' README.md
}

tests() {
  local command
  command=$(test_command)
  [ -n "$command" ] || { echo "README.md has no fenced block after <!-- test-command -->" >&2; return 1; }
  echo "\$ $command"
  bash -euo pipefail -c "$command"
}

# Of the whole workspace, so that it finds what `lint` has checked of the dependencies.
documentation() {
  RUSTDOCFLAGS="-D warnings" cargo doc --workspace --no-deps --document-private-items --locked
}

supply-chain() {
  tests/supply-chain/run
}

# It must work for somebody who has nothing: no configuration, no credentials, no state.
demo() {
  local home out code=0
  home=$(mktemp -d)
  out=$(cd "$home" && env -i PATH="$PATH" HOME="$home" timeout 900 "$HOTSET_BIN" --color never demo 2>&1) || code=$?
  echo "$out"
  [ "$code" = 0 ] || { echo "hotset demo ended with $code" >&2; return 1; }
  grep -qi 'warm' <<<"$out" || { echo "hotset demo says nothing of what is warm" >&2; return 1; }
  [ -z "$(ls -A "$home")" ] || { echo "hotset demo left behind: $(ls -A "$home")" >&2; return 1; }
  rmdir "$home"
}

# Everything that the suites need of Debian, Python and npm.
install() {
  tests/install
}

daemon() {
  tests/daemon/run
}

radosgw() {
  tests/servers/run radosgw
}

deploy() {
  tests/deploy/run
}

manual() {
  tests/manual/run
}

schema() {
  tests/servers/run schema
}

schedules() {
  tests/schedules/run
}

observability() {
  tests/observability/run
}

seaweedfs() {
  tests/servers/run seaweedfs
}

image() {
  tests/image/run
}

scale() {
  tests/scale/run
  HOTSET_OBJECTS=5000 tests/scale/faults
  tests/scale/sharing
}

# Every target over its seeds and what earlier runs have found.
fuzz() {
  local name
  for name in fuzz/targets/*.rs; do
    fuzz/run "$(basename "$name" .rs)" 0
  done
}
