"""The systemd unit and the Slurm prolog, as far as they can be tried without either: parsed, and their command lines run."""

import os
import pathlib
import re
import shlex
import signal
import subprocess
import tomllib

import pytest

from api import Api
from bench import Simulator
from kubelet import run
from manifests import ROOT
from process import BINARY, free_port, wait_until
from stack import KEYS, NO_KEYS, PAIR

UNIT = ROOT / "examples/systemd/hotset.service"
FILE = ROOT / "examples/systemd/hotset.toml"
PROLOG = ROOT / "examples/slurm/prolog.sh"
PROGRAM = "/usr/local/bin/hotset"
BUCKET = "training=datasets/imagenet/train-{000000..000019}.tar:8MiB"
# What SQLite calls as root only, which the unit's user never is; this suite may be.
AS_ROOT = {"fchown"} if os.geteuid() == 0 else set()
# Of systemd's scale from 0 (closed) to 100: it calls up to 19 OK.
EXPOSURE = 19


def unit():
    """Its [Service]: a key may stand several times."""
    values = {}
    for line in UNIT.read_text(encoding="utf-8").split("[Service]")[1].split("[Install]")[0].splitlines():
        if line and not line.startswith("#"):
            key, value = line.split("=", 1)
            values.setdefault(key, []).append(value)
    return values


def verified(folder, change=lambda text: text):
    """What systemd says of the unit, with a program that is there."""
    copy = folder / "hotset.service"
    copy.write_text(change(UNIT.read_text(encoding="utf-8")).replace(PROGRAM, BINARY), encoding="utf-8")
    done = subprocess.run(["systemd-analyze", "verify", copy], capture_output=True, text=True, timeout=60)
    return done.returncode, done.stdout + done.stderr


def test_systemd_takes_the_unit(tmp_path):
    assert verified(tmp_path) == (0, "")
    run("systemd-analyze", "security", "--offline=true", f"--threshold={EXPOSURE}", tmp_path / "hotset.service")


@pytest.mark.parametrize(
    ("before", "after"),
    [("ExecReload=", "ExecRelod="), ("Type=exec", "Type=execute"), ("@privileged", "@privilege"), ("/bin/kill", "/bin/kil")],
)
def test_systemd_refuses_a_broken_unit(before, after, tmp_path):
    assert verified(tmp_path, lambda text: text.replace(before, after)) != (0, "")


class Host:
    """What systemd makes of the unit: its folders, its credentials, its command."""

    def __init__(self, bench):
        self.bench = bench
        for name in NO_KEYS:
            bench.environment.pop(name, None)
        self.simulator = Simulator(bench, "sim", ["--credentials", PAIR, "--bucket", BUCKET])
        self.unit = unit()
        self.port = free_port()
        self.api = Api(self.port)
        self.config, self.state, self.credentials = (bench.folder / name for name in ("etc", "state", "credentials"))
        for folder in (self.config, self.state, self.credentials):
            folder.mkdir()
        for named in self.unit["LoadCredential"]:
            name, source = named.split(":", 1)
            assert source.startswith("/etc/hotset/keys/"), source
            (self.credentials / name).write_text(KEYS[name] + "\n", encoding="utf-8")
        self.write()

    def write(self, change=lambda text: text):
        text = change(FILE.read_text(encoding="utf-8"))
        for before, after in [
            ("http://cwlota.com", self.simulator.cache_url),
            ("https://cwobject.com", self.simulator.list_url),
            ("US-EAST-04A", "us-east-04a"),
            ("127.0.0.1:9464", f"127.0.0.1:{self.port}"),
            (f"/run/credentials/{UNIT.name}", str(self.credentials)),
        ]:
            text = text.replace(before, after)
        (self.config / "hotset.toml").write_text(text, encoding="utf-8")

    def start(self, name="daemon", before=()):
        (line,) = self.unit["ExecStart"]
        command = [str(self.config) if word == "/etc/hotset" else word.replace(PROGRAM, BINARY) for word in shlex.split(line)]
        return self.bench.start(name, [*before, *command], STATE_DIRECTORY=str(self.state))

    def is_up(self, process):
        def answers():
            assert process.is_running(), f"it ended with {process.popen.returncode}\n{process.tail()}"
            return self.api.get("/readyz").status == 200

        wait_until(answers, 20, "the daemon is ready")

    def warm(self):
        run(BINARY, "wait", "nightly-imagenet", "--start", "--timeout=60s", f"--url=http://127.0.0.1:{self.port}")


@pytest.fixture
def host(bench):
    return Host(bench)


def test_the_unit_starts_reloads_and_stops(host):
    process = host.start()
    host.is_up(process)
    host.warm()
    assert (host.state / "journal.db").exists(), "the journal is not in StateDirectory"
    cap = lambda: host.api.profile("nightly-imagenet")["max_bytes"]
    (reload,) = host.unit["ExecReload"]
    host.write(lambda text: text.replace('"8 TiB"', '"7 TiB"'))
    run(*shlex.split(reload.replace("$MAINPID", str(process.pid))))
    wait_until(lambda: cap() == 7 << 40, 10, "the reload has its effect")
    process.signal(signal.SIGTERM)
    assert process.ended(int(host.unit["TimeoutStopSec"][0])) == 0


def test_bad_files_at_a_first_start_are_not_tried_again(host):
    host.write(lambda text: text.replace('"8 TiB"', '"8 TBB"'))
    assert host.start().ended(20) == int(host.unit["RestartPreventExitStatus"][0])


def test_every_credential_is_loaded_and_read():
    config = tomllib.loads(FILE.read_text(encoding="utf-8"))
    named = {value for table in config["credentials"].values() for value in table.values()}
    loaded = {f"/run/credentials/{UNIT.name}/{each.split(':')[0]}" for each in unit()["LoadCredential"]}
    assert named == loaded
    assert "state_dir" not in config["daemon"], "systemd says where the state is"


def syscall_sets():
    """Of this systemd: name → system calls and sets."""
    said, sets, current = run("systemd-analyze", "syscall-filter").stdout, {}, None
    for line in said.splitlines():
        if line.startswith("@"):
            current = sets.setdefault(line.strip(), [])
        elif line.startswith("    ") and "#" not in line and current is not None:
            current.append(line.strip())
    assert "@system-service" in sets, said[:500]
    return sets


def allowed_calls(filters):
    sets = syscall_sets()

    def expand(names):
        found = set()
        for name in names:
            found |= expand(sets[name]) if name.startswith("@") else {name}
        return found

    calls = expand(["@default"])
    for line in filters:
        names = expand(line.lstrip("~").split())
        calls = calls - names if line.startswith("~") else calls | names
    return calls


CALL = re.compile(r"^\d+ +([a-z_0-9]+)\((.*)$")


def traced(host):
    """(system call, its arguments) of a daemon that starts, warms, reloads and stops."""
    log = host.bench.folder / "calls"
    process = host.start(before=["strace", "-f", "-qq", "-o", str(log)])
    host.is_up(process)
    host.warm()
    (child,) = pathlib.Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text(encoding="ascii").split()
    host.write(lambda text: text.replace('"8 TiB"', '"7 TiB"'))
    os.kill(int(child), signal.SIGHUP)
    wait_until(lambda: host.api.profile("nightly-imagenet")["max_bytes"] == 7 << 40, 20, "the reload has its effect")
    os.kill(int(child), signal.SIGTERM)
    assert process.ended(60) == 0
    calls = [found.groups() for found in map(CALL.match, log.read_text(encoding="utf-8", errors="replace").splitlines()) if found]
    assert len(calls) > 1000, len(calls)
    return calls


def hardening_faults(calls, settings, state):
    allowed = allowed_calls(settings["SystemCallFilter"]) | AS_ROOT
    families = settings["RestrictAddressFamilies"][0].split()
    # The first is strace's own, of a program that is about to be started.
    for name, rest in calls[1:]:
        if name not in allowed:
            yield f"SystemCallFilter: {name}"
        if name in ("mmap", "mprotect", "pkey_mprotect") and "PROT_EXEC" in rest and "PROT_WRITE" in rest:
            yield f"MemoryDenyWriteExecute: {name}({rest}"
        if name == "socket" and rest.split(",")[0] not in families:
            yield f"RestrictAddressFamilies: {rest}"
        opened = re.match(r'(?:AT_FDCWD, )?"([^"]*)", [^)]*\b(?:O_WRONLY|O_RDWR|O_CREAT)\b', rest)
        if name in ("open", "openat") and opened and not opened[1].startswith((str(state), "/dev/null")):
            yield f"ProtectSystem: {opened[1]} is written to"


def test_the_hardening_forbids_nothing_that_it_does(host):
    calls = traced(host)
    assert sorted(set(hardening_faults(calls, host.unit, host.state))) == []
    # And would say so: without the sets that it lives of, in a closed family, beside its folder.
    narrow = {"SystemCallFilter": ["@basic-io"], "RestrictAddressFamilies": ["AF_UNIX"]}
    found = "\n".join(hardening_faults(calls, narrow, "/nowhere"))
    for said in ("SystemCallFilter: socket", "RestrictAddressFamilies: AF_INET", "journal.db is written to"):
        assert said in found, said


class Slurm:
    """A daemon on the host of the prolog's `--url`, and the environment in which slurmd runs a Prolog: without a PATH."""

    def __init__(self, host, text=PROLOG.read_text(encoding="utf-8")):
        self.script = host.bench.folder / "prolog.sh"
        self.script.write_text(text, encoding="utf-8")
        token = host.bench.folder / "run-token"
        token.write_text("run", encoding="utf-8")
        self.environment = {
            "SLURM_JOB_ID": "7",
            "HOTSET_BIN": BINARY,
            "HOTSET_URL": f"http://127.0.0.1:{host.port}",
            "HOTSET_TOKEN_FILE": str(token),
        }

    def prolog(self, comment=None):
        environment = {**self.environment, **({"SLURM_JOB_COMMENT": comment} if comment else {})}
        return run("/bin/sh", self.script, env=environment, timeout=60)


def test_a_slurm_job_begins_once_its_profile_is_warm(host):
    host.is_up(host.start())
    slurm = Slurm(host)
    assert slurm.prolog().stderr == "" and host.api.runs() == []
    assert slurm.prolog("something else").stderr == "" and host.api.runs() == []
    assert "nightly-imagenet: warm" in slurm.prolog("warm=nightly-imagenet").stdout
    assert [run["outcome"] for run in host.api.runs()] == ["complete"]
    # The prolog of the next node, and of the next job, takes that run.
    slurm.prolog("warm=nightly-imagenet")
    assert len(host.api.runs()) == 1


def test_no_node_is_drained_by_hotset(host):
    """Whatever happens the prolog ends with 0: an unknown profile, no daemon, no program."""
    process = host.start()
    host.is_up(process)
    text = PROLOG.read_text(encoding="utf-8")
    assert "--timeout 10m" in text
    slurm = Slurm(host, text.replace("--timeout 10m", "--timeout 2s"))
    assert "hotset wait ended with 2: job 7 begins all the same" in slurm.prolog("warm=nobody").stderr
    process.kill()
    assert "not warm after 2s" in slurm.prolog("warm=nightly-imagenet").stderr
    slurm.environment["HOTSET_BIN"] = "/nowhere/hotset"
    assert "hotset wait ended with 127" in slurm.prolog("warm=nightly-imagenet").stderr
