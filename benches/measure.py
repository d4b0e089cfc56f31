"""Runs the clients against the lean server and prints a table of ratios. Started by benches/run."""

import contextlib
import dataclasses
import json
import os
import pathlib
import platform
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request

HERE = pathlib.Path(__file__).resolve().parent
BUILT = pathlib.Path(sys.argv[1])
QUICK = "--quick" in sys.argv
ROUNDS = 1 if QUICK else 3
SCALE = 10 if QUICK else 1
HOTSET = os.environ["HOTSET_BIN"]


@dataclasses.dataclass
class Cost:
    """Of one process, start to end."""

    cpu: float
    wall: float
    rss: float  # MiB, peak

    def __sub__(self, other):
        return Cost(self.cpu - other.cpu, self.wall - other.wall, self.rss)


def run(command, folder):
    """`command` to its end, by the kernel's own account."""
    base = {"PATH": os.environ["PATH"], "HOME": str(folder), "AWS_EC2_METADATA_DISABLED": "true"}
    keys = {"AWS_ACCESS_KEY_ID": "bench", "AWS_SECRET_ACCESS_KEY": "bench"}
    said = folder / "said"
    began = time.monotonic()
    with open(said, "wb") as out:
        process = subprocess.Popen(
            list(map(str, command)), cwd=folder, env={**base, **keys}, stdin=subprocess.DEVNULL, stdout=out, stderr=out
        )
        _, status, usage = os.wait4(process.pid, 0)
    wall = time.monotonic() - began
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        told = said.read_text(errors="replace")[-3000:]
        sys.exit(f"{' '.join(map(str, command))} ended with {process.returncode}:\n{told}")
    return Cost(usage.ru_utime + usage.ru_stime, wall, usage.ru_maxrss / 1024)


def median(measure):
    """The median cost of several rounds, each number by itself."""
    costs = [measure() for _ in range(ROUNDS)]
    return Cost(*(statistics.median(getattr(c, f.name) for c in costs) for f in dataclasses.fields(Cost)))


@contextlib.contextmanager
def server(keys, page_delay_ms=0):
    process = subprocess.Popen(
        [BUILT / "lean-server", str(keys), str(page_delay_ms)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    try:
        yield process.stdout.readline().strip()
    finally:
        process.stdin.close()
        process.wait(30)


def spent(endpoint):
    """What the server has spent and answered so far."""
    return json.load(urllib.request.urlopen(f"{endpoint}/-/cost", timeout=30))


def configure(folder, endpoint, caps):
    (folder / "hotset.toml").write_text(
        f"""
        [endpoint.bench]
        cache_url = "{endpoint}"
        list_url = "{endpoint}"
        addressing = "path"
        region = "us-east-1"
        start_in_flight = 64
        max_in_flight = 64
        list_in_flight = 64

        [profile.bench]
        objects = ["s3://bench/**"]
        {caps}
        """
    )


def hotset(folder, verb):
    lead = [HOTSET, "--config", folder / "hotset.toml", "--state-dir", "none", "-q"]
    return run([*lead, verb, "bench", "--json"], folder)


class Table:
    def __init__(self):
        self.rows = [("what", "hotset", "beside it", "ratio", "goal")]

    def add(self, what, hotset_says, other_says, ratio, goal):
        self.rows.append((what, hotset_says, other_says, ratio, goal))
        print(f"  {what}: {hotset_says}, {other_says}, {ratio}", file=sys.stderr)

    def show(self):
        widths = [max(len(row[n]) for row in self.rows) for n in range(5)]
        for number, row in enumerate(self.rows):
            print("| " + " | ".join(cell.ljust(width) for cell, width in zip(row, widths)) + " |")
            if number == 0:
                print("|" + "|".join("-" * (width + 2) for width in widths) + "|")


def figures(number):
    """Three figures, without exponents."""
    return f"{number:,.0f}" if number >= 100 else f"{number:.3g}"


def micros(seconds):
    return f"{figures(seconds * 1e6)} µs"


def times(ratio):
    return f"{figures(ratio)}×"


def heads(table, folder):
    """CPU for a HEAD: the whole process, less what the same process takes without the HEADs."""
    count = 100_000 // SCALE
    few = 5_000 // SCALE
    with server(count) as endpoint:
        configure(folder, endpoint, 'max_bytes = "unlimited"')
        listing = median(lambda: hotset(folder, "plan"))
        before = spent(endpoint)
        ours = (median(lambda: hotset(folder, "warm")) - listing).cpu / count
        after = spent(endpoint)
        sent = after["heads"] - before["heads"]
        assert sent == count * ROUNDS, f"hotset sent {sent} HEADs in place of {count * ROUNDS}"

        def each(command, count):
            start = median(lambda: run([*command, endpoint, 0], folder))
            return (median(lambda: run([*command, endpoint, count], folder)) - start).cpu / count

        others = [
            ("hyper, unsigned", each([BUILT / "hyper_head"], count), "≥ 0.71×"),
            ("aws-sdk-s3", each([BUILT / "sdk", "head"], count), "≥ 6×"),
            ("boto3, 32 threads", each([sys.executable, HERE / "clients/boto3_head.py"], few), "≥ 100×"),
        ]
    for name, theirs, goal in others:
        table.add("CPU a HEAD", micros(ours), f"{name}: {micros(theirs)}", times(theirs / ours), goal)
    server_cpu = (after["cpu_s"] - before["cpu_s"]) / sent
    table.add("CPU a HEAD, of the server", micros(server_cpu), "–", "–", "–")


def lists(table, folder):
    """CPU for a listed key, and the memory of a plan."""
    count = 1_000_000 // SCALE
    with server(count) as endpoint:
        configure(folder, endpoint, 'max_bytes = "100 GiB"')
        by_bytes = median(lambda: hotset(folder, "plan"))
        configure(folder, endpoint, 'max_bytes = "unlimited"')
        uncut = median(lambda: hotset(folder, "plan"))
        configure(folder, endpoint, 'max_bytes = "1 TiB"\nmax_objects = 1000')
        by_number = median(lambda: hotset(folder, "plan"))
        (folder / "hotset.toml").unlink()

        def each(command, pages):
            start = median(lambda: run([*command, endpoint, 0], folder))
            return (median(lambda: run([*command, endpoint, pages], folder)) - start).cpu / (pages * 1000)

        others = [
            ("aws-sdk-s3", each([BUILT / "sdk", "list"], count // 1000), "≥ 8×"),
            ("boto3", each([sys.executable, HERE / "clients/boto3_list.py"], count // 10_000), "–"),
        ]
    ours = by_number.cpu / count
    for name, theirs, goal in others:
        table.add("CPU a listed key", micros(ours), f"{name}: {micros(theirs)}", times(theirs / ours), goal)
    for name, cost in (("all kept", uncut), ("a cap of 100 GiB", by_bytes), ("max_objects = 1000", by_number)):
        table.add(f"peak RSS, {count:,} keys, {name}", f"{cost.rss:.0f} MiB", "–", "–", "–")


def one_flat_prefix(table, folder):
    """Pages that take 200 ms each: how much a listing without hints is spread."""
    count, delay = 400_000 // SCALE, 0.2
    with server(count, int(delay * 1000)) as endpoint:
        configure(folder, endpoint, 'max_bytes = "1 TiB"\nmax_objects = 1000')
        took = hotset(folder, "plan").wall
        cost = spent(endpoint)
    serial = count / 1000 * delay
    what, beside = f"LIST of {count:,} keys, 200 ms a page", f"one page after another: ≥ {serial:.0f} s"
    table.add(what, f"{took:.1f} s", beside, times(serial / took), "≥ 30×")
    table.add("the same, of the server", f"{cost['cpu_s']} s CPU", f"{cost['pages']} pages", "–", "–")


def main():
    table = Table()
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        for measure in (heads, lists, one_flat_prefix):
            print(f"{measure.__name__} …", file=sys.stderr)
            measure(table, folder)
    version = subprocess.run([HOTSET, "--version"], capture_output=True, text=True).stdout.strip()
    print(f"{version}; {os.cpu_count()} cores, Linux {platform.release()}; medians of {ROUNDS}; user + system CPU\n")
    table.show()


main()
