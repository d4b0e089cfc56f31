"""The servers that the suite runs against. Each is started for real; one that does not start fails the run."""

import contextlib
import os
import pathlib
import re
import subprocess
import threading
import time
import urllib.error
import urllib.request

import boto3
import botocore.config

from process import PATIENCE, free_ports, wait_until
from put import Putter
from tap import Tap
from wire import Request, Wire

SCRIPTS = pathlib.Path(__file__).resolve().parent.parent
# radosgw's access log:
# `beast: 0x…: 127.0.0.1 - user [time] "HEAD /bucket/key HTTP/1.1" 206 0 - "agent" bytes=0-0 latency=…`
ACCESS = re.compile(r'beast: \S+ \S+ - \S+ \[[^\]]*\] "(\S+) (\S+) HTTP/1\.\d" (\d+) .*" (\S+) latency=\S+$')


def make(name, folder):
    return {"moto": Moto, "radosgw": RadosGateway, "seaweedfs": SeaweedFS, "swift": Swift}[name](folder)


class Server:
    """Credentials, an address, a boto3 client as the oracle, and the requests that arrived."""

    name = ""
    # Whether the server can store the key at all.
    stores = staticmethod(lambda key: True)
    takes_hostile_keys = True
    heeds_start_after = True

    def __init__(self, folder):
        self.folder = folder
        self.facts = self._up()
        self.endpoint = self.facts["endpoint"]
        self.environment = {
            "AWS_ACCESS_KEY_ID": self.facts["access_key"],
            "AWS_SECRET_ACCESS_KEY": self.facts["secret_key"],
        }

    def put_all(self, name, bodies):
        """Uploads {key: body}."""
        putter = Putter(self.facts)
        in_parallel(lambda item: putter.put(name, *item), bodies.items(), threads=8)

    @property
    def upstream_port(self):
        return int(self.facts["endpoint"].rsplit(":", 1)[1])

    def client(self, service="s3"):
        return boto3.client(
            service,
            endpoint_url=self.facts["endpoint"],
            region_name="us-east-1",
            aws_access_key_id=self.facts["access_key"],
            aws_secret_access_key=self.facts["secret_key"],
            config=botocore.config.Config(s3={"addressing_style": "path"}, max_pool_connections=32),
        )


class Moto(Server):
    """Requests are seen by a relay in front of it: moto's own log loses the Range header."""

    name = "moto"
    # Its router takes no line break within a path.
    stores = staticmethod(lambda key: "\n" not in key)

    def _up(self):
        return facts(["moto.sh", "up", str(self.folder), str(free_ports(1))])

    def __init__(self, folder):
        super().__init__(folder)
        self.wire = Wire(self.upstream_port).start()
        self.endpoint = f"http://localhost:{self.wire.port}"

    def down(self):
        run(["moto.sh", "down", str(self.folder)])

    @contextlib.contextmanager
    def watch(self):
        """A list that holds, when the block has ended, the requests of the block."""
        seen, start = [], len(self.wire.requests)
        yield seen
        seen.extend(self.wire.requests[start:])


class RadosGateway(Server):
    """Requests are read from the gateway's own access log: nothing stands between it and hotset."""

    name = "radosgw"

    def _up(self):
        return facts(["radosgw.sh", "up", str(self.folder), str(free_ports(3))])

    def down(self):
        run(["radosgw.sh", "down", str(self.folder)])

    def kill(self):
        run(["radosgw.sh", "gateway-kill", str(self.folder)])

    def start_again(self):
        run(["radosgw.sh", "gateway-start", str(self.folder)])

    @contextlib.contextmanager
    def watch(self):
        """A list that holds, when the block has ended, the requests of the block."""
        self._mark()
        start = os.path.getsize(self.facts["access_log"])
        seen = []
        yield seen
        mark = self._mark()
        with open(self.facts["access_log"], "rb") as log:
            log.seek(start)
            lines = log.read().decode("utf-8", "surrogateescape").splitlines()
        seen.extend(r for r in map(parse_access, lines) if r and r.target != mark)

    def _mark(self):
        """The log is written behind the answers: a request with a name of its own tells how far it has come."""
        mark = f"/?mark-{time.monotonic_ns()}"
        with contextlib.suppress(urllib.error.HTTPError):
            urllib.request.urlopen(self.facts["endpoint"] + mark, timeout=PATIENCE).read()
        needle, log = f'"GET {mark} HTTP/1.1"'.encode(), pathlib.Path(self.facts["access_log"])
        wait_until(lambda: needle in tail(log, 65536), "the gateway's access log shows a request that it answered")
        return mark


class SeaweedFS(Server):
    """For listings only: it answers a ranged HEAD with 200, and takes keys for paths."""

    name = "seaweedfs"
    takes_hostile_keys = False
    # Asked to begin after the name of a folder, it leaves out all that is in it.
    heeds_start_after = False

    def _up(self):
        return facts(["seaweedfs.sh", "up", str(self.folder), str(free_ports(8))])

    def down(self):
        run(["seaweedfs.sh", "down", str(self.folder)])


class Swift(Server):
    """Requests are seen by a tap in front of it: its own logs say nothing of the bytes that it sends too many."""

    name = "swift"

    def __init__(self, folder):
        super().__init__(folder)
        self.tap = Tap(self.upstream_port).start()
        self.endpoint = f"http://localhost:{self.tap.port}"

    def _up(self):
        return facts(["swift.sh", "up", str(self.folder), str(free_ports(5))])

    def down(self):
        run(["swift.sh", "down", str(self.folder)])

    @contextlib.contextmanager
    def watch(self):
        """A list that holds, when the block has ended, the requests of the block, by connection."""
        seen, start = [], len(self.tap.connections)
        yield seen
        seen.extend(r for connection in self.tap.connections[start:] for r in connection.requests())


def tail(path, size):
    with open(path, "rb") as file:
        file.seek(max(0, file.seek(0, os.SEEK_END) - size))
        return file.read()


def parse_access(line):
    found = ACCESS.search(line)
    if not found:
        assert " beast: " not in line, f"an access log line that the suite cannot read: {line}"
        return None
    method, target, status, byte_range = found.groups()
    return Request(method, target, None if byte_range == "-" else byte_range, int(status))


def run(command):
    """A script's standard output."""
    whole = [str(SCRIPTS / command[0]), *command[1:]]
    done = subprocess.run(whole, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=PATIENCE)
    assert done.returncode == 0, f"{' '.join(command)} ended with {done.returncode}:\n{done.stdout}{done.stderr}"
    return done.stdout


def facts(command):
    return dict(line.split("=", 1) for line in run(command).splitlines())


def in_parallel(work, items, threads=16):
    """Runs `work` on every item; the first error is raised once all threads have ended."""
    queue, errors, lock = iter(items), [], threading.Lock()

    def worker():
        while not errors:
            with lock:
                item = next(queue, None)
            if item is None:
                return
            try:
                work(item)
            except Exception as error:  # reported below, by the caller's thread
                errors.append(error)

    crowd = [threading.Thread(target=worker) for _ in range(threads)]
    for thread in crowd:
        thread.start()
    for thread in crowd:
        thread.join()
    if errors:
        raise errors[0]
