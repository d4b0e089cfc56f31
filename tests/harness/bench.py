"""What a test works with: simulators, daemons, their files, and how hotset's verbs are asked beside them."""

import json
import os
import re
import subprocess

from api import Api
from process import BINARY, PATIENCE, Process, free_port, wait_until


class Bench:
    def __init__(self, folder):
        self.folder = folder
        self.processes = []
        self.environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(folder),
            "AWS_ACCESS_KEY_ID": "somebody",
            "AWS_SECRET_ACCESS_KEY": "a-secret-that-nobody-checks",
            "AWS_EC2_METADATA_DISABLED": "true",
            "NO_PROXY": "*",
        }

    def start(self, name, command, **environment):
        process = Process(name, [str(part) for part in command], self.folder, {**self.environment, **environment})
        self.processes.append(process)
        return process

    def simulator(self, name, *arguments):
        return Simulator(self, name, arguments)

    def daemon(self, *files, name="daemon", port=None, state=None):
        return Daemon(self, name, files, port or self.port, state or self.state)

    @property
    def state(self):
        return self.folder / "state"

    @property
    def port(self):
        """Of the daemon; the same at every restart, as its configuration has it."""
        if not hasattr(self, "_port"):
            self._port = free_port()
        return self._port

    def verb(self, *arguments, exits=0):
        """The JSON Lines that a verb of hotset prints; `exits` is how it has to end."""
        command = [BINARY, "--color", "never", *map(str, arguments)]
        options = {"stdin": subprocess.DEVNULL, "capture_output": True, "text": True, "timeout": PATIENCE}
        done = subprocess.run(command, cwd=self.folder, env=self.environment, **options)
        said = f"$ {' '.join(command)}\nexit {done.returncode}\n{done.stdout[-3000:]}{done.stderr[-3000:]}"
        assert done.returncode == exits, f"expected exit {exits}\n{said}"
        return [json.loads(line) for line in done.stdout.splitlines()] if exits == 0 else done.stderr

    def clean_up(self):
        for process in reversed(self.processes):
            process.clean_up()


class Simulator:
    """`hotset sim`."""

    def __init__(self, bench, name, arguments):
        self.process = bench.start(name, [BINARY, "sim", *arguments])
        wait_until(lambda: "ready\n" in self.process.log(), lambda: f"the simulator is ready\n{self.process.tail()}")
        said = self.process.log()
        self.list_url = re.search(r"^list_url\s+(\S+)", said, re.M)[1]
        self.cache_url = re.search(r"^cache_url\s+(\S+)", said, re.M)[1]

    @property
    def cache_port(self):
        return int(self.cache_url.rsplit(":", 1)[1])

    def endpoint(self, name, keys="", cache_url=None):
        """Its table in a configuration."""
        return (
            f'[endpoint.{name}]\ncache_url = "{cache_url or self.cache_url}"\nlist_url = "{self.list_url}"\n'
            f'region = "us-east-1"\n{keys}\n'
        )


class Daemon:
    """`hotset daemon` over `files`, and its API."""

    def __init__(self, bench, name, files, port, state):
        configs = [part for file in files for part in ("--config", file)]
        command = [BINARY, "--color", "never", "--state-dir", state, "daemon", *configs]
        self.process = bench.start(name, command)
        self.port = port
        self.api = Api(port)

    def ready(self):
        """Waits until it answers. One that ends instead is not waited for."""

        def answers():
            assert self.process.is_running(), f"the daemon ended with {self.process.popen.returncode}"
            return self.api.get("/readyz").status == 200

        wait_until(answers, "the daemon is ready")
        return self

    def stop(self):
        """As a service manager does it: what is in flight may end."""
        self.process.signal(15)
        assert self.process.ended() == 0, f"SIGTERM: exit {self.process.popen.returncode}"
