"""What the kubelet does with a pod's volumes and command line, on this machine: folders, and paths that lead to them."""

import base64
import os
import shutil
import subprocess
import tomllib

from manifests import namespace, one, secrets
from process import BINARY, PATIENCE


class Volume:
    """A folder as a ConfigMap or Secret is mounted: files are links through `..data`, which is renamed over at once."""

    def __init__(self, folder, files):
        self.folder = folder
        self.generations = 0
        self.now = None
        folder.mkdir(parents=True)
        self.swap(files)

    def swap(self, files):
        self.generations += 1
        before, self.now = self.now, self.folder / f"..2026_{self.generations}"
        self.now.mkdir()
        for name, text in files.items():
            (self.now / name).write_text(text, encoding="utf-8")
        link = self.folder / "..data_tmp"
        link.symlink_to(self.now.name)
        os.replace(link, self.folder / "..data")
        for name in files:
            if not (self.folder / name).is_symlink():
                (self.folder / name).symlink_to(f"..data/{name}")
        if before:
            shutil.rmtree(before)


def files_of(volume, found, where):
    """The files that a volume brings, as the API server would hand them out; None: a folder to write to."""
    if "configMap" in volume:
        return one(found, "ConfigMap", volume["configMap"]["name"])["data"]
    if "secret" in volume:
        data = secrets()[where, volume["secret"]["secretName"]]
        return {key: base64.b64decode(value).decode() for key, value in data.items()}
    if "projected" in volume:
        (source,) = volume["projected"]["sources"]
        return {source["serviceAccountToken"]["path"]: "the-pods-own-token"}
    assert "emptyDir" in volume or "persistentVolumeClaim" in volume, volume
    return None


class Container:
    """One container of a pod, with its volumes below `folder`. `change(text)` is applied to every ConfigMap's file."""

    def __init__(self, folder, found, owner, spec, container, change=lambda text: text):
        self.folder = folder
        self.container = container
        self.change = change
        self.volumes = {}
        self.paths = {}
        by_name = {volume["name"]: volume for volume in spec.get("volumes", [])}
        mounts = container.get("volumeMounts", [])
        for mount in mounts:
            self.paths[mount["mountPath"]] = str(folder / mount["mountPath"].strip("/"))
        for mount in mounts:
            volume, local = by_name[mount["name"]], folder / mount["mountPath"].strip("/")
            files = files_of(volume, found, namespace(owner))
            if files is None:
                local.mkdir(parents=True)
                continue
            if "configMap" in volume:
                files = {name: self.local(change(text)) for name, text in files.items()}
            self.volumes[mount["name"]] = Volume(local, files)

    def local(self, text):
        """Longest first, so that no mount's path is taken for the beginning of another's."""
        for path in sorted(self.paths, key=len, reverse=True):
            text = text.replace(path, self.paths[path])
        return text

    def swap(self, name, files):
        self.volumes[name].swap({key: self.local(self.change(text)) for key, text in files.items()})

    @property
    def command(self):
        """The entry point of the image is hotset; a `command` says the same."""
        assert self.container.get("command", ["hotset"]) == ["hotset"], self.container
        return [BINARY, *map(self.local, self.container["args"])]

    @property
    def environment(self):
        return {each["name"]: self.local(each["value"]) for each in self.container.get("env", [])}


def run(*words, exits=0, **options):
    options = {"stdin": subprocess.DEVNULL, "capture_output": True, "text": True, "timeout": PATIENCE, **options}
    done = subprocess.run([str(word) for word in words], **options)
    assert done.returncode == exits, f"$ {' '.join(map(str, words))}\nexit {done.returncode}\n{done.stdout}{done.stderr}"
    return done


def resolved(container):
    """The configuration of a container, as hotset resolves it."""
    layers = [word for word in container.command if word.startswith("--config=")]
    return tomllib.loads(run(BINARY, "config", *layers).stdout)
