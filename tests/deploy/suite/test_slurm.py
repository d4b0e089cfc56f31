"""The Slurm prolog: by itself, and in a real Slurm of one node on loopback."""

import os
import re
import socket
import subprocess


from kubelet import run
from manifests import ROOT
from process import BINARY, PATIENCE, free_port, wait_until

PROLOG = ROOT / "examples/slurm/prolog.sh"
TEXT = PROLOG.read_text(encoding="utf-8")


class Prolog:
    """The script as slurmd runs it: without a PATH. What may be set above it is."""

    def __init__(self, host, text=TEXT):
        token = host.bench.folder / "run-token"
        token.write_text("run", encoding="utf-8")
        self.settings = {
            "HOTSET_BIN": BINARY,
            "HOTSET_URL": f"http://127.0.0.1:{host.port}",
            "HOTSET_TOKEN_FILE": str(token),
        }
        self.script = host.bench.folder / "prolog.sh"
        lines = "".join(f"{name}={value}\n" for name, value in self.settings.items())
        self.script.write_text(text.replace('case "', f'{lines}case "', 1), encoding="utf-8")
        self.script.chmod(0o755)

    def run(self, comment=None):
        environment = {"SLURM_JOB_ID": "7", **({"SLURM_JOB_COMMENT": comment} if comment else {})}
        return run(self.script, env=environment)


def test_a_job_begins_once_its_profile_is_warm(host):
    host.is_up(host.start())
    prolog = Prolog(host)
    assert prolog.run().stderr == "" and host.api.runs() == []
    assert prolog.run("something else").stderr == "" and host.api.runs() == []
    assert "nightly-imagenet: warm" in prolog.run("warm=nightly-imagenet").stdout
    assert [run["outcome"] for run in host.api.runs()] == ["complete"]
    # The prolog of the next node, and of the next job, takes that run.
    prolog.run("warm=nightly-imagenet")
    assert len(host.api.runs()) == 1


def test_it_always_ends_with_0(host):
    """Whatever happens: an unknown profile, no daemon, no program."""
    process = host.start()
    host.is_up(process)
    assert "--timeout 10m" in TEXT
    assert "hotset wait ended with 2: job 7 begins all the same" in Prolog(host).run("warm=nobody").stderr
    process.kill()
    hasty = Prolog(host, TEXT.replace("--timeout 10m", "--timeout 2s"))
    assert "not warm after 2s" in hasty.run("warm=nightly-imagenet").stderr
    nowhere = Prolog(host, TEXT.replace('"${HOTSET_BIN:-/usr/local/bin/hotset}"', "/nowhere/hotset"))
    assert "hotset wait ended with 127" in nowhere.run("warm=nightly-imagenet").stderr


class Slurm:
    """slurmctld and one slurmd, with the settings that the prolog's own comment asks for."""

    def __init__(self, bench, prolog):
        self.bench, self.folder = bench, bench.folder / "slurm"
        for name in ("state", "spool"):
            (self.folder / name).mkdir(parents=True)
        self.conf = self.folder / "slurm.conf"
        self.conf.write_text(self.configuration(prolog), encoding="utf-8")
        self.environment = {"SLURM_CONF": str(self.conf)}
        bench.start("slurmctld", ["slurmctld", "-D", "-f", self.conf], **self.environment)
        bench.start("slurmd", ["slurmd", "-D", "-N", "node1", "-f", self.conf], **self.environment)
        wait_until(lambda: self.state() == "idle", lambda: f"the node is idle: {self.ask('sinfo')}")

    def configuration(self, prolog):
        asked = "".join(f"{line}\n" for line in re.findall(r"PrologFlags=\w+", TEXT))
        assert asked == "PrologFlags=Alloc\n", asked
        keys = {
            "ClusterName": "test",
            "SlurmctldHost": f"{socket.gethostname().split('.')[0]}(127.0.0.1)",
            "CommunicationParameters": "NoCtldInAddrAny,NoInAddrAny",
            "SlurmctldPort": free_port(),
            "SlurmdPort": free_port(),
            "SlurmUser": "root",
            "SlurmdUser": "root",
            "AuthType": "auth/none",
            "CredType": "cred/none",
            "StateSaveLocation": self.folder / "state",
            "SlurmdSpoolDir": self.folder / "spool",
            "SlurmctldPidFile": self.folder / "slurmctld.pid",
            "SlurmdPidFile": self.folder / "slurmd.pid",
            "SlurmctldLogFile": self.folder / "slurmctld.log",
            "SlurmdLogFile": self.folder / "slurmd.log",
            "ProctrackType": "proctrack/pgid",
            "TaskPlugin": "task/none",
            "MpiDefault": "none",
            "MailProg": "/bin/true",
            "SwitchType": "switch/none",
            "Prolog": prolog,
            "PrologEpilogTimeout": 900,
            "BatchStartTimeout": 900,
            "NodeName": "node1 NodeAddr=127.0.0.1 CPUs=1 State=UNKNOWN",
            "PartitionName": "p Nodes=ALL Default=YES MaxTime=INFINITE State=UP",
        }
        return asked + "".join(f"{key}={value}\n" for key, value in keys.items())

    def ask(self, *words):
        options = {"stdin": subprocess.DEVNULL, "capture_output": True, "text": True, "timeout": PATIENCE}
        done = subprocess.run([*map(str, words)], cwd=self.folder, env={**os.environ, **self.environment}, **options)
        return done.stdout if done.returncode == 0 else f"{words} ended with {done.returncode}: {done.stderr}"

    def state(self):
        return self.ask("sinfo", "--noheader", "--format=%T").strip()

    def job(self, comment):
        """Submits a job that writes a file, and gives the file."""
        done = self.folder / f"done-{comment.replace('=', '-')}"
        script = self.folder / "job.sh"
        script.write_text(f"#!/bin/sh\necho done >{done}\n", encoding="utf-8")
        said = self.ask("sbatch", f"--comment={comment}", "--output=/dev/null", script)
        assert "Submitted batch job" in said, said
        return done

    def ran(self, comment):
        done = self.job(comment)
        wait_until(done.exists, lambda: f"the job runs: {self.ask('squeue')}{self.ask('sinfo')}")


def test_slurm_runs_it_and_keeps_its_node(host):
    host.is_up(host.start())
    slurm = Slurm(host.bench, Prolog(host).script)
    slurm.ran("warm=nightly-imagenet")
    assert [run["outcome"] for run in host.api.runs()] == ["complete"]
    # An unknown profile costs neither the job nor the node.
    slurm.ran("warm=nobody")
    wait_until(lambda: slurm.state() == "idle", lambda: f"the node is idle: {slurm.ask('sinfo')}")


def test_a_prolog_that_fails_would_drain_the_node(host):
    """What the one above is good for."""
    failing = host.bench.folder / "failing.sh"
    failing.write_text("#!/bin/sh\nexit 3\n", encoding="utf-8")
    failing.chmod(0o755)
    slurm = Slurm(host.bench, failing)
    done = slurm.job("warm=nightly-imagenet")
    wait_until(lambda: slurm.state().startswith("drain"), lambda: f"the node is drained: {slurm.ask('sinfo')}")
    assert not done.exists()
