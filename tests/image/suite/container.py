"""The image, unpacked, and containers of it that are held as Kubernetes' restricted Pods are."""

import functools
import json
import os
import pathlib
import subprocess
import time

from process import PATIENCE

CACHE = pathlib.Path(os.environ["HOTSET_TESTS_CACHE"]) / "image"
IMAGE = os.environ["HOTSET_IMAGE_NAME"]
USER = 65532
STATE = "/var/lib/hotset"
NAMESPACES = ["pid", "mount", "ipc", "uts"]


def run(*command, exits=0):
    """Both streams of a command, which has to end with `exits`."""
    words = [str(word) for word in command]
    done = subprocess.run(words, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=PATIENCE)
    said = f"$ {' '.join(words)}\nexit {done.returncode}\n{done.stdout[-4000:]}{done.stderr[-4000:]}"
    assert exits is None or done.returncode == exits, f"expected exit {exits}\n{said}"
    return done


def buildah(*arguments):
    storage = ["--storage-driver", "vfs", "--root", CACHE / "storage", "--runroot", CACHE / "runroot"]
    return run("buildah", *storage, *arguments).stdout.strip()


@functools.cache
def settings():
    """What the image says of how it is run, in OCI's words."""
    return json.loads(buildah("inspect", "--type", "image", IMAGE))["OCIv1"]["config"]


def bind(source, target, *, writable=False):
    return {
        "destination": str(target),
        "type": "bind",
        "source": str(source),
        "options": ["bind", "rw" if writable else "ro", "nosuid", "nodev"],
    }


def mounts():
    return [
        {"destination": "/proc", "type": "proc", "source": "proc"},
        {"destination": "/dev", "type": "tmpfs", "source": "tmpfs", "options": ["nosuid", "mode=755", "size=64k"]},
    ]


class Container:
    """One container of the image. It shares the network of the suite, which holds a loopback and nothing else."""

    def __init__(self, folder, rootfs, arguments=None, binds=(), environment=None):
        self.name = f"hotset-{os.getpid()}-{time.monotonic_ns()}"
        self.bundle = folder / self.name
        self.bundle.mkdir()
        self.log = self.bundle / "log"
        said = settings()
        words = said["Entrypoint"] + (said["Cmd"] if arguments is None else [str(word) for word in arguments])
        variables = [f"{name}={value}" for name, value in (environment or {}).items()]
        user, group = said["User"].split(":")
        config = {
            "ociVersion": "1.0.2",
            "hostname": "pod",
            "process": {
                "args": words,
                "cwd": said["WorkingDir"],
                "env": said["Env"] + variables,
                "user": {"uid": int(user), "gid": int(group)},
                "capabilities": {},
                "noNewPrivileges": True,
            },
            "root": {"path": str(rootfs), "readonly": True},
            "mounts": mounts() + list(binds),
            "linux": {"namespaces": [{"type": kind} for kind in NAMESPACES]},
        }
        (self.bundle / "config.json").write_text(json.dumps(config))
        self.popen = None

    def runc(self, *arguments):
        return ["runc", "--root", str(CACHE / "runc"), *map(str, arguments)]

    def start(self):
        with open(self.log, "ab") as log:
            self.popen = subprocess.Popen(
                self.runc("run", "--bundle", self.bundle, self.name),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        return self

    def verb(self, *arguments, exits=0):
        """Another hotset in the same container."""
        return run(*self.runc("exec", self.name, *settings()["Entrypoint"], *arguments), exits=exits)

    def signal(self, name):
        run(*self.runc("kill", self.name, name))

    def ends(self):
        """The exit code of process 1, as runc passes it on."""
        return self.popen.wait(timeout=PATIENCE)

    def said(self):
        return self.log.read_text(errors="replace")

    def clean_up(self):
        if self.popen and self.popen.poll() is None:
            run(*self.runc("kill", self.name, "KILL"), exits=None)
            self.popen.wait(timeout=PATIENCE)
        run(*self.runc("delete", "--force", self.name), exits=None)
