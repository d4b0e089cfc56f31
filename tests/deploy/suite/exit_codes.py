"""What a Job and a workflow do with an exit code, and what the code means."""

import re

from manifests import KUBERNETES, ROOT, containers, is_hotset, of_kind, pods, title

# Another try ends the same.
FINAL = {2, 4}


def documented():
    """Of the README's table: every code that a pod can end with by itself, but success."""
    text = (ROOT / "README.md").read_text(encoding="utf-8").split("## Exit codes", 1)[1].split("\n## ", 1)[0]
    codes = {int(code) for code in re.findall(r"^\| (\d+) \|", text, re.M)}
    assert {0} < codes, codes
    return codes - {0}


def retried():
    return documented() - FINAL


def faults(found):
    for owner, _, spec in pods(found):
        ours = [each["name"] for each in containers(spec) if is_hotset(each)]
        if owner["kind"] in ("Job", "CronJob"):
            job = owner["spec"]["jobTemplate"]["spec"] if owner["kind"] == "CronJob" else owner["spec"]
            yield from (f"{title(owner)}: {fault}" for fault in of_job(job, spec, ours))
    for workflow in of_kind(found, "WorkflowTemplate"):
        yield from (f"{title(workflow)}: {fault}" for fault in of_workflow(workflow["spec"]["templates"]))


def of_job(job, spec, ours):
    rules = job["podFailurePolicy"]["rules"]
    if spec["restartPolicy"] != "Never":
        yield "the kubelet tries again by itself, and no rule is asked"
    if rules[0] != {"action": "Ignore", "onPodConditions": [{"type": "DisruptionTarget"}]}:
        yield "an evicted pod counts as a try"
    for action, wanted in (("FailJob", FINAL), ("Count", retried())):
        found = [rule["onExitCodes"] for rule in rules if rule["action"] == action]
        codes = {code for rule in found for code in rule["values"] if rule["operator"] == "In"}
        if codes != wanted:
            yield f"{action} for {sorted(codes)}, not for {sorted(wanted)}"
        if any(rule["containerName"] not in ours for rule in found):
            yield f"{action} asks another container than hotset's"


def of_workflow(templates):
    for template in templates:
        if is_hotset(template.get("container", {"image": ""})):
            said = template["retryStrategy"]["expression"]
            codes = {int(code) for code in re.search(r"asInt\(lastRetry\.exitCode\) in \[([\d, ]+)\]", said)[1].split(",")}
            if codes != retried():
                yield f"{template['name']} tries again after {sorted(codes)}, not after {sorted(retried())}"


def of_readme():
    """Its table, code by code: whether the Job is tried again."""
    text = (KUBERNETES / "README.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| (\d) \| .* \| (.*?) \|$", text, re.M)
    return {int(code): "again" in what for code, what in rows}
