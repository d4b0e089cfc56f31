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
  stop_server "$1/moto.pid"
}

case "${1:-}" in
  up) up "${2:?up DIR [PORT]}" "${3:-}" ;;
  down) down "${2:?down DIR}" ;;
  *) usage ;;
esac
