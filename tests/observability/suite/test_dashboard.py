"""The dashboard by itself: what Grafana says that a dashboard is, and what makes one readable."""

import itertools
import json
import os
import pathlib
import re
import subprocess

import pytest

from process import PATIENCE
from shipped import MANUAL, dashboard, panels, queries

GRAFANA = pathlib.Path(os.environ["HOTSET_TESTS_CACHE"]) / "grafana"
BOARD = dashboard()


# Each with one thing that Grafana does not know.
BROKEN = {
    "a wrong type": {"schemaVersion": "42"},
    "a panel that is no more": {"panels": [{"type": "graph"}]},
    "an unknown key": {"graphToolTip": 1},
}


@pytest.fixture(scope="module")
def objections():
    """What the compiler says of each board, as a value of the type that Grafana publishes: of all in one call."""
    boards = {"": BOARD, **{name: {**BOARD, **change} for name, change in BROKEN.items()}}
    lines = ['import type { Dashboard } from "./types.js";']
    lines += [f"export const board{n}: Dashboard = {json.dumps(board)};" for n, board in enumerate(boards.values())]
    (GRAFANA / "dashboard.ts").write_text("\n".join(lines), encoding="utf-8")
    command = ["npx", "--no-install", "tsc", "-p", ".", "--pretty", "false"]
    done = subprocess.run(command, cwd=GRAFANA, capture_output=True, text=True, timeout=PATIENCE)
    assert done.returncode in (0, 2), f"{done.stdout}{done.stderr}"
    found = {name: [] for name in boards}
    for line, said in re.findall(r"^dashboard\.ts\((\d+),\d+\): error (TS.*)$", done.stdout, re.M):
        found[list(boards)[int(line) - 2]].append(said)
    assert sum(map(len, found.values())) == done.stdout.count("error TS"), done.stdout
    return found


def test_it_is_what_grafana_calls_a_dashboard(objections):
    assert objections[""] == []


@pytest.mark.parametrize("name", BROKEN)
def test_what_is_none_is_refused(objections, name):
    assert objections[name]


def test_ids_and_titles_are_unique():
    for key in ("id", "title"):
        values = [panel[key] for panel in BOARD["panels"] if key == "id" or panel["type"] != "row"]
        assert len(set(values)) == len(values), sorted(values, key=str)


def test_no_panel_lies_over_another_or_beside_the_grid():
    places = [(panel["title"], panel["gridPos"]) for panel in BOARD["panels"]]
    for title, place in places:
        assert place["x"] >= 0 and place["x"] + place["w"] <= 24 and place["w"] > 0 and place["h"] > 0, (title, place)
    for (one, a), (other, b) in itertools.combinations(places, 2):
        beside = a["x"] + a["w"] <= b["x"] or b["x"] + b["w"] <= a["x"]
        below = a["y"] + a["h"] <= b["y"] or b["y"] + b["h"] <= a["y"]
        assert beside or below, f"{one} lies over {other}"


@pytest.mark.parametrize("panel", panels(BOARD), ids=lambda panel: panel["title"])
def test_each_panel_has_a_unit_a_description_and_the_chosen_source(panel):
    assert panel["fieldConfig"]["defaults"]["unit"] and panel["description"].endswith(".")
    source = {"type": "prometheus", "uid": "${datasource}"}
    assert all(each["datasource"] == source for each in [panel, *panel["targets"]])
    references = [target["refId"] for target in panel["targets"]]
    assert references and len(set(references)) == len(references)


def test_each_variable_is_used_and_each_that_is_used_is_there():
    names = {variable["name"] for variable in BOARD["templating"]["list"]}
    text = json.dumps({key: value for key, value in BOARD.items() if key != "templating"})
    assert names == {name for name in re.findall(r"\$\{?([a-z]+)", text)}


def test_what_is_asked_of_a_profile_or_an_endpoint_can_be_narrowed_to_it():
    for where, expr, _ in queries(BOARD):
        for name, labels in re.findall(r"(hotset_(?:profile|endpoint|run)s?_\w+)\{([^}]*)\}", expr):
            word = "endpoint" if name.startswith("hotset_endpoint") else "profile"
            assert f'{word}=~"${word}"' in labels, f"{where}: {name}"


def test_the_manual_names_panels_that_are_there():
    titles = {panel["title"] for panel in panels(BOARD)}
    for title in re.findall(r"dashboard's\s+\*([^*]+)\*", MANUAL):
        assert title in titles, title
