"""The bill of materials in the image: in CycloneDX's own terms, and of what is linked in."""

import json
import pathlib
import subprocess

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

from process import PATIENCE

ROOT = pathlib.Path(__file__).resolve().parents[3]


@pytest.fixture
def bill(rootfs):
    return (pathlib.Path(rootfs) / "usr/share/doc/hotset/hotset.cdx.json").read_text()


def wrong_with(text):
    version = SchemaVersion.from_version(json.loads(text)["specVersion"])
    return JsonStrictValidator(version).validate_str(text)


def linked():
    """What Cargo links into the program."""
    tree = ["cargo", "tree", "--locked", "--edges", "normal", "--prefix", "none", "--no-dedupe", "--format", "{p}"]
    lines = subprocess.run(tree, cwd=ROOT, capture_output=True, text=True, timeout=PATIENCE, check=True).stdout.splitlines()
    # An empty line stands between the packages of the workspace.
    return {tuple(line.split()[:2]) for line in lines if line and "(proc-macro)" not in line}


def test_it_is_valid(bill):
    assert wrong_with(bill) is None


def test_a_bill_that_is_not_valid_would_be_seen(bill):
    broken = json.loads(bill)
    del broken["components"][0]["name"]
    assert wrong_with(json.dumps(broken)) is not None


def test_it_lists_what_is_linked_in(bill):
    read = json.loads(bill)
    listed = {(each["name"], f"v{each['version']}") for each in [read["metadata"]["component"], *read["components"]]}
    missing = {each for each in linked() if each not in listed}
    assert not missing and len(listed) > 100, missing


def test_every_component_has_a_licence(bill):
    without = [each["name"] for each in json.loads(bill)["components"] if not each.get("licenses")]
    assert not without, without
