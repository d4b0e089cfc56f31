"""The unit without a systemd that runs: verified by its own tools, its command line run, its hardening held to a trace."""

import os
import pathlib
import re
import shlex
import signal
import subprocess
import tomllib

import pytest

from host import FILE, PROGRAM, UNIT, unit
from kubelet import run
from process import BINARY, PATIENCE, wait_until

# What SQLite calls as root only, which the unit's user never is; this suite may be.
AS_ROOT = {"fchown"} if os.geteuid() == 0 else set()
# Of systemd's scale from 0 (closed) to 100: it calls up to 19 OK.
EXPOSURE = 19


def verified(folder, change=lambda text: text):
    """What systemd says of the unit, with a program that is there."""
    copy = folder / "hotset.service"
    copy.write_text(change(UNIT.read_text(encoding="utf-8")).replace(PROGRAM, BINARY), encoding="utf-8")
    done = subprocess.run(["systemd-analyze", "verify", copy], capture_output=True, text=True, timeout=PATIENCE)
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


def test_the_unit_starts_reloads_and_stops(host):
    process = host.start()
    host.is_up(process)
    host.warm()
    assert (host.state / "journal.db").exists(), "the journal is not in StateDirectory"
    cap = lambda: host.api.profile("nightly-imagenet")["max_bytes"]
    (reload,) = host.unit["ExecReload"]
    host.write(lambda text: text.replace('"8 TiB"', '"7 TiB"'))
    run(*shlex.split(reload.replace("$MAINPID", str(process.pid))))
    wait_until(lambda: cap() == 7 << 40, "the reload has its effect")
    process.signal(signal.SIGTERM)
    assert process.ended() == 0


def test_bad_files_at_a_first_start_are_not_tried_again(host):
    host.write(lambda text: text.replace('"8 TiB"', '"8 TBB"'))
    assert host.start().ended() == int(host.unit["RestartPreventExitStatus"][0])


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
    wait_until(lambda: host.api.profile("nightly-imagenet")["max_bytes"] == 7 << 40, "the reload has its effect")
    os.kill(int(child), signal.SIGTERM)
    assert process.ended() == 0
    calls = [
        found.groups() for found in map(CALL.match, log.read_text(encoding="utf-8", errors="replace").splitlines()) if found
    ]
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
