"""A daemon with nothing to do costs next to nothing."""

import os
import time

import pytest

from process import wait_until

PROFILES = 50
# Seconds between two looks of its watch, and how many of them are waited for.
WATCH = 10
LOOKS = 2
# KiB in memory of an optimised build. The code of a debug build is many times as large: of one, only the heap is held to it.
MEMORY = 25 * 1024
# The share of a core of an optimised build, on a machine with nothing else to do. A debug build may take ten times this.
SHARE = 0.001
IS_RELEASE = os.environ.get("HOTSET_BUILD") == "release"
# Of any build on any machine, how often a second any of its threads wakes up.
WAKES = 10


@pytest.fixture
def daemon(bench):
    profiles = "".join(
        f"""
[profile.p{n:02}]
objects = ["s3://training/{n:02}/**"]
schedule = "{n % 60} 3 29 2 *"
window = "Mon-Sun 03:00-05:00"
max_bytes = "1 TiB"
"""
        for n in range(PROFILES)
    )
    file = bench.folder / "hotset.toml"
    head = f'[daemon]\nlisten = "127.0.0.1:{bench.port}"\nwatch = "{WATCH}s"\n'
    endpoint = '[endpoint.cache]\ncache_url = "http://localhost:9"\nregion = "us-east-1"\n'
    file.write_text(f"{head}{endpoint}{profiles}", encoding="utf-8")
    started = bench.daemon(file).ready()
    assert len(started.api.status()["profiles"]) == PROFILES
    return started


class Idling:
    """What the process does in so many seconds. Nobody asks it anything meanwhile: that would be measured too."""

    def __init__(self, process, seconds):
        on_core, wakes, began = process.on_core(), process.wakes(), time.monotonic()
        time.sleep(seconds)
        took = time.monotonic() - began
        self.share = (process.on_core() - on_core) / took
        # Those of threads that ended meanwhile are few: they do one thing, and wait ten seconds for another.
        self.rate = sum(count - wakes.get(thread, 0) for thread, count in process.wakes().items()) / took


def settled(process):
    """What the start left to do is done."""
    wait_until(lambda: Idling(process, 1).rate <= WAKES, "it stands still for a second")


def test_an_idle_daemon_is_small_and_wakes_up_seldom(daemon, note):
    settled(daemon.process)
    idling = Idling(daemon.process, LOOKS * WATCH)
    memory, heap = daemon.process.status("VmRSS"), daemon.process.status("RssAnon")
    note(f"{idling.rate:.1f} wakes a second, {memory / 1024:.1f} MiB in memory, {heap / 1024:.1f} MiB of it heap and stacks")
    assert idling.rate <= WAKES, f"{idling.rate:.1f} wakes a second"
    held = memory if IS_RELEASE else heap
    assert held <= MEMORY, f"{held / 1024:.1f} MiB of {'memory' if IS_RELEASE else 'heap and stacks'}"


@pytest.mark.night
def test_an_idle_daemon_takes_next_to_nothing_of_a_core(daemon, note):
    settled(daemon.process)
    idling = Idling(daemon.process, 60)
    note(f"{idling.share:.3%} of a core")
    assert idling.share <= (SHARE if IS_RELEASE else 10 * SHARE), f"{idling.share:.3%} of a core"
