"""A real Prometheus reads the metrics."""

import json
import subprocess
import urllib.parse
import urllib.request

import pytest

from process import PATIENCE, free_port, wait_until


@pytest.fixture
def daemon(bench):
    simulator = bench.simulator("simulator", "--bucket", "training=d/{00..19}:1MiB")
    file = bench.folder / "hotset.toml"
    profile = '[profile.small]\nobjects = ["s3://training/**"]\nmax_bytes = "1 GiB"\nschedule = "@daily"\n'
    waits = '[profile.waits]\nobjects = ["s3://training/**"]\nmax_bytes = "1 GiB"\npaused = true\n'
    head = f'[daemon]\nlisten = "127.0.0.1:{bench.port}"\n{simulator.endpoint("cache")}'
    file.write_text(head + profile + waits, encoding="utf-8")
    started = bench.daemon(file).ready()
    started.api.post("/api/v1/profiles/small/run").json()
    wait_until(lambda: started.api.profile("small")["last_complete"], "the run completes")
    return started


def test_promtool_finds_nothing_to_object_to(daemon):
    text = daemon.api.get("/metrics").body
    done = subprocess.run(["promtool", "check", "metrics"], input=text, capture_output=True, text=True, timeout=PATIENCE)
    assert (done.returncode, done.stdout + done.stderr) == (0, ""), f"{done.stdout}{done.stderr}\n{text}"


class Prometheus:
    """Its binary with files of its own: no service is touched."""

    def __init__(self, bench, target):
        self.port = free_port()
        file = bench.folder / "prometheus.yml"
        jobs = [{"job_name": "hotset", "static_configs": [{"targets": [f"127.0.0.1:{target}"]}]}]
        file.write_text(json.dumps({"global": {"scrape_interval": "1s"}, "scrape_configs": jobs}), encoding="utf-8")
        data = bench.folder / "prometheus"
        options = [f"--config.file={file}", f"--storage.tsdb.path={data}", f"--web.listen-address=127.0.0.1:{self.port}"]
        self.process = bench.start("prometheus", ["prometheus", *options])

    def get(self, path, **query):
        url = f"http://127.0.0.1:{self.port}/api/v1/{path}?{urllib.parse.urlencode(query)}"
        with urllib.request.urlopen(url, timeout=PATIENCE) as answer:
            body = json.load(answer)
        assert body["status"] == "success", body
        return body["data"]

    def value(self, query):
        """Of the only series that answers; `None` before there is one."""
        result = self.get("query", query=query)["result"]
        assert len(result) <= 1, result
        return float(result[0]["value"][1]) if result else None


def test_prometheus_scrapes_what_alerts_rest_on(bench, daemon):
    prometheus = Prometheus(bench, daemon.port)

    def target():
        active = prometheus.get("targets")["activeTargets"]
        return active and active[0]["health"] == "up"

    wait_until(target, "the target is up")
    wait_until(lambda: prometheus.value('up{job="hotset"}') == 1, "a scrape is stored")
    assert prometheus.value('hotset_profile_warm_ratio{profile="small"}') == 1
    assert prometheus.value("hotset_config_last_reload_successful") == 1
    assert prometheus.value('hotset_profile_paused{profile="waits"}') == 1
    assert prometheus.value('hotset_runs_total{profile="small",outcome="complete"}') == 1
    metadata = prometheus.get("metadata", metric="hotset_runs_total")
    assert metadata["hotset_runs_total"][0]["type"] == "counter", metadata
    # A scraper that stays away holds nothing up.
    prometheus.process.clean_up()
    assert daemon.api.get("/healthz").status == 200
