"""`hotset plan` chooses what boto3 lists through the same filters, and asks for nothing but lists."""

import re

import pytest

from bucket import BUCKET

KIB = 1024


def name(key):
    return key.rsplit("/", 1)[-1]


# What the profile says, and the same in Python. The predicates know nothing of the pattern dialect.
FILTERS = {
    "everything": ("", lambda o: True),
    "a literal prefix": (
        'objects = ["s3://suite/data/imagenet/**"]',
        lambda o: o.key.startswith("data/imagenet/"),
    ),
    "a star stays within its segment": (
        'objects = ["s3://suite/data/*/*.tar", "s3://suite/data/*.parquet"]',
        lambda o: o.key.startswith("data/imagenet/") and o.key.endswith(".tar"),
    ),
    "two stars cross segments": (
        'objects = ["s3://suite/data/**/*.parquet"]',
        lambda o: o.key.startswith("data/") and o.key.endswith(".parquet"),
    ),
    "a numeric range": (
        'objects = ["s3://suite/data/imagenet/train-{000100..000199}.tar"]',
        lambda o: re.fullmatch(r"data/imagenet/train-0001\d\d\.tar", o.key),
    ),
    "alternatives and a class": (
        'objects = ["s3://suite/ckpt/step-{100,1000}/__[0-4]_0.distcp"]',
        lambda o: re.fullmatch(r"ckpt/step-(100|1000)/__[0-4]_0\.distcp", o.key),
    ),
    "folders are found before what stands below them": (
        'objects = ["s3://suite/data/*/train-0001*.tar", "s3://suite/data/*/2026/11/0*/**"]',
        lambda o: re.fullmatch(r"data/imagenet/train-0001\d\d\.tar|data/logs/2026/11/0\d/.*", o.key),
    ),
    "a question mark is one character, whatever its bytes": (
        'objects = ["s3://suite/emoji-??", "s3://suite/composed-?"]',
        lambda o: o.key in ("emoji-🔥🧊", "composed-é"),
    ),
    "several patterns count an object once": (
        'objects = ["s3://suite/misc/1*", "s3://suite/misc/*1"]',
        lambda o: o.key.startswith("misc/") and (o.key[5] == "1" or o.key[-1] == "1"),
    ),
    "exclusions": (
        'exclude = ["s3://suite/data/**", "s3://suite/ckpt/step-100/**"]',
        lambda o: not o.key.startswith(("data/", "ckpt/step-100/")),
    ),
    "keys with a leading slash": (
        'objects = ["s3://suite//**"]',
        lambda o: o.key.startswith("/"),
    ),
    "a doubled slash is an empty segment": (
        'objects = ["s3://suite/double/*/slash", "s3://suite/double//*"]',
        lambda o: o.key == "double//slash",
    ),
    "dots are not walked": (
        'objects = ["s3://suite/../up", "s3://suite/a/../*", "s3://suite/./*"]',
        lambda o: o.key in ("../up", "a/../up", "./dot"),
    ),
    "what looks encoded is not decoded": (
        'objects = ["s3://suite/encoded%2Fslash", "s3://suite/100%", "s3://suite/plus+*"]',
        lambda o: o.key in ("encoded%2Fslash", "100%", "plus+plus"),
    ),
    "sizes": (
        'min_size = "1 KiB"\nmax_size = "2 KiB"',
        lambda o: KIB <= o.size <= 2 * KIB,
    ),
    "an age that takes all": ('newer_than = "1d"', lambda o: True),
}


@pytest.mark.parametrize("situation", FILTERS)
def test_the_plan_holds_what_boto3_lists_through_the_same_filter(program, objects, situation):
    body, where = FILTERS[situation]
    expected = [o for o in objects if o.size > 0 and where(o)]
    assert expected, "the case has nothing to find"
    result = program.profile(body).run("plan", "it", "--objects", "-").ended(0)
    compare(result, expected)


ORDERS = {
    "newest": lambda o: -o.modified,
    "oldest": lambda o: o.modified,
    "largest": lambda o: -o.size,
    "smallest": lambda o: o.size,
    "key": lambda o: 0,
}


def ranked(objects, order):
    """Ties by key, as bytes; there is one bucket."""
    return sorted((o for o in objects if o.size > 0), key=lambda o: (ORDERS[order](o), o.key.encode()))


@pytest.mark.parametrize("order", ORDERS)
def test_max_objects_keeps_the_first_of_the_order(program, objects, order):
    body = f'order = "{order}"\nmax_objects = 777'
    result = program.profile(body).run("plan", "it", "--objects", "-").ended(0)
    compare(result, ranked(objects, order)[:777], in_order=True)


@pytest.mark.parametrize("order", ORDERS)
def test_max_bytes_keeps_the_first_of_the_order_until_one_does_not_fit(program, objects, order):
    cap, expected = 300 * KIB, []
    for candidate in ranked(objects, order):
        if sum(o.size for o in expected) + candidate.size > cap:
            break
        expected.append(candidate)
    body = f'order = "{order}"\nmax_bytes = "300 KiB"'
    result = program.profile(body).run("plan", "it", "--objects", "-").ended(0)
    compare(result, expected, in_order=True)


def test_without_an_order_the_newest_are_kept(program, objects):
    result = program.profile("max_objects = 10").run("plan", "it", "--objects", "-").ended(0)
    compare(result, ranked(objects, "newest")[:10], in_order=True)


def test_the_json_counts_add_up(program, objects):
    body = 'exclude = ["s3://suite/data/**"]\nmin_size = "1 KiB"\nmax_objects = 50'
    plan = program.profile(body).run("plan", "it", "--json").ended(0).one()
    expected = [o for o in objects if o.size >= KIB and not o.key.startswith("data/")]
    assert plan["listed"]["objects"] == len(objects), plan
    assert plan["selected"] == {"objects": 50, "bytes": total(ranked(expected, "newest")[:50])}, plan
    left_out = plan["left_out"]
    assert left_out["over_cap"]["objects"] == len(expected) - 50, left_out
    assert sum(reason["objects"] for reason in left_out.values()) + 50 == plan["matched"]["objects"], plan
    assert plan["over_cap"] is True, plan


def test_a_plan_lists_and_sends_no_head(program, server):
    with server.watch() as seen:
        program.profile("").run("plan", "it", "--json").ended(0)
    others = [r for r in seen if r.method != "GET"]
    assert not others, f"a plan must only list, it sent {len(others)} other requests: {others[:5]}"
    assert any("list-type=2" in r.target for r in seen), f"no list request among {seen[:5]}"


def test_a_plan_needs_no_cache(program, objects):
    result = program.profile("max_objects = 3", 'cache_url = "http://127.0.0.1:9"').run("plan", "it", "--objects", "-")
    compare(result.ended(0), ranked(objects, "newest")[:3], in_order=True)


def total(objects):
    return sum(o.size for o in objects)


def compare(result, expected, in_order=False):
    """Key for key, size for size, ETag for ETag."""
    lines = result.json()
    assert all(line["bucket"] == BUCKET and line["profile"] == "it" for line in lines), lines[0]
    planned = {line["key"]: line for line in lines}
    assert len(planned) == len(lines), "a key is planned twice"
    wanted = {o.key: o for o in expected}
    missing, extra = wanted.keys() - planned.keys(), planned.keys() - wanted.keys()
    assert not missing and not extra, (
        f"{len(missing)} of {len(wanted)} keys are missing: {sorted(missing)[:5]}; "
        f"{len(extra)} are too many: {sorted(extra)[:5]}"
    )
    for key, stored in wanted.items():
        found = planned[key]["size"], planned[key]["etag"]
        assert found == (stored.size, stored.etag), f"{stored}: size and etag {stored.etag} became {found}"
    if in_order:
        for place, (line, stored) in enumerate(zip(lines, expected)):
            assert line["key"] == stored.key, f"rank {place}: expected {stored}, got {line}"
