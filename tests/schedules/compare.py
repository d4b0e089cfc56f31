#!/usr/bin/env python3
"""Compares the fires of `hotset schedule` with those of other crons, from PyPI.

usage: compare.py HOTSET

Each of SCHEDULES is asked for its fires in each of MONTHS; all but the first hold a change of clocks. cronsim follows
Debian's cron, as hotset does: every fire is compared, and what differs stands in KNOWN with its reason. An entry that no
longer differs, or differs otherwise, is a fault as well. croniter has rules of its own for changes of clocks: it is
compared on days that are not next to one.
"""

import collections
import concurrent.futures
import datetime as dt
import itertools
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import zoneinfo

from croniter import croniter
from cronsim import CronSim

IS_NIGHT = os.environ.get("HOTSET_NIGHT") == "1"
UTC = dt.timezone.utc
DAY = dt.timedelta(days=1)

# Zone, first day, days, and the instant of the change in it.
MONTHS = [
    ("UTC", dt.date(2026, 6, 1), 30),
    ("America/New_York", dt.date(2026, 3, 1), 31),  # 02:00 becomes 03:00 on the 8th
    ("America/New_York", dt.date(2026, 11, 1), 30),  # 02:00 becomes 01:00 on the 1st
    ("Australia/Lord_Howe", dt.date(2026, 4, 1), 30),  # 02:00 becomes 01:30 on the 5th
    ("Australia/Lord_Howe", dt.date(2026, 10, 1), 31),  # 02:00 becomes 02:30 on the 4th
    ("Europe/Dublin", dt.date(2026, 3, 1), 31),  # 01:00 becomes 02:00 on the 29th
    ("Europe/Dublin", dt.date(2026, 10, 1), 31),  # 02:00 becomes 01:00 on the 25th
]

SCHEDULES = """
* * * * *
*/5 * * * *
*/7 * * * *
*/15 * * * *
*/20 1 * * *
*/30 1-2 * * *
*/30 2 * * *
0 * * * *
15 * * * *
45 * * * *
0,30 * * * *
5-10 * * * *
10-50/20 * * * *
0 */2 * * *
30 */3 * * *
15 */6 * * *
0 0 * * *
30 0 * * *
0 1 * * *
15 1 * * *
30 1 * * *
45 1 * * *
59 1 * * *
0 2 * * *
1 2 * * *
15 2 * * *
30 2 * * *
59 2 * * *
0 3 * * *
30 3 * * *
0,30 1 * * *
0,30 2 * * *
5,25,45 2 * * *
0-59/10 2 * * *
30 1,2 * * *
30 1,3 * * *
0 2,3 * * *
30 0-4 * * *
0 9-17 * * *
0 9-17/2 * * *
0 22,23,0,1,2 * * *
30 1 * * 1-5
30 1 * * MON-FRI
30 2 * * 0
30 2 * * 7
30 2 * * SUN
0 6 * * 6,0
*/10 2 * * SUN
15 14 1 * *
30 2 1,8,25 * *
0 0 1,15 * *
0 3 L * *
0 12 8-14 * *
30 2 8 3 *
30 2 * MAR,OCT SUN
0 0 13 * 5
30 2 1 * SUN
0 4 */10 * *
0 4 */10 * 1
0 4 1-7 * */2
0 8 * * 1#2
0 8 * * 5L
0 0 31 * *
0 0 30 6 *
@hourly
@daily
@weekly
@monthly
20 30 4 * * *
*/30 0 */4 * * *
15 30 2 * * *
15 30 1 * * *
""".strip().splitlines()

# Where a cron spells a schedule in its own way.
CRONSIM = {"@hourly": "0 * * * *", "@daily": "0 0 * * *", "@weekly": "0 0 * * 0", "@monthly": "0 0 1 * *"}
CRONITER = {"0 8 * * 5L": "0 8 * * L5"}

# What fires more often a day is compared on the days around the change of clocks only, but for the night.
DENSE = 24
# How many fires are asked for at once.
COUNTS = (100, 1_200, 3_000, 12_000, 50_000)

SECONDS = "cronsim applies the rules of Debian's cron to five fields only, and takes six for a wildcard"
HALF_HOUR = "cronsim steps by whole hours, and so past fires behind a change of half an hour"
EITHER_DAY = "cronsim wants both days to match where a field begins with `*`; in hotset either one is enough"

# Differences from cronsim, each exactly: schedule, month, fires of hotset alone, fires of cronsim alone, reason. The
# reasons stand in docs/decisions.md too.
KNOWN = [
    ("15 30 2 * * *", "America/New_York 2026-03", ["03-08T07:00:00Z"], [], SECONDS),
    ("15 30 1 * * *", "America/New_York 2026-11", [], ["11-01T06:30:15Z"], SECONDS),
    ("15 30 1 * * *", "Europe/Dublin 2026-03", ["03-29T01:00:00Z"], [], SECONDS),
    ("15 30 1 * * *", "Europe/Dublin 2026-10", [], ["10-25T01:30:15Z"], SECONDS),
    ("*/30 2 * * *", "Australia/Lord_Howe 2026-04", ["04-04T15:30:00Z"], [], HALF_HOUR),
    ("45 * * * *", "Australia/Lord_Howe 2026-04", ["04-04T15:15:00Z"], [], HALF_HOUR),
    ("0 */2 * * *", "Australia/Lord_Howe 2026-04", ["04-04T15:30:00Z"], [], HALF_HOUR),
    ("15 */6 * * *", "Australia/Lord_Howe 2026-04", ["04-04T19:45:00Z"], [], HALF_HOUR),
    ("*/10 2 * * SUN", "Australia/Lord_Howe 2026-04", [f"04-04T15:{m}:00Z" for m in (30, 40, 50)], [], HALF_HOUR),
    ("*/30 0 */4 * * *", "Australia/Lord_Howe 2026-04", ["04-04T17:30:00Z", "04-04T17:30:30Z"], [], HALF_HOUR),
    ("45 * * * *", "Australia/Lord_Howe 2026-10", ["10-03T15:45:00Z"], [], HALF_HOUR),
    ("15 */6 * * *", "Australia/Lord_Howe 2026-10", ["10-03T19:15:00Z"], [], HALF_HOUR),
    ("*/30 0 */4 * * *", "Australia/Lord_Howe 2026-10", ["10-03T17:00:00Z", "10-03T17:00:30Z"], [], HALF_HOUR),
]
# In every month: schedule, the schedules whose fires in cronsim are together those of hotset, reason.
KNOWN_EVERYWHERE = [
    ("0 4 */10 * 1", ["0 4 */10 * *", "0 4 * * 1"], EITHER_DAY),
    ("0 4 1-7 * */2", ["0 4 1-7 * *", "0 4 * * */2"], EITHER_DAY),
]


def main() -> None:
    months = [Month(*month) for month in MONTHS]
    compared = collections.Counter()
    faults = [f"{text!r} in {month} is known to differ, and not compared" for text, month in known_but_not_compared(months)]
    with concurrent.futures.ProcessPoolExecutor(max_workers=os.cpu_count()) as pool:
        for counts, wrong in pool.map(compare, itertools.repeat(sys.argv[1]), months):
            compared += counts
            faults += wrong
    for fault in faults:
        print(fault)
    fires = " and ".join(f"{count:,} fires with {cron}" for cron, count in compared.items())
    known = len(KNOWN) + len(KNOWN_EVERYWHERE)
    print(f"{len(SCHEDULES)} schedules in {len(MONTHS)} months: {fires}; {known} known differences, {len(faults)} faults")
    if not IS_NIGHT:
        print(f"left for the night (HOTSET_NIGHT=1): days far from a change, of what fires more than {DENSE} times a day")
    sys.exit(bool(faults))


def compare(hotset: str, month: "Month") -> tuple[collections.Counter, list[str]]:
    """How many fires of this month were compared, and what is wrong with them."""
    compared, faults = collections.Counter(), []
    near = month if IS_NIGHT else month.near_the_change()
    for span, is_dense in ((month, False), (near, True)):
        texts = [text for text in SCHEDULES if month.is_dense(text) == is_dense]
        cronsim = {text: fires_of_cronsim(text, span) for text in texts}
        hotsets = fires_of_hotset(hotset, span, cronsim)
        for text in texts:
            ours, theirs = hotsets[text], cronsim[text]
            compared["cronsim"] += len(ours | theirs)
            faults += fault_of_cronsim(text, span, ours, theirs)
            ours, theirs = span.plain(ours), span.plain(fires_of_croniter(text, span))
            compared["croniter"] += len(ours | theirs)
            if ours != theirs:
                faults.append(f"{text!r} in {span}: only hotset {told(ours - theirs)}, only croniter {told(theirs - ours)}")
    return compared, faults


def fault_of_cronsim(text: str, month: "Month", ours: set[dt.datetime], theirs: set[dt.datetime]) -> list[str]:
    told_apart = f"{text!r} in {month}: only hotset {told(ours - theirs)}, only cronsim {told(theirs - ours)}"
    for known, parts, reason in KNOWN_EVERYWHERE:
        if known == text:
            if ours == theirs:
                return [f"{text!r} in {month} does not differ any more: {reason}"]
            together = set().union(*(fires_of_cronsim(part, month) for part in parts))
            return [] if ours == together else [f"{told_apart}, and not by the known reason: {reason}"]
    for known, known_month, only_ours, only_theirs, reason in KNOWN:
        if (known, known_month) == (text, str(month)):
            if (spelled(ours - theirs), spelled(theirs - ours)) == (only_ours, only_theirs):
                return []
            return [f"{told_apart}; known were {only_ours} and {only_theirs}: {reason}"]
    return [] if ours == theirs else [told_apart]


def known_but_not_compared(months: list["Month"]):
    pairs = [(text, month) for text, month, *_ in KNOWN] + [(text, str(months[0])) for text, *_ in KNOWN_EVERYWHERE]
    return [(text, month) for text, month in pairs if text not in SCHEDULES or month not in map(str, months)]


class Month:
    def __init__(self, zone: str, first: dt.date, days: int):
        self.zone, self.tz = zone, zoneinfo.ZoneInfo(zone)
        self.days = [first + DAY * n for n in range(days)]
        self.start, self.end = self.midnight(first), self.midnight(first + DAY * days)

    def __str__(self) -> str:
        return f"{self.zone} {self.days[0]:%Y-%m}"

    def offset(self, day: dt.date) -> dt.timedelta:
        return self.midnight(day).astimezone(self.tz).utcoffset()

    def near_the_change(self) -> "Month":
        """The three days before it, its own, and the four behind it; without a change the first days."""
        changes = (n for n, day in enumerate(self.days) if self.offset(day) != self.offset(day + DAY))
        first = max(0, next(changes, 3) - 3)
        days = self.days[first : first + 8]
        return Month(self.zone, days[0], len(days))

    def is_dense(self, text: str) -> bool:
        """By its second day: in some months the first has a change."""
        day = Month(self.zone, self.days[1], 1)
        return len(fires_of_cronsim(text, day)) > DENSE

    def midnight(self, day: dt.date) -> dt.datetime:
        return dt.datetime.combine(day, dt.time(), self.tz).astimezone(UTC)

    def before(self) -> dt.datetime:
        """A second before it begins: what fires as it begins belongs to it."""
        return (self.start - dt.timedelta(seconds=1)).astimezone(self.tz)

    def plain(self, fires: set[dt.datetime]) -> set[dt.datetime]:
        """Those on days without a change of clocks, the days beside them being so too."""
        days = {day for day in self.days if len({self.offset(day + DAY * n) for n in (-1, 0, 1, 2)}) == 1}
        return {at for at in fires if at.astimezone(self.tz).date() in days}

    def of(self, fires) -> set[dt.datetime]:
        return set(itertools.takewhile(lambda at: at < self.end, (at.astimezone(UTC) for at in fires)))


def fires_of_cronsim(text: str, month: Month) -> set[dt.datetime]:
    return month.of(CronSim(CRONSIM.get(text, text), month.before()))


def fires_of_croniter(text: str, month: Month) -> set[dt.datetime]:
    return month.of(croniter(CRONITER.get(text, text), month.before(), ret_type=dt.datetime, second_at_beginning=True))


def fires_of_hotset(hotset: str, month: Month, expected: dict[str, set]) -> dict[str, set[dt.datetime]]:
    """Asks for more fires than are expected: rare schedules apart from frequent ones, which fire for years."""
    fires = {}
    for least, most in itertools.pairwise((0, *COUNTS)):
        texts = [text for text in expected if least <= len(expected[text]) < most]
        if not texts:
            continue
        for text, found in zip(texts, ask(hotset, month, texts, most), strict=True):
            if len(found) == most and found[-1] < month.end:
                sys.exit(f"{text!r} fires more than {most} times in {month}; {len(expected[text])} were expected")
            if found != sorted(set(found)):
                sys.exit(f"{text!r} in {month}: fires are repeated or out of order")
            fires[text] = month.of(found)
    return fires


def ask(hotset: str, month: Month, texts: list[str], count: int) -> list[list[dt.datetime]]:
    config = ["[endpoint.e]", 'cache_url = "http://127.0.0.1:9"', 'addressing = "path"', 'region = "r"']
    for number, text in enumerate(texts):
        config += [f"[profile.p{number}]", 'objects = ["s3://bucket/data/*"]', 'max_bytes = "1 GiB"']
        config += [f"schedule = {json.dumps(text)}", f'time_zone = "{month.zone}"']
    with tempfile.TemporaryDirectory() as folder:
        file = pathlib.Path(folder, "hotset.toml")
        file.write_text("\n".join(config) + "\n")
        command = [hotset, "-q", "schedule", "--json", "--config", file, "--from", month.before().isoformat(), "--count", str(count)]
        out = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, timeout=600).stdout
    fires = [[] for _ in texts]
    for line in map(json.loads, out.splitlines()):
        assert line["zone"] == month.zone, line
        fires[int(line["profile"].removeprefix("p"))].append(dt.datetime.fromisoformat(line["at"]))
    return fires


def spelled(fires: set[dt.datetime]) -> list[str]:
    return [at.strftime("%m-%dT%H:%M:%SZ") for at in sorted(fires)]


def told(fires: set[dt.datetime]) -> str:
    return f"{len(fires)} ({' '.join(spelled(fires)[:4])})" if fires else "none"


if __name__ == "__main__":
    main()
