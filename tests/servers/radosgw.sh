#!/usr/bin/env bash
# A real S3 server on loopback: Ceph RADOS Gateway with one monitor, one in-memory OSD and one gateway.
#
#   radosgw.sh up DIR [PORT]       start (about 13 s), print endpoint, keys and files as NAME=VALUE lines
#   radosgw.sh down DIR            stop what `up DIR` started, wait until it has ended
#   radosgw.sh gateway-kill DIR    kill -9 the gateway; the objects stay where they are
#   radosgw.sh gateway-start DIR   start it again over the same objects
#
# `tests/install servers/radosgw` installs it. It takes PORT and the two ports above it. Virtual hosts are *.localhost. Signatures
# and STS session tokens are enforced, no key is refused or altered. The gateway's log has one line a request ("beast: …") with
# the request line as it was sent, the status, and the Range header. Needs root: Ceph's tools insist on it.
set -euo pipefail
# shellcheck source=tests/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"

write_conf() { # DIR PORT FSID
  local d=$1 port=$2 fsid=$3
  cat >"$d/ceph.conf" <<C
[global]
fsid = $fsid
mon host = [v2:127.0.0.1:$((port + 1))/0,v1:127.0.0.1:$((port + 2))/0]
auth cluster required = none
auth service required = none
auth client required = none
auth allow insecure global id reclaim = true
public addr = 127.0.0.1
cluster addr = 127.0.0.1
ms bind ipv6 = false
run dir = $d/run
admin socket = $d/run/\$cluster-\$name.asok
pid file = $d/run/\$name.pid
log file = $d/log/\$name.log
osd pool default size = 1
osd pool default min size = 1
osd pool default pg num = 1
osd pool default pgp num = 1
osd pool default pg autoscale mode = off
osd crush chooseleaf type = 0
mon allow pool size one = true
mon warn on pool no redundancy = false
osd objectstore = memstore
memstore device bytes = 2147483648
mon data = $d/mon
osd data = $d/osd
osd max object name len = 2048
mon data avail warn = 1
mon data avail crit = 1
[client.rgw.a]
ms mon client mode = crc
rgw frontends = beast endpoint=127.0.0.1:$port
rgw dns name = localhost
rgw sts key = abcdefghijklmnop
rgw s3 auth use sts = true
rgw thread pool size = 64
debug rgw = 1/1
C
}

wait_for_gateway() { # DIR
  local port
  port=$(sed -n 's/^rgw frontends = beast endpoint=127.0.0.1://p' "$1/ceph.conf")
  await curl -so /dev/null "http://127.0.0.1:$port/"
}

gateway_start() { # DIR
  timeout 600 radosgw -c "$1/ceph.conf" -n client.rgw.a
}

start_cluster() { # DIR FSID PORT
  local d=$1 fsid=$2 port=$3 uuid ceph=(timeout 600 ceph -c "$1/ceph.conf")
  uuid=$(cat /proc/sys/kernel/random/uuid)
  monmaptool --create --fsid "$fsid" --addv a "[v2:127.0.0.1:$((port + 1)),v1:127.0.0.1:$((port + 2))]" "$d/monmap"
  ceph-mon -c "$d/ceph.conf" --mkfs -i a --monmap "$d/monmap"
  ceph-mon -c "$d/ceph.conf" -i a
  "${ceph[@]}" osd new "$uuid" # the same uuid as mkfs below, or the OSD stays "booting"
  ceph-osd -c "$d/ceph.conf" -i 0 --mkfs --osd-uuid "$uuid"
  ceph-osd -c "$d/ceph.conf" -i 0
  "${ceph[@]}" osd crush add osd.0 1.0 host=localhost root=default
  await is_up "${ceph[@]}"
}

is_up() { # CEPH…
  "$@" osd stat | grep -q '1 up'
}

create_users() { # DIR
  local admin=(timeout 600 radosgw-admin -c "$1/ceph.conf")
  "${admin[@]}" user create --uid=test --display-name=Test --access-key=testkey --secret-key=testsecret123
  "${admin[@]}" role create --role-name=suite --assume-role-policy-doc='{"Version":"2012-10-17","Statement":[
    {"Effect":"Allow","Principal":{"AWS":["arn:aws:iam:::user/test"]},"Action":["sts:AssumeRole"]}]}'
  "${admin[@]}" role-policy put --role-name=suite --policy-name=all --policy-doc='{"Version":"2012-10-17","Statement":[
    {"Effect":"Allow","Action":["s3:*"],"Resource":"arn:aws:s3:::*"}]}'
}

up() { # DIR PORT
  local d port=${2:-7480} fsid
  mkdir -p "$1" && d=$(cd "$1" && pwd)
  down "$d"
  rm -rf "${d:?}"/{mon,osd,run,log,monmap} && mkdir -p "$d"/{mon,osd,run,log}
  fsid=$(cat /proc/sys/kernel/random/uuid)
  write_conf "$d" "$port" "$fsid"
  # In a shell of its own: `set -e` is off inside a list that `||` follows.
  if ! "$0" cluster-start "$d" "$fsid" "$port" >"$d/log/up.log" 2>&1; then
    tail -20 "$d/log/up.log" >&2
    down "$d"
    return 1
  fi
  echo "endpoint=http://localhost:$port"
  echo "access_key=testkey"
  echo "secret_key=testsecret123"
  echo "role_arn=arn:aws:iam:::role/suite"
  echo "access_log=$d/log/client.rgw.a.log"
}

# What it holds is in memory, and gone with it.
down() { # DIR
  local name
  for name in client.rgw.a osd.0 mon.a; do stop_server "$1/run/$name.pid"; done
}

case "${1:-}" in
  up) up "${2:?up DIR [PORT]}" "${3:-}" ;;
  down) down "${2:?down DIR}" ;;
  gateway-kill) stop_server "${2:?gateway-kill DIR}/run/client.rgw.a.pid" ;;
  gateway-start) gateway_start "${2:?gateway-start DIR}"; wait_for_gateway "$2" ;;
  cluster-start)
    start_cluster "$2" "$3" "$4"
    create_users "$2"
    gateway_start "$2"
    wait_for_gateway "$2"
    ;;
  *) sed -n '2,11p' "$0" >&2; exit 2 ;;
esac
