import pytest

import process
from bench import Bench
from host import Host

process.binary()


@pytest.fixture
def bench(tmp_path):
    made = Bench(tmp_path)
    yield made
    made.clean_up()


@pytest.fixture
def host(bench):
    return Host(bench)
