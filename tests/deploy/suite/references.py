"""Whatever one manifest names of another has to be there, under that name, port and path."""

import re
import tomllib
from pathlib import PurePosixPath
from urllib.parse import urlsplit

from manifests import (
    ROOT,
    containers,
    is_hotset,
    namespace,
    of_kind,
    one,
    option,
    options,
    pods,
    secrets,
    title,
)

VERSION = tomllib.loads((ROOT / "Cargo.toml").read_text(encoding="utf-8"))["workspace"]["package"]["version"]
SECONDS = {"s": 1, "m": 60, "h": 3600}


def seconds(text):
    return sum(int(number) * SECONDS[unit] for number, unit in re.findall(r"(\d+)([smh])", text))


def matches(labels, selector):
    assert set(selector) <= {"matchLabels"}, selector
    return selector.get("matchLabels", {}).items() <= labels.items()


def volume_faults(found):
    """Every mount has a volume, every volume a mount and a source that is there."""
    for owner, _, spec in pods(found):
        where = title(owner)
        volumes = {volume["name"]: volume for volume in spec.get("volumes", [])}
        mounts = [mount for each in containers(spec) for mount in each.get("volumeMounts", [])]
        for name in volumes.keys() ^ {mount["name"] for mount in mounts}:
            yield f"{where}: {name} is a volume or a mount, and not both"
        for mount in mounts:
            if "subPath" in mount:
                yield f"{where}: {mount['mountPath']} is mounted by subPath, and is never renewed"
        for name, volume in volumes.items():
            yield from (f"{where}: volume {name}: {fault}" for fault in source_faults(found, owner, volume))
        account = spec.get("serviceAccountName")
        if account and not any(each["metadata"]["name"] == account for each in of_kind(found, "ServiceAccount")):
            yield f"{where}: there is no service account {account}"


def source_faults(found, owner, volume):
    sources = {"configMap": ("ConfigMap", "name"), "persistentVolumeClaim": ("PersistentVolumeClaim", "claimName")}
    for key, (kind, field) in sources.items():
        if key in volume:
            name = volume[key][field]
            there = {(namespace(each), each["metadata"]["name"]) for each in of_kind(found, kind)}
            if (namespace(owner), name) not in there:
                yield f"there is no {kind} {name} in {namespace(owner)}"
    if "secret" in volume and (namespace(owner), volume["secret"]["secretName"]) not in secrets():
        yield f"the README makes no Secret {volume['secret']['secretName']} in {namespace(owner)}"


def file_faults(found, owner, spec, container, paths):
    """Every path is a file that one of the container's volumes brings."""
    volumes = {volume["name"]: volume for volume in spec.get("volumes", [])}
    for path in paths:
        folder, name = path.rsplit("/", 1)
        mounted = [mount for mount in container.get("volumeMounts", []) if mount["mountPath"] == folder]
        if not mounted:
            yield f"{title(owner)}: nothing is mounted for {path}"
            continue
        volume = volumes[mounted[0]["name"]]
        if "secret" in volume:
            brings = secrets().get((namespace(owner), volume["secret"]["secretName"]), {}).keys()
        elif "projected" in volume:
            brings = {source["serviceAccountToken"]["path"] for source in volume["projected"]["sources"]}
        else:
            brings = one(found, "ConfigMap", volume["configMap"]["name"])["data"].keys()
        if name not in brings:
            yield f"{title(owner)}: {folder} has no {name}, only {', '.join(sorted(brings))}"


def named_files(container, config):
    """What the command line, the environment and the configuration have read."""
    named = options(container, "token-file")
    named += [each["value"] for each in container.get("env", []) if each["name"].endswith("_FILE")]
    daemon = config.get("daemon", {}) if container["args"][0] == "daemon" else {}
    for table in (daemon, *config.get("credentials", {}).values()):
        named += [value for key, value in table.items() if key.endswith("_file")]
    return named


def daemon_faults(found, config):
    """The process, its Deployment, and whatever leads to it."""
    deployment = one(found, "Deployment", "hotset")
    spec, labels = deployment["spec"]["template"]["spec"], deployment["spec"]["template"]["metadata"]["labels"]
    container = one_container(spec, "hotset")
    ports = {port["name"]: port["containerPort"] for port in container["ports"]}
    if deployment["spec"]["replicas"] != 1 or deployment["spec"]["strategy"] != {"type": "Recreate"}:
        yield "the Deployment may run two daemons"
    listen = config["daemon"]["listen"]
    if listen != f"0.0.0.0:{ports.get('http')}":
        yield f"it listens on {listen}, the port http is {ports.get('http')}"
    for probe in ("startupProbe", "livenessProbe", "readinessProbe"):
        asked = container.get(probe, {}).get("httpGet", {})
        if asked.get("port") not in ports:
            yield f"{probe} asks a port that the container does not have: {asked.get('port')}"
    grace, given = seconds(config["daemon"]["shutdown_grace"]), spec["terminationGracePeriodSeconds"]
    if given < grace + 20:
        yield f"{given} s to end, {grace} s of them for what is in flight"
    writable = [m["mountPath"] for m in container["volumeMounts"] if not m.get("readOnly")]
    # A folder of its own in the volume, which others may write into.
    if [str(PurePosixPath(config["daemon"]["state_dir"]).parent)] != writable:
        yield f"state_dir is {config['daemon']['state_dir']}, what can be written {writable}"
    yield from service_faults(found, labels, ports)
    yield from policy_faults(found, labels, config)


def one_container(spec, name):
    (container,) = [each for each in containers(spec) if each["name"] == name]
    return container


def service_faults(found, labels, ports):
    service = one(found, "Service", "hotset")
    if not service["spec"]["selector"].items() <= labels.items():
        yield "the Service selects other pods"
    for port in service["spec"]["ports"]:
        if port["targetPort"] not in ports:
            yield f"the Service leads to port {port['targetPort']}, which the container does not have"
    for monitor in of_kind(found, "ServiceMonitor"):
        if not matches(service["metadata"]["labels"], monitor["spec"]["selector"]):
            yield "the ServiceMonitor selects other Services"
        if namespace(monitor) != namespace(service):
            yield "the ServiceMonitor looks in another namespace"
        named = {port["name"] for port in service["spec"]["ports"]}
        for endpoint in monitor["spec"]["endpoints"]:
            if endpoint["port"] not in named:
                yield f"the ServiceMonitor scrapes port {endpoint['port']}, which the Service does not have"


def policies(found, labels):
    return [each["spec"] for each in of_kind(found, "NetworkPolicy") if matches(labels, each["spec"]["podSelector"])]


def policy_faults(found, labels, config):
    """Names, cache and store can be reached; Prometheus and the waiting can come in, and nobody else."""
    ours = policies(found, labels)
    wanted = {("UDP", 53), ("TCP", 53)}
    for endpoint in config["endpoint"].values():
        for url in (urlsplit(endpoint["cache_url"]), urlsplit(endpoint["list_url"])):
            wanted.add(("TCP", url.port or {"http": 80, "https": 443}[url.scheme]))
    open_ports = {
        (port["protocol"], port["port"]) for each in ours for rule in each.get("egress", []) for port in rule["ports"]
    }
    if open_ports != wanted:
        yield f"egress is open for {sorted(open_ports)}, and needed for {sorted(wanted)}"
    kinds = {kind for each in ours for kind in each["policyTypes"]}
    if kinds != {"Ingress", "Egress"}:
        yield f"a policy holds only for {kinds}"


def lets_in(found, labels, caller):
    """Whether a pod with the labels `caller`, in any namespace, may ask a pod with `labels` on port http."""
    rules = [rule for each in policies(found, labels) for rule in each.get("ingress", [])]
    peers = [peer for rule in rules if {"port": "http", "protocol": "TCP"} in rule["ports"] for peer in rule["from"]]
    return any(peer.get("namespaceSelector") == {} and matches(caller, peer["podSelector"]) for peer in peers)


def client_faults(found, clusters):
    """What waits asks a Service that is there, is let in, and names a profile that every cluster has."""
    for owner, labels, spec in pods(found):
        for container in filter(is_hotset, containers(spec)):
            url = urlsplit(option(container, "url"))
            name, where, _ = url.hostname.split(".", 2)
            for cluster, (other, config) in clusters.items():
                service = one(other, "Service", name)
                if namespace(service) != where or url.port not in [port["port"] for port in service["spec"]["ports"]]:
                    yield f"{title(owner)}: {cluster} has no {url.netloc}"
                if not lets_in(other, service["spec"]["selector"], labels):
                    yield f"{title(owner)}: the network policy of {cluster} does not let it in"
                asked = container["args"][1]
                if not asked.startswith("{{") and asked not in config["profile"]:
                    yield f"{title(owner)}: {cluster} has no profile {asked}"
            yield from file_faults(found, owner, spec, container, named_files(container, {}))


def image_faults(found):
    for owner, _, spec in pods(found):
        for container in containers(spec):
            if "hotset" in container["image"] and container["image"] != f"ghcr.io/hotset/hotset:{VERSION}":
                yield f"{title(owner)}: {container['image']} is not {VERSION}"


def job_faults(found, config):
    for owner, _, spec in pods(found):
        job = owner["spec"]["jobTemplate"]["spec"] if owner["kind"] == "CronJob" else owner["spec"]
        container = one_container(spec, "hotset")
        if seconds(option(container, "timeout")) >= job["activeDeadlineSeconds"]:
            yield f"{title(owner)}: Kubernetes ends the pod before hotset ends by itself"
        if container["args"][1] not in config["profile"]:
            yield f"{title(owner)}: there is no profile {container['args'][1]}"
