"""Which names and labels an expression of Prometheus uses, and whether a scrape has them."""

import dataclasses
import re

TOKEN = re.compile(
    r'"(?:[^"\\]|\\.)*"|\[[^\]]*\]|\d[\w.]*|\$?[A-Za-z_:][\w:]*|=~|!~|!=|==|<=|>=|\S',
)
WORDS = {"and", "or", "unless", "bool", "offset"}
GROUPING = {"by", "without", "on", "ignoring", "group_left", "group_right"}
# Labels that a target has, whatever is scraped.
OF_TARGETS = {"job", "instance", "pod"}
# Series that Prometheus makes itself, with whatever labels.
OWN = {"up", "ALERTS"}
# Labels whose values are words of hotset, not names from a configuration.
FIXED = {"outcome", "reason", "end"}


@dataclasses.dataclass
class Used:
    # (name, [(label, operator, value)])
    series: list = dataclasses.field(default_factory=list)
    # Labels that a clause names.
    grouped: set = dataclasses.field(default_factory=set)
    # Of them, what is gone from the result.
    dropped: set = dataclasses.field(default_factory=set)


def used(expr):
    tokens = TOKEN.findall(expr)
    found, at = Used(), 0
    while at < len(tokens):
        token, rest = tokens[at], tokens[at + 1 :]
        at += 1
        if token in GROUPING:
            labels, length = parenthesised(rest)
            found.grouped |= labels
            found.dropped |= labels if token == "without" else set()
            at += length
        elif not re.match(r"[A-Za-z_:]", token) or token in WORDS:
            continue
        elif rest[:1] == ["{"]:
            end = rest.index("}")
            found.series.append((token, matchers(rest[1:end])))
            at += end + 1
        elif rest[:1] != ["("] and not (rest and rest[0] in GROUPING and rest[1] == "(" and is_aggregation(token)):
            found.series.append((token, []))
    assert found.series, f"no series in {expr!r}"
    return found


def is_aggregation(token):
    return token in {"sum", "min", "max", "avg", "count"}


def parenthesised(tokens):
    if tokens[:1] != ["("]:
        return set(), 0
    end = tokens.index(")")
    return {token for token in tokens[1:end] if token != ","}, end + 1


def matchers(tokens):
    triples = [tokens[n : n + 3] for n in range(0, len(tokens), 4)]
    return [(label, operator, value.strip('"')) for label, operator, value in triples]


class Scrape:
    """The text of `/metrics`."""

    def __init__(self, text):
        # Name to the labels of each of its series.
        self.series = {}
        for name, labels in re.findall(r"^([a-z_]+)(?:\{(.*)\})? \S+$", text, re.M):
            self.series.setdefault(name, []).append(dict(re.findall(r'(\w+)="([^"]*)"', labels)))

    def labels(self, name):
        return {label for each in self.series[name] for label in each}

    def values(self, name, label):
        return {each[label] for each in self.series[name] if label in each}

    def objections(self, expr):
        """What `expr` uses and this has not."""
        found = used(expr)
        known = set(OF_TARGETS)
        for name, wanted in found.series:
            if name in OWN:
                known |= {label for label, *_ in wanted} | {"profile", "endpoint", "alertname"}
                continue
            if name not in self.series:
                yield f"no metric {name} in {expr!r}"
                continue
            known |= self.labels(name)
            yield from self.mismatches(name, wanted)
        for label in found.grouped - known:
            yield f"no label {label} in {expr!r}"

    def mismatches(self, name, wanted):
        for label, operator, value in wanted:
            if label not in self.labels(name) | OF_TARGETS:
                yield f"{name} has no label {label}"
            elif label in FIXED:
                words = value.split("|") if "~" in operator else [value]
                yield from (f"{name} has no {label}={word}" for word in words if word not in self.values(name, label))

    def left(self, expr):
        """The labels that a result of `expr` may have."""
        found = used(expr)
        own = {label for name, _ in found.series for label in (self.labels(name) if name in self.series else ())}
        return (own | OF_TARGETS) - found.dropped
