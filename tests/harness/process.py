"""The programs of a test: each with a log of its own, and ended by its own id."""

import contextlib
import os
import pathlib
import re
import signal
import socket
import subprocess
import time

BINARY = os.environ.get("HOTSET_BIN", "")
# Seconds that whatever a suite waits for may take: on the slowest machine a multiple of what it takes. No test is about time.
PATIENCE = 600


def binary():
    """`HOTSET_BIN`, for a suite that cannot do without."""
    if not os.access(BINARY, os.X_OK):
        raise RuntimeError(f"HOTSET_BIN must name the hotset binary, got {BINARY!r}")
    return BINARY


def wait_until(condition, what):
    """The first true value of `condition`, asked again and again. Connection errors count as no."""
    began = time.monotonic()
    while True:
        try:
            value = last = condition()
        except OSError as error:
            value, last = None, error
        if value:
            return value
        waited = time.monotonic() - began
        assert waited < PATIENCE, f"not within {PATIENCE} s: {what() if callable(what) else what}; last: {last!r}"
        # Often at first; later seldom, because what asks takes time from what is asked.
        time.sleep(min(0.01 + waited / 20, 0.25))


def free_port():
    return free_ports(1)


def free_ports(count):
    """The first of `count` ports in a row that nothing listens on, below those that the system gives to clients.

    They are this process' own until it ends: a name of each is taken, which no other process can have in this network.
    """
    for first in range(20000, 32000 - count):
        with contextlib.ExitStack() as stack, contextlib.suppress(OSError):
            taken = []
            for port in range(first, first + count):
                with contextlib.closing(socket.socket()) as probe:
                    probe.bind(("127.0.0.1", port))
                taken.append(stack.enter_context(socket.socket(socket.AF_UNIX)))
                taken[-1].bind(f"\0hotset-suite-port-{port}")
            stack.pop_all()
            free_ports.taken += taken
            return first
    raise AssertionError("no free port")


free_ports.taken = []


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

    def ended(self):
        """The exit code, once it has ended."""
        try:
            return self.popen.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"{self.name} did not end within {PATIENCE} s") from None

    def kill(self):
        """At once, as a crash does it."""
        self.signal(signal.SIGKILL)
        self.ended()

    def clean_up(self):
        """Ends the whole group at once, whatever has become of the program itself."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.pid, signal.SIGKILL)
        self.ended()

    def status(self, field):
        """A number of /proc/PID/status; sizes are in KiB."""
        with open(f"/proc/{self.pid}/status", encoding="ascii") as status:
            return next(int(line.split()[1]) for line in status if line.startswith(f"{field}:"))

    def handles(self, but=None):
        """How many files are open; `but` is what those that do not count are called at their beginning."""
        folder, count = f"/proc/{self.pid}/fd", 0
        for handle in os.listdir(folder):
            with contextlib.suppress(FileNotFoundError):  # it has been closed meanwhile
                count += not (but and os.readlink(f"{folder}/{handle}").startswith(but))
        return count

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
