import os
import pathlib
import sys

import pytest

sys.path.append(str(pathlib.Path(__file__).resolve().parents[2] / "daemon" / "suite"))

import process
from bench import Bench


def pytest_configure(config):
    if not os.access(process.BINARY, os.X_OK):
        raise pytest.UsageError(f"HOTSET_BIN must name the hotset binary, got {process.BINARY!r}")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    """A failure shows what the programs said last."""
    report = yield
    plant = item.funcargs.get("plant")
    if report.failed and plant:
        for each in plant.bench.processes[-6:]:
            report.sections.append((f"{each.name}, {each.log_path}", each.tail()))
    return report


@pytest.fixture(scope="session")
def plant(tmp_path_factory):
    from plant import Plant

    bench = Bench(tmp_path_factory.mktemp("plant"))
    try:
        yield Plant(bench)
    finally:
        bench.clean_up()
