#!/usr/bin/env bash
# An imitation of AWS on loopback: moto's server, from PyPI, in a virtual environment of its own.
#
#   moto.sh install CACHE          pinned Python packages into CACHE/venv (about 20 s); nothing to do where they are present
#   moto.sh up CACHE DIR [PORT]    start (about 3 s), print endpoint, keys and files as NAME=VALUE lines
#   moto.sh down DIR               stop what `up` started in DIR, wait until it has ended
#
# Signatures are checked. Keys with control characters are refused by its router, and it closes every connection.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)

install() { # CACHE
  local wanted
  wanted=$(sha256sum <"$here/requirements.txt")
  [ "$(cat "$1/venv/installed" 2>/dev/null)" = "$wanted" ] && return
  rm -rf "${1:?}/venv" && mkdir -p "$1"
  python3 -m venv "$1/venv"
  "$1/venv/bin/pip" install --quiet --disable-pip-version-check -r "$here/requirements.txt"
  echo "$wanted" >"$1/venv/installed"
}

up() { # CACHE DIR PORT
  local d port=${3:-5555}
  mkdir -p "$2" && d=$(cd "$2" && pwd)
  down "$d"
  # The first calls set the account up: everything after them must be signed by a user that has the right.
  INITIAL_NO_AUTH_ACTION_COUNT=3 "$1/venv/bin/moto_server" -H 127.0.0.1 -p "$port" >"$d/moto.log" 2>&1 </dev/null &
  echo $! >"$d/moto.pid"
  "$1/venv/bin/python" "$here/moto_account.py" "http://localhost:$port" || { tail -20 "$d/moto.log" >&2; down "$d"; return 1; }
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
  install) install "${2:?install CACHE}" ;;
  up) up "${2:?up CACHE DIR [PORT]}" "${3:?up CACHE DIR [PORT]}" "${4:-}" ;;
  down) down "${2:?down DIR}" ;;
  *) sed -n '2,8p' "$0" >&2; exit 2 ;;
esac
