import os
import pathlib

import pytest

import container
from container import STATE, USER, Container, bind, buildah


@pytest.fixture(scope="session")
def rootfs():
    """The image's files, as a container sees them."""
    working = buildah("from", "--pull-never", container.IMAGE)
    yield buildah("mount", working)
    buildah("rm", working)


class Bench:
    """A folder for a test, and the containers that it starts."""

    def __init__(self, folder, rootfs):
        self.folder, self.rootfs = folder, rootfs
        self.started = []

    def file(self, name, text):
        path = self.folder / name
        path.write_text(text)
        path.chmod(0o644)
        return path

    def rootfs_file(self, name):
        return (pathlib.Path(self.rootfs) / name).read_text()

    def state(self, name="state"):
        """A volume as Kubernetes gives one to `fsGroup`: it is the user's."""
        path = self.folder / name
        path.mkdir(exist_ok=True)
        os.chown(path, USER, USER)
        return bind(path, STATE, writable=True)

    def start(self, arguments=None, binds=(), environment=None):
        made = Container(self.folder, self.rootfs, arguments, binds, environment).start()
        self.started.append(made)
        return made

    def runs(self, *arguments, binds=(), environment=None, exits=0):
        """Both streams of a container that ends by itself."""
        made = self.start(arguments, binds, environment)
        code = made.ends()
        assert exits is None or code == exits, f"hotset {' '.join(map(str, arguments))}: exit {code}, not {exits}\n{made.said()}"
        return made.said()


@pytest.fixture
def bench(tmp_path, rootfs):
    made = Bench(tmp_path, rootfs)
    yield made
    for each in reversed(made.started):
        each.clean_up()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    """A failure shows what the containers said."""
    report = yield
    bench = item.funcargs.get("bench")
    if report.failed and bench:
        for each in bench.started[-4:]:
            report.sections.append((each.name, each.said()[-3000:]))
    return report
