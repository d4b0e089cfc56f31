"""The restricted Pod Security standard, and what we hold ourselves to beyond it."""

from manifests import containers, is_hotset, pods, title

VOLUMES = {"configMap", "csi", "downwardAPI", "emptyDir", "ephemeral", "persistentVolumeClaim", "projected", "secret"}
HOST = ["hostNetwork", "hostPID", "hostIPC"]


def faults(found):
    return [f"{title(owner)}: {fault}" for owner, _, spec in pods(found) for fault in [*of_pod(spec), *of_containers(spec)]]


def of_pod(spec):
    shared = spec.get("securityContext", {})
    if shared.get("runAsNonRoot") is not True:
        yield "may run as root"
    if shared.get("runAsUser", 1) == 0:
        yield "runs as root"
    if shared.get("seccompProfile", {}).get("type") != "RuntimeDefault":
        yield "has no seccomp profile"
    for key in HOST:
        if spec.get(key):
            yield f"shares the host's: {key}"
    for volume in spec.get("volumes", []):
        (kind,) = volume.keys() - {"name"}
        if kind not in VOLUMES:
            yield f"volume {volume['name']} is a {kind}"


def of_containers(spec):
    for each in containers(spec):
        own = each.get("securityContext", {})
        for key, right in (("allowPrivilegeEscalation", False), ("readOnlyRootFilesystem", True)):
            if own.get(key) is not right:
                yield f"{each['name']}: {key} is {own.get(key)}"
        if own.get("privileged") or own.get("procMount", "Default") != "Default":
            yield f"{each['name']}: is privileged"
        if own.get("runAsNonRoot", True) is not True or own.get("runAsUser", 1) == 0:
            yield f"{each['name']}: runs as root"
        if own.get("seccompProfile", {}).get("type", "RuntimeDefault") != "RuntimeDefault":
            yield f"{each['name']}: has another seccomp profile"
        drops = own.get("capabilities", {})
        if drops.get("drop") != ["ALL"] or drops.get("add"):
            yield f"{each['name']}: keeps capabilities"
        if any("hostPort" in port for port in each.get("ports", [])):
            yield f"{each['name']}: takes a port of the host"
        limits = each.get("resources", {})
        if is_hotset(each) and not {"cpu", "memory"} <= limits.get("requests", {}).keys():
            yield f"{each['name']}: requests nothing"
        if is_hotset(each) and "memory" not in limits.get("limits", {}):
            yield f"{each['name']}: may take all the memory of its node"
