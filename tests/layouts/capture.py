"""Runs the cases of cases.toml, or those that are named, and writes what the libraries left as captured/NAME.jsonl."""

import argparse
import importlib.metadata
import json
import os
import pathlib
import signal
import subprocess
import sys
import tempfile
import tomllib

HERE = pathlib.Path(__file__).resolve().parent
POINTERS = {"latest"}
ENVIRONMENT = {
    "JAX_PLATFORMS": "cpu",
    "DS_ACCELERATOR": "cpu",
    "CUDA_VISIBLE_DEVICES": "",
    "OMP_NUM_THREADS": "1",
    "PYTHONDONTWRITEBYTECODE": "1",
}


def path_of(case):
    """Where Python finds another version of the library first; empty where the installed one is meant."""
    if "older" not in case:
        return ""
    package = f"{case['library']}=={case['older']}"
    target = pathlib.Path(sys.prefix).parent / package
    if not target.exists():
        half = target.with_name(f"{package}.half")
        pip = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps", "--upgrade"]
        subprocess.run([sys.executable, *pip, "--target", str(half), package], check=True)
        half.rename(target)
    return str(target)


def run(name, case, folder, port):
    """What the library writes, in `folder`. A case that ends otherwise than it should is an error."""
    ranks, killed = case.get("ranks", 0), case.get("killed", False)
    launcher = ["-m", "torch.distributed.run", "--nproc-per-node", str(ranks), "--master-port", str(port)]
    script = [str(HERE / "cases" / case["script"]), name, str(folder)]
    command = [sys.executable, *(launcher if ranks else []), *script]
    log = folder.with_suffix(".log")
    # Ranks that a script starts by itself find the interpreter's tools on the path.
    path = f"{pathlib.Path(sys.executable).parent}:{os.environ['PATH']}"
    with log.open("w") as out:
        environment = {**os.environ, **ENVIRONMENT, "PATH": path, "PYTHONPATH": path_of(case)}
        ended = subprocess.run(command, stdout=out, stderr=out, env=environment, cwd=folder, timeout=300).returncode
    expected = 0 if not killed else 1 if ranks else -signal.SIGKILL
    said = log.read_text(errors="replace")
    if ended != expected or (ranks and killed and "SIGKILL" not in said):
        sys.exit(f"{name} ended with {ended} instead of {expected}:\n{said[-4000:]}")


def tree(folder):
    """Every file as the object that an uploader makes of it: links are followed, keys are in the order of bytes."""
    files = [(path.relative_to(folder).as_posix(), path) for path in folder.rglob("*") if path.is_file()]
    first = min(path.stat().st_mtime_ns for _, path in files)
    for key, path in sorted(files, key=lambda file: file[0].encode()):
        facts = path.stat()
        line = {"key": key, "size": facts.st_size, "at": round((facts.st_mtime_ns - first) / 1e9, 6)}
        yield line | ({"text": path.read_text(encoding="utf-8")} if path.name in POINTERS else {})


def header(name, case):
    said = {key: case[key] for key in ("layout", "library", "what")}
    version = case.get("older") or importlib.metadata.version(case["library"])
    facts = {"case": name, "version": version, **said}
    groups = [{"run": g["run"], "name": g["name"], "step": g.get("step"), "complete": g["complete"]} for g in case["groups"]]
    return facts | {"lose": case.get("lose"), "by_time": case.get("by_time", False), "groups": groups}


def check(name, case, lines):
    """What the case says of groups has to be about what is there. Whether it shows what it is for."""
    keys = [line["key"] for line in lines]
    sizes = []
    for group in case["groups"]:
        folder = f"{group['run']}/{group['name']}"
        files = sum(key == folder or key.startswith(folder + "/") for key in keys)
        if not files:
            sys.exit(f"{name}: nothing was written to {folder}, but to {keys}")
        sizes += [files] if group["complete"] else []
    return not case.get("fewer") or sizes[0] < max(sizes)


def capture(name, case, port):
    """What was written; once more where the numbers of files came out so that they show nothing."""
    for _ in range(10):
        with tempfile.TemporaryDirectory(prefix="hotset-capture-") as scratch:
            folder = pathlib.Path(scratch, "tree")
            folder.mkdir()
            run(name, case, folder, port)
            lines = list(tree(folder))
        if check(name, case, lines):
            return lines
    sys.exit(f"{name}: in ten captures the newest group never held fewer files than one before it")


def main():
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("cases", nargs="*")
    arguments.add_argument("--port", type=int, default=29500, help="of 127.0.0.1, where ranks meet")
    given = arguments.parse_args()
    cases = tomllib.loads((HERE / "cases.toml").read_text(encoding="utf-8"))
    for name in given.cases or cases:
        lines = capture(name, cases[name], given.port)
        text = "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in [header(name, cases[name]), *lines])
        (HERE / "captured" / f"{name}.jsonl").write_text(text, encoding="utf-8")
        print(f"{name}: {len(lines)} files")


main()
