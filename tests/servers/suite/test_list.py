"""Thousands of keys of several shapes, listed in parts at the same time, are those that boto3 lists."""

import random

import pytest

# Characters of one to four bytes, and some that are escaped on the wire.
LETTERS = "aZ9-_.~!%&=+éßж漢🧊"


def keys(count):
    yield from (f"counted/shard-{n:08}.tar" for n in range(count * 4 // 10))
    chance = random.Random(11)
    yield from (f"hashed/{chance.getrandbits(64):016x}" for _ in range(count // 4))
    yield from (f"dated/2026/{n % 12 + 1:02}/{n % 28 + 1:02}/{n:05}.log" for n in range(count // 4))
    yield from ("text/" + "".join(chance.choices(LETTERS, k=4)) + f"{n}" for n in range(count // 10))


@pytest.fixture(scope="module", params=[5_000, pytest.param(20_000, marks=pytest.mark.night)])
def listed(server, request):
    """What boto3 lists."""
    client, bucket = server.client(), f"many-{request.param}"
    client.create_bucket(Bucket=bucket)
    server.put_all(bucket, dict.fromkeys(keys(request.param), b"x"))
    pages = client.get_paginator("list_objects_v2").paginate(Bucket=bucket)
    found = [(o["Key"], o["Size"], o["ETag"].strip('"')) for page in pages for o in page.get("Contents", [])]
    assert sorted(key for key, *_ in found) == sorted(set(keys(request.param))), "boto3 does not list what was put"
    assert len(found) == request.param
    return bucket, found


def planned(program, server, objects, endpoint=""):
    profile = f'objects = [{objects}]\norder = "key"'
    lines = program.profile(profile, endpoint).run("plan", "it", "--objects", "-").ended(0)
    assert "mishandles start-after" not in lines.stderr or not server.heeds_start_after, lines.stderr
    return [(line["key"], line["size"], line["etag"]) for line in lines.json()]


@pytest.mark.parametrize("in_flight", [1, 8, 64])
def test_a_listing_in_parts_is_what_boto3_lists(program, server, listed, in_flight):
    bucket, objects = listed
    found = planned(program, server, f'"s3://{bucket}/**"', f"list_in_flight = {in_flight}")
    assert sorted(found) == sorted(objects)


@pytest.mark.parametrize("prefix", ["counted/", "hashed/", "dated/", "text/"])
def test_so_is_that_of_a_prefix(program, server, listed, prefix):
    bucket, objects = listed
    found = planned(program, server, f'"s3://{bucket}/{prefix}**"')
    assert sorted(found) == sorted(o for o in objects if o[0].startswith(prefix))
