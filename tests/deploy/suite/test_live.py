"""The rendered command lines, run: what a cluster would do with them, against the simulator."""

import http.server
import json
import threading
import time
from urllib.parse import urlsplit

import pytest

import exit_codes
from kubelet import files_of
from manifests import CLIENTS, DAEMONS, JOBS, containers, is_hotset, namespace, objects, one, pods
from process import wait_until
from stack import KEYS, PAIR, Daemon, Stack, client

TRAINING, ARGO = CLIENTS


@pytest.fixture
def stack(bench):
    return Stack(bench)


def argo_wait(stack, where):
    """The workflow's waiting step, with the parameter that its task gives."""
    found = objects(ARGO)
    templates = {each["name"]: each for each in one(found, "WorkflowTemplate")["spec"]["templates"]}
    (task,) = [each for each in templates["resume"]["dag"]["tasks"] if each["template"] == "wait-until-warm"]
    (parameter,) = task["arguments"]["parameters"]
    ((owner, _, spec),) = [each for each in pods(found) if any(map(is_hotset, containers(each[2])))]
    made = stack.container(found, owner, spec, "main", where)
    args = made.container["args"]
    args[args.index(f"{{{{inputs.parameters.{parameter['name']}}}}}")] = parameter["value"]
    return made, parameter["value"]


def test_a_job_waits_for_what_the_daemon_warms(stack):
    daemon = Daemon(stack, DAEMONS["us-east"])
    daemon.probed("livenessProbe")
    assert daemon.metric("hotset_config_last_reload_successful") == 1

    init = client(stack, TRAINING, "wait-until-warm", "training-pod")
    code, log = stack.run("init", init)
    assert code == 0 and "vision-imagenet: warm" in log, log
    first = stack.api.get("/api/v1/runs?profile=vision-imagenet").json()["runs"]
    assert [run["outcome"] for run in first] == ["complete"] and first[0]["warmed"]["objects"] == 20

    # A second job takes the run of the first (`--within`), and starts none.
    assert stack.run("again", init)[0] == 0
    assert stack.api.get("/api/v1/runs?profile=vision-imagenet").json()["runs"] == first

    # The workflow's step only waits: somebody else has to have it warmed.
    step, profile = argo_wait(stack, "workflow-pod")
    waiting = stack.start("workflow", step)
    init.container["args"][1] = profile
    code, log = stack.run("other", init)
    assert code == 0, log
    assert waiting.ended() == 0, waiting.tail()

    # What fails the Job at once: a profile that nobody has, and a wrong token.
    init.container["args"][1] = "nobody"
    assert stack.run("unknown", init)[0] == 2
    init.container["args"][1] = profile
    init.container["args"].remove("--within=12h")
    init.swap("run-token", {"run-token": "another"})
    assert stack.run("denied", init)[0] == 4
    daemon.process.signal(15)
    assert daemon.process.ended() == 0


def test_a_changed_config_map_is_taken_and_a_bad_one_is_not(stack):
    daemon = Daemon(stack, DAEMONS["us-east"])
    files = daemon.files("hotset-profiles")
    cap = lambda: stack.api.profile("vision-imagenet")["max_bytes"]
    reload = lambda: stack.api.status()["reload"]
    assert cap() == 8 << 40 and daemon.config["daemon"]["watch"] == "1s"

    changed = files | {"20-vision.toml": files["20-vision.toml"].replace('"8 TiB"', '"7 TiB"')}
    swapped(daemon, changed, lambda: cap() == 7 << 40)

    bad = changed | {"30-language.toml": files["30-language.toml"].replace('"4 TiB"', '"4 TBB"')}
    swapped(daemon, bad, lambda: daemon.metric("hotset_config_last_reload_successful") == 0)
    assert "unknown unit `TBB`" in reload()["error"] and "30-language.toml:6:" in reload()["error"]
    assert cap() == 7 << 40 and stack.api.profile("language-llama")["max_bytes"] == 4 << 40
    daemon.probed("livenessProbe")
    daemon.probed("readinessProbe")
    # What waits goes on, and so do runs.
    assert stack.run("init", client(stack, TRAINING, "wait-until-warm", "training-pod"))[0] == 0

    # Also a file of the other ConfigMap, the cluster's.
    swapped(daemon, files, lambda: daemon.metric("hotset_config_last_reload_successful") == 1 and cap() == 8 << 40)
    cluster = daemon.files("hotset-cluster")
    cluster["10-us-east.toml"] += 'max_bytes = "6 TiB"\n'
    swapped(daemon, cluster, lambda: cap() == 6 << 40, "cluster")


def swapped(daemon, files, condition, volume="profiles"):
    """Renews a mounted ConfigMap, and waits until that has the effect."""
    daemon.container.swap(volume, files)
    wait_until(condition, lambda: f"the ConfigMap has its effect: {daemon.stack.api.status()['reload']}")


def test_a_bad_file_and_a_restart(stack):
    """The container restarts on the same volume: the last good configuration goes on."""
    daemon = Daemon(stack, DAEMONS["us-east"])
    daemon.container.swap(
        "profiles", daemon.files("hotset-profiles") | {"20-vision.toml": "[profile.vision-imagenet]\nobject = 1\n"}
    )
    daemon.process.signal(15)
    assert daemon.process.ended() == 0
    daemon.process = stack.start("restarted", daemon.container)
    daemon.probed("startupProbe")
    daemon.probed("readinessProbe")
    assert daemon.metric("hotset_config_last_reload_successful") == 0
    assert stack.api.profile("vision-imagenet")["max_bytes"] == 8 << 40


@pytest.mark.parametrize("kind", ["Job", "CronJob"])
def test_a_job_ends_with_the_truth(stack, kind):
    """Every code that can be brought about, and what the Job's rules make of it."""
    job = one(objects(JOBS), kind)
    rules = job["spec"].get("jobTemplate", job)["spec"]["podFailurePolicy"]["rules"]
    outcome = lambda code: next((r["action"] for r in rules if code in r.get("onExitCodes", {}).get("values", [])), None)

    pod = warm_pod(stack, kind, "warm-pod")
    code, log = stack.run("warm", pod)
    assert (code, outcome(code)) == (0, None), log
    (line,) = [json.loads(line) for line in log.splitlines() if line.startswith('{"v"')]
    assert line["outcome"] == "complete" and line["warmed"]["objects"] == 20, line

    store = f'list_url = "{stack.simulator.list_url}"'
    away = 'list_url = "http://localhost:9"\nretries = 1\noutage_wait = "2s"'
    cases = [
        # Nothing matches; a bad file; keys that nobody knows; a store that is not there.
        ("refused", lambda text: text.replace("imagenet/train-", "nothing/"), 4, "FailJob"),
        ("bad", lambda text: text.replace('"8 TiB"', '"8 TBB"'), 2, "FailJob"),
        ("denied", None, 4, "FailJob"),
        ("failed", lambda text: text.replace(store, away), 5, "Count"),
    ]
    for name, change, wanted, action in cases:
        pod = warm_pod(stack, kind, f"{name}-pod", change)
        if change is None:
            pod.swap("s3", {key: "wrong" for key in KEYS})
        code, log = stack.run(name, pod)
        assert (code, outcome(code)) == (wanted, action), f"{name}: {log}"
    assert exit_codes.FINAL == {2, 4}


def warm_pod(stack, kind, where, change=None):
    found = objects(JOBS)
    ((owner, _, spec),) = [each for each in pods(found) if each[0]["kind"] == kind]
    pod = stack.container(found, owner, spec, "hotset", where)
    if change:
        for name in ("profiles", "cluster"):
            volume = next(v for v in spec["volumes"] if v["name"] == name)
            files = files_of(volume, found, namespace(owner))
            pod.volumes[name].swap({key: change(pod.local(stack.change(text))) for key, text in files.items()})
    return pod


class Exchange(http.server.ThreadingHTTPServer):
    """Hands out temporary keys for a pod's token, as the store's endpoint for container credentials does."""

    def __init__(self):
        self.asked = []
        super().__init__(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.serve_forever, daemon=True).start()


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        token = self.headers.get("Authorization")
        self.server.asked.append((self.path, token))
        access, secret = PAIR.split(":")
        ends = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + 3600))
        body = json.dumps(
            {"AccessKeyId": access, "SecretAccessKey": secret, "Token": "a-session", "Expiration": ends}
        ).encode()
        self.send_response(200 if token == "the-pods-own-token" else 401)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


def test_the_pods_own_identity_is_enough(bench):
    # The simulator knows keys with a session token only within a program.
    stack = Stack(bench, credentials=None)
    exchange = Exchange()
    deployment = one(objects(DAEMONS["eu-north"]), "Deployment")
    (container,) = deployment["spec"]["template"]["spec"]["containers"]
    (uri,) = [each["value"] for each in container["env"] if each["name"] == "AWS_CONTAINER_CREDENTIALS_FULL_URI"]
    path = urlsplit(uri).path
    here = f"http://127.0.0.1:{exchange.server_address[1]}{path}"
    daemon = Daemon(stack, DAEMONS["eu-north"], AWS_CONTAINER_CREDENTIALS_FULL_URI=here)
    code, log = stack.run("init", client(stack, TRAINING, "wait-until-warm", "training-pod"))
    assert code == 0, log
    assert set(exchange.asked) == {(path, "the-pods-own-token")}, exchange.asked
    assert daemon.metric("hotset_credentials_expiry_timestamp_seconds") > time.time()
    exchange.shutdown()
