"""What is shipped, as it stands in the repository."""

import json
import pathlib
import re

import yaml

ROOT = pathlib.Path(__file__).resolve().parents[3]
FOLDER = ROOT / "examples" / "observability"
MANUAL = (ROOT / "docs" / "alerts.md").read_text(encoding="utf-8")
METRICS = (ROOT / "docs" / "metrics.md").read_text(encoding="utf-8")


def read_yaml(name):
    return yaml.safe_load((FOLDER / name).read_text(encoding="utf-8"))


def rules(groups=None):
    return [rule for group in groups or read_yaml("alerts.yaml")["groups"] for rule in group["rules"]]


def dashboard():
    return json.loads((FOLDER / "dashboard.json").read_text(encoding="utf-8"))


def panels(board):
    """Without the headings of rows."""
    return [panel for panel in board["panels"] if panel["type"] != "row"]


def queries(board):
    """(where, expression, legend) of everything that the dashboard asks."""
    for panel in panels(board):
        for target in panel["targets"]:
            yield panel["title"], target["expr"], target.get("legendFormat", "")
    for annotation in board["annotations"]["list"]:
        yield annotation["name"], annotation["target"]["expr"], annotation["textFormat"] + annotation["titleFormat"]


def commands():
    """(verb, flags) of every command that an alert or the manual tells to type."""
    texts = [rule["annotations"]["description"].partition("First:")[2] for rule in rules()]
    texts += re.findall(r"`([^`]*)`", MANUAL)
    for text in texts:
        for verb, rest in re.findall(r"(?<!-n )(?<!status )(?<!-u )\bhotset ([a-z]+)((?:(?!\bhotset\b|[,;:(]).)*)", text):
            yield verb, tuple(re.findall(r"--[a-z-]+", rest))
