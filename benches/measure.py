"""Runs the clients against the lean server and prints a table of ratios. Started by benches/run."""

import contextlib
import dataclasses
import functools
import json
import os
import pathlib
import platform
import random
import shutil
import sqlite3
import statistics
import struct
import subprocess
import sys
import tempfile
import time
import urllib.request

import cache

HERE = pathlib.Path(__file__).resolve().parent
BUILT = pathlib.Path(sys.argv[1])
QUICK = "--quick" in sys.argv
ROUNDS = 1 if QUICK else 3
# Of what differs by little, and of what differs by less.
TURNS = 7
MANY_TURNS = 61
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
            list(map(str, command)),
            cwd=folder,
            env={**base, **keys},
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=out,
            # On one core, and the server on another: what is measured must not depend on who waits for whom.
            preexec_fn=cache.on(cache.CORES[0]),
        )
        _, status, usage = os.wait4(process.pid, 0)
    wall = time.monotonic() - began
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        told = said.read_text(errors="replace")[-3000:]
        sys.exit(f"{' '.join(map(str, command))} ended with {process.returncode}:\n{told}")
    return Cost(usage.ru_utime + usage.ru_stime, wall, usage.ru_maxrss / 1024)


def medians(costs):
    """The median cost of several rounds, each number by itself."""
    return Cost(*(statistics.median(getattr(c, f.name) for c in costs) for f in dataclasses.fields(Cost)))


def median(measure):
    return medians([measure() for _ in range(ROUNDS)])


def by_turns(*measures, turns=TURNS):
    """The costs of each, round by round: the machine may be slower for a while."""
    return list(zip(*[[measure() for measure in measures] for _ in range(1 if QUICK else turns)]))


@contextlib.contextmanager
def server(keys, page_delay_ms=0, shape="counted"):
    process = subprocess.Popen(
        [BUILT / "lean-server", str(keys), str(page_delay_ms), shape],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        preexec_fn=cache.on(cache.CORES[-1]),
    )
    try:
        yield process.stdout.readline().strip()
    finally:
        process.stdin.close()
        process.wait(30)


def spent(endpoint):
    """What the server has spent and answered so far."""
    return json.load(urllib.request.urlopen(f"{endpoint}/-/cost", timeout=30))


def configure(folder, endpoint, caps, endpoint_keys=""):
    (folder / "hotset.toml").write_text(
        f"""
        [endpoint.bench]
        cache_url = "{endpoint}"
        list_url = "{endpoint}"
        addressing = "path"
        region = "us-east-1"
        start_in_flight = 64
        max_in_flight = 64
        {endpoint_keys}

        [profile.bench]
        objects = ["s3://bench/**"]
        {caps}
        """
    )


def hotset(folder, verb, state="none"):
    lead = [HOTSET, "--config", folder / "hotset.toml", "--state-dir", state, "-q"]
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
    count, few = 100_000 // SCALE, 5_000 // SCALE
    clients = [
        ("one write and one read", [BUILT / "bare_head"], count, "–"),
        ("hyper, unsigned, no pool", [BUILT / "conn_head"], count, "–"),
        ("hyper, unsigned", [BUILT / "hyper_head"], count, "≥ 0.71×"),
        ("aws-sdk-s3", [BUILT / "sdk", "head"], count, "≥ 6×"),
        ("boto3, 32 threads", [sys.executable, HERE / "clients/boto3_head.py"], few, "≥ 100×"),
    ]
    with server(count) as endpoint:
        configure(folder, endpoint, 'max_bytes = "unlimited"')
        measures = [lambda: hotset(folder, "warm"), lambda: hotset(folder, "plan")]
        for _, command, number, _ in clients:
            measures += [functools.partial(run, [*command, endpoint, n], folder) for n in (number, 0)]
        costs = by_turns(*measures)
        server_cost = spent(endpoint)
        sent, wanted = server_cost["heads"], len(costs[0]) * (count + sum(number for _, _, number, _ in clients))
        assert sent == wanted, f"{sent} HEADs were sent in place of {wanted}"
        own = [(name, tool_head(command, folder, few)) for name, command in tools(endpoint, folder)]
    warm, plan, *theirs = map(medians, costs)
    ours = (warm - plan).cpu / count
    for (name, _, number, goal), whole, start in zip(clients, theirs[::2], theirs[1::2]):
        cpu = (whole - start).cpu / number
        table.add("CPU a HEAD", micros(ours), f"{name}: {micros(cpu)}", times(cpu / ours), goal)
    for name, cpu in own:
        table.add("CPU a HEAD", micros(ours), f"{name}: {micros(cpu)}", times(cpu / ours), "–")
    table.add("a HEAD at the server, all clients", micros(server_cost["busy_s"] / sent), "–", "–", "–")


def tools(endpoint, folder):
    """How programs that are installed here ask for every key in `keys`: their own way, without the range."""
    if shutil.which("s5cmd"):
        yield "s5cmd", ["s5cmd", "--endpoint-url", endpoint, "--numworkers", 64, "run", folder / "commands"]
    if shutil.which("rclone"):
        remote = f":s3,provider=Other,endpoint='{endpoint}',env_auth=true,region=us-east-1:bench"
        fast = ["--checkers", 64, "--files-from-raw", folder / "keys", "--no-traverse", "--config", ""]
        yield "rclone", ["rclone", "lsf", "-R", *fast, remote]


def tool_head(command, folder, count):
    """CPU for a HEAD of a program that reads its keys from a file."""

    def spent(count):
        keys = [f"datasets/imagenet-webdataset-shuffled-train-set-{number:08}.tar" for number in range(count)]
        (folder / "keys").write_text("".join(f"{key}\n" for key in keys))
        (folder / "commands").write_text("".join(f"head s3://bench/{key}\n" for key in keys))
        return median(lambda: run(command, folder))

    return (spent(count) - spent(1)).cpu / (count - 1)


def memory(table, folder):
    """What a warm of a million objects holds, with a journal."""
    count = 1_000_000 // SCALE
    with server(count) as endpoint:
        configure(folder, endpoint, 'max_bytes = "unlimited"')
        cost = hotset(folder, "warm", folder / "memory")
        sent = spent(endpoint)["heads"]
    assert sent == count, f"hotset sent {sent} HEADs in place of {count}"
    table.add(f"peak RSS of a warm of {count:,} objects", f"{cost.rss:.0f} MiB", f"{cost.wall:.0f} s", "–", "≤ 120 MiB")


def lists(table, folder):
    """CPU for a listed key, and the memory of a plan."""
    count = 1_000_000 // SCALE
    with server(count) as endpoint:
        configure(folder, endpoint, 'max_bytes = "100 GiB"')
        by_bytes = median(lambda: hotset(folder, "plan"))
        configure(folder, endpoint, 'max_bytes = "unlimited"')
        uncut = median(lambda: hotset(folder, "plan"))
        configure(folder, endpoint, 'max_bytes = "1 TiB"\nmax_objects = 1000')
        sdk, boto3 = [BUILT / "sdk", "list", endpoint], [sys.executable, HERE / "clients/boto3_list.py", endpoint]
        with server(1) as none:
            (folder / "none").mkdir()
            configure(folder / "none", none, 'max_bytes = "1 TiB"')
            costs = by_turns(
                lambda: hotset(folder, "plan"),
                lambda: hotset(folder / "none", "plan"),
                lambda: run([*sdk, count // 1000], folder),
                lambda: run([*sdk, 0], folder),
                lambda: run([*boto3, count // 10_000], folder),
                lambda: run([*boto3, 0], folder),
            )
    by_number, start, sdk, sdk_start, boto3, boto3_start = map(medians, costs)
    ours = (by_number - start).cpu / count
    others = [
        ("aws-sdk-s3", (sdk - sdk_start).cpu / count, "≥ 8×"),
        ("boto3", (boto3 - boto3_start).cpu / (count / 10), "–"),
    ]
    for name, theirs, goal in others:
        table.add("CPU a listed key", micros(ours), f"{name}: {micros(theirs)}", times(theirs / ours), goal)
    for name, cost in (("all kept", uncut), ("a cap of 100 GiB", by_bytes), ("max_objects = 1000", by_number)):
        table.add(f"peak RSS, {count:,} keys, {name}", f"{cost.rss:.0f} MiB", "–", "–", "–")


def one_flat_prefix(table, folder):
    """Pages that take 200 ms each: how much a listing without hints is spread, beside what asks for one after another."""
    count, few, delay = 1_000_000 // SCALE, 50_000 // SCALE, 0.2
    caps = 'max_bytes = "1 TiB"\nmax_objects = 1000'
    with server(few, int(delay * 1000)) as endpoint:
        configure(folder, endpoint, caps, "list_in_flight = 1")
        serial = hotset(folder, "plan").wall * count / few
        (folder / "hotset.toml").unlink()
        boto3 = run([sys.executable, HERE / "clients/boto3_list.py", endpoint, few // 1000], folder).wall * count / few
    for shape in ("counted", "hashed", "dated"):
        with server(count, int(delay * 1000), shape) as endpoint:
            configure(folder, endpoint, caps)
            costs = [hotset(folder, "plan") for _ in range(ROUNDS)]
            served = spent(endpoint)
        took = statistics.median(cost.wall for cost in costs)
        cpu = statistics.median(cost.cpu for cost in costs)
        what = f"LIST of {count:,} {shape} keys, 200 ms a page"
        one = f"hotset, one page after another: {serial:.0f} s, by {few // 1000} pages"
        table.add(what, f"{took:.1f} s", one, times(serial / took), "≥ 30×")
        table.add(what, f"{took:.1f} s", f"boto3: {boto3:.0f} s, by {few // 1000} pages", times(boto3 / took), "–")
        pages = served["pages"] / ROUNDS
        server_cpu = f"{served['busy_s'] / ROUNDS:.2f} s of work of the server"
        table.add("the same", f"{pages:,.0f} requests, {cpu:.2f} s CPU", server_cpu, "–", "–")


def journals(table, folder):
    """What recording adds to a run's CPU, with an empty ledger and beside ten million entries, and what these take."""
    count, entries = 100_000 // SCALE, 10_000_000 // SCALE
    waiting = entries // 8
    state, many, due = folder / "state", folder / "many.db", folder / "due.db"
    with server(count) as endpoint:
        configure(folder, endpoint, 'max_bytes = "unlimited"')

        def recorded(journal=None):
            shutil.rmtree(state, ignore_errors=True)
            state.mkdir()
            if journal:
                shutil.copy(journal, state / "journal.db")
            # Whoever syncs a file first pays for all that was written to it before.
            os.sync()
            return hotset(folder, "warm", state)

        recorded()
        fill(state / "journal.db", entries)
        shutil.copy(state / "journal.db", many)
        shutil.copy(many, due)
        arrive(due, waiting)
        without = lambda: hotset(folder, "warm")
        small = by_turns(without, recorded, turns=MANY_TURNS)
        large = by_turns(without, lambda: recorded(many), turns=MANY_TURNS)
        full, merged = by_turns(lambda: recorded(many), lambda: recorded(due))
    for name, (base, costs) in (("an empty ledger", small), (f"{entries:,} entries, no merge", large)):
        # Of two runs behind each other: the machine changes by more than they differ.
        more = statistics.median((cost - without).cpu for cost, without in zip(costs, base))
        ratio = statistics.median(cost.cpu / without.cpu for cost, without in zip(costs, base))
        added, whole = micros(more / count), micros(medians(base).cpu / count)
        what = f"CPU of recording an object, {name}"
        table.add(what, f"{added} more", f"a run without: {whole} an object", times(ratio), "≤ 1.1×")
    more = statistics.median((cost - without).cpu for cost, without in zip(merged, full))
    what = f"CPU of merging {waiting + count:,} into {entries:,}"
    table.add(what, f"{micros(more / (waiting + count))} an object", "–", "–", "–")
    size = many.stat().st_size
    table.add(f"journal of {entries:,} entries", f"{size / 1e6:.0f} MB", f"{size / entries:.1f} B an entry", "–", "≤ 60 B")
    for name, which in (("beside it", full), ("that merges into it", merged)):
        table.add(f"peak RSS of a warm {name}", f"{max(cost.rss for cost in which):.0f} MiB", "–", "–", "–")


# Entries of a row of the ledger, after a few merges.
ROW = 90


def entry(object_hash=None):
    """Of a random object, now, from a cache that has filled petabytes."""
    number = lambda: random.getrandbits(64) - (1 << 63)
    return struct.pack(">4q", number() if object_hash is None else object_hash, number(), int(time.time()), 1 << 32)


@contextlib.contextmanager
def written(journal):
    with contextlib.closing(sqlite3.connect(journal, isolation_level=None)) as db:
        # What the run before has left would be fresh.
        db.execute("DELETE FROM append_log")
        yield db
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def fill(journal, entries):
    """Writes so many entries, of random hashes in their order."""
    rows = entries // ROW
    span = (1 << 64) // rows
    with written(journal) as db:
        db.execute("DELETE FROM sorted_page")
        db.execute("BEGIN")
        for first in range(-(1 << 63), (1 << 63) - span, span):
            row = sorted(first + random.randrange(span) for _ in range(ROW))
            db.execute("INSERT INTO sorted_page VALUES (?, ?)", (row[-1], b"".join(map(entry, row))))
        db.execute("COMMIT")


def arrive(journal, entries):
    """Leaves entries to be merged, in batches as they are recorded."""
    with written(journal) as db:
        db.execute("BEGIN")
        for _ in range(entries // 500):
            batch = b"".join(entry() for _ in range(500))
            db.execute("INSERT INTO append_log (url, entries) VALUES ('http://elsewhere/', ?)", (batch,))
        db.execute("COMMIT")


def main():
    table = Table()
    every = (heads, memory, lists, one_flat_prefix, journals)
    named = [word for word in sys.argv[2:] if not word.startswith("--")]
    if unknown := set(named) - {measure.__name__ for measure in every}:
        sys.exit(f"no such measure: {', '.join(unknown)}; there are {', '.join(one.__name__ for one in every)}")
    measures = [measure for measure in every if not named or measure.__name__ in named]
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        for measure in measures:
            print(f"{measure.__name__} …", file=sys.stderr)
            measure(table, folder)
    version = subprocess.run([HOTSET, "--version"], capture_output=True, text=True).stdout.strip()
    print(f"{version}; {os.cpu_count()} cores, Linux {platform.release()}; medians of {ROUNDS} or, by turns, {TURNS} and {MANY_TURNS}; user + system CPU\n")
    table.show()


main()
