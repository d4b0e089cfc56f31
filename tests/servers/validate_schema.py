#!/usr/bin/env python3
"""Checks `hotset schema` the way an editor would use it.

usage: validate_schema.py HOTSET

The schema is valid draft-07; every TOML file under config/ and examples/ passes it. Of the broken files under
tests/fixtures/broken, those with a mistake that an editor can underline are refused, the others pass.
"""

import json
import pathlib
import subprocess
import sys
import tomllib

import jsonschema

ROOT = pathlib.Path(__file__).resolve().parents[2]
REFUSED = [
    "checkpoint-layout-unknown",
    "choice-unknown",
    "list-with-a-number-in-it",
    "number-in-quotes",
    "numbers-out-of-range",
    "objects-as-text",
    "percent-as-fraction",
    "prices-incomplete",
    "profiles-in-double-brackets",
    "rate-without-second",
    "size-unknown-unit",
    "size-without-unit",
    "storage-class-lower-case",
    "unknown-key-at-the-top",
    "unknown-key-below-a-subtable",
    "unknown-key-slip",
    "unknown-table",
    "url-without-scheme",
]
# Each value is right by itself: the mistake is in what they say together.
PASSED = ["ages-crossed", "budget-exceeded", "endpoint-unknown", "sizes-crossed"]


def mistakes(validator, path):
    """What the schema says against a file, most telling first."""
    found = validator.iter_errors(tomllib.loads(path.read_text(encoding="utf-8")))
    return [f"{'.'.join(map(str, e.absolute_path)) or 'the file'}: {e.message}" for e in found]


def main():
    printed = subprocess.run([sys.argv[1], "schema"], stdin=subprocess.DEVNULL, capture_output=True, timeout=600)
    if printed.returncode != 0:
        sys.exit(f"hotset schema ended with {printed.returncode}: {printed.stderr.decode()}")
    schema = json.loads(printed.stdout)
    assert schema["$schema"] == "http://json-schema.org/draft-07/schema#", f"$schema is {schema['$schema']}"
    jsonschema.Draft7Validator.check_schema(schema)
    validator = jsonschema.Draft7Validator(schema)

    shipped = sorted(path for folder in ("config", "examples") for path in (ROOT / folder).rglob("*.toml"))
    broken, passed = ([ROOT / "tests/fixtures/broken" / f"{n}.toml" for n in names] for names in (REFUSED, PASSED))
    faults = [f"{path.relative_to(ROOT)}: {said}" for path in shipped + passed for said in mistakes(validator, path)]
    faults += [f"{path.relative_to(ROOT)}: passes, and should not" for path in broken if not mistakes(validator, path)]
    if not shipped:
        faults.append("no TOML file under config/ or examples/")
    for fault in faults:
        print(fault, file=sys.stderr)
    if faults:
        sys.exit(1)
    print(f"{len(shipped)} shipped files pass the schema, {len(broken)} broken ones are refused")


main()
