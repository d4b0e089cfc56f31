"""The rules and the dashboard against a daemon that runs, scraped by a real Prometheus.

The last four tests change the daemon, one after the other; those before want it as it was.
"""

import re
import subprocess
import time

import pytest

from process import PATIENCE, wait_until
from shipped import MANUAL, METRICS, dashboard, queries, rules

# What must fire in this plant, and of whom.
EXPECTED = {
    "HotsetRunNotComplete": {"partial", "cut", "denied", "dead"},
    "HotsetProfileBehind": {"partial", "cut", "denied", "dead"},
    "HotsetWarmRatioLow": {"partial", "cut", "denied", "dead"},
    "HotsetOverCap": {"cut"},
    "HotsetPausedLong": {"paused"},
    "HotsetRunStalled": {"running"},
    "HotsetCircuitOpen": {"silent"},
    "HotsetThrottled": {"throttles"},
    "HotsetHeldByConfiguration": {"slow"},
    "HotsetOvercommitted": {"slow"},
    "HotsetCredentialsNotRenewed": {"well"},
}
# Nothing is wrong with these, nor with the daemon, which has no name.
WELL = {"complete", "newest-three", ""}
# As Grafana fills them in where everything is chosen.
VARIABLES = {"$instance": ".*", "$profile": ".*", "$endpoint": ".*", "$__rate_interval": "1m"}


def filled_in(expr, **chosen):
    for name, value in {**VARIABLES, **{f"${name}": value for name, value in chosen.items()}}.items():
        expr = expr.replace(name, value)
    assert "$" not in expr, expr
    return expr


@pytest.fixture(scope="module")
def scrape(plant):
    return plant.scrape()


def families(text):
    return set(re.findall(r"^# TYPE (\S+)", text, re.M))


def test_the_manual_and_the_daemon_agree_on_the_names(plant):
    told = set(re.findall(r"^\| `([a-z_]+)`", METRICS, re.M))
    assert told == families(plant.text())


def test_promtool_finds_nothing_to_object_to(plant):
    text = plant.text()
    done = subprocess.run(["promtool", "check", "metrics"], input=text, capture_output=True, text=True, timeout=PATIENCE)
    assert (done.returncode, done.stdout + done.stderr) == (0, ""), f"{done.stdout}{done.stderr}\n{text}"


def test_prometheus_knows_the_types(plant):
    metadata = plant.prometheus.get("metadata")
    for name, kind in re.findall(r"^# TYPE (\S+) (\S+)", plant.text(), re.M):
        assert metadata[name][0]["type"] == kind, name


def test_the_manual_of_the_alerts_names_metrics_that_are_there(scrape):
    for name in re.findall(r"\b(?:hotset|process)_[a-z_]+", MANUAL):
        assert name in scrape.series, name


@pytest.mark.parametrize("rule", rules(), ids=lambda rule: rule["alert"])
def test_each_alert_uses_what_is_there(scrape, rule):
    assert list(scrape.objections(rule["expr"])) == []
    for text in rule["annotations"].values():
        asked = set(re.findall(r"\$labels\.(\w+)", text))
        assert asked <= scrape.left(rule["expr"]), text


ASKED = list(queries(dashboard()))


@pytest.mark.parametrize("where,expr,legend", ASKED, ids=[f"{where} {n}" for n, (where, *_) in enumerate(ASKED)])
def test_each_panel_uses_what_is_there(scrape, where, expr, legend):
    expr = filled_in(expr)
    assert list(scrape.objections(expr)) == []
    asked = set(re.findall(r"\{\{(\w+)\}\}", legend)) - {"alertname"}
    assert asked <= scrape.left(expr) | ({"profile"} if "ALERTS" in expr else set()), legend


@pytest.mark.parametrize(
    "expr,missing",
    [
        ("hotset_endpoint_limits == 1", "no metric hotset_endpoint_limits"),
        ('sum(rate(hotset_runs_total{outcome="complete",profil="p"}[5m]))', "hotset_runs_total has no label profil"),
        ("hotset_runs_running unless hotset_profile_pause == 1", "no metric hotset_profile_pause"),
        ("sum by (profil) (hotset_runs_running)", "no label profil"),
        ('hotset_runs_total{outcome=~"complete|broken"}', "hotset_runs_total has no outcome=broken"),
    ],
)
def test_what_is_not_there_is_found(scrape, expr, missing):
    assert any(missing in each for each in scrape.objections(expr)), list(scrape.objections(expr))


def test_all_that_is_wrong_fires_and_nothing_else(plant):
    def fires():
        firing = plant.prometheus.firing()
        return all(about <= firing.get(alert, set()) for alert, about in EXPECTED.items())

    wait_until(fires, lambda: f"{EXPECTED} fire, not {plant.prometheus.firing()}")
    for alert, about in plant.prometheus.firing().items():
        assert not about & WELL, f"{alert} of {about}"
        assert about.isdisjoint({"paused"}) or alert == "HotsetPausedLong", f"{alert} of {about}"
        assert about.isdisjoint({"cut"}) or "cut" in EXPECTED[alert], f"{alert} of {about}"


def test_the_texts_are_filled_in(plant):
    for alert in plant.prometheus.get("alerts")["alerts"]:
        for text in alert["annotations"].values():
            assert not re.search(r"no value|\{\{|  |profile \.|endpoint \.", text), text


def test_the_endpoints_keep_their_own_label(plant):
    names = {each["metric"]["endpoint"] for each in plant.prometheus.query("hotset_endpoint_limit")}
    assert names == {"well", "slow", "throttles", "refuses", "silent"}
    assert plant.prometheus.query('{exported_endpoint!=""}') == []


def data_of(plant, expr):
    now = time.time()
    return plant.prometheus.get("query_range", query=expr, start=now - 20, end=now, step=1)["result"]


@pytest.mark.parametrize("where,expr,legend", ASKED, ids=[f"{where} {n}" for n, (where, *_) in enumerate(ASKED)])
def test_each_panel_has_data(plant, where, expr, legend):
    assert data_of(plant, filled_in(expr)), f"{where} is empty: {expr}"


@pytest.mark.parametrize("expr", sorted({expr for _, expr, _ in ASKED if "$profile" in expr and "count(" not in expr}))
def test_a_panel_shows_no_other_profile_than_the_chosen_one(plant, expr):
    for series in data_of(plant, filled_in(expr, profile="partial")):
        assert series["metric"].get("profile", "partial") == "partial"


@pytest.mark.parametrize("variable", [v for v in dashboard()["templating"]["list"] if v["type"] == "query"], ids=lambda v: v["name"])
def test_each_variable_has_values(plant, variable):
    series, label = re.fullmatch(r"label_values\((.+), (\w+)\)", variable["definition"]).groups()
    found = plant.prometheus.get(f"label/{label}/values", **{"match[]": filled_in(series)})
    wanted = {"instance": f"127.0.0.1:{plant.bench.port}", "profile": "complete", "endpoint": "well"}
    assert wanted[variable["name"]] in found


def test_a_bad_file_fires_and_a_mended_one_resolves(plant):
    def fires():
        return "HotsetReloadFailed" in plant.prometheus.firing()

    assert not fires()
    plant.file.write_text(plant.good.replace('"5 MiB"', '"5 MBB"'), encoding="utf-8")
    wait_until(fires, "the alert of the bad file fires")
    assert plant.daemon.api.profile("cut")["max_bytes"] == 5 << 20
    plant.file.write_text(plant.good, encoding="utf-8")
    wait_until(lambda: not fires(), "it is resolved")


def test_a_restart_forgets_nothing_that_alerts_rest_on(plant):
    resting = [
        "hotset_profile_last_due_timestamp_seconds",
        "hotset_profile_last_complete_due_timestamp_seconds",
        "hotset_profile_last_run_outcome",
        "hotset_profile_warm_ratio",
        "hotset_profile_over_cap_bytes",
        "hotset_profile_paused",
    ]
    before = plant.scrape()
    plant.daemon.stop()
    plant.daemon = plant.bench.daemon(plant.file, name="again").ready()
    after = plant.scrape()
    for name in resting:
        assert before.values(name, "profile") <= after.values(name, "profile"), name
    plant.scraped_since(time.time())
    wait_until(lambda: "HotsetDown" not in plant.prometheus.firing(), "it is up for Prometheus too")
    assert "HotsetAbsent" not in plant.prometheus.firing()
    # Of no profile that is well did anything fire, neither before nor after.
    fired = plant.prometheus.query('max_over_time(ALERTS{alertstate="firing"}[10m])')
    assert not {each["metric"].get("profile") for each in fired} & (WELL - {""}), fired


def test_a_start_on_a_bad_file_goes_on_and_fires(plant):
    plant.daemon.stop()
    plant.file.write_text(plant.good.replace('"5 MiB"', '"5 MBB"'), encoding="utf-8")
    plant.daemon = plant.bench.daemon(plant.file, name="bad").ready()
    assert plant.has("hotset_config_last_good_in_force")
    wait_until(lambda: "HotsetReloadFailed" in plant.prometheus.firing(), "the alert of the bad file fires")
    plant.file.write_text(plant.good, encoding="utf-8")
    wait_until(lambda: "HotsetReloadFailed" not in plant.prometheus.firing(), "it is resolved")
    assert not plant.has("hotset_config_last_good_in_force")


def test_a_daemon_that_is_gone_fires(plant):
    assert "HotsetDown" not in plant.prometheus.firing()
    plant.daemon.stop()
    wait_until(lambda: "HotsetDown" in plant.prometheus.firing(), "it is down")
