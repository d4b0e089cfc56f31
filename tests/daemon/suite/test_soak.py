"""Hundreds of reloads, a third of them of broken files, while runs go on, then a restart and a crash: nothing is lost,
doubled or kept for ever."""

import signal
import statistics
import time
from collections import Counter
from datetime import datetime, timezone

import pytest

import fires
from process import PATIENCE, wait_until

# How many reloads there are at least. There are more where a profile has not yet had every end that it has to have.
RELOADS = pytest.mark.parametrize("count", [40, pytest.param(400, marks=pytest.mark.night)])
# Seconds between reloads: enough for fires to fall into every stage of one.
PACE = 0.2
# Of every profile that is counted: seconds between fires, how some of its runs have to end, and how others may. On a machine
# that is slow enough any of them still runs at its next fire, and does then as it is named.
PERIODS = {
    "steady": (3, {"complete"}, {"skipped"}),
    "dense": (1, {"complete"}, {"skipped"}),
    "long": (2, {"complete", "skipped"}, set()),
    "queue": (2, {"complete"}, set()),
    "replace": (2, {"interrupted"}, {"complete"}),
    "churn": (3, {"interrupted"}, {"complete", "skipped"}),
}
# Seconds between two lives of the daemon: one fire of every profile passes in them, or more.
DOWN = 4
# What may be added between the second quarter and the last: KiB to the heap, and open files to those of the runs of the moment.
GROWTH = 4096
FEW = 8

STEADY = """
[profile.steady]
endpoint = "fast"
objects = ["s3://training/a/**"]
schedule = "@every 3s"
max_bytes = "1 GiB"
rewarm_after = "0s"

[profile.dense]
endpoint = "fast"
objects = ["s3://training/b/**"]
schedule = "* * * * * *"
max_bytes = "1 GiB"
rewarm_after = "0s"

[profile.long]
endpoint = "slow"
objects = ["s3://training/a/**"]
schedule = "@every 2s"
max_bytes = "1 GiB"
rewarm_after = "0s"

[profile.queue]
endpoint = "slow"
objects = ["s3://training/b/**"]
schedule = "@every 2s"
on_overlap = "queue"
max_bytes = "1 GiB"
rewarm_after = "0s"

[profile.replace]
endpoint = "slow"
objects = ["s3://training/c/**"]
schedule = "@every 2s"
on_overlap = "replace"
max_bytes = "1 GiB"
rewarm_after = "0s"
"""


def changing(serial):
    """What every reload changes: a mark that the API shows, and now and then a profile that is under way."""
    folder = "abc"[serial // 10 % 3]
    return f"""
[profile.marker]
endpoint = "fast"
objects = ["s3://training/a/**"]
max_bytes = "{serial + 1} MiB"
paused = true

[profile.churn]
endpoint = "slow"
objects = ["s3://training/{folder}/**"]
schedule = "@every 3s"
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
    """What the process holds, looked at once a reload. How many connections and threads it has depends on the moment: what of
    them stays is seen in test_day.py."""

    def __init__(self, process):
        self.process = process
        self.looks = []

    def look(self):
        self.looks.append((self.process.status("RssAnon"), self.process.handles(but="socket:")))

    def check(self, note):
        quarter = len(self.looks) // 4
        (early, files), (late, files_late) = map(figures, (self.looks[quarter : 2 * quarter], self.looks[-quarter:]))
        note(f"heap {early:.0f} → {late:.0f} KiB (medians), at most {files} → {files_late} open files")
        assert late <= early + GROWTH, f"memory grows: {[look[0] for look in self.looks]}"
        assert files_late <= files + FEW, f"files are kept: {[look[1] for look in self.looks]}"


def figures(looks):
    heaps, files = zip(*looks)
    return statistics.median(heaps), max(files)


def simulators(bench):
    objects = [f"training={folder}/{{000..059}}:1KiB" for folder in "abc"]
    buckets = [part for each in objects for part in ("--bucket", each)]
    fast = bench.simulator("fast", *buckets, "--floor", "5ms")
    slow = bench.simulator("slow", *buckets, "--floor", "400ms")
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

    def run(self, count):
        until, serial = time.monotonic() + PATIENCE, 0
        while serial < count or self.lacking():
            serial += 1
            assert serial <= count or time.monotonic() < until, f"after {serial} reloads: {self.lacking()}"
            time.sleep(PACE * self.chance.uniform(0.5, 1.5))
            if self.chance.random() < 1 / 3:
                self.refuse(*self.chance.choice(broken(serial)))
            else:
                self.take(serial)
            self.gauge.look()

    def lacking(self):
        """The ends that a profile has to have, and has not had."""
        runs = self.daemon.api.status()["counters"]["runs"]
        ends = {name: {end for end, count in runs.get(name, {}).items() if count} for name in PERIODS}
        return {name: must - ends[name] for name, (_, must, _) in PERIODS.items() if must - ends[name]}

    def refuse(self, kind, text):
        failed = self.daemon.api.status()["counters"]["reloads_failed"]
        self.ask(text)
        status = wait_until(lambda: self.failed_since(failed), f"{kind} is refused")
        assert status["reload"]["error"], f"{kind}: the API says nothing of it"
        assert marker(self.daemon) == self.in_force, f"{kind}: {marker(self.daemon)} came into force, not {self.in_force}"
        self.kinds.append(kind)

    def failed_since(self, failed):
        status = self.daemon.api.status()
        return status if status["counters"]["reloads_failed"] > failed else None

    def take(self, serial):
        asked = self.ask(changing(serial))
        wait_until(lambda: marker(self.daemon) == serial, lambda: f"{serial} is in force, not {marker(self.daemon)}")
        self.waits.append(time.monotonic() - asked)
        self.in_force = serial

    def ask(self, text):
        self.file.write_text(text, encoding="utf-8")
        asked = time.monotonic()
        self.daemon.process.signal(signal.SIGHUP)
        return asked

    def check(self, note):
        note(f"{len(self.kinds)} reloads refused, {len(self.waits)} good ones in force after {max(self.waits):.2f} s at most")
        counters = self.daemon.api.status()["counters"]
        counted = (counters["reloads_succeeded"] - 1, counters["reloads_failed"])
        assert counted == (len(self.waits), len(self.kinds)), f"{counted} reloads were counted: the start is one more"
        logged = self.daemon.process.log().count("the configuration was not reloaded")
        assert logged == len(self.kinds), f"{len(self.kinds)} refusals, {logged} in the log"


def marker(daemon):
    return daemon.api.profile("marker")["max_bytes"] // (1 << 20) - 1


@RELOADS
def test_reloads_lose_no_run_and_keep_no_memory(bench, chance, note, count):
    folder = bench.folder / "config"
    folder.mkdir()
    head = f'[daemon]\nlisten = "127.0.0.1:{bench.port}"\n{simulators(bench)}'
    (folder / "a.toml").write_text(head + STEADY, encoding="utf-8")
    (folder / "b.toml").write_text(changing(0), encoding="utf-8")
    daemon = bench.daemon(folder).ready()
    began = fires.instant(daemon.api.status()["started"])
    reloads = Reloads(daemon, folder / "b.toml", chance)
    reloads.run(count)
    reloads.check(note)
    reloads.gauge.check(note)
    seen = {run["run"] for run in daemon.api.runs()}
    stopped = datetime.now(timezone.utc)
    daemon.stop()
    come_back(bench, folder).process.kill()
    last = come_back(bench, folder)
    back = fires.instant(last.api.status()["started"])
    last.stop()
    runs = bench.verb("--state-dir", bench.state, "runs", "--json")
    check_journal(runs, seen)
    for profile in PERIODS:
        check_profile(runs, profile, began, stopped, back, note)


def come_back(bench, folder):
    """A daemon after a pause in which fires are missed, once every profile has dealt with a later one."""
    time.sleep(DOWN)
    daemon = bench.daemon(folder).ready()
    back = fires.instant(daemon.api.status()["started"])

    def behind():
        runs = daemon.api.runs()
        return [name for name in PERIODS if not any(fires.instant(row["due"]) > back for row in fires.rows_by_due(runs, name))]

    wait_until(lambda: not behind(), lambda: f"every profile has dealt with a fire after {back}, but not {behind()}")
    return daemon


def check_journal(runs, seen):
    ids = [run["run"] for run in runs]
    assert len(ids) == len(set(ids)), "a run stands twice in the journal"
    assert seen <= set(ids), f"the API had runs that the journal lost: {seen - set(ids)}"
    assert not [run for run in runs if run["outcome"] == "running"], "a run goes on without a daemon"
    assert not [run for run in runs if run["profile"] == "marker"], "a paused profile ran"


def check_profile(runs, profile, began, stopped, back, note):
    period, must, may = PERIODS[profile]
    of_it = [run for run in runs if run["profile"] == profile]
    # The end of a daemon interrupts what is under way, and what is taken up again may end in any way.
    strange = [run for run in of_it if fires.instant(run["ended"]) < stopped and run["outcome"] not in must | may]
    assert not strange, f"{profile} has runs that are not {' or '.join(sorted(must | may))}: {strange[:3]}"
    count = fires.check(runs, profile, period, began, back)
    outcomes = Counter(run["outcome"] for run in of_it)
    missed = sum(run["missed"] for run in of_it)
    note(f"{profile}: {count} fires, {missed} missed, {', '.join(f'{n} {o}' for o, n in sorted(outcomes.items()))}")
    assert must <= set(outcomes), f"{profile} was to have runs that are {' and '.join(sorted(must))}: {outcomes}"
