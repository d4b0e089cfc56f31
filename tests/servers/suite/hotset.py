"""Runs the hotset binary, and says what was wrong in words."""

import dataclasses
import json
import os
import subprocess

from process import BINARY, PATIENCE


@dataclasses.dataclass
class Result:
    command: list
    exit: int
    stdout: str
    stderr: str

    def json(self):
        """The lines on stdout; each must be one JSON object."""
        try:
            return [json.loads(line) for line in self.stdout.splitlines()]
        except ValueError as error:
            raise AssertionError(f"stdout is not JSON Lines ({error})\n{self}") from None

    def one(self):
        """The only line on stdout."""
        lines = self.json()
        assert len(lines) == 1, f"expected one JSON line, got {len(lines)}\n{self}"
        return lines[0]

    def ended(self, *exits):
        wanted = " or ".join(map(str, exits))
        assert self.exit in exits, f"expected exit {wanted}, got {self.exit}\n{self}"
        return self

    def __str__(self):
        return (
            f"$ hotset {' '.join(self.command)}\nexit {self.exit}\n"
            f"--- stdout\n{shorten(self.stdout)}\n--- stderr\n{shorten(self.stderr)}"
        )


class Hotset:
    """One configuration of one server, with a state directory of its own."""

    def __init__(self, server, folder):
        self.folder = folder
        self.state = folder / "state"
        self.endpoint = server.endpoint
        self.environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(folder),
            "AWS_EC2_METADATA_DISABLED": "true",
            "NO_PROXY": "*",
            **server.environment,
        }

    def configure(self, profiles, endpoint=""):
        """`profiles` is TOML; `endpoint` adds to, or replaces, keys of the endpoint table."""
        keys = {
            "cache_url": f'"{self.endpoint}"',
            "list_url": f'"{self.endpoint}"',
            "addressing": '"path"',
            "region": '"us-east-1"',
            "start_in_flight": "16",
            "max_in_flight": "16",
        }
        for line in filter(None, map(str.strip, endpoint.splitlines())):
            name, value = line.split("=", 1)
            keys[name.strip()] = value.strip()
        table = "\n".join(f"{name} = {value}" for name, value in keys.items())
        text = f"[endpoint.server]\n{table}\n\n{profiles}\n"
        (self.folder / "hotset.toml").write_text(text, encoding="utf-8")
        return self

    def profile(self, body, endpoint=""):
        """One profile, `it`, over everything unless `body` says otherwise."""
        keys = [line.split("=")[0].strip() for line in body.splitlines()]
        defaults = {"objects": '["s3://suite/**"]', "max_bytes": '"1 GiB"'}
        lines = [f"{name} = {value}" for name, value in defaults.items() if name not in keys]
        return self.configure("[profile.it]\n" + "\n".join(lines) + "\n" + body, endpoint)

    def command(self, *arguments):
        config = self.folder / "hotset.toml"
        given = ["--config", str(config)] if config.exists() else []
        return [*given, "--state-dir", str(self.state), "--color", "never", *arguments]

    def start(self, *arguments, **environment):
        return subprocess.Popen(
            [BINARY, *self.command(*arguments)],
            cwd=self.folder,
            env={**self.environment, **environment},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )

    def finish(self, process, arguments):
        try:
            out, err = process.communicate(timeout=PATIENCE)
        except subprocess.TimeoutExpired:
            process.kill()
            out, err = process.communicate()
            result = Result(list(arguments), -9, text(out), text(err))
            raise AssertionError(f"hotset did not end within {PATIENCE} s\n{result}") from None
        return Result(list(arguments), process.returncode, text(out), text(err))

    def run(self, *arguments, **environment):
        return self.finish(self.start(*arguments, **environment), arguments)


def text(output):
    return output.decode("utf-8", "backslashreplace")


def shorten(output, limit=3000):
    return output if len(output) <= limit else f"{output[:limit]}\n… {len(output) - limit} more characters"
