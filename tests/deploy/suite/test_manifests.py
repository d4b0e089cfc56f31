"""Every set of manifests, rendered without a cluster and held to what it is for."""

import importlib.resources
import os
import re
import shutil

import pytest
import yaml

import exit_codes
import references
import restricted
import schemas
from kubelet import Container, resolved, run
from manifests import (
    ALL,
    CLIENTS,
    DAEMONS,
    GITOPS,
    GITOPS_CLUSTERS,
    IDS,
    JOBS,
    KUBERNETES,
    containers,
    objects,
    one,
    pods,
    title,
)
from process import BINARY

DAEMON_CLUSTERS = [*DAEMONS.values(), *GITOPS_CLUSTERS]
DAEMON_IDS = [f"{folder.parts[-3]}/{folder.name}" for folder in DAEMON_CLUSTERS]
SITES = [GITOPS / "flux/us-east.yaml", GITOPS / "argocd/eu-north.yaml"]


def with_config(folder, tmp_path):
    """A cluster's objects, and the configuration of its hotset as the pod would resolve it."""
    found = objects(folder)
    owner, _, spec = pods(found)[0]
    container = Container(tmp_path / folder.name, found, owner, spec, spec["containers"][0])
    config = resolved(container)
    # Back to the paths within the pod.
    back = {local: path for path, local in container.paths.items()}

    def restored(value):
        if isinstance(value, dict):
            return {key: restored(each) for key, each in value.items()}
        for local in sorted(back, key=len, reverse=True):
            if isinstance(value, str):
                value = value.replace(local, back[local])
        return value

    return found, restored(config), container


@pytest.mark.parametrize("folder", ALL, ids=IDS)
def test_kubernetes_takes_it(folder):
    found = objects(folder)
    assert found
    assert list(schemas.faults(found)) == []
    assert restricted.faults(found) == []
    assert list(references.image_faults(found)) == []


def test_other_projects_take_theirs(tmp_path):
    found = [each for folder in ALL for each in objects(folder)]
    for file in SITES:
        found += yaml.safe_load_all(file.read_text(encoding="utf-8"))
    kinds = {schemas.kind_of(each) for each in found} & schemas.CUSTOM.keys()
    assert kinds == schemas.CUSTOM.keys(), "a kind is not used any more"
    assert schemas.custom_faults(found, tmp_path) == []


@pytest.mark.parametrize("folder", ALL, ids=IDS)
def test_what_is_named_is_there(folder):
    assert list(references.volume_faults(objects(folder))) == []


def with_zone_rules(tmp_path):
    """Rules of a release that is not told, and so is never too old."""
    folder = tmp_path / "zoneinfo"
    with importlib.resources.as_file(importlib.resources.files("tzdata") / "zoneinfo") as pinned:
        shutil.copytree(pinned, folder, ignore=shutil.ignore_patterns("tzdata.zi"))
    return {**os.environ, "TZDIR": str(folder)}


@pytest.mark.parametrize("folder", [*DAEMON_CLUSTERS, JOBS], ids=[*DAEMON_IDS, "kubernetes/us-east-jobs"])
def test_the_mounted_files_are_a_valid_configuration(folder, tmp_path):
    found, config, container = with_config(folder, tmp_path)
    layers = [word for word in container.command if word.startswith("--config=")]
    checked = run(BINARY, "check", *layers, env=with_zone_rules(tmp_path)).stdout
    warnings = [line for line in checked.splitlines() if line.startswith("warning:")]
    # Keys and tokens are mounted in the pod alone.
    assert all("_file: the file cannot be read" in warning for warning in warnings), checked
    owner, _, spec = pods(found)[0]
    named = references.named_files(spec["containers"][0], config)
    assert named, "no keys, and no token?"
    assert list(references.file_faults(found, owner, spec, spec["containers"][0], named)) == []
    # Every file of every ConfigMap is read: none is mounted in vain.
    read = run(BINARY, "config", *layers).stdout
    for each in found:
        if each["kind"] == "ConfigMap":
            for name in each["data"]:
                assert f"/{name}:" in read, f"{title(each)}: nothing comes from {name}"


@pytest.mark.parametrize("folder", DAEMON_CLUSTERS, ids=DAEMON_IDS)
def test_the_daemon_is_found_by_whoever_asks_it(folder, tmp_path):
    found, config, _ = with_config(folder, tmp_path)
    assert list(references.daemon_faults(found, config)) == []


def test_two_clusters_differ_where_they_say_so(tmp_path):
    (_, east, _), (_, north, _) = (with_config(DAEMONS[name], tmp_path) for name in ("us-east", "eu-north"))
    for config, region in ((east, "US-EAST-04A"), (north, "EU-NORTH-05A")):
        lota = config["endpoint"]["lota"]
        assert lota["region"] == region
        assert (lota["cache_url"], lota["list_url"]) == ("http://cwlota.com", "https://cwobject.com")
        assert config["daemon"]["watch"] == "10s"
    assert east["endpoint"]["lota"]["credentials"] == "mounted" and "credentials" not in north["endpoint"]["lota"]
    assert east["profile"].keys() == north["profile"].keys()
    assert east["profile"]["vision-imagenet"]["time_zone"] == "America/New_York"
    assert north["profile"]["vision-imagenet"]["max_bytes"] == "4 TiB"
    assert north["profile"]["language-llama"]["schedule"] == ["*/15 * * * *"]


def test_what_the_readme_says_to_run_runs():
    commands = re.findall(
        r"`hotset ((?:check|config) --config [^`]+)`", (KUBERNETES / "README.md").read_text(encoding="utf-8")
    )
    assert len(commands) == 2, commands
    for command in commands:
        run(BINARY, *command.split(), cwd=KUBERNETES)


def test_a_cluster_without_a_region_is_refused(tmp_path):
    done = run(BINARY, "--color", "never", "check", "--config", KUBERNETES / "base/profiles", exits=2)
    assert "endpoint.lota.region: requests are signed for a region" in done.stderr


@pytest.mark.parametrize("folder", CLIENTS, ids=lambda folder: folder.name)
def test_what_waits_reaches_the_daemon(folder, tmp_path):
    clusters = {name: with_config(each, tmp_path)[:2] for name, each in DAEMONS.items()}
    assert list(references.client_faults(objects(folder), clusters)) == []


def test_jobs_end_by_themselves(tmp_path):
    found, config, _ = with_config(JOBS, tmp_path)
    assert {each["kind"] for each, _, _ in pods(found)} == {"Job", "CronJob"}
    assert list(references.job_faults(found, config)) == []


def test_exit_codes_decide_over_another_try():
    for folder in (JOBS, *CLIENTS):
        assert list(exit_codes.faults(objects(folder))) == []
    assert exit_codes.of_readme() == {0: False, **{code: code not in exit_codes.FINAL for code in exit_codes.documented()}}


def test_the_job_and_the_cron_job_are_one():
    found = objects(JOBS)
    job, cron = one(found, "Job")["spec"], one(found, "CronJob")["spec"]["jobTemplate"]["spec"]
    assert job == cron


def test_keys_reach_every_kind_of_pod():
    """Each component of keys for daemon, Job and CronJob, also where no cluster here has it so."""
    for folder in [*DAEMONS.values(), JOBS]:
        for owner, _, spec in pods(objects(folder)):
            named = {volume["name"] for volume in spec["volumes"]}
            assert named & {"s3", "identity"}, title(owner)
    for name in ("keys-secret", "keys-identity"):
        folder = KUBERNETES / "components" / name
        flat = yaml.safe_load((folder / "mount.yaml").read_text(encoding="utf-8"))
        deep = yaml.safe_load((folder / "mount-cronjob.yaml").read_text(encoding="utf-8"))
        assert deep["spec"]["jobTemplate"]["spec"] == flat["spec"], name


def container_of(found, kind):
    spec = one(found, kind)["spec"]["template"]["spec"]
    return containers(spec)[0]


def set_deep(*path):
    """A change of one value, by where it stands; `...` in the end's place takes it away."""
    *way, key, value = path

    def change(thing):
        for each in way:
            thing = thing[each]
        if value is ...:
            del thing[key]
        else:
            thing[key] = value

    return change


POD = ("spec", "template", "spec")
FIRST = (*POD, "containers", 0)
# What is wrong; of which kind; the change; what has to be said.
BROKEN = [
    ("an unknown key", "Deployment", set_deep(*FIRST, "comand", ["x"]), "comand"),
    ("a number for a text", "Service", set_deep("spec", "type", 3), "3 is not of type"),
    ("a removed API", "NetworkPolicy", set_deep("apiVersion", "extensions/v1beta1"), "NetworkPolicy"),
    ("root", "Deployment", set_deep(*POD, "securityContext", "runAsNonRoot", ...), "may run as root"),
    (
        "a writable root",
        "Deployment",
        set_deep(*FIRST, "securityContext", "readOnlyRootFilesystem", False),
        "readOnlyRootFilesystem",
    ),
    (
        "capabilities",
        "Deployment",
        set_deep(*FIRST, "securityContext", "capabilities", {"add": ["NET_ADMIN"]}),
        "capabilities",
    ),
    ("no seccomp", "Deployment", set_deep(*POD, "securityContext", "seccompProfile", ...), "seccomp"),
    ("a host path", "Deployment", set_deep(*POD, "volumes", 0, {"name": "state", "hostPath": {"path": "/"}}), "hostPath"),
    ("no limit of memory", "Deployment", set_deep(*FIRST, "resources", "limits", ...), "memory"),
    ("another image", "Deployment", set_deep(*FIRST, "image", "ghcr.io/hotset/hotset:9.9.9"), "9.9.9"),
    ("a ConfigMap's name", "ConfigMap", set_deep("metadata", "name", "hotset-profile"), "no ConfigMap hotset-"),
    (
        "a Secret's name",
        "Deployment",
        set_deep(*POD, "volumes", -1, {"name": "tokens", "secret": {"secretName": "x"}}),
        "makes no Secret x",
    ),
    ("a volume in vain", "Deployment", set_deep(*POD, "volumes", 0, "name", "stat"), "is a volume or a mount"),
    (
        "a token's file",
        "Deployment",
        set_deep(*FIRST, "volumeMounts", -2, "mountPath", "/run/secrets/x"),
        "nothing is mounted for",
    ),
    ("two replicas", "Deployment", set_deep("spec", "replicas", 2), "two daemons"),
    ("a rolling update", "Deployment", set_deep("spec", "strategy", "type", "RollingUpdate"), "two daemons"),
    ("a probe's port", "Deployment", set_deep(*FIRST, "readinessProbe", "httpGet", "port", "web"), "readinessProbe"),
    ("a container's port", "Deployment", set_deep(*FIRST, "ports", 0, "containerPort", 9465), "it listens on"),
    ("too little time", "Deployment", set_deep(*POD, "terminationGracePeriodSeconds", 60), "60 s to end"),
    (
        "a Service of others",
        "Service",
        set_deep("spec", "selector", "app.kubernetes.io/component", "web"),
        "selects other pods",
    ),
    ("a Service's port", "Service", set_deep("spec", "ports", 0, "name", "web"), "which the Service does not have"),
    (
        "a monitor of others",
        "ServiceMonitor",
        set_deep("spec", "selector", "matchLabels", {"a": "b"}),
        "selects other Services",
    ),
    ("a shut store", "NetworkPolicy", set_deep("spec", "egress", 1, "ports", 1, ...), "egress is open for"),
]


def all_faults(found, config):
    yield from schemas.faults(found)
    yield from restricted.faults(found)
    yield from references.image_faults(found)
    yield from references.volume_faults(found)
    owner, _, spec = pods(found)[0]
    container = spec["containers"][0]
    yield from references.file_faults(found, owner, spec, container, references.named_files(container, config))
    yield from references.daemon_faults(found, config)


@pytest.mark.parametrize(("kind", "change", "said"), [row[1:] for row in BROKEN], ids=[row[0] for row in BROKEN])
def test_a_broken_manifest_is_found(kind, change, said, tmp_path):
    found, config, _ = with_config(DAEMONS["us-east"], tmp_path)
    assert list(all_faults(found, config)) == []
    change(next(each for each in found if each["kind"] == kind))
    faults = []
    try:
        faults.extend(all_faults(found, config))
    except AssertionError as error:  # what one check takes for granted another has found
        faults.append(str(error))
    assert any(said in fault for fault in faults), f"not found: {said}\n{faults}"


def test_a_broken_rule_for_exit_codes_is_found():
    for change, said in [
        (lambda rules: rules[1]["onExitCodes"].update(values=[2, 3, 4]), "FailJob for [2, 3, 4]"),
        (lambda rules: rules[2]["onExitCodes"].update(values=[1, 5]), "Count for [1, 5]"),
        (lambda rules: rules[1]["onExitCodes"].update(containerName="train"), "another container"),
        (lambda rules: rules.pop(0), "evicted"),
    ]:
        found = objects(JOBS)
        change(one(found, "Job")["spec"]["podFailurePolicy"]["rules"])
        assert any(said in fault for fault in exit_codes.faults(found)), said
    found = objects(CLIENTS[1])
    step = next(each for each in found[0]["spec"]["templates"] if "retryStrategy" in each)
    step["retryStrategy"]["expression"] = "asInt(lastRetry.exitCode) in [1, 2]"
    assert any("tries again after [1, 2]" in fault for fault in exit_codes.faults(found))


def test_a_broken_client_is_found(tmp_path):
    clusters = {name: with_config(each, tmp_path)[:2] for name, each in DAEMONS.items()}
    for change, said in [
        (lambda job: container_of([job], "Job")["args"].__setitem__(1, "vision"), "no profile vision"),
        (
            lambda job: container_of([job], "Job")["args"].__setitem__(2, "--url=http://hotset.other.svc:9464"),
            "no hotset.other.svc",
        ),
        (
            lambda job: container_of([job], "Job")["args"].__setitem__(2, "--url=http://hotset.hotset.svc:80"),
            "no hotset.hotset.svc:80",
        ),
        (lambda job: job["spec"]["template"]["metadata"]["labels"].pop("hotset-client"), "does not let it in"),
        (
            lambda job: container_of([job], "Job")["args"].__setitem__(-1, "--token-file=/run/secrets/hotset/token"),
            "has no token",
        ),
    ]:
        found = objects(CLIENTS[0])
        change(one(found, "Job"))
        assert any(said in fault for fault in references.client_faults(found, clusters)), said


def test_a_broken_resource_of_another_project_is_found(tmp_path):
    monitor, workflow = objects(DAEMONS["us-east"]), objects(CLIENTS[1])
    flux, argo = (list(yaml.safe_load_all(file.read_text(encoding="utf-8"))) for file in SITES)
    one(monitor, "ServiceMonitor")["spec"]["endpoints"][0]["intervall"] = "3s"
    workflow[0]["spec"]["templates"][1]["retryStrategy"] = {"limt": "2"}
    flux[1]["spec"]["prune"] = "yes"
    del argo[0]["spec"]["source"]["repoURL"]
    faults = schemas.custom_faults([*monitor, *workflow, *flux, *argo], tmp_path)
    for said in ("intervall", "limt", "boolean", "repoURL"):
        assert any(said in fault for fault in faults), f"not found: {said}\n{faults}"
