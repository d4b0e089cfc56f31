"""kill -9 at any moment: the journal opens, the run goes on under its id, and what was recorded is not sent again."""

import shutil
import sqlite3
import statistics
import time
from collections import Counter, defaultdict

import pytest

from process import free_port, wait_until
from relay import Relay

# Many more objects than are warm at the last kill: a life is at most LIFE answers long, and what comes while it is killed.
KILLS = pytest.mark.parametrize(("kills", "objects"), [(8, 6_000), pytest.param(50, 30_000, marks=pytest.mark.night)])
LIFE = 350
# HEADs a second, until the last kill.
RATE = 220
IN_FLIGHT = 64
# Completions that a crash may leave unrecorded. The relay also counts answers that the daemon had not read yet.
UNRECORDED = 1000 + IN_FLIGHT


class Cache:
    """A simulator of so many objects behind a relay, and the files of daemons that warm them."""

    def __init__(self, bench, objects):
        self.bench = bench
        self.simulator = bench.simulator("simulator", "--bucket", f"training=d/{{00000..{objects - 1:05}}}:1KiB", "--floor", "10ms")
        self.relay = Relay(self.simulator.cache_port)

    def configuration(self, name="hotset", port=None, rate=RATE):
        file = self.bench.folder / f"{name}.toml"
        limits = f"start_in_flight = {IN_FLIGHT}\nmax_in_flight = {IN_FLIGHT}\nmax_requests_per_second = {rate}\n"
        endpoint = self.simulator.endpoint("cache", limits, cache_url=f"http://localhost:{self.relay.port}")
        profile = '[profile.big]\nobjects = ["s3://training/**"]\nmax_bytes = "unlimited"\nrewarm_after = "6h"\n'
        file.write_text(f'[daemon]\nlisten = "127.0.0.1:{port or self.bench.port}"\n{endpoint}{profile}', encoding="utf-8")
        return file


@pytest.fixture
def cached(bench):
    made = []

    def make(objects):
        made.append(Cache(bench, objects))
        return made[-1]

    yield make
    for each in made:
        each.relay.close()


class Death:
    """What was true when a daemon was killed: how many objects had been answered, and what its journal has."""

    def __init__(self, bench, relay, run):
        wait_until(lambda: relay.open == 0, "the connections of the dead daemon are closed")
        self.answered = len({key for key, _ in relay.answers})
        relay.generation += 1
        # Of a copy: the next daemon must find the journal as its predecessor left it.
        copy = bench.folder / "copy"
        shutil.copytree(bench.state, copy)
        journal = sqlite3.connect(copy / "journal.db")
        try:
            assert journal.execute("PRAGMA integrity_check").fetchall() == [("ok",)], "the journal is damaged"
            rows = journal.execute("SELECT id, outcome, resumes, objects FROM run").fetchall()
        finally:
            journal.close()
            shutil.rmtree(copy)
        assert [row[0] for row in rows] == [run], f"another run than {run}: {rows}"
        self.outcome, self.resumes, self.recorded = rows[0][1:]


def live(daemon, run):
    """The run as it goes on; `None` before it has been taken up."""
    runs = daemon.api.status()["runs"]
    assert {each["run"] for each in runs} <= {run}, f"another run than {run}: {runs}"
    return runs[0] if runs else None


@KILLS
def test_a_killed_daemon_loses_nothing_that_it_recorded(bench, cached, chance, note, kills, objects):
    cache = cached(objects)
    relay, file = cache.relay, cache.configuration()
    daemon = bench.daemon(file).ready()
    run = daemon.api.post("/api/v1/profiles/big/run").json()["run"]
    deaths = []
    while len(deaths) < kills:
        if deaths and chance.random() < 0.15:
            # In the middle of its start, however far it has come.
            time.sleep(chance.uniform(0, 0.5))
        else:
            daemon.ready()
            going = wait_until(lambda: live(daemon, run), "the run goes on under its id")
            assert going["resumes"] == (deaths[-1].resumes + 1 if deaths else 0), f"resumes are not counted: {going}"
            enough = relay.sent + chance.randint(1, LIFE)
            wait_until(lambda: relay.sent >= enough, "it sends HEADs again")
        daemon.process.kill()
        deaths.append(Death(bench, relay, run))
        assert deaths[-1].answered < objects, "all is warm before the last kill: there are too few objects"
        if len(deaths) == kills:
            cache.configuration(rate=100_000)
        daemon = bench.daemon(file)
    daemon.ready()
    wait_until(lambda: live(daemon, run) is None, "the run ends")
    report = daemon.api.get(f"/api/v1/runs/{run}").json()
    daemon.stop()
    lost = check(report, relay, deaths, objects)
    note(
        f"{kills} kills, {report['resumes']} resumes; "
        f"a kill lost {statistics.median(lost):.0f} completions in the middle, {max(lost)} at most, of {len(relay.answers)}"
    )


def check(report, relay, deaths, objects):
    """How many completions each kill lost."""
    assert report["outcome"] == "complete", report
    assert report["resumes"] == deaths[-1].resumes + 1 and report["trigger"] == "resume", report
    resumes = [death.resumes for death in deaths]
    assert all(after - before in (0, 1) for before, after in zip(resumes, resumes[1:])), f"resumes: {resumes}"
    assert not relay.refused, f"the simulator refused {relay.refused[:5]}"
    lives = defaultdict(list)
    for key, generation in relay.answers:
        lives[key].append(generation)
    assert len(lives) == objects, f"{objects - len(lives)} objects were never warmed"
    twice = [key for key, generations in lives.items() if len(generations) > len(set(generations))]
    assert not twice, f"sent twice in one life: {twice[:5]}"
    # Answered before a kill and again at any time after it: that must be exactly what was unrecorded at the kill.
    pairs = [pair for generations in lives.values() for pair in zip(generations, generations[1:])]
    again = Counter(kill for first, second in pairs for kill in range(first, second))
    unrecorded = [death.answered - death.recorded for death in deaths]
    assert [again[kill] for kill in range(len(deaths))] == unrecorded, f"sent again: {again}, unrecorded: {unrecorded}"
    answers = Counter(generation for _, generation in relay.answers)
    before = [0, *(death.recorded for death in deaths)]
    lost = [answers[kill] - (death.recorded - before[kill]) for kill, death in enumerate(deaths)]
    assert max(lost) <= UNRECORDED, f"{lost} completions were unrecorded"
    assert report["warmed"]["objects"] == objects, f"the run counts {report['warmed']} of {objects}"
    return lost


def test_a_second_daemon_on_the_same_state_is_refused(bench, cached):
    cache = cached(1)
    daemon = bench.daemon(cache.configuration()).ready()
    second = bench.daemon(cache.configuration("second", free_port()), name="second", port=1)
    assert second.process.ended() == 2
    said = second.process.log()
    assert str(bench.state) in said and str(daemon.process.pid) in said, f"who holds what is not said:\n{said}"
    assert daemon.api.get("/healthz").status == 200
    daemon.process.kill()
    # What a dead process held is free.
    bench.daemon(cache.configuration()).ready().stop()
