#!/usr/bin/env bash
# A real S3 server on loopback: OpenStack Swift with its S3 API, one proxy, one of each storage server, one copy of all.
#
#   swift.sh up DIR [PORT]     start (about 9 s), print endpoint, keys and files as NAME=VALUE lines
#   swift.sh down DIR          stop what `up DIR` started, wait until it has ended
#
# `tests/install servers/swift` installs it. It takes PORT and the four ports above it. DIR needs a file system with user xattrs.
# Signatures are enforced; a wrong one gets 403. Every HEAD that fails is answered with `Transfer-Encoding: chunked` and, behind
# the header, `0\r\n\r\n`, which no answer to a HEAD may have: on a kept-alive connection it stands in front of the next answer.
set -euo pipefail
# shellcheck source=tests/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"

daemons=(proxy account container object)

# One process each (`workers = 0`), so that its pid is all there is to stop. A container that is updated late would be
# listed without the object, and nobody here would ever put it right: hence the long timeout.
write_defaults() { # DIR PORT
  cat <<C
[DEFAULT]
bind_ip = 127.0.0.1
bind_port = $2
workers = 0
user = $(id -un)
swift_dir = $1
devices = $1/devices
mount_check = false
recon_cache_path = $1/run
container_update_timeout = 30
log_level = WARNING
C
}

write_confs() { # DIR PORT
  local d=$1 port=$2 kind at=1
  printf '[swift-hash]\nswift_hash_path_suffix = suite\n[storage-policy:0]\nname = only\ndefault = yes\n' >"$d/swift.conf"
  for kind in account container object; do
    write_defaults "$d" "$((port + at++))" >"$d/$kind.conf"
    printf '[pipeline:main]\npipeline = %s-server\n[app:%s-server]\nuse = egg:swift#%s\n' $kind $kind $kind >>"$d/$kind.conf"
  done
  write_defaults "$d" "$port" >"$d/proxy.conf"
  cat >>"$d/proxy.conf" <<C
[pipeline:main]
pipeline = catch_errors gatekeeper healthcheck cache s3api tempauth copy slo proxy-server
[filter:catch_errors]
use = egg:swift#catch_errors
[filter:gatekeeper]
use = egg:swift#gatekeeper
[filter:healthcheck]
use = egg:swift#healthcheck
[filter:cache]
use = egg:swift#memcache
memcache_servers = 127.0.0.1:$((port + 4))
[filter:s3api]
use = egg:swift#s3api
location = us-east-1
dns_compliant_bucket_names = false
[filter:tempauth]
use = egg:swift#tempauth
user_test_tester = testing .admin
[filter:copy]
use = egg:swift#copy
[filter:slo]
use = egg:swift#slo
[app:proxy-server]
use = egg:swift#proxy
account_autocreate = true
node_timeout = 30
C
}

ring() { # DIR KIND PORT
  swift-ring-builder "$1/$2.builder" create 4 1 0
  swift-ring-builder "$1/$2.builder" add "r1z1-127.0.0.1:$3/only" 1
  swift-ring-builder "$1/$2.builder" rebalance
}

spawn() { # DIR NAME COMMAND…
  local d=$1 name=$2
  shift 2
  "$@" >"$d/log/$name.log" 2>&1 </dev/null &
  echo $! >"$d/run/$name.pid"
}

start() { # DIR PORT
  local d=$1 port=$2 name pid pids=()
  # The servers would wait for a port that another holds, while that one answers in their place.
  for name in 0 1 2 3 4; do
    ! (exec 3<>"/dev/tcp/127.0.0.1/$((port + name))") 2>/dev/null || { echo "port $((port + name)) is taken" >&2; return 1; }
  done
  echo probe >"$d/run/xattr" && python3 -c 'import os, sys; os.setxattr(sys.argv[1], "user.probe", b"x")' "$d/run/xattr"
  write_confs "$d" "$port"
  ring "$d" account $((port + 1)) & pids+=($!)
  ring "$d" container $((port + 2)) & pids+=($!)
  ring "$d" object $((port + 3)) & pids+=($!)
  for pid in "${pids[@]}"; do wait "$pid"; done
  PATH=$PATH:/usr/sbin spawn "$d" memcached memcached -l 127.0.0.1 -p $((port + 4)) -U 0 -u "$(id -un)"
  for name in "${daemons[@]}"; do spawn "$d" "$name" "swift-$name-server" "$d/$name.conf" -v; done
  for name in 0 1 2 3; do
    curl -sSo /dev/null --retry 600 --retry-delay 1 --retry-connrefused --retry-max-time 600 "http://127.0.0.1:$((port + name))/"
  done
}

up() { # DIR PORT
  local d port=${2:-8480}
  mkdir -p "$1" && d=$(cd "$1" && pwd)
  down "$d"
  rm -rf "${d:?}"/{devices,run,log} && rm -f "$d"/{account,container,object}.{builder,ring.gz}
  mkdir -p "$d"/{devices/only,run,log}
  # In a shell of its own: `set -e` is off inside a list that `||` follows.
  if ! "$0" start "$d" "$port" >"$d/log/up.log" 2>&1; then
    tail -n 20 "$d"/log/*.log >&2
    down "$d"
    return 1
  fi
  echo "endpoint=http://localhost:$port"
  echo "access_key=test:tester"
  echo "secret_key=testing"
  echo "log=$d/log/proxy.log"
}

down() { # DIR
  local name
  for name in "${daemons[@]}" memcached; do stop_server "$1/run/$name.pid"; done
}

case "${1:-}" in
  up) up "${2:?up DIR [PORT]}" "${3:-}" ;;
  down) down "${2:?down DIR}" ;;
  start) start "$2" "$3" ;;
  *) sed -n '2,9p' "$0" >&2; exit 2 ;;
esac
