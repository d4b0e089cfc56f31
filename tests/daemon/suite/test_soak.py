"""Hundreds of reloads, a third of them of broken files, while runs go on, then a restart and a crash: nothing is lost,
doubled or kept for ever."""

import signal
import statistics
import time
from collections import Counter
from datetime import datetime, timezone

import fires
from process import wait_until

RELOADS = 200
# Seconds between reloads: enough for fires to fall into every stage of one.
PACE = 0.3
# Of every profile that is counted: seconds between fires, how some of its runs have to end, and how others may. `steady`
# and `dense` end before their next fire unless the disk stalls; `long`, `queue` and `replace` do not, and do then as they
# are named.
PERIODS = {
    "steady": (5, {"complete"}, {"skipped"}),
    "dense": (3, {"complete"}, {"skipped"}),
    "long": (7, {"complete", "skipped"}, set()),
    "queue": (4, {"complete"}, set()),
    "replace": (5, {"interrupted"}, {"complete"}),
    "churn": (5, {"interrupted"}, {"complete", "skipped"}),
}
# Seconds between two lives of the daemon: one fire of every profile passes in them, or more.
DOWN = 8
# KiB that the memory in use may grow by between the second quarter and the last: 100 reloads and a hundred fires.
GROWTH = 4096

STEADY = """
[profile.steady]
endpoint = "fast"
objects = ["s3://training/a/**"]
schedule = "@every 5s"
max_bytes = "1 GiB"
rewarm_after = "0s"

[profile.dense]
endpoint = "fast"
objects = ["s3://training/b/**"]
schedule = "*/3 * * * * *"
max_bytes = "1 GiB"
rewarm_after = "0s"

[profile.long]
endpoint = "slow"
objects = ["s3://training/a/**"]
schedule = "@every 7s"
max_bytes = "1 GiB"
rewarm_after = "0s"

[profile.queue]
endpoint = "slow"
objects = ["s3://training/b/**"]
schedule = "@every 4s"
on_overlap = "queue"
max_bytes = "1 GiB"
rewarm_after = "0s"

[profile.replace]
endpoint = "slow"
objects = ["s3://training/c/**"]
schedule = "@every 5s"
on_overlap = "replace"
max_bytes = "1 GiB"
rewarm_after = "0s"
"""


def changing(serial):
    """What every reload changes: a mark that the API shows, and now and then a profile that is under way."""
    folder = "abc"[serial // 20 % 3]
    return f"""
[profile.marker]
endpoint = "fast"
objects = ["s3://training/a/**"]
max_bytes = "{serial + 1} MiB"
paused = true

[profile.churn]
endpoint = "slow"
objects = ["s3://training/{folder}/**"]
schedule = "@every 5s"
max_bytes = "1 GiB"
rewarm_after = "0s"
"""


def broken(serial):
    text = changing(serial)
    return [
        ("syntax", text.replace("paused = true", "paused = = true")),
        ("unknown key", text.replace("paused = true", "pawsed = true")),
        ("no cap", text.replace(f'max_bytes = "{serial + 1} MiB"\n', "")),
        ("bad glob", text.replace("s3://training/a/**", "s3://training/a/{b")),
        ("unknown endpoint", text.replace('endpoint = "fast"', 'endpoint = "fats"')),
        ("cut off in the middle", text[: text.index("[profile.churn]") + 30]),
    ]


class Gauge:
    """What the process holds, looked at once a reload."""

    def __init__(self, process):
        self.process = process
        self.looks = []

    def look(self):
        self.looks.append((self.process.status("VmRSS"), self.process.handles(), self.process.status("Threads")))

    def check(self):
        quarter = len(self.looks) // 4
        early, late = self.looks[quarter : 2 * quarter], self.looks[-quarter:]
        memory, handles, threads = ([column(early), column(late)] for column in map(nth, range(3)))
        print(
            f"memory {memory[0][1]:.0f} → {memory[1][1]:.0f} KiB (medians), "
            f"at most {handles[0][0]} → {handles[1][0]} handles, {threads[0][0]} → {threads[1][0]} threads"
        )
        assert memory[1][1] <= memory[0][1] + GROWTH, f"memory grows: {[look[0] for look in self.looks]}"
        assert handles[1][0] <= handles[0][0] + 8, f"handles are kept: {[look[1] for look in self.looks]}"
        assert threads[1][0] <= threads[0][0] + 4, f"threads are kept: {[look[2] for look in self.looks]}"


def nth(n):
    """The most and the median of the n-th figure."""
    return lambda looks: (max(look[n] for look in looks), statistics.median(look[n] for look in looks))


def simulators(bench):
    objects = [f"training={folder}/{{000..059}}:1KiB" for folder in "abc"]
    buckets = [part for each in objects for part in ("--bucket", each)]
    fast = bench.simulator("fast", *buckets, "--floor", "5ms")
    slow = bench.simulator("slow", *buckets, "--floor", "900ms")
    # As many connections at the start as later.
    limits = [(fast, 32), (slow, 24)]
    return "".join(sim.endpoint(sim.process.name, f"start_in_flight = {n}\nmax_in_flight = {n}") for sim, n in limits)


class Reloads:
    """So many reloads, and what each came to."""

    def __init__(self, daemon, file, chance):
        self.daemon = daemon
        self.file = file
        self.chance = chance
        self.gauge = Gauge(daemon.process)
        self.in_force = 0
        # Seconds until a good one was in force.
        self.waits = []
        self.kinds = []

    def run(self):
        refused = set(self.chance.sample(range(1, RELOADS), RELOADS // 3))
        next_at = time.monotonic()
        for serial in range(1, RELOADS + 1):
            next_at = max(time.monotonic(), next_at + PACE * self.chance.uniform(0.5, 1.5))
            time.sleep(max(0, next_at - time.monotonic()))
            if serial in refused:
                self.refuse(*self.chance.choice(broken(serial)))
            else:
                self.take(serial)
            self.gauge.look()

    def refuse(self, kind, text):
        failed = self.daemon.api.status()["counters"]["reloads_failed"]
        self.ask(text)
        status = wait_until(lambda: self.failed_since(failed), 5, f"{kind} is refused")
        assert status["reload"]["error"], f"{kind}: the API says nothing of it"
        assert marker(self.daemon) == self.in_force, f"{kind}: {marker(self.daemon)} came into force, not {self.in_force}"
        self.kinds.append(kind)

    def failed_since(self, failed):
        status = self.daemon.api.status()
        return status if status["counters"]["reloads_failed"] > failed else None

    def take(self, serial):
        asked = self.ask(changing(serial))
        wait_until(lambda: marker(self.daemon) == serial, 5, lambda: f"{serial} is in force, not {marker(self.daemon)}")
        self.waits.append(time.monotonic() - asked)
        self.in_force = serial

    def ask(self, text):
        self.file.write_text(text, encoding="utf-8")
        asked = time.monotonic()
        self.daemon.process.signal(signal.SIGHUP)
        return asked

    def check(self):
        print(f"{len(self.kinds)} of {RELOADS} reloads refused, a good one in force after {max(self.waits):.2f} s at most")
        assert max(self.waits) <= 1, f"a good configuration came into force late: {sorted(self.waits)[-5:]}"
        counters = self.daemon.api.status()["counters"]
        counted = (counters["reloads_succeeded"] - 1, counters["reloads_failed"])
        assert counted == (len(self.waits), len(self.kinds)), f"{counted} reloads were counted: the start is one more"
        logged = self.daemon.process.log().count("the configuration was not reloaded")
        assert logged == len(self.kinds), f"{len(self.kinds)} refusals, {logged} in the log"


def marker(daemon):
    return daemon.api.profile("marker")["max_bytes"] // (1 << 20) - 1


def test_reloads_lose_no_run_and_keep_no_memory(bench, chance):
    folder = bench.folder / "config"
    folder.mkdir()
    head = f'[daemon]\nlisten = "127.0.0.1:{bench.port}"\n{simulators(bench)}'
    (folder / "a.toml").write_text(head + STEADY, encoding="utf-8")
    (folder / "b.toml").write_text(changing(0), encoding="utf-8")
    daemon = bench.daemon(folder).ready()
    began = fires.instant(daemon.api.status()["started"])
    reloads = Reloads(daemon, folder / "b.toml", chance)
    reloads.run()
    reloads.check()
    seen = {run["run"] for run in daemon.api.runs()}
    stopped = datetime.now(timezone.utc)
    daemon.stop()
    reloads.gauge.check()
    come_back(bench, folder).process.kill()
    last = come_back(bench, folder)
    back = fires.instant(last.api.status()["started"])
    last.stop()
    runs = bench.verb("--state-dir", bench.state, "runs", "--json")
    check_journal(runs, seen)
    for profile in PERIODS:
        check_profile(runs, profile, began, stopped, back)


def come_back(bench, folder):
    """A daemon after a pause in which fires are missed, once every profile has dealt with a later one."""
    time.sleep(DOWN)
    daemon = bench.daemon(folder).ready()
    back = fires.instant(daemon.api.status()["started"])

    def behind():
        runs = daemon.api.runs()
        return [name for name in PERIODS if not any(fires.instant(row["due"]) > back for row in fires.rows_by_due(runs, name))]

    wait_until(lambda: not behind(), 60, lambda: f"every profile has dealt with a fire after {back}, but not {behind()}")
    return daemon


def check_journal(runs, seen):
    ids = [run["run"] for run in runs]
    assert len(ids) == len(set(ids)), "a run stands twice in the journal"
    assert seen <= set(ids), f"the API had runs that the journal lost: {seen - set(ids)}"
    assert not [run for run in runs if run["outcome"] == "running"], "a run goes on without a daemon"
    assert not [run for run in runs if run["profile"] == "marker"], "a paused profile ran"


def check_profile(runs, profile, began, stopped, back):
    period, must, may = PERIODS[profile]
    of_it = [run for run in runs if run["profile"] == profile]
    # The end of a daemon interrupts what is under way, and what is taken up again may end in any way.
    strange = [run for run in of_it if fires.instant(run["ended"]) < stopped and run["outcome"] not in must | may]
    assert not strange, f"{profile} has runs that are not {' or '.join(sorted(must | may))}: {strange[:3]}"
    count = fires.check(runs, profile, period, began, back)
    outcomes = Counter(run["outcome"] for run in of_it)
    missed = sum(run["missed"] for run in of_it)
    print(f"{profile}: {count} fires, {missed} missed, {', '.join(f'{n} {o}' for o, n in sorted(outcomes.items()))}")
    assert must <= set(outcomes), f"{profile} was to have runs that are {' and '.join(sorted(must))}: {outcomes}"
