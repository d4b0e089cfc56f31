"""As many fires as a day has, in a minute and a half: nothing of them stays behind."""

import os

import pytest

from process import wait_until

# Twenty profiles every second: what five that poll every five minutes do in a day, and more.
PROFILES = 20
FIRES = 5 * 288
# Of them, those in which pools of connections, threads and pages of the journal fill.
WARM_UP = 400
# KiB that the memory in use may grow by after that: what is left of the journal's page cache, which is bounded, is most of it.
GROWTH = 8 * 1024
# The journal's, the log's, what listens, and the runtime's own.
HANDLES = 24


@pytest.mark.night
def test_a_day_of_fires_leaves_nothing_behind(bench, note):
    simulator = bench.simulator("sim", "--bucket", "training=d/s-{0000..0199}.tar:1MiB", "--floor", "2ms")
    profiles = "".join(
        f"""
[profile.p{n:02}]
objects = ["s3://training/d/s-0{n:02}*.tar"]
schedule = "* * * * * *"
max_bytes = "1 GiB"
rewarm_after = "3s"
"""
        for n in range(PROFILES)
    )
    file = bench.folder / "hotset.toml"
    listen = f'[daemon]\nlisten = "127.0.0.1:{bench.port}"\n'
    file.write_text(f'{listen}{simulator.endpoint("cache")}{profiles}', encoding="utf-8")
    daemon = bench.daemon(file).ready()
    process = daemon.process

    def fired():
        """Fires that were dealt with, and how."""
        ends = daemon.api.status()["counters"]["runs"].values()
        return {outcome: sum(of.get(outcome, 0) for of in ends) for outcome in ("complete", "skipped", "failed", "partial")}

    wait_until(lambda: sum(fired().values()) >= WARM_UP, "the pools are filled")
    memory = process.status("RssAnon")
    wait_until(
        lambda: sum(fired().values()) >= FIRES and fired()["complete"] >= FIRES / 2, lambda: f"a day's fires are dealt with: {fired()}"
    )
    grown = process.status("RssAnon") - memory
    ends = fired()
    assert ends["failed"] == ends["partial"] == 0, ends
    for n in range(PROFILES):
        assert daemon.api.post(f"/api/v1/profiles/p{n:02}/pause").status == 200
    wait_until(lambda: not daemon.api.status()["runs"], "no run goes on")
    # Threads and idle connections that nothing needs any more end by themselves.
    few = 4 + (os.cpu_count() or 1)
    wait_until(lambda: process.status("Threads") <= few, lambda: f"{process.status('Threads')} threads stay, not {few}")
    wait_until(lambda: process.handles() <= HANDLES, lambda: f"{process.handles()} handles stay, not {HANDLES}")
    locks = [name for name in os.listdir(os.path.join(bench.state, "runs")) if name.endswith(".lock")]
    note(f"{ends} of {FIRES} fires, {grown / 1024:.1f} MiB more memory, {process.handles()} handles")
    assert not locks, f"locks of runs that ended: {locks}"
    assert grown <= GROWTH, f"{grown / 1024:.1f} MiB more"
    daemon.stop()
