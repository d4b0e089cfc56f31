"""The programs of a test: each with a log of its own, and ended by its own id."""

import os
import pathlib
import re
import signal
import socket
import subprocess
import time

BINARY = os.environ.get("HOTSET_BIN", "")
POLL = 0.02


def wait_until(condition, within, what):
    """The first true value of `condition`, asked again and again for `within` seconds. Connection errors count as no."""
    until = time.monotonic() + within
    while True:
        try:
            value = condition()
        except OSError as error:
            value, last = None, error
        else:
            last = value
        if value:
            return value
        assert time.monotonic() < until, f"not within {within} s: {what() if callable(what) else what}; last: {last!r}"
        time.sleep(POLL)


def free_port():
    """A port of this suite's that nothing listens on."""
    for port in range(int(os.environ["HOTSET_PORTS"]), int(os.environ["HOTSET_PORTS"]) + 1000):
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        if port not in free_port.given:
            free_port.given.add(port)
            return port
    raise AssertionError("no free port")


free_port.given = set()


class Process:
    """One program. Its output, both streams, goes to a file; its group ends with it."""

    def __init__(self, name, command, folder, environment):
        self.name = name
        self.command = command
        self.log_path = folder / f"{name}.log"
        with open(self.log_path, "ab") as log:
            self.popen = subprocess.Popen(
                command, cwd=folder, env=environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
            )

    @property
    def pid(self):
        return self.popen.pid

    def log(self):
        return self.log_path.read_text(encoding="utf-8", errors="backslashreplace")

    def tail(self, lines=60):
        return "\n".join(self.log().splitlines()[-lines:])

    def is_running(self):
        return self.popen.poll() is None

    def signal(self, number):
        assert self.is_running(), f"{self.name} has ended by itself with {self.popen.returncode}"
        self.popen.send_signal(number)

    def ended(self, within):
        """The exit code, once it has ended."""
        try:
            return self.popen.wait(within)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"{self.name} did not end within {within} s") from None

    def kill(self):
        """At once, as a crash does it."""
        self.signal(signal.SIGKILL)
        self.ended(10)

    def clean_up(self):
        """Ends the whole group, whatever has become of the program itself."""
        if self.is_running():
            self.popen.terminate()
            try:
                self.popen.wait(10)
            except subprocess.TimeoutExpired:
                pass
        try:
            os.killpg(self.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        self.popen.wait(10)

    def status(self, field):
        """A number of /proc/PID/status; sizes are in KiB."""
        with open(f"/proc/{self.pid}/status", encoding="ascii") as status:
            return next(int(line.split()[1]) for line in status if line.startswith(f"{field}:"))

    def handles(self):
        return len(os.listdir(f"/proc/{self.pid}/fd"))

    def on_core(self):
        """Seconds on a core, threads that have ended included. The ticks of /proc/PID/stat are too coarse for a process that
        does next to nothing, so its own clock is read (clock_getcpuclockid)."""
        return time.clock_gettime(~self.pid << 3 | 2)

    def wakes(self):
        """How often each thread has woken up."""
        count = {}
        for thread in pathlib.Path(f"/proc/{self.pid}/task").iterdir():
            try:
                status = (thread / "status").read_text(encoding="ascii")
            except (FileNotFoundError, ProcessLookupError):
                continue  # it has ended meanwhile
            count[thread.name] = int(re.search(r"^voluntary_ctxt_switches:\s+(\d+)", status, re.M)[1])
        return count
