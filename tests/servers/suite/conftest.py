import os
import pathlib

import pytest

import bucket
import hotset
import server as servers


def pytest_configure(config):
    binary = os.environ.get("HOTSET_BIN", "")
    if not os.access(binary, os.X_OK):
        raise pytest.UsageError(f"HOTSET_BIN must name the hotset binary, got {binary!r}")
    hotset.BINARY = str(pathlib.Path(binary).resolve())


def pytest_report_header():
    return f"server: {os.environ['HOTSET_SERVER']}"


@pytest.fixture(scope="session")
def server(tmp_path_factory):
    """The server under test, filled. A server that cannot start fails every test: nothing is skipped."""
    running = servers.make(os.environ["HOTSET_SERVER"], tmp_path_factory.mktemp("server"))
    try:
        if running.takes_hostile_keys:
            bucket.fill(running)
        yield running
    finally:
        running.down()


@pytest.fixture(scope="session")
def objects(server):
    """The oracle: what boto3 lists."""
    found = bucket.listed(server)
    left = [key for key in bucket.HOSTILE if not server.stores(key)]
    assert len(found) == 5000 - len(left), f"{len(found)} objects arrived; {server.name} takes all but {left}"
    return found


@pytest.fixture
def program(server, tmp_path):
    return hotset.Hotset(server, tmp_path)

