"""Trees that real libraries wrote, as tests/layouts captured them, put into a bucket."""

import dataclasses
import itertools
import json

from server import SCRIPTS

BUCKET = "layouts"
CAPTURED = SCRIPTS.parent / "layouts" / "captured"
# What a group is chosen by are names and times: bodies are cut.
LARGEST = 64 * 1024
_numbers = itertools.count()


@dataclasses.dataclass(frozen=True)
class File:
    key: str
    size: int
    at: float
    text: str | None = None

    @property
    def body(self):
        return self.text.encode() if self.text is not None else b"x" * min(self.size, LARGEST)


@dataclasses.dataclass(frozen=True)
class Group:
    run: str
    name: str
    step: int | None
    complete: bool

    @property
    def path(self):
        return f"{self.run}/{self.name}"

    def holds(self, key):
        return key == self.path or key.startswith(self.path + "/")


class Case:
    """One captured tree, and what a person who knows the library says of it."""

    def __init__(self, path):
        header, *lines = map(json.loads, path.read_text(encoding="utf-8").splitlines())
        self.name, self.layout = header["case"], header["layout"]
        self.lose, self.by_time = header["lose"], header["by_time"]
        self.groups = [Group(**group) for group in header["groups"]]
        self.files = [File(**line) for line in lines]

    def pointer(self):
        return next((file for file in self.files if file.text is not None), None)

    def age(self, key):
        """A number that is the lower the older the group of `key` is; what is in no group comes last."""
        groups = [group.holds(key) for group in reversed(self.groups)]
        return groups.index(True) if any(groups) else len(groups)

    def newest(self):
        """The groups that are right to warm: of every run the newest complete one."""
        complete = [group for group in self.groups if group.complete]
        return [next(group for group in complete if group.run == run) for run in dict.fromkeys(g.run for g in complete)]

    def states(self, chosen):
        """What a plan has to say of every group when these are chosen."""
        runs = {group.run: self.groups.index(group) for group in chosen}

        def state(at, group):
            if group in chosen:
                return "chosen"
            return "incomplete" if at < runs[group.run] else "older"

        return {(g.run, g.name): (g.step, state(at, g)) for at, g in enumerate(self.groups)}

    def of(self, groups):
        """The files of these groups."""
        return [file for file in self.files if any(group.holds(file.key) for group in groups)]


class Replayed:
    """A case as objects below a prefix of its own."""

    def __init__(self, server, case):
        self.case, self.client = case, server.client()
        self.prefix = f"{case.name}-{next(_numbers)}"
        before = None
        for file in sorted(case.files, key=lambda file: (case.by_time and case.age(file.key), file.at)):
            age = case.by_time and case.age(file.key)
            if before not in (None, age):
                self._let_time_pass()
            before = age
            self.put(file.key, file.body)

    def put(self, key, body):
        self.client.put_object(Bucket=BUCKET, Key=f"{self.prefix}/{key}", Body=body)

    def delete(self, key):
        self.client.delete_object(Bucket=BUCKET, Key=f"{self.prefix}/{key}")

    def _let_time_pass(self):
        """Until the server gives an object a later time than the last one; some count in seconds."""

        def put_and_ask():
            self.client.put_object(Bucket=BUCKET, Key="clock", Body=b"x")
            listed = self.client.list_objects_v2(Bucket=BUCKET, Prefix="clock")
            return listed["Contents"][0]["LastModified"]

        first = put_and_ask()
        while put_and_ask() == first:
            pass

    def profile(self):
        layout = f'checkpoint = {{ layout = "{self.case.layout}", settle = "0s" }}'
        return f'objects = ["s3://{BUCKET}/{self.prefix}/**"]\n{layout}'


CASES = [Case(path) for path in sorted(CAPTURED.glob("*.jsonl"))]
