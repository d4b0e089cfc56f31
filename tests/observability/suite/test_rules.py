"""The rules by themselves: tested, documented, and the same in every file."""

import re
import shutil
import subprocess

import pytest
import yaml

from process import BINARY, PATIENCE
from shipped import FOLDER, MANUAL, ROOT, commands, read_yaml, rules

TESTS = read_yaml("alerts_test.yaml")["tests"]
CASES = [case for test in TESTS for case in test.get("alert_rule_test", [])]
ALERTS = [rule["alert"] for rule in rules()]


def told(*command, exits=0):
    done = subprocess.run(command, cwd=FOLDER, capture_output=True, text=True, timeout=PATIENCE)
    said = done.stdout + done.stderr
    assert done.returncode == exits, f"{command} ended with {done.returncode}\n{said}"
    return said


def test_promtool_takes_the_rules_and_the_configuration():
    assert f"{len(ALERTS)} rules found" in told("promtool", "check", "rules", "alerts.yaml")
    told("promtool", "check", "config", "prometheus.yml")


def test_promtool_tests_the_rules(tmp_path):
    """The tests of more than a day are evaluated every five minutes, because every evaluation is of all rules."""
    shutil.copy(FOLDER / "alerts.yaml", tmp_path)
    cases = read_yaml("alerts_test.yaml")
    long = [test for test in cases["tests"] if any(hours(case) > 24 for case in test.get("alert_rule_test", []))]
    assert long and len(long) < len(cases["tests"]) / 4
    for name, of_it, every in (("short", [test for test in cases["tests"] if test not in long], "1m"), ("long", long, "5m")):
        file = tmp_path / f"{name}.yaml"
        file.write_text(yaml.safe_dump({**cases, "tests": of_it, "evaluation_interval": every}), encoding="utf-8")
        told("promtool", "test", "rules", file)


def hours(case):
    found = re.match(r"(\d+)h", case["eval_time"])
    return int(found[1]) if found else 0


@pytest.mark.night
def test_promtool_tests_the_rules_as_the_file_says():
    told("promtool", "test", "rules", "alerts_test.yaml")


@pytest.mark.parametrize("alert", ALERTS)
def test_each_alert_is_tested_where_it_fires_and_where_it_does_not(alert):
    of_it = [bool(case.get("exp_alerts")) for case in CASES if case["alertname"] == alert]
    assert {True, False} <= set(of_it), f"{alert}: {of_it}"


def test_what_is_generated_is_up_to_date():
    told("./generate", "--check")


def test_the_operator_gets_the_same_rules():
    resource = read_yaml("prometheus-rule.yaml")
    assert (resource["apiVersion"], resource["kind"]) == ("monitoring.coreos.com/v1", "PrometheusRule")
    assert resource["spec"] == read_yaml("alerts.yaml")


def test_the_kustomization_names_files_that_are_there():
    made = read_yaml("kustomization.yaml")
    files = [name.partition("=")[2] for each in made["configMapGenerator"] for name in each["files"]]
    for name in made["resources"] + files:
        assert (FOLDER / name).is_file(), name


def test_monitors_of_the_operator_keep_the_label_endpoint():
    """The operator has one of that name. Without `honorLabels` the alerts would name the port."""
    for path in sorted((ROOT / "examples").rglob("*.yaml")):
        if not re.search(r"^kind: (Service|Pod)Monitor$", path.read_text(encoding="utf-8"), re.M):
            continue
        for resource in yaml.safe_load_all(path.read_text(encoding="utf-8")):
            spec = resource["spec"]
            for endpoint in spec.get("endpoints", spec.get("podMetricsEndpoints", [])):
                assert endpoint.get("honorLabels") is True, path.relative_to(ROOT)


@pytest.mark.parametrize("rule", rules(), ids=ALERTS)
def test_each_alert_says_what_where_and_what_to_type(rule):
    notes = rule["annotations"]
    assert set(notes) == {"summary", "description", "runbook_url"}
    assert rule["labels"]["severity"] in ("critical", "warning", "info")
    assert "First: " in notes["description"]
    by = {"profile", "endpoint"} & set(re.findall(r"\$labels\.(\w+)", notes["summary"] + notes["description"]))
    of = {"profile", "endpoint"} & set(re.findall(r"hotset_(profile|endpoint)_", rule["expr"]))
    assert of <= by, f"the text does not name its {of - by}"


def test_the_manual_has_a_section_for_each_alert_and_no_other():
    told_of = re.findall(r"^## (Hotset\w+)$", MANUAL, re.M)
    assert told_of == ALERTS
    for rule in rules():
        anchor = rule["annotations"]["runbook_url"].partition("docs/alerts.md#")[2]
        assert anchor == rule["alert"].lower()


def test_links_of_the_manual_lead_somewhere():
    for page, anchor in re.findall(r"\]\(([\w.]*)#?([\w-]*)\)", MANUAL):
        text = (ROOT / "docs" / (page or "alerts.md")).read_text(encoding="utf-8")
        headings = {re.sub(r"[^\w -]", "", each.lower()).replace(" ", "-") for each in re.findall(r"^#+ (.+)$", text, re.M)}
        assert not anchor or anchor in headings, f"{page}#{anchor}"


@pytest.mark.parametrize("verb,flags", sorted(set(commands())))
def test_commands_to_type_are_commands(verb, flags):
    manual = told(BINARY, verb, "--help")
    for flag in flags:
        assert re.search(rf"{flag}\b", manual), f"hotset {verb} has no {flag}"
