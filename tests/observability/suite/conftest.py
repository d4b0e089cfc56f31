import pytest

import process
from bench import Bench

process.binary()


@pytest.fixture(scope="session")
def plant(tmp_path_factory):
    from plant import Plant

    bench = Bench(tmp_path_factory.mktemp("plant"))
    try:
        yield Plant(bench)
    finally:
        bench.clean_up()
