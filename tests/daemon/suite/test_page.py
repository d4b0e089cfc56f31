"""The status page, in a browser, while a run goes on."""

import os
import pathlib

import pytest

from browser import Browser
from process import wait_until

# At least five minutes of HEADs: the run outlasts its test on any machine.
OBJECTS = 60_000
# What a person sees: the bar's share of its length, the text beside it, and how large it is drawn.
BAR = """(() => {
  const bar = document.querySelector('article progress[value]');
  if (!bar) return null;
  const box = bar.getBoundingClientRect();
  const share = bar.value / bar.max;
  return {share, width: box.width, height: box.height, text: document.querySelector('main').innerText};
})()"""


def picture(name):
    return pathlib.Path(os.environ["HOTSET_SCREENSHOTS"]) / f"{name}.png"


@pytest.fixture
def running(bench):
    """A daemon in the middle of a run, with a profile that waits and one that was refused."""
    simulator = bench.simulator("simulator", "--bucket", f"training=d/{{00000..{OBJECTS - 1}}}:16MiB", "--floor", "50ms")
    endpoint = simulator.endpoint("cache", "start_in_flight = 8\nmax_in_flight = 8\n")
    file = bench.folder / "hotset.toml"
    file.write_text(
        f"""
[daemon]
listen = "127.0.0.1:{bench.port}"
{endpoint}
[profile.nightly-dataset]
objects = ["s3://training/d/**"]
schedule = "30 1 * * *"
max_bytes = "1 TiB"

[profile.hand-started]
objects = ["s3://training/d/000??"]
max_bytes = "1 TiB"
paused = true

[profile.nothing-there]
objects = ["s3://training/nothing/**"]
max_bytes = "1 TiB"
""",
        encoding="utf-8",
    )
    daemon = bench.daemon(file).ready()
    daemon.api.post("/api/v1/profiles/nothing-there/run").json()
    wait_until(lambda: daemon.api.profile("nothing-there")["last"], "the run that has nothing to do ends")
    daemon.run = daemon.api.post("/api/v1/profiles/nightly-dataset/run").json()["run"]
    wait_until(lambda: ended(daemon) > 0, "something is warm")
    return daemon


def ended(daemon):
    runs = [run for run in daemon.api.status()["runs"] if run["run"] == daemon.run]
    assert runs, f"the run is over: it was to last as long as the test: {daemon.api.get(f'/api/v1/runs/{daemon.run}').body}"
    return runs[0]["progress"]["ended"]["objects"]


def test_the_bar_moves_by_itself(bench, running, note):
    tab = Browser(bench).tab()
    tab.open(f"http://127.0.0.1:{running.port}/")
    tab.value("window.sameDocument = true")
    first = wait_until(lambda: tab.value(BAR), "a bar is drawn")
    tab.picture(picture("page-first"))
    second = wait_until(lambda: further(tab, first), lambda: f"the bar moves on from {first}")
    tab.picture(picture("page-second"))
    note(f"the bar went from {first['share']:.1%} to {second['share']:.1%}; pictures in {picture('').parent}")
    assert tab.value("window.sameDocument") is True and tab.loads == 1, "the page was loaded anew"
    assert 0 < first["share"] < second["share"] < 1
    assert min(first["width"], second["width"]) > 100 and first["height"] > 3, f"nobody can see it: {first}"
    for text in ("nightly-dataset", "hand-started", "nothing-there", running.run):
        assert text in second["text"], f"{text} is not on the page:\n{second['text']}"
    assert tab.value("document.documentElement.scrollWidth <= innerWidth"), "the page is wider than its window"
    ended(running)
    assert not tab.faults, tab.faults
    # The end of the run is shown too, and the bar is gone.
    assert running.api.post(f"/api/v1/runs/{running.run}/cancel").status == 202
    wait_until(lambda: tab.value(BAR) is None, "the bar goes with its run")
    tab.picture(picture("page-ended"))
    assert not tab.faults, tab.faults
    tab.close()


def further(tab, first):
    now = tab.value(BAR)
    return now if now and now["share"] > first["share"] and now["text"] != first["text"] else None


def test_a_daemon_that_goes_away_is_said_and_its_return_too(bench, running):
    tab = Browser(bench).tab()
    tab.open(f"http://127.0.0.1:{running.port}/")
    state = "document.getElementById('live').textContent"
    wait_until(lambda: tab.value(state), "the page says that it is live")
    before = tab.value(state)
    running.process.kill()
    wait_until(lambda: tab.value(state) != before, "the page says that the daemon is gone")
    tab.picture(picture("page-away"))
    bench.daemon(bench.folder / "hotset.toml").ready()
    wait_until(lambda: tab.value(state) == before, "the page says that the daemon is back")
    tab.close()


def test_without_javascript_the_page_shows_the_run(bench, running):
    tab = Browser(bench).tab(script=False)
    tab.open(f"http://127.0.0.1:{running.port}/")
    loads = tab.loads
    document = tab.ask("DOM.getDocument", depth=0)["root"]["nodeId"]
    html = tab.ask("DOM.getOuterHTML", nodeId=document)["outerHTML"]
    assert running.run in html and "nightly-dataset" in html, html
    bar = tab.ask("DOM.querySelector", nodeId=document, selector="article progress[value]")["nodeId"]
    box = tab.ask("DOM.getBoxModel", nodeId=bar)["model"]
    assert box["width"] > 100 and box["height"] > 3, f"nobody can see the bar: {box}"
    tab.picture(picture("page-without-javascript"))
    # It keeps itself fresh in the old way.
    wait_until(lambda: tab.ask("Runtime.enable") is not None and tab.loads > loads, "the page is loaded anew")
    ended(running)
    assert not tab.faults, tab.faults
    tab.close()
