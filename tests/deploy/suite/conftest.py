import os
import pathlib
import sys

import pytest

# What starts programs, and asks the daemon: the daemon's suite has it.
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "daemon/suite"))

import process  # noqa: E402
from bench import Bench  # noqa: E402
from host import Host  # noqa: E402


def pytest_configure(config):
    if not os.access(process.BINARY, os.X_OK):
        raise pytest.UsageError(f"HOTSET_BIN must name the hotset binary, got {process.BINARY!r}")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    """A failure shows what the programs said last."""
    report = yield
    bench = item.funcargs.get("bench")
    if report.failed and bench:
        for each in bench.processes[-6:]:
            report.sections.append((f"{each.name}, {each.log_path}", each.tail()))
    return report


@pytest.fixture
def bench(tmp_path):
    made = Bench(tmp_path)
    yield made
    made.clean_up()


@pytest.fixture
def host(bench):
    return Host(bench)
