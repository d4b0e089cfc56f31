"""How long a warm takes beside the shortest time that the cache allows. Started by benches/makespan."""

import json
import os
import pathlib
import platform
import subprocess
import sys
import tempfile

import cache
import scenarios

HERE = pathlib.Path(__file__).resolve().parent
BUILT = pathlib.Path(sys.argv[1]).resolve()
HOTSET = os.environ["HOTSET_BIN"]
FLAGS = {word for word in sys.argv[2:] if word.startswith("--")}
NAMES = [word for word in sys.argv[2:] if not word.startswith("--")]
# Quick: a fifth of the objects.
SHARE = 5 if "--quick" in FLAGS else 1
POOLS = (32, 300)
# Samples kept for the record are so many seconds apart.
SAMPLED_EVERY = 1.0


def hotset(served, scenario, folder):
    """A warm with the limits that hotset has by default, and a journal, as its users run it."""
    file = folder / "hotset.toml"
    file.write_text(f'{served.endpoint()}[profile.bench]\n{scenario.objects}\nmax_bytes = "unlimited"\n')
    command = [HOTSET, "--config", file, "--state-dir", folder / "state", "-q", "warm", "bench", "--json"]
    said, cost = cache.expect({0}, command, folder)
    report = json.loads(said)
    told = {key: report[key] for key in ("outcome", "started", "ended")}
    return cost, {"warmed": report["warmed"]["objects"], **told}


def pool(workers):
    def warm(served, _, folder):
        command = [BUILT / "pool", workers, served.ready["cache_url"], folder / "keys"]
        return cache.expect({0}, command, folder)[1], {}

    return warm


CLIENTS = {"hotset": hotset}
if "--alone" not in FLAGS:
    CLIENTS |= {f"pool_{workers}": pool(workers) for workers in POOLS}


def measure(scenario, warm):
    """One client against a cold cache."""
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        with cache.serving(BUILT / "bench-cache", scenario.stage, folder / "keys") as served:
            before = served.cpu()
            cost, told = warm(served, scenario, folder)
            spent = served.cpu() - before
            account = served.account()
            there = served.ready
    if account["fill_bytes"] != there["bytes"]:
        sys.exit(f"{scenario.name}: {account['fill_bytes']} bytes were filled of {there['bytes']}")
    return there, {
        **{key: account[key] for key in ("makespan", "requests", "throttled", "late_requests", "late_throttled", "most_open")},
        "wall": cost.wall,
        "client_cpu": cost.cpu,
        "client_rss_mib": cost.rss,
        "cache_cpu": spent,
        **told,
        "samples": thinned(account["samples"]),
    }


def thinned(samples):
    kept, due = [], 0.0
    for sample in samples:
        if sample["at"] >= due:
            kept.append({**sample, "at": round(sample["at"], 1)})
            due = sample["at"] + SAMPLED_EVERY * 0.95
    return kept


def late_share(run):
    return run["late_throttled"] / run["late_requests"] if run["late_requests"] else 0.0


def compare(scenario):
    result = {"name": scenario.name, "title": scenario.title, "scaled": scenario.scaled, "runs": {}}
    for client, warm in CLIENTS.items():
        there, run = measure(scenario, warm)
        bound, by = scenario.bound(there["objects"], there["bytes"], there["largest"])
        result |= {"objects": there["objects"], "bytes": there["bytes"], "bound": bound, "bound_by": by}
        result["runs"][client] = run | {"ratio": run["makespan"] / bound, "late_share": late_share(run)}
        busy = run["cache_cpu"] / run["makespan"]
        print(
            f"  {scenario.name}, {client}: {run['makespan']:.1f} s, {run['makespan'] / bound:.2f}× the bound of {bound:.1f} s"
            f" ({by}); {late_share(run):.2%} throttled late, {run['throttled']} in all, {run['most_open']} open at most;"
            f" cache {busy:.0%} busy, client {run['client_cpu'] / run['requests'] * 1e6:.0f} µs a request",
            file=sys.stderr,
            flush=True,
        )
    return result


def table(results):
    pools = [client for client in CLIENTS if client != "hotset"]
    heads = ["scenario", "bound", *CLIENTS, "hotset ÷ bound", *(f"{client} ÷ hotset" for client in pools)]
    heads += [f"503 after 5 s, {client}" for client in CLIENTS]
    yield "| " + " | ".join(heads) + " |"
    yield "|---" * len(heads) + "|"
    for result in results:
        runs = result["runs"]
        spans = {client: run["makespan"] for client, run in runs.items()}
        title = result["title"] + (f" ({result['scaled']})" if result["scaled"] else "")
        cells = [title, f"{result['bound']:.1f} s, {result['bound_by']}", *(f"{span:.1f} s" for span in spans.values())]
        cells += [f"{runs['hotset']['ratio']:.2f}×", *(f"{spans[pool] / spans['hotset']:.1f}×" for pool in pools)]
        cells += [f"{run['late_share']:.1%}" for run in runs.values()]
        yield "| " + " | ".join(cells) + " |"


def main():
    chosen = [s for s in scenarios.scenarios(SHARE, "--full" in FLAGS) if not NAMES or s.name in NAMES]
    if not chosen or len(chosen) < len(NAMES):
        sys.exit(f"scenarios are {', '.join(s.name for s in scenarios.scenarios(1, False))}")
    results = [compare(scenario) for scenario in chosen]
    version = subprocess.run([HOTSET, "--version"], capture_output=True, text=True, check=True).stdout.strip()
    machine = f"{version}; {len(cache.CORES)} cores, Linux {platform.release()}"
    out = HERE.parent / "target/makespan.json"
    out.write_text(json.dumps({"machine": machine, "share": SHARE, "scenarios": results}, indent=1) + "\n")
    print(f"{machine}; written to {out.relative_to(HERE.parent)}\n")
    print("\n".join(table(results)))


main()
