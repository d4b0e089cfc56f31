"""What the suites share as pytest sees it: which tests wait for the night, what a test has to say, and what programs said last."""

import os

import pytest

IS_NIGHT = os.environ.get("HOTSET_NIGHT") == "1"
LEFT = pytest.StashKey[list]()


def pytest_configure(config):
    config.stash[LEFT] = []


def pytest_collection_modifyitems(config, items):
    """A test that is marked `night` is run at night only, and is named at the end of every other run."""
    left = [] if IS_NIGHT else [item for item in items if item.get_closest_marker("night")]
    if left:
        config.hook.pytest_deselected(items=left)
        items[:] = [item for item in items if item not in left]
        config.stash[LEFT] = [item.nodeid for item in left]


@pytest.hookimpl(wrapper=True)
def pytest_sessionfinish(session):
    """Of several workers each has collected all tests, and only their controller has a terminal."""
    if hasattr(session.config, "workeroutput"):
        session.config.workeroutput["left"] = session.config.stash[LEFT]
    return (yield)


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node):
    node.config.stash[LEFT] = getattr(node, "workeroutput", {}).get("left", [])


def pytest_terminal_summary(terminalreporter, config):
    for report in terminalreporter.getreports("passed") + terminalreporter.getreports("failed"):
        for text in (text for name, text in report.user_properties if name == "note" and report.when == "call"):
            terminalreporter.write_line(f"{report.nodeid.rpartition('::')[2]}: {text}")
    for name in config.stash[LEFT]:
        terminalreporter.write_line(f"left for the night (HOTSET_NIGHT=1): {name}")


@pytest.fixture
def note(request):
    """Says a line that is shown at the end, whether the test passes or fails."""
    return lambda text: request.node.user_properties.append(("note", text))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    """A failure shows what the programs of the test's bench said last."""
    report = yield
    if report.failed:
        for each in [each for bench in item.funcargs.values() for each in getattr(bench, "processes", [])][-6:]:
            report.sections.append((f"{each.name}, {each.log_path}", each.tail()))
    return report
