"""A daemon in every state that the alerts and the dashboard speak of, and a Prometheus that scrapes it with the shipped rules.

Four simulators (one well, one slow, one that throttles, one that refuses the keys) and a cache where nobody listens.
"""

import json
import re
import time
import urllib.error
import urllib.parse
import urllib.request

import yaml

from process import PATIENCE, free_port, wait_until
from promql import Scrape
from shipped import read_yaml

TEAM = """
[team.research]
profiles = ["research.toml"]
endpoints = ["well"]
buckets = ["training"]
budget = "2 GiB"
"""
RESEARCH = """
[profile.complete]
objects = ["s3://training/**"]
max_bytes = "1 GiB"
schedule = "@every 2s"
rewarm_after = "0s"
"""
PROFILES = """
[profile.cut]
endpoint = "well"
objects = ["s3://training/**"]
max_bytes = "5 MiB"
schedule = "@every 2s"

[profile.newest-three]
endpoint = "well"
objects = ["s3://training/**"]
max_bytes = "1 GiB"
max_objects = 3
schedule = "@every 2s"

[profile.paused]
endpoint = "well"
objects = ["s3://training/**"]
max_bytes = "1 GiB"
schedule = "@every 5s"
paused = true

# Its small objects end before its deadline, and the large one does not.
[profile.partial]
endpoint = "slow"
objects = ["s3://small/**", "s3://large/**"]
max_bytes = "1 TiB"
schedule = "@every 2s"
deadline = "4s"

# Takes ten minutes an object.
[profile.running]
endpoint = "slow"
objects = ["s3://huge/**"]
max_bytes = "1 TiB"

[profile.throttled]
endpoint = "throttles"
objects = ["s3://many/**"]
max_bytes = "1 GiB"
schedule = "@every 5s"
deadline = "4s"

[profile.denied]
endpoint = "refuses"
objects = ["s3://training/**"]
max_bytes = "1 GiB"
schedule = "@every 2s"

[profile.dead]
endpoint = "silent"
objects = ["s3://training/**"]
max_bytes = "1 GiB"
schedule = "@every 2s"
"""
# Temporary keys that are always about to expire, whenever they are asked for.
KEYS = """#!/bin/sh
echo '{"Version": 1, "AccessKeyId": "somebody", "SecretAccessKey": "a-secret", "SessionToken": "t", "Expiration": "'$(
  date -u -d '+100 seconds' +%Y-%m-%dT%H:%M:%SZ)'"}'
"""


class Prometheus:
    """Its binary, with the shipped configuration and rules: scraped and evaluated every second, alerts fire at once, and the
    target has the labels that the operator gives it."""

    def __init__(self, bench, target):
        self.port = free_port()
        groups = read_yaml("alerts.yaml")["groups"]
        for rule in (rule for group in groups for rule in group["rules"]):
            rule["for"] = "1s"
        (bench.folder / "alerts.yaml").write_text(yaml.safe_dump({"groups": groups}), encoding="utf-8")
        config = read_yaml("prometheus.yml")
        config["global"] = {"scrape_interval": "1s", "evaluation_interval": "1s"}
        labels = {"endpoint": "http", "namespace": "hotset", "pod": "hotset-0", "service": "hotset"}
        config["scrape_configs"][0]["static_configs"] = [{"targets": [f"127.0.0.1:{target}"], "labels": labels}]
        file = bench.folder / "prometheus.yml"
        file.write_text(yaml.safe_dump(config), encoding="utf-8")
        data = bench.folder / "prometheus"
        options = [f"--config.file={file}", f"--storage.tsdb.path={data}", f"--web.listen-address=127.0.0.1:{self.port}"]
        self.process = bench.start("prometheus", ["prometheus", *options])

    def get(self, path, **query):
        """Fails with what Prometheus says, where it objects."""
        url = f"http://127.0.0.1:{self.port}/api/v1/{path}?{urllib.parse.urlencode(query, doseq=True)}"
        try:
            with urllib.request.urlopen(url, timeout=PATIENCE) as answer:
                body = json.load(answer)
        except urllib.error.HTTPError as error:
            raise AssertionError(f"{path} {query}: {error.read().decode()}") from None
        assert body["status"] == "success", body
        return body["data"]

    def query(self, expr):
        return self.get("query", query=expr)["result"]

    def number(self, expr):
        """Of the only series that answers."""
        (only,) = self.query(expr)
        return float(only["value"][1])

    def firing(self):
        """Alert to the profiles or endpoints (else "") of which it fires."""
        found = {}
        for alert in self.get("alerts")["alerts"]:
            if alert["state"] == "firing":
                labels = alert["labels"]
                # The target's `endpoint` is the port's name.
                about = labels.get("profile") or labels.get("endpoint", "").replace("http", "")
                found.setdefault(labels["alertname"], set()).add(about)
        return found


class Plant:
    def __init__(self, bench):
        self.bench = bench
        self.file = bench.folder / "hotset.toml"
        self.write_keys()
        self.good = self.configuration()
        self.file.write_text(self.good, encoding="utf-8")
        self.daemon = bench.daemon(self.file).ready()
        self.prometheus = Prometheus(bench, bench.port)
        self.daemon.api.post("/api/v1/profiles/running/run").json()
        wait_until(lambda: not self.lacking(), lambda: f"everything has happened but {self.lacking()}")
        self.scraped_since(time.time())

    def write_keys(self):
        script, folder = self.bench.folder / "keys", self.bench.folder / ".aws"
        script.write_text(KEYS, encoding="utf-8")
        script.chmod(0o755)
        folder.mkdir()
        (folder / "config").write_text(f"[profile temporary]\ncredential_process = {script}\n", encoding="utf-8")

    def configuration(self):
        small = ["--bucket", "training=d/{00..19}:1MiB"]
        well = self.bench.simulator("well", *small)
        slow = self.bench.simulator(
            *("slow", "--fill-rate", "100MiB/s", "--bucket", "small=s/{0..9}:1MiB"),
            *("--bucket", "large=l/0:3GiB", "--bucket", "huge=h/{0..3}:60GiB"),
        )
        throttles = self.bench.simulator("throttles", "--max-rate", "5", "--bucket", "many=m/{000..299}:1MiB")
        refuses = self.bench.simulator("refuses", *small, "--credentials", "other:keys")
        silent = {"cache_url": f"http://localhost:{free_port()}"}
        head = f'[daemon]\nlisten = "127.0.0.1:{self.bench.port}"\nwatch = "1s"\nshutdown_grace = "1s"\n'
        keys = '[credentials.temporary]\naws_profile = "temporary"\n'
        endpoints = [
            well.endpoint("well", 'credentials = "temporary"\ncapacity = "30 GiB"'),
            # Less than the caps of its profiles together.
            slow.endpoint("slow", 'capacity = "1 TiB"'),
            throttles.endpoint("throttles"),
            refuses.endpoint("refuses"),
            well.endpoint("silent", 'retries = 0\noutage_wait = "1s"', **silent),
        ]
        (self.bench.folder / "research.toml").write_text(RESEARCH, encoding="utf-8")
        return "\n".join([head, keys, *endpoints, TEAM, PROFILES])

    def text(self):
        answer = self.daemon.api.get("/metrics")
        assert answer.status == 200, answer
        return answer.body

    def scrape(self):
        return Scrape(self.text())

    def has(self, name, **labels):
        """Whether a series of it, with these labels, has a value that is not 0."""
        wanted = [f'{label}="{value}"' for label, value in labels.items()]
        lines = re.findall(rf"^{name}(?:\{{(.*)\}})? (\S+)$", self.text(), re.M)
        return any(float(value) and all(each in of.split(",") for each in wanted) for of, value in lines)

    def lacking(self):
        """What has not happened yet."""
        outcomes = {"complete": "complete", "partial": "partial", "denied": "refused", "dead": "failed"}
        wanted = [
            *(("hotset_profile_last_run_outcome", {"profile": p, "outcome": o}) for p, o in outcomes.items()),
            *(("hotset_profile_over_cap_bytes", {"profile": p}) for p in ("cut", "newest-three")),
            ("hotset_profile_last_complete_due_timestamp_seconds", {"profile": "complete"}),
            ("hotset_run_planned_objects", {"profile": "running"}),
            ("hotset_endpoint_throttled_total", {"endpoint": "throttles"}),
            ("hotset_endpoint_circuit_open", {"endpoint": "silent"}),
            ("hotset_credentials_expiry_timestamp_seconds", {"endpoint": "well"}),
        ]
        return [(name, labels) for name, labels in wanted if not self.has(name, **labels)]

    def scraped_since(self, instant):
        """Waits until Prometheus has scraped it three times since then: enough for a rate, and for an alert to fire."""
        seen = f'sum(count_over_time((timestamp(up{{job="hotset"}} == 1) > {instant})[10m:1s])) or vector(0)'
        wait_until(lambda: self.prometheus.number(seen) >= 3, "Prometheus has scraped it for a while")
