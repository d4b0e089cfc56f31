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


def settled(process):
    """Waits until the threads of the start are gone: those that read files end after ten idle seconds."""
    seen = []

    def unchanged():
        seen.append((time.monotonic(), process.status("Threads")))
        still = [threads for at, threads in seen if at > seen[-1][0] - 5]
        return seen[-1][0] - seen[0][0] > 5 and len(set(still)) == 1

    wait_until(unchanged, 40, "the number of threads stands still")


def test_an_idle_daemon_is_small_and_quiet(daemon):
    settled(daemon.process)
    before, began = daemon.process.threads(), time.monotonic()
    # Nobody asks it anything meanwhile: that would be measured too.
    time.sleep(WINDOW)
    after, took = daemon.process.threads(), time.monotonic() - began
    # A thread that came started at nothing; one that went took its figures along.
    gone = set(before) - set(after)
    assert len(gone) <= 2, f"threads come and go, and what they spend is not seen: {gone}"
    on_core, wakes = (sum(after[t][n] - before.get(t, (0, 0))[n] for t in after) / took for n in (0, 1))
    share, memory, heap = on_core / 1e9, daemon.process.status("VmRSS"), daemon.process.status("RssAnon")
    print(
        f"\n{share:.3%} of a core and {wakes:.1f} wakes a second over {took:.0f} s, "
        f"{memory / 1024:.1f} MiB in memory, {heap / 1024:.1f} MiB of it heap and stacks"
    )
    assert wakes <= WAKES, f"{wakes:.1f} wakes a second"
    assert share <= (SHARE if IS_RELEASE else 10 * SHARE), f"{share:.3%} of a core, (ns, wakes) by thread: {before} → {after}"
    held = memory if IS_RELEASE else heap
    assert held <= MEMORY, f"{held / 1024:.1f} MiB of {'memory' if IS_RELEASE else 'heap and stacks'}"
