"""The unit under a systemd that is process 1 of namespaces of its own: its user, its credentials and its walls are real."""

import os
import pathlib
import shutil
import signal
import subprocess

import pytest

from host import BUCKET, FILE, PROGRAM, UNIT
from process import BINARY, PATIENCE, wait_until
from stack import KEYS, PAIR

BOOT = pathlib.Path(__file__).parent / "boot"
# In a network of its own any port is free.
LIST, CACHE = 8001, 8002
# Not the rest of a machine, and a log that can be read without the journal's daemon.
DROP_IN = """[Unit]
DefaultDependencies=no
[Service]
StandardOutput=append:/var/log/hotset.log
StandardError=inherit
"""


def configuration():
    text = FILE.read_text(encoding="utf-8").replace("http://cwlota.com", f"http://localhost:{CACHE}")
    return text.replace("https://cwobject.com", f"http://localhost:{LIST}").replace("US-EAST-04A", "us-east-04a")


def children(pid):
    return pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii").split()


class Machine:
    def __init__(self, bench):
        self.folder = bench.folder / "machine"
        for path, text in {
            f"etc/systemd/system/{UNIT.name}": UNIT.read_text(encoding="utf-8"),
            f"etc/systemd/system/{UNIT.name}.d/try.conf": DROP_IN,
            "etc/systemd/system/try.target": "[Unit]\nDefaultDependencies=no\n",
            "etc/hotset/hotset.toml": configuration(),
            **{f"etc/hotset/keys/{name}": text for name, text in KEYS.items()},
        }.items():
            file = self.folder / "files" / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text, encoding="utf-8")
            # Only root reads the keys.
            file.chmod(0o600 if "keys" in path else 0o644)
        program = self.folder / "files" / PROGRAM.lstrip("/")
        program.parent.mkdir(parents=True)
        shutil.copy(BINARY, program)
        self.process = bench.start("systemd", [BOOT, self.folder])
        self.pid = wait_until(self.first, lambda: f"systemd runs\n{self.process.tail()}")
        wait_until(lambda: self.shows("LoadState") == "loaded", lambda: f"systemd answers\n{self.process.tail()}")
        bench.start(
            "sim",
            ["nsenter", f"--net=/proc/{self.pid}/ns/net", BINARY, "sim", "--credentials", PAIR, "--bucket", BUCKET]
            + [f"--list-port={LIST}", f"--cache-port={CACHE}"],
        )

    def first(self):
        """Process 1, as it is called outside."""
        assert self.process.is_running(), f"it ended with {self.process.popen.returncode}\n{self.process.tail()}"
        for pid in children(self.process.pid):
            if pathlib.Path(f"/proc/{pid}/comm").read_text(encoding="ascii").strip() == "systemd":
                return int(pid)
        return None

    def ask(self, *words):
        command = ["nsenter", f"--target={self.pid}", "--all", "--root", "--wd", *words]
        return subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=PATIENCE)

    def do(self, *words):
        done = self.ask(*words)
        assert done.returncode == 0, f"{words} ended with {done.returncode}\n{done.stdout}{done.stderr}{self.log()}"
        return done.stdout

    def shows(self, name):
        return self.ask("systemctl", "show", "hotset", f"--property={name}", "--value").stdout.strip()

    def log(self):
        return self.ask("cat", "/var/log/hotset.log").stdout

    def write(self, before, after):
        self.do("sed", "-i", f"s/{before}/{after}/", "/etc/hotset/hotset.toml")

    def status(self):
        """Empty while nobody answers."""
        return self.ask(PROGRAM, "status").stdout

    def clean_up(self):
        """Its first process takes all others with it, and the mounts; its control groups stay, empty."""
        os.kill(self.pid, signal.SIGKILL)
        self.process.ended()
        for group in pathlib.Path("/sys/fs/cgroup").glob(f"**/try-{self.process.pid}"):
            for each in [*sorted(group.glob("**/*/"), key=lambda path: -len(path.parts)), group]:
                wait_until(lambda each=each: not each.exists() or not each.rmdir(), f"{each} is empty")


@pytest.fixture
def machine(bench):
    made = Machine(bench)
    yield made
    made.clean_up()


def test_systemd_runs_the_unit_behind_its_walls(machine):
    machine.do("systemctl", "start", "hotset")
    wait_until(lambda: "served" in machine.log(), "the daemon is up")
    # Its keys are root's, and the store takes no others.
    said = machine.do(PROGRAM, "wait", "nightly-imagenet", "--start", f"--timeout={PATIENCE}s")
    assert "nightly-imagenet: warm" in said
    pid = machine.shows("MainPID")
    assert machine.do("stat", "--format=%u", f"/proc/{pid}") not in ("0\n", ""), "it runs as root"
    assert machine.do("stat", "--format=%a %U", "/var/lib/private/hotset").split() == ["700", "hotset"]
    assert "journal: /var/lib/hotset/journal.db" in machine.status()
    assert "complete" in machine.do(PROGRAM, "--state-dir=/var/lib/hotset", "runs")
    assert "NoNewPrivs:\t1" in machine.do("cat", f"/proc/{pid}/status") and "Seccomp:\t2" in machine.do(
        "cat", f"/proc/{pid}/status"
    )

    machine.write("8 TiB", "7 TiB")
    machine.do("systemctl", "reload", "hotset")
    wait_until(lambda: "7.0 TiB" in machine.status(), lambda: f"the reload has its effect\n{machine.status()}")
    machine.write("7 TiB", "7 TBB")
    machine.do("systemctl", "reload", "hotset")
    wait_until(lambda: "BAD" in machine.status(), lambda: f"the bad file is said\n{machine.status()}")
    # A restart on the bad file goes on with the last good one.
    machine.do("systemctl", "restart", "hotset")
    wait_until(lambda: "BAD" in machine.status() and "7.0 TiB" in machine.status(), lambda: machine.log())

    machine.do("systemctl", "stop", "hotset")
    assert (machine.shows("ActiveState"), machine.shows("Result"), machine.shows("ExecMainStatus")) == (
        "inactive",
        "success",
        "0",
    )


def test_bad_files_at_a_first_start_are_not_tried_again(machine):
    machine.write("8 TiB", "8 TBB")
    machine.ask("systemctl", "start", "hotset")
    wait_until(lambda: machine.shows("ActiveState") == "failed", lambda: f"it failed\n{machine.log()}")
    assert (machine.shows("ExecMainStatus"), machine.shows("NRestarts")) == ("2", "0")


def test_what_was_killed_comes_back(machine):
    machine.do("systemctl", "start", "hotset")
    wait_until(lambda: "served" in machine.log(), "the daemon is up")
    machine.do("systemctl", "kill", "--signal=KILL", "hotset")
    wait_until(lambda: machine.shows("NRestarts") == "1" and "up " in machine.status(), "it is up again")
