"""A daemon with nothing to do costs next to nothing."""

import os
import time

import pytest

from process import wait_until

PROFILES = 50
WINDOW = 60
# Of an optimised build, KiB in memory and the share of a core. The code of a debug build is many times as large and slow:
# of one, only the heap is held to the memory, and the share is ten times this.
MEMORY = 25 * 1024
SHARE = 0.001
IS_RELEASE = os.environ.get("HOTSET_BUILD") == "release"
# Of any build, how often a second any of its threads wakes up.
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
    endpoint = '[endpoint.cache]\ncache_url = "http://localhost:9"\nregion = "us-east-1"\n'
    file.write_text(f'[daemon]\nlisten = "127.0.0.1:{bench.port}"\nwatch = "10s"\n{endpoint}{profiles}', encoding="utf-8")
    started = bench.daemon(file).ready()
    assert len(started.api.status()["profiles"]) == PROFILES
    return started


def test_an_idle_daemon_is_small_and_quiet(daemon):
    # What the start left to do is done.
    wait_until(lambda: is_idle(daemon.process), 30, "it stands still for a second")
    process = daemon.process
    on_core, wakes, began = process.on_core(), process.wakes(), time.monotonic()
    # Nobody asks it anything meanwhile: that would be measured too.
    time.sleep(WINDOW)
    took = time.monotonic() - began
    share = (process.on_core() - on_core) / took
    # Those of threads that ended meanwhile are few: they do one thing, and wait ten seconds for another.
    rate = sum(count - wakes.get(thread, 0) for thread, count in process.wakes().items()) / took
    memory, heap = process.status("VmRSS"), process.status("RssAnon")
    print(
        f"\n{share:.3%} of a core and {rate:.1f} wakes a second over {took:.0f} s, "
        f"{memory / 1024:.1f} MiB in memory, {heap / 1024:.1f} MiB of it heap and stacks"
    )
    assert rate <= WAKES, f"{rate:.1f} wakes a second: {wakes} → {process.wakes()}"
    assert share <= (SHARE if IS_RELEASE else 10 * SHARE), f"{share:.3%} of a core"
    held = memory if IS_RELEASE else heap
    assert held <= MEMORY, f"{held / 1024:.1f} MiB of {'memory' if IS_RELEASE else 'heap and stacks'}"


def is_idle(process):
    before = process.on_core()
    time.sleep(1)
    return process.on_core() - before < 0.02
