"""The repository: what its check says of a good and of a bad change, and the pipelines that call it."""

import http.server
import json
import os
import re
import shutil
import stat
import subprocess
import threading

import pytest
import yaml

from bench import Simulator
from manifests import GITOPS, KUBERNETES, objects, of_kind, one, rendered
from process import BINARY, PATIENCE
from stack import BUCKETS, PAIR

REPORT = re.compile(r"^## (.+)$", re.M)


class Repository:
    """Two checkouts, `main` and `change`, beside a simulator that stands for the store."""

    def __init__(self, bench):
        self.folder = bench.folder
        self.environment = {**bench.environment, "HOTSET_BIN": BINARY}
        self.environment["AWS_ACCESS_KEY_ID"], self.environment["AWS_SECRET_ACCESS_KEY"] = PAIR.split(":")
        self.simulator = Simulator(bench, "sim", [part for bucket in BUCKETS for part in ("--bucket", bucket)])
        self.main = self.folder / "main"
        shutil.copytree(GITOPS, self.main)
        platform = self.main / "profiles/10-platform.toml"
        text = platform.read_text(encoding="utf-8")
        text = text.replace("http://cwlota.com", self.simulator.cache_url).replace(
            "https://cwobject.com", self.simulator.list_url
        )
        platform.write_text(text, encoding="utf-8")
        self.change = self.folder / "change"
        shutil.copytree(self.main, self.change)

    def edit(self, file, before, after, checkout=None):
        path = (checkout or self.change) / file
        text = path.read_text(encoding="utf-8")
        assert before in text, f"{file} has no {before}"
        path.write_text(text.replace(before, after), encoding="utf-8")

    def check(self, exits, **environment):
        done = subprocess.run(
            ["main/pre-merge", "main", "change"],
            cwd=self.folder,
            env={**self.environment, **environment},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=PATIENCE,
        )
        assert done.returncode == exits, f"exit {done.returncode}\n{done.stdout}{done.stderr}"
        assert REPORT.findall(done.stdout) == ["eu-north", "us-east"], done.stdout
        return done.stdout

    def by_cluster(self, exits, **environment):
        parts = REPORT.split(self.check(exits, **environment))
        return dict(zip(parts[1::2], parts[2::2]))


@pytest.fixture
def repository(bench):
    return Repository(bench)


def test_a_good_change_is_said_in_full(repository):
    repository.edit("profiles/20-vision.toml", "{000000..009999}", "{000000..000009}")
    repository.edit("clusters/eu-north/10-eu-north.toml", '"2 TiB"', '"12 MiB"')
    said = repository.by_cluster(0)
    for cluster in said.values():
        row = next(line for line in cluster.splitlines() if line.startswith("| `vision-imagenet` | changed |"))
        assert "20 objects" in row and "10 objects, 80.0 MiB" in row and "$" in row, row
        assert "- s3://vision-data/imagenet/train-000010.tar" in cluster
    # Only one cluster takes the new cap.
    assert "| `speech-shards` | changed |" in said["eu-north"] and "| `speech-shards` | same |" in said["us-east"]
    # No HEAD was sent.
    repository.simulator.process.signal(15)
    repository.simulator.process.ended()
    assert "cache requests: none" in repository.simulator.process.log(), repository.simulator.process.tail()


def test_a_bad_change_is_refused_with_its_caret(repository):
    repository.edit("profiles/20-vision.toml", '"8 TiB"', '"8 TBB"')
    for said in repository.by_cluster(2).values():
        assert "error: profile.vision-imagenet.max_bytes: unknown unit `TBB`" in said
        assert " --> profiles/20-vision.toml:4:16" in said and "|                ^^^" in said
        assert "enters" not in said


def test_a_change_that_is_bad_for_one_cluster_is_refused(repository):
    """More than the budget of the smaller one: both teams were right alone."""
    repository.edit("clusters/eu-north/10-eu-north.toml", '"2 TiB"', '"5 TiB"')
    said = repository.by_cluster(2)
    assert "budget" in said["eu-north"] and "```\nerror: " in said["eu-north"], said["eu-north"]
    assert "error" not in said["us-east"]


def test_a_profile_that_matches_nothing_is_no_good_change(repository):
    repository.edit("profiles/20-vision.toml", "imagenet/train-", "imagnet/train-")
    assert "nothing matched" in repository.by_cluster(3)["us-east"]


def test_a_file_that_no_kustomization_names_is_found(repository):
    (repository.change / "profiles/40-new.toml").write_text("", encoding="utf-8")
    assert "profiles/40-new.toml is not named in profiles/kustomization.yaml" in repository.check(2)


def test_what_puts_a_bad_merge_right_can_be_merged(repository):
    repository.edit("profiles/20-vision.toml", '"8 TiB"', '"8 TBB"', repository.main)
    for said in repository.by_cluster(0).values():
        assert "not in force" in said and "was not looked at" in said, said
    for said in repository.by_cluster(0, HOTSET_TRUST_NEW="on").values():
        assert "not in force" in said and "selected       20" in said, said


def test_a_new_cluster_is_planned_by_itself(repository):
    shutil.copytree(repository.main / "clusters/us-east", repository.change / "clusters/us-east-2")
    done = subprocess.run(
        ["main/pre-merge", "main", "change"],
        cwd=repository.folder,
        env=repository.environment,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
    )
    assert done.returncode == 0 and "## us-east-2\n\nA new cluster.\n" in done.stdout, done.stdout


def test_without_keys_only_the_files_are_read(repository):
    repository.simulator.process.kill()
    assert "The files are right." in repository.check(0, HOTSET_PLAN="off")
    repository.edit("profiles/20-vision.toml", '"8 TiB"', '"8 TBB"')
    assert "unknown unit `TBB`" in repository.check(2, HOTSET_PLAN="off")


def test_the_pipelines_are_what_their_servers_take():
    check = os.path.join(os.path.dirname(os.sys.executable), "check-jsonschema")
    for schema, file in [
        ("vendor.github-workflows", ".github/workflows/pre-merge.yml"),
        ("vendor.gitlab-ci", ".gitlab-ci.yml"),
    ]:
        words = [check, "--builtin-schema", schema, *(["--data-transform", "gitlab-ci"] if "gitlab" in schema else [])]
        done = subprocess.run([*words, GITOPS / file], capture_output=True, text=True, timeout=PATIENCE)
        assert done.returncode == 0, done.stdout + done.stderr
        broken = (GITOPS / file).read_text(encoding="utf-8").replace("script:", "scrpt:").replace("runs-on:", "run-on:")
        done = subprocess.run([*words, "-"], input=broken, capture_output=True, text=True, timeout=PATIENCE)
        assert done.returncode == 1, f"{file}: a misspelt key passes"


def stub(folder, name, text):
    path = folder / name
    path.write_text(f"#!/bin/bash\n{text}\n", encoding="utf-8")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)


@pytest.mark.parametrize("is_good", [True, False])
def test_the_workflow_comments_on_a_pull_request(repository, is_good):
    """Its steps, but for the checkouts: docker and gh write down what they are asked."""
    if not is_good:
        repository.edit("profiles/20-vision.toml", '"8 TiB"', '"8 TBB"')
    (job,) = yaml.safe_load((GITOPS / ".github/workflows/pre-merge.yml").read_text(encoding="utf-8"))["jobs"].values()
    steps = {step["name"]: step["run"] for step in job["steps"] if "run" in step}
    tools = repository.folder / "tools"
    tools.mkdir()
    stub(tools, "gh", 'printf "%s\\n" "$@" >gh.asked; cp report.md posted.md')
    stub(tools, "docker", f'[ "$1" != cp ] || cp {BINARY} {tools}/hotset; echo container')
    environment = {**repository.environment, "PATH": f"{tools}:{os.environ['PATH']}", "GITHUB_STEP_SUMMARY": "summary.md"}
    del environment["HOTSET_BIN"]
    codes = {}
    for name, text in steps.items():
        text = text.replace("/usr/local/bin/hotset", str(tools / "hotset")).replace(
            "${{ github.event.pull_request.number }}", "7"
        )
        assert "${{" not in text, text
        done = subprocess.run(
            ["bash", "-e", "-c", text], cwd=repository.folder, env=environment, capture_output=True, text=True, timeout=PATIENCE
        )
        codes[name] = done.returncode
    assert codes == {"Take hotset out of its image": 0, "Check and plan": 0 if is_good else 2, "Say so": 0}
    asked = (repository.folder / "gh.asked").read_text(encoding="utf-8").split()
    assert asked == ["pr", "comment", "7", "--edit-last", "--create-if-none", "--body-file", "report.md"]
    posted = (repository.folder / "posted.md").read_text(encoding="utf-8")
    assert posted == (repository.folder / "summary.md").read_text(encoding="utf-8")
    assert ("What hotset would warm" if is_good else "unknown unit `TBB`") in posted


class Notes(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.notes.append((self.path, self.headers["PRIVATE-TOKEN"], json.loads(body)))
        self.send_response(201)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_):
        pass


@pytest.mark.parametrize("is_good", [True, False])
def test_the_pipeline_writes_a_note_on_a_merge_request(repository, is_good):
    """The script of the job, in a clone, against a server that takes notes."""
    git = lambda *words, **options: subprocess.run(
        ["git", "-c", "user.name=a", "-c", "user.email=a@example.com", *words],
        check=True,
        capture_output=True,
        timeout=PATIENCE,
        **options,
    )
    git("init", "-q", "-b", "main", cwd=repository.main)
    git("add", "-A", cwd=repository.main)
    git("commit", "-qm", "main", cwd=repository.main)
    clone = repository.folder / "clone"
    git("clone", "-q", f"file://{repository.main}", clone)
    if not is_good:
        repository.edit("profiles/20-vision.toml", '"8 TiB"', '"8 TBB"', clone)
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Notes)
    server.notes = []
    threading.Thread(target=server.serve_forever, daemon=True).start()
    environment = {
        **repository.environment,
        "PATH": os.environ["PATH"],
        "CI_MERGE_REQUEST_TARGET_BRANCH_NAME": "main",
        "CI_API_V4_URL": f"http://127.0.0.1:{server.server_address[1]}/api/v4",
        "CI_PROJECT_ID": "3",
        "CI_MERGE_REQUEST_IID": "7",
        "GITLAB_TOKEN": "token",
    }
    job = yaml.safe_load((GITOPS / ".gitlab-ci.yml").read_text(encoding="utf-8"))["hotset"]
    done = subprocess.run(
        ["bash", "-eo", "pipefail", "-c", "\n".join(job["script"])],
        cwd=clone,
        env=environment,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
    )
    assert done.returncode == (0 if is_good else 2), done.stdout + done.stderr
    ((path, token, note),) = server.notes
    assert (path, token) == ("/api/v4/projects/3/merge_requests/7/notes", "token")
    assert ("What hotset would warm" if is_good else "unknown unit `TBB`") in note["body"]
    server.shutdown()


def test_every_file_has_an_owner():
    """Every pattern of CODEOWNERS names a file, and a team's profiles are not the platform's alone."""
    rows = [
        line.split() for line in (GITOPS / "CODEOWNERS").read_text(encoding="utf-8").splitlines() if line and line[0] != "#"
    ]
    assert rows[0][0] == "*"
    for pattern, owner in rows[1:]:
        assert list(GITOPS.glob(pattern.lstrip("/"))), f"{owner} owns nothing: {pattern}"


def git(*words, cwd):
    done = subprocess.run(
        ["git", "-c", "user.name=a", "-c", "user.email=a@example.com", *words],
        cwd=cwd,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture
def clone(tmp_path):
    """The folder as whoever copies it has it: committed at the root of a repository, and cloned."""
    shutil.copytree(GITOPS, tmp_path / "origin")
    git("init", "-q", "-b", "main", cwd=tmp_path / "origin")
    git("add", "-A", cwd=tmp_path / "origin")
    git("commit", "-qm", "The configuration", cwd=tmp_path / "origin")
    git("clone", "-q", f"file://{tmp_path / 'origin'}", tmp_path / "clone", cwd=tmp_path)
    return tmp_path / "clone"


def built(folder):
    done = subprocess.run(["kubectl", "kustomize", folder], capture_output=True, text=True, timeout=PATIENCE)
    return done.returncode, done.stdout, done.stderr


@pytest.mark.parametrize("cluster", ["us-east", "eu-north"])
def test_every_cluster_builds_in_a_repository_of_its_own(clone, cluster):
    assert built(clone / "clusters" / cluster) == (0, rendered(GITOPS / "clusters" / cluster), "")


def test_a_path_that_leaves_the_repository_is_found(clone):
    """What was wrong once: a base beside the repository."""
    file = clone / "clusters/us-east/kustomization.yaml"
    text = file.read_text(encoding="utf-8")
    file.write_text(text.replace("../../manifests/daemon", "../../../kubernetes/base/daemon"), encoding="utf-8")
    code, _, said = built(clone / "clusters/us-east")
    assert code != 0 and "kubernetes/base/daemon" in said, said


def test_nothing_in_the_repository_leads_out_of_it(clone):
    for name in git("ls-files", cwd=clone).split():
        file = clone / name
        assert not file.is_symlink(), name
        for link in re.findall(r"\]\(([^)#]+)", file.read_text(encoding="utf-8")) if name.endswith(".md") else []:
            assert "://" in link or (file.parent / link).resolve().is_relative_to(clone), f"{name}: {link}"
            assert "://" in link or (file.parent / link).exists(), f"{name}: {link}"


def test_a_cluster_needs_no_more_than_its_own_files_say(clone):
    """A class of volumes and the operator's kinds are not everywhere: a cluster that uses them says so itself."""
    for cluster in ("us-east", "eu-north"):
        said = (clone / "clusters" / cluster / "kustomization.yaml").read_text(encoding="utf-8")
        found = objects(GITOPS / "clusters" / cluster)
        claims, monitors = of_kind(found, "PersistentVolumeClaim"), of_kind(found, "ServiceMonitor")
        assert bool(claims) == ("storageClassName" in said) and bool(monitors) == ("components/monitoring" in said), cluster
        assert "newName" in said, f"{cluster} does not say where the image's name goes"
    assert not of_kind(objects(GITOPS / "clusters/us-east"), "ServiceMonitor"), "one builds for every cluster there is"


def test_the_copies_are_those_of_the_kubernetes_example():
    for copy, source in [("manifests", "base"), ("components", "components")]:
        for file in (path for path in (GITOPS / copy).rglob("*") if path.is_file()):
            # The other example has no teams.
            if file.is_relative_to(GITOPS / "components" / "teams"):
                continue
            original = KUBERNETES / source / file.relative_to(GITOPS / copy)
            assert file.read_bytes() == original.read_bytes(), f"{file} is not {original}"


def test_the_secrets_of_the_readme_are_those_that_are_mounted(clone):
    text = (clone / "README.md").read_text(encoding="utf-8")
    made = set(re.findall(r"^kubectl create secret generic (\S+) --namespace=hotset ", text, re.M))
    for cluster in ("us-east", "eu-north"):
        volumes = one(objects(GITOPS / "clusters" / cluster), "Deployment")["spec"]["template"]["spec"]["volumes"]
        assert {volume["secret"]["secretName"] for volume in volumes if "secret" in volume} == made, cluster
