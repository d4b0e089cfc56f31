"""The simulator as a process of its own, on a core of its own, and the clients beside it. For benches and suites alike."""

import contextlib
import dataclasses
import json
import os
import subprocess
import sys
import time

CORES = sorted(os.sched_getaffinity(0))


@dataclasses.dataclass
class Cost:
    """Of one process, start to end, by the kernel's own account."""

    cpu: float
    wall: float
    rss: float  # MiB, peak


def on(core):
    """Keeps a process to one core, so that what serves and what is measured do not take turns."""
    return lambda: os.sched_setaffinity(0, {core})


class Cache:
    """A simulator that serves; it knows what came, whatever a client says."""

    def __init__(self, process):
        self.process = process
        ready = process.stdout.readline()
        if not ready:
            sys.exit(f"the simulator ended with {process.wait()} before it was ready")
        self.ready = json.loads(ready)

    def account(self):
        self.process.stdin.write("\n")
        self.process.stdin.flush()
        return json.loads(self.process.stdout.readline())

    def endpoint(self, more=""):
        urls = f'cache_url = "{self.ready["cache_url"]}"\nlist_url = "{self.ready["list_url"]}"'
        return f'[endpoint.sim]\n{urls}\nregion = "us-east-1"\n{more}\n'

    def cpu(self):
        """Seconds that it has spent so far."""
        with open(f"/proc/{self.process.pid}/stat", encoding="ascii") as stat:
            fields = stat.read().rsplit(") ", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@contextlib.contextmanager
def serving(binary, stage, keys=None):
    """The simulator for this stage; with `keys` it writes there what there is."""
    command = [binary, json.dumps(stage), *([keys] if keys else [])]
    process = subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, preexec_fn=on(CORES[-1])
    )
    try:
        yield Cache(process)
    finally:
        process.stdin.close()
        process.wait(600)


def environment(folder):
    keys = {"AWS_ACCESS_KEY_ID": "bench", "AWS_SECRET_ACCESS_KEY": "bench", "AWS_EC2_METADATA_DISABLED": "true"}
    return {"PATH": os.environ["PATH"], "HOME": str(folder), **keys}


def run(command, folder):
    """`command` to its end on the first core: its exit code, what it printed, and what it took."""
    began = time.monotonic()
    with open(folder / "said", "wb") as out, open(folder / "told", "wb") as err:
        process = subprocess.Popen(
            list(map(str, command)),
            cwd=folder,
            env=environment(folder),
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=err,
            preexec_fn=on(CORES[0]),
        )
        _, status, usage = os.wait4(process.pid, 0)
    wall = time.monotonic() - began
    process.returncode = os.waitstatus_to_exitcode(status)
    cost = Cost(usage.ru_utime + usage.ru_stime, wall, usage.ru_maxrss / 1024)
    return process.returncode, (folder / "said").read_text(), cost


def expect(codes, command, folder):
    """The same for a command that must end with one of these."""
    code, said, cost = run(command, folder)
    if code not in codes:
        told = (folder / "told").read_text(errors="replace")[-3000:]
        sys.exit(f"{' '.join(map(str, command))} ended with {code}:\n{said[-3000:]}{told}")
    return said, cost
