"""What the build script makes of a repository, of HOTSET_COMMIT, and of neither."""

import os
import shutil
import subprocess

import pytest

from process import PATIENCE
from test_policy import ROOT, git

NOON = "2026-11-26T23:30:00-05:00"


@pytest.fixture(scope="session")
def script(tmp_path_factory):
    program = tmp_path_factory.mktemp("script") / "build-script"
    subprocess.run(["rustc", "--edition", "2024", "-o", program, ROOT / "build.rs"], check=True, timeout=PATIENCE)
    return program


@pytest.fixture
def repository(tmp_path, monkeypatch):
    for name in ("GIT_COMMITTER_DATE", "GIT_AUTHOR_DATE"):
        monkeypatch.setenv(name, NOON)
    (tmp_path / "src").mkdir()
    (tmp_path / "src/main.rs").write_text("fn main() {}\n")
    shutil.copy(ROOT / "Cargo.toml", tmp_path)
    git(tmp_path, "init", "--quiet")
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "--quiet", "--message", "Sources")
    return tmp_path


def runs(script, folder, profile="release", exits=0, **environment):
    """What it says to Cargo."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME")}
    named = {"CARGO_PKG_VERSION": "1.2.3", "CARGO_FEATURE_SIM": "1", "CARGO_FEATURE_DEFAULT": "1", "PROFILE": profile}
    done = subprocess.run([script], cwd=folder, env={**kept, **named, **environment}, capture_output=True, text=True, timeout=PATIENCE)
    assert done.returncode == exits, done
    return done.stdout if exits == 0 else done.stderr


def version(script, folder, **options):
    (line,) = [line for line in runs(script, folder, **options).splitlines() if "HOTSET_LONG_VERSION" in line]
    return line.removeprefix("cargo::rustc-env=HOTSET_LONG_VERSION=")


def test_a_repository_tells_its_commit_and_the_day_in_utc(script, repository):
    head = subprocess.run(["git", "rev-parse", "HEAD"], cwd=repository, capture_output=True, text=True, check=True).stdout
    assert version(script, repository) == f"1.2.3 ({head[:10]} 2026-11-27, sim)"


def test_a_change_of_what_is_built_is_said(script, repository):
    (repository / "README.md").write_text("Not built.\n")
    assert version(script, repository).endswith("2026-11-27, sim)")
    (repository / "src/main.rs").write_text("fn main() { }\n")
    assert version(script, repository).endswith("2026-11-27 with changes, sim)")


def test_cargo_is_told_to_look_again_after_a_commit(script, repository):
    said = runs(script, repository)
    for place in [".git/HEAD", ".git/refs/heads", "src", "Cargo.toml"]:
        assert f"cargo::rerun-if-changed={place}\n" in said, said


def test_a_debug_build_does_not_ask(script, repository):
    assert version(script, repository, profile="debug") == "1.2.3 (unknown commit, sim, debug build)"
    assert ".git" not in runs(script, repository, profile="debug")


@pytest.mark.parametrize(
    ("commit", "shown"),
    [
        ("743c0130902d5f7d8c3e0e6f1a2b3c4d5e6f7a8b 2026-11-26", "743c013090 2026-11-26"),
        ("743c0130902d5f7d8c3e0e6f1a2b3c4d5e6f7a8b", "743c013090"),
        ("743c013", "743c013"),
        ("", "unknown commit"),
        (" ", "unknown commit"),
    ],
)
def test_a_container_is_told_its_commit(script, tmp_path, commit, shown):
    assert version(script, tmp_path, HOTSET_COMMIT=commit) == f"1.2.3 ({shown}, sim)"


@pytest.mark.parametrize("commit", ["main", "743c01", "743c013, sim) (", "743c013 yesterday"])
def test_what_is_no_commit_is_refused(script, tmp_path, commit):
    assert "HOTSET_COMMIT" in runs(script, tmp_path, exits=1, HOTSET_COMMIT=commit)


def test_sources_that_lie_in_somebody_elses_repository_have_no_commit(script, repository):
    inside = repository / "vendor"
    inside.mkdir()
    assert version(script, inside) == "1.2.3 (unknown commit, sim)"


def test_a_repository_that_does_not_answer_is_said(script, tmp_path):
    (tmp_path / ".git").write_text("gitdir: /nowhere\n")
    said = runs(script, tmp_path)
    assert "cargo::warning=the commit is not known" in said and "unknown commit" in said, said
