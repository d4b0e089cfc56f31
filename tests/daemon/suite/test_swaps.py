"""Files that change under the daemon, as Kubernetes and editors change them: no mixture is ever in force."""

import os
import shutil
import signal
import threading
import time

import pytest

from looks import Opened
from process import wait_until

# How many swaps there are, and after how many of them the watch has to have seen some.
FAST = pytest.mark.parametrize("fast", [300, pytest.param(1000, marks=pytest.mark.night)])
SPACED = pytest.mark.parametrize("spaced", [5, pytest.param(30, marks=pytest.mark.night)])
# How often a look of the watch reads where a file is gone. A third such look in a row counts as a change.
READINGS = 10
# Seconds between two looks where a test has to act before the third of them, however slow it is.
RARE = 3


def head(bench, watch=1):
    return f'[daemon]\nlisten = "127.0.0.1:{bench.port}"\nwatch = "{watch}s"\n'


def endpoint(serial):
    return f"""
[endpoint.e{serial}]
cache_url = "http://e{serial}.localhost:9"
region = "us-east-1"
max_in_flight = {serial + 1}
"""


def profile(serial):
    return f"""
[profile.pair]
endpoint = "e{serial}"
objects = ["s3://training/**"]
max_bytes = "{serial + 1} KiB"
schedule = "0 3 29 2 *"
on_start = "never"
on_reload = "never"
"""


class Volume:
    """A folder as kubelet keeps a ConfigMap: files are links through `..data`, which is renamed over at once."""

    def __init__(self, folder, files):
        self.folder = folder
        self.generations = 0
        self.now = None
        folder.mkdir()
        self.swap(files)
        for name in files:
            (folder / name).symlink_to(f"..data/{name}")

    def swap(self, files):
        self.generations += 1
        before, self.now = self.now, self.folder / f"..2026_{self.generations}"
        self.now.mkdir()
        for name, text in files.items():
            (self.now / name).write_text(text, encoding="utf-8")
        link = self.folder / "..data_tmp"
        link.symlink_to(self.now.name)
        os.replace(link, self.folder / "..data")
        if before:
            shutil.rmtree(before)


class Sampler:
    """Asks the API all the time which pair is in force. A pair of two serials is a mixture."""

    def __init__(self, daemon):
        self.daemon = daemon
        self.serials = []
        self.faults = []
        self.over = threading.Event()
        self.thread = threading.Thread(target=self.run)

    def run(self):
        while not self.over.wait(0.01):
            try:
                self.serials.append(in_force(self.daemon))
            except Exception as error:  # raised in the test's own thread, at the end
                self.faults.append(error)
                return

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.over.set()
        self.thread.join()
        if self.faults:
            raise self.faults[0]


def in_force(daemon):
    """The serial that everything in force carries."""
    status = daemon.api.status()
    pair = next((profile for profile in status["profiles"] if profile["name"] == "pair"), None)
    assert pair, "the profile is gone"
    used = [each for each in status["endpoints"] if each["name"] == pair["endpoint"]]
    serials = {int(pair["endpoint"][1:]), pair["max_bytes"] // 1024 - 1, *(each["max_in_flight"] - 1 for each in used)}
    assert len(used) == 1 and len(serials) == 1, f"a mixture is in force: {pair}, {status['endpoints']}"
    return serials.pop()


def becomes(daemon, serial):
    wait_until(lambda: in_force(daemon) == serial, lambda: f"{serial} is in force, not {in_force(daemon)}")


def reloads(daemon):
    counters = daemon.api.status()["counters"]
    return counters["reloads_succeeded"], counters["reloads_failed"]


def nothing_was_refused(daemon):
    assert reloads(daemon)[1] == 0, f"a reload was refused: {daemon.api.status()['reload']}"
    assert "not reloaded" not in daemon.process.log(), "the log has a refusal"


@pytest.fixture
def volume(bench):
    files = lambda serial: {"10-endpoint.toml": head(bench) + endpoint(serial), "20-profile.toml": profile(serial)}
    made = Volume(bench.folder / "config", files(0))
    made.to = lambda serial: made.swap(files(serial))
    return made


@FAST
@pytest.mark.parametrize("asked", [False, True], ids=["watched", "also_asked_by_signal"])
def test_fast_swaps_tear_nothing(bench, volume, note, asked, fast):
    daemon = bench.daemon(volume.folder).ready()
    serial = 0
    with Sampler(daemon) as sampler:
        # So many, and on until some were in force while the others went on.
        while serial < fast or len(set(sampler.serials)) < 4:
            serial += 1
            volume.to(serial)
            if asked and serial % 10 == 0:
                daemon.process.signal(signal.SIGHUP)
            time.sleep(0.01)
        becomes(daemon, serial)
    note(f"{serial} swaps, {len(set(sampler.serials))} were in force for a while")
    nothing_was_refused(daemon)
    assert sampler.serials == sorted(sampler.serials), "an older generation came back"


@SPACED
def test_spaced_swaps_are_all_seen(bench, volume, note, spaced):
    daemon = bench.daemon(volume.folder).ready()
    taken = reloads(daemon)[0]
    slowest = 0
    with Sampler(daemon):
        for serial in range(1, spaced + 1):
            began = time.monotonic()
            volume.to(serial)
            becomes(daemon, serial)
            slowest = max(slowest, time.monotonic() - began)
    note(f"{spaced} swaps, the slowest in force after {slowest:.2f} s")
    nothing_was_refused(daemon)
    assert reloads(daemon)[0] - taken == spaced


def test_a_file_that_an_editor_replaces_is_never_seen_half(bench):
    folder = bench.folder / "config"
    folder.mkdir()
    (folder / "a.toml").write_text(head(bench) + "".join(map(endpoint, range(91))), encoding="utf-8")
    edited = folder / "b.toml"
    edited.write_text(profile(0), encoding="utf-8")
    daemon = bench.daemon(folder).ready()
    with Sampler(daemon):
        for last in (30, 60, 90):
            for serial in range(last - 29, last + 1):
                replace(edited, profile(serial), over=serial % 2)
                time.sleep(0.02)
            becomes(daemon, last)
    nothing_was_refused(daemon)


def replace(file, text, over):
    """As editors save: over the old file with a new one, or a new one where the old one was renamed away."""
    if over:
        fresh = file.with_name("4913")
        fresh.write_text(text, encoding="utf-8")
        os.replace(fresh, file)
    else:
        os.replace(file, file.with_name(f"{file.name}~"))
        with open(file, "w", encoding="utf-8") as new:
            new.write(text[:40])
            new.flush()
            new.write(text[40:])


class Pair:
    """Two files: one that stays, so that its readings are the looks of the watch, and one with the profile."""

    def __init__(self, bench, watch=1, names=("a.toml", "b.toml")):
        stays, self.file = (bench.folder / name for name in names)
        stays.parent.mkdir(exist_ok=True)
        stays.write_text(head(bench, watch) + endpoint(0) + endpoint(1), encoding="utf-8")
        self.write(0)
        self.opened = Opened(stays)
        self.paths = (stays, self.file)

    def write(self, serial):
        self.file.write_text(profile(serial), encoding="utf-8")

    def read_again(self, times):
        """Waits until the watch has read so often from now on."""
        seen = self.opened.count()
        wait_until(lambda: self.opened.count() >= seen + times, f"the files are read {times} times")


def test_a_file_that_is_gone_for_a_moment_changes_nothing(bench):
    pair = Pair(bench, RARE)
    daemon = bench.daemon(*pair.paths).ready()
    with Sampler(daemon), pair.opened:
        pair.file.unlink()
        pair.read_again(READINGS)  # one look of the watch
        pair.write(1)
        becomes(daemon, 1)
    nothing_was_refused(daemon)


def test_a_file_that_stays_away_is_said_once_and_its_return_is_seen(bench):
    pair = Pair(bench)
    daemon = bench.daemon(*pair.paths).ready()
    with Sampler(daemon), pair.opened:
        pair.file.unlink()
        wait_until(lambda: reloads(daemon)[1] == 1, "the missing file is said")
        assert str(pair.file) in daemon.api.status()["reload"]["error"]
        # By then two looks or more are over: each reads once, because there is nothing to compare with.
        pair.read_again(3)
        assert reloads(daemon)[1] == 1, "it is said again and again"
        pair.write(1)
        becomes(daemon, 1)
    assert daemon.api.status()["reload"]["error"] is None


def test_an_update_is_not_taken_in_its_middle(bench):
    pair = Pair(bench, RARE, ("config/a.toml", "config/b.toml"))
    daemon = bench.daemon(pair.paths[0].parent).ready()
    with Sampler(daemon), pair.opened:
        # As a checkout of many files does it: the old ones go first, and this one comes back last.
        pair.file.unlink()
        seen, n = pair.opened.count(), 0
        while pair.opened.count() < seen + READINGS:  # a look, and longer
            n += 1
            pair.file.with_name("c.toml").write_text(f"# {n}\n", encoding="utf-8")
            time.sleep(0.02)
        pair.write(1)
        becomes(daemon, 1)
    nothing_was_refused(daemon)
