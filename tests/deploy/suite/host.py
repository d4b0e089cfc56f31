"""A host as systemd lays it out for the unit: folders, credentials, and the command line."""

import shlex

from api import Api
from bench import Simulator
from kubelet import run
from manifests import ROOT
from process import BINARY, PATIENCE, free_port, wait_until
from stack import KEYS, NO_KEYS, PAIR

UNIT = ROOT / "examples/systemd/hotset.service"
FILE = ROOT / "examples/systemd/hotset.toml"
PROGRAM = "/usr/local/bin/hotset"
BUCKET = "training=datasets/imagenet/train-{000000..000019}.tar:8MiB"


def unit():
    """Its [Service]: a key may stand several times."""
    values = {}
    for line in UNIT.read_text(encoding="utf-8").split("[Service]")[1].split("[Install]")[0].splitlines():
        if line and not line.startswith("#"):
            key, value = line.split("=", 1)
            values.setdefault(key, []).append(value)
    return values


class Host:
    """What systemd makes of the unit: its folders, its credentials, its command."""

    def __init__(self, bench):
        self.bench = bench
        for name in NO_KEYS:
            bench.environment.pop(name, None)
        self.simulator = Simulator(bench, "sim", ["--credentials", PAIR, "--bucket", BUCKET])
        self.unit = unit()
        self.port = free_port()
        self.api = Api(self.port)
        self.config, self.state, self.credentials = (bench.folder / name for name in ("etc", "state", "credentials"))
        for folder in (self.config, self.state, self.credentials):
            folder.mkdir()
        for named in self.unit["LoadCredential"]:
            name, source = named.split(":", 1)
            assert source.startswith("/etc/hotset/keys/"), source
            (self.credentials / name).write_text(KEYS[name] + "\n", encoding="utf-8")
        self.write()

    def write(self, change=lambda text: text):
        text = change(FILE.read_text(encoding="utf-8"))
        for before, after in [
            ("http://cwlota.com", self.simulator.cache_url),
            ("https://cwobject.com", self.simulator.list_url),
            ("US-EAST-04A", "us-east-04a"),
            ("127.0.0.1:9464", f"127.0.0.1:{self.port}"),
            (f"/run/credentials/{UNIT.name}", str(self.credentials)),
        ]:
            text = text.replace(before, after)
        (self.config / "hotset.toml").write_text(text, encoding="utf-8")

    def start(self, name="daemon", before=()):
        (line,) = self.unit["ExecStart"]
        command = [
            str(self.config) if word == "/etc/hotset" else word.replace(PROGRAM, BINARY) for word in shlex.split(line)
        ]
        return self.bench.start(name, [*before, *command], STATE_DIRECTORY=str(self.state))

    def is_up(self, process):
        def answers():
            assert process.is_running(), f"it ended with {process.popen.returncode}\n{process.tail()}"
            return self.api.get("/readyz").status == 200

        wait_until(answers, "the daemon is ready")

    def warm(self):
        run(BINARY, "wait", "nightly-imagenet", "--start", f"--timeout={PATIENCE}s", f"--url=http://127.0.0.1:{self.port}")
