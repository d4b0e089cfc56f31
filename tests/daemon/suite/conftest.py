import os
import random

import pytest

import process
from bench import Bench


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
def chance():
    """Random moments that can be had again."""
    seed = int(os.environ.get("HOTSET_SEED") or random.SystemRandom().randrange(1 << 32))
    print(f"\nHOTSET_SEED={seed}")
    return random.Random(seed)
