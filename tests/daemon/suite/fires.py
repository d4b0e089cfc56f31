"""Whether every fire of a schedule came to exactly one thing."""

from datetime import datetime, timedelta, timezone

EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)


def instant(text):
    return datetime.fromisoformat(text.replace("Z", "+00:00"))


def rows_by_due(runs, profile):
    """The runs and skipped fires of a profile that have a due, oldest first."""
    rows = [run for run in runs if run["profile"] == profile and run["due"]]
    return sorted(rows, key=lambda run: (instant(run["due"]), run["run"]))


def check(runs, profile, period, began, until):
    """Every fire between `began` and `until` has one row, or was counted as missed by the row after it.

    `period` is in seconds and divides time since the epoch into fires. A run that a reload stops hands its fire on to
    the one that takes its place, which a restart may have taken up again since: that is the only way to two rows of one
    fire. Returns how many fires there were.
    """
    rows = rows_by_due(runs, profile)
    assert rows, f"{profile}: no fire at all"
    step = timedelta(seconds=period)
    for row in rows:
        due = instant(row["due"])
        assert (due - EPOCH) % step == timedelta(0), f"{profile} never fires at {due}: {row}"
        assert due > began - step, f"{profile}: a fire of before the start: {row}"
    for before, after in zip(rows, rows[1:]):
        gap = (instant(after["due"]) - instant(before["due"])) // step
        if gap == 0:
            handed_on = before["outcome"] == "interrupted" and (after["trigger"] == "reload" or after["resumes"] > 0)
            assert handed_on, f"{profile}: one fire twice:\n{before}\n{after}"
        else:
            assert gap == 1 + after["missed"], f"{profile}: {gap - 1} fires between, {after['missed']} said:\n{before}\n{after}"
    first, last = instant(rows[0]["due"]), instant(rows[-1]["due"])
    assert first - (1 + rows[0]["missed"]) * step <= began, f"{profile}: fires were lost between the start and {first}"
    assert last + step > until, f"{profile}: fires were lost between {last} and {until}"
    return (last - first) // step + 1 + rows[0]["missed"]
