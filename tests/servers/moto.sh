#!/usr/bin/env bash
# An imitation of AWS on loopback: moto's server, from PyPI, by the Python environment of the suites.
#
#   moto.sh up DIR [PORT]    start (about 3 s), print endpoint, keys and files as NAME=VALUE lines
#   moto.sh down DIR         stop what `up` started in DIR, wait until it has ended
#
# `tests/install servers` installs it. Signatures are checked. Keys with control characters are refused by its router, and it
# closes every connection.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=tests/lib.sh
source "$here/../lib.sh"

up() { # DIR PORT
  local d port=${2:-5555}
  mkdir -p "$1" && d=$(cd "$1" && pwd)
  down "$d"
  # The first calls set the account up: everything after them must be signed by a user that has the right.
  INITIAL_NO_AUTH_ACTION_COUNT=3 "$HOTSET_TESTS_CACHE/python/bin/moto_server" -H 127.0.0.1 -p "$port" >"$d/moto.log" 2>&1 </dev/null &
  echo $! >"$d/moto.pid"
  "$python" "$here/moto_account.py" "http://localhost:$port" || { tail -20 "$d/moto.log" >&2; down "$d"; return 1; }
}

down() { # DIR
  local pid
  [ -f "$1/moto.pid" ] || return 0
  pid=$(cat "$1/moto.pid")
  kill "$pid" 2>/dev/null || true # it may have ended by itself
  for _ in $(seq 50); do kill -0 "$pid" 2>/dev/null || break; sleep 0.1; done
  kill -KILL "$pid" 2>/dev/null || true # mostly it has ended by now
  rm -f "$1/moto.pid"
}

case "${1:-}" in
  up) up "${2:?up DIR [PORT]}" "${3:-}" ;;
  down) down "${2:?down DIR}" ;;
  *) usage ;;
esac
