"""A daemon with nothing to do costs next to nothing."""

import os
import time

import pytest

from process import wait_until

PROFILES = 50
# KiB in memory, and of a core over a minute.
MEMORY = 25 * 1024
SHARE = 0.001
WINDOW = 60


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
    before, began = daemon.process.on_cpu(), time.monotonic()
    # Nobody asks it anything meanwhile: that would be measured too.
    time.sleep(WINDOW)
    after, took = daemon.process.on_cpu(), time.monotonic() - began
    # A thread that came and went has taken its figure along; a new one started at nothing.
    gone = set(before) - set(after)
    spent = sum(after.values()) - sum(before[thread] for thread in before if thread in after)
    share = spent / 1e9 / took
    memory, heap = daemon.process.status("VmRSS"), daemon.process.status("RssAnon")
    print(f"\n{share:.4%} of a core over {took:.0f} s, {memory / 1024:.1f} MiB in memory, {heap / 1024:.1f} MiB of it heap and stacks")
    assert len(gone) <= 2, f"threads come and go, and what they spend is not seen: {gone}"
    assert share <= SHARE, f"{spent / 1e6:.1f} ms on a core in {took:.0f} s, by thread: {after}"
    # The pages of an unoptimised program are many times those of a release: of a debug build only the heap says something.
    held, what = (memory, "memory") if os.environ.get("HOTSET_BUILD") == "release" else (heap, "heap and stacks")
    assert held <= MEMORY, f"{held / 1024:.1f} MiB of {what}"
