"""Files that change under the daemon, as Kubernetes and editors change them: no mixture is ever in force."""

import os
import shutil
import signal
import threading
import time

import pytest

from process import wait_until

FAST = 1000
SPACED = 30
# Seconds from the last change of a file to the moment when it is in force, with `watch = "1s"`.
SEEN = 2


def head(bench, extra=""):
    return f'[daemon]\nlisten = "127.0.0.1:{bench.port}"\nwatch = "1s"\n{extra}'


def endpoint(serial):
    return f"""
[endpoint.e{serial}]
cache_url = "http://localhost:9"
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


def becomes(daemon, serial, within=SEEN):
    wait_until(lambda: in_force(daemon) == serial, within, lambda: f"{serial} is in force, not {in_force(daemon)}")


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


@pytest.mark.parametrize("asked", [False, True], ids=["watched", "also_asked_by_signal"])
def test_a_thousand_fast_swaps_tear_nothing(bench, volume, asked):
    daemon = bench.daemon(volume.folder).ready()
    with Sampler(daemon) as sampler:
        began = time.monotonic()
        for serial in range(1, FAST + 1):
            volume.to(serial)
            if asked and serial % 10 == 0:
                daemon.process.signal(signal.SIGHUP)
            # About ten seconds in all: a dozen looks of the watch fall into them.
            time.sleep(max(0, began + serial * 0.01 - time.monotonic()))
        becomes(daemon, FAST)
    print(f"{FAST} swaps in {time.monotonic() - began:.1f} s, {len(set(sampler.serials))} were in force for a while")
    nothing_was_refused(daemon)
    assert sampler.serials == sorted(sampler.serials), "an older generation came back"


def test_spaced_swaps_are_all_seen(bench, volume):
    daemon = bench.daemon(volume.folder).ready()
    taken = reloads(daemon)[0]
    slowest = 0
    with Sampler(daemon):
        for serial in range(1, SPACED + 1):
            began = time.monotonic()
            volume.to(serial)
            becomes(daemon, serial)
            slowest = max(slowest, time.monotonic() - began)
    print(f"{SPACED} swaps, the slowest in force after {slowest:.2f} s")
    nothing_was_refused(daemon)
    assert reloads(daemon)[0] - taken == SPACED


def test_a_file_that_an_editor_replaces_is_never_seen_half(bench):
    folder = bench.folder / "config"
    folder.mkdir()
    (folder / "a.toml").write_text(head(bench) + "".join(map(endpoint, range(101))), encoding="utf-8")
    edited = folder / "b.toml"
    edited.write_text(profile(0), encoding="utf-8")
    daemon = bench.daemon(folder).ready()
    with Sampler(daemon):
        for last in (20, 40, 60, 80, 100):
            for serial in range(last - 19, last + 1):
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


def test_a_file_that_is_gone_for_a_moment_changes_nothing(bench):
    first, second = bench.folder / "a.toml", bench.folder / "b.toml"
    first.write_text(head(bench) + endpoint(0) + endpoint(1), encoding="utf-8")
    second.write_text(profile(0), encoding="utf-8")
    daemon = bench.daemon(first, second).ready()
    with Sampler(daemon):
        second.unlink()
        time.sleep(1.5)  # one look of the watch, or two
        second.write_text(profile(1), encoding="utf-8")
        becomes(daemon, 1)
    nothing_was_refused(daemon)


def test_a_file_that_stays_away_is_said_once_and_its_return_is_seen(bench):
    first, second = bench.folder / "a.toml", bench.folder / "b.toml"
    first.write_text(head(bench) + endpoint(0) + endpoint(1), encoding="utf-8")
    second.write_text(profile(0), encoding="utf-8")
    daemon = bench.daemon(first, second).ready()
    with Sampler(daemon):
        second.unlink()
        wait_until(lambda: reloads(daemon)[1] == 1, 6, "the missing file is said")
        assert str(second) in daemon.api.status()["reload"]["error"]
        time.sleep(3)  # as many looks again
        assert reloads(daemon)[1] == 1, "it is said again and again"
        second.write_text(profile(1), encoding="utf-8")
        becomes(daemon, 1)
    assert daemon.api.status()["reload"]["error"] is None


def test_an_update_that_takes_seconds_is_not_taken_in_its_middle(bench):
    folder = bench.folder / "config"
    folder.mkdir()
    (folder / "a.toml").write_text(head(bench) + endpoint(0) + endpoint(1), encoding="utf-8")
    (folder / "b.toml").write_text(profile(0), encoding="utf-8")
    daemon = bench.daemon(folder).ready()
    with Sampler(daemon):
        # As a checkout of many files does it: the old ones go first, and this one comes back last.
        (folder / "b.toml").unlink()
        for n in range(50):
            (folder / "c.toml").write_text(f"# {n}\n", encoding="utf-8")
            time.sleep(0.05)
        (folder / "b.toml").write_text(profile(1), encoding="utf-8")
        becomes(daemon, 1)
    nothing_was_refused(daemon)
