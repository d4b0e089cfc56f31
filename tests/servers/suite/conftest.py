import os

import pytest

import bucket
import hotset
import process
import server as servers

process.binary()


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

