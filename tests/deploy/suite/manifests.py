"""The manifests as `kubectl apply --kustomize` would send them, and how their parts are found."""

import copy
import functools
import json
import os
import pathlib
import re
import subprocess

import yaml

from process import PATIENCE

ROOT = pathlib.Path(__file__).resolve().parents[3]
KUBERNETES = ROOT / "examples/kubernetes"
GITOPS = ROOT / "examples/gitops"
CLUSTERS = ["us-east", "eu-north", "us-east-jobs"]
DAEMONS = {"us-east": KUBERNETES / "clusters/us-east", "eu-north": KUBERNETES / "clusters/eu-north"}
JOBS = KUBERNETES / "clusters/us-east-jobs"
CLIENTS = [KUBERNETES / "clients/training", KUBERNETES / "clients/argo"]
GITOPS_CLUSTERS = [GITOPS / "clusters/us-east", GITOPS / "clusters/eu-north"]
ALL = [*DAEMONS.values(), JOBS, *CLIENTS, *GITOPS_CLUSTERS]
IDS = [str(folder.relative_to(ROOT / "examples")) for folder in ALL]


@functools.cache
def rendered(folder):
    """As text. Kustomize reads files only."""
    done = subprocess.run(["kubectl", "kustomize", folder], capture_output=True, text=True, timeout=PATIENCE)
    assert done.returncode == 0, f"kubectl kustomize {folder}: {done.stderr}"
    assert not done.stderr, f"kubectl kustomize {folder} warns: {done.stderr}"
    return done.stdout


@functools.cache
def parsed(folder):
    return list(yaml.load_all(rendered(folder), yaml.CSafeLoader))


def objects(folder):
    """A copy that a test may change."""
    return copy.deepcopy(parsed(folder))


def of_kind(found, kind):
    return [each for each in found if each["kind"] == kind]


def one(found, kind, name=None):
    hits = [each for each in of_kind(found, kind) if name in (None, each["metadata"]["name"])]
    assert len(hits) == 1, f"{len(hits)} of {kind} {name or ''}"
    return hits[0]


def title(thing):
    return f"{thing['kind']} {thing['metadata']['name']}"


def namespace(thing):
    return thing["metadata"].get("namespace")


def pods(found):
    """(object, labels, pod spec) of everything that makes pods. A step of an Argo workflow is a pod of one container."""
    made = []
    for each in found:
        if each["kind"] in ("Deployment", "Job"):
            template = each["spec"]["template"]
        elif each["kind"] == "CronJob":
            template = each["spec"]["jobTemplate"]["spec"]["template"]
        elif each["kind"] == "WorkflowTemplate":
            made += [(each, labels, spec) for labels, spec in steps(each["spec"])]
            continue
        else:
            continue
        made.append((each, template["metadata"]["labels"], template["spec"]))
    return made


def steps(workflow):
    labels = workflow.get("podMetadata", {}).get("labels", {})
    shared = {key: workflow[key] for key in ("securityContext", "volumes") if key in workflow}
    return [
        (labels, {**shared, "containers": [template["container"]]})
        for template in workflow["templates"]
        if "container" in template
    ]


def containers(spec):
    return spec.get("initContainers", []) + spec["containers"]


def is_hotset(container):
    return re.fullmatch(r"ghcr\.io/hotset/hotset:[0-9.]+", container["image"]) is not None


def option(container, name, default=None):
    """The value of `--name=value`, as all our command lines write it."""
    found = [arg.split("=", 1)[1] for arg in container["args"] if arg.startswith(f"--{name}=")]
    return found[0] if found else default


def options(container, name):
    return [arg.split("=", 1)[1] for arg in container["args"] if arg.startswith(f"--{name}=")]


@functools.cache
def secrets(run_token="run", **keys):
    """What the README tells to create, by (namespace, name): its own commands, carried out without a cluster."""
    text = (KUBERNETES / "README.md").read_text(encoding="utf-8")
    commands = re.findall(r"^kubectl create secret .*$", text, re.M)
    assert len(commands) == 3, commands
    environment = {
        **os.environ,
        "RUN_TOKEN": run_token,
        "AWS_ACCESS_KEY_ID": "somebody",
        "AWS_SECRET_ACCESS_KEY": "a-secret",
        **keys,
    }
    made = {}
    for command in commands:
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", f"{command} --dry-run=client --output=json"],
            env=environment,
            capture_output=True,
            text=True,
            timeout=PATIENCE,
        )
        assert done.returncode == 0, f"{command}\n{done.stderr}"
        secret = json.loads(done.stdout)
        made[namespace(secret), secret["metadata"]["name"]] = secret["data"]
    return made
