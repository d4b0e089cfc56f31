"""A cluster on this machine: the rendered containers as local processes, against the simulator.

What is changed of the files is what differs between the machines: the addresses of cache, store and daemon, the regions, and
the paths of what is mounted; and the watch looks every second, so that nobody waits for it. Nothing else is.
"""

import base64
import re

from api import Api
from bench import Simulator
from kubelet import Container, resolved
from manifests import containers, objects, one, option, pods, secrets
from process import free_port, wait_until

BUCKETS = [
    "vision-data=imagenet/train-{000000..000019}.tar:8MiB",
    "speech-data=shards/shard-{00000..00009}.tar:4MiB",
    *[f"ckpt-llama=70b/step-{{100..102}}/{name}" for name in ("__{0..3}_0.distcp:8MiB", ".metadata:1KiB")],
]
KEYS = {name: base64.b64decode(value).decode() for name, value in secrets()["hotset", "hotset-s3"].items()}
PAIR = f"{KEYS['access-key-id']}:{KEYS['secret-access-key']}"
# No keys in the environment: a container has those that its manifest gives it.
NO_KEYS = ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"]


class Stack:
    def __init__(self, bench, credentials=PAIR):
        """With `credentials` of None the simulator serves anybody whose requests are signed."""
        self.bench = bench
        for name in NO_KEYS:
            bench.environment.pop(name, None)
        asked = ["--credentials", credentials] if credentials else []
        self.simulator = Simulator(bench, "sim", [*asked, *[part for bucket in BUCKETS for part in ("--bucket", bucket)]])
        self.port = free_port()
        self.api = Api(self.port)

    def change(self, text):
        text = text.replace("http://cwlota.com", self.simulator.cache_url).replace(
            "https://cwobject.com", self.simulator.list_url
        )
        # The simulator knows regions only as AWS writes them.
        text = re.sub(r'"(US-EAST-04A|EU-NORTH-05A)"', lambda found: found[0].lower(), text)
        text = text.replace('watch = "10s"', 'watch = "1s"')
        return text.replace('"0.0.0.0:9464"', f'"127.0.0.1:{self.port}"')

    def container(self, found, owner, spec, name, folder):
        (each,) = [each for each in containers(spec) if each["name"] == name]
        made = Container(self.bench.folder / folder, found, owner, spec, each, self.change)
        url = option(each, "url")
        if url:
            self.at(made, url)
        return made

    def at(self, container, url):
        """The Service's name is this machine."""
        args = container.container["args"]
        args[args.index(f"--url={url}")] = f"--url=http://127.0.0.1:{self.port}"

    def start(self, name, container, **environment):
        return self.bench.start(name, container.command, **{**container.environment, **environment})

    def run(self, name, container):
        """How a pod's only container ends."""
        process = self.start(name, container)
        return process.ended(), process.log()


class Daemon:
    """The Deployment of a cluster."""

    def __init__(self, stack, folder, **environment):
        self.stack = stack
        self.found = objects(folder)
        self.owner = one(self.found, "Deployment")
        self.spec = self.owner["spec"]["template"]["spec"]
        self.container = stack.container(self.found, self.owner, self.spec, "hotset", "daemon-pod")
        self.config = resolved(self.container)
        self.process = stack.start("daemon", self.container, **environment)
        self.probed("startupProbe")
        self.probed("readinessProbe")

    def probed(self, probe):
        """What the kubelet asks: 2xx and 3xx are well."""
        path = self.container.container[probe]["httpGet"]["path"]

        def is_well():
            assert self.process.is_running(), f"the daemon ended with {self.process.popen.returncode}\n{self.process.tail()}"
            return 200 <= self.stack.api.get(path).status < 400

        wait_until(is_well, f"{probe} {path} is well")

    def metric(self, name):
        path = one(self.found, "ServiceMonitor")["spec"]["endpoints"][0]["path"]
        lines = self.stack.api.get(path).body.splitlines()
        (value,) = [line.split()[-1] for line in lines if line.split("{")[0].split(" ")[0] == name]
        return float(value)

    def files(self, name):
        return dict(one(self.found, "ConfigMap", name)["data"])


def client(stack, folder, name, where):
    """The container `name` of the one pod in `folder`, with its tokens, asking the daemon of `stack`."""
    found = objects(folder)
    ((owner, _, spec),) = [each for each in pods(found) if any(c["name"] == name for c in containers(each[2]))]
    return stack.container(found, owner, spec, name, where)
