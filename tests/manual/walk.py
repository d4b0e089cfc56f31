#!/usr/bin/env python3
"""Does what a page of the manual says, in an empty folder with the examples in it: writes the files whose blocks begin with
their names, and runs the bash blocks, in the order of the page. `walk.py PAGE FOLDER`; FOLDER is where its first command
finds itself."""

import pathlib
import re
import subprocess
import sys

BLOCK = re.compile(r"^```(\w+)[^\n]*\n(.*?)^```$", re.MULTILINE | re.DOTALL)
NAMED = re.compile(r"# (\S+\.(?:toml|yaml))\n")
# Seconds; on the slowest machine a multiple of what it takes.
PATIENCE = 600


def steps(page):
    for kind, text in BLOCK.findall(page):
        named = NAMED.match(text)
        if kind == "bash":
            yield "run", text
        elif named and kind in ("toml", "yaml"):
            yield named[1], text


def script(page):
    """One script, so that a `cd` holds for what comes after it."""
    # Whatever comes of it, nothing that it started goes on.
    lines = ["set -euo pipefail", "trap 'kill $(jobs -p) 2>/dev/null || :' EXIT"]
    for what, text in steps(page):
        if what == "run":
            lines.append(f"set -x\n{text}{{ set +x; }} 2>/dev/null")
        else:
            lines.append(f"echo '> {what}'\nmkdir -p \"$(dirname {what})\"\ncat >{what} <<'END OF BLOCK'\n{text}END OF BLOCK")
    return "\n".join(lines)


def walk(page, text, folder, after=""):
    """Does what the text says, and then `after`."""
    steps = script(text)
    assert "set -x" in steps, f"{page} has no bash block"
    done = subprocess.run(["bash", "-c", f"{steps}\n{after}"], cwd=folder, timeout=PATIENCE, check=False)
    if done.returncode:
        sys.exit(f"{page}: what it says ends with {done.returncode}")


def main(page, folder):
    walk(page, pathlib.Path(page).read_text(), folder)


if __name__ == "__main__":
    main(*sys.argv[1:])
