"""A manifest in the store is read as `hotset plan --objects` wrote it, and a list of names is enough."""

import gzip
import json

import pytest

from bucket import BUCKET
from test_plan import compare

LISTS = "manifests"


@pytest.fixture(scope="module")
def store(server):
    """Puts a text into a bucket of its own, so that nobody lists it."""
    client = server.client()
    client.create_bucket(Bucket=LISTS)

    def put(key, body):
        client.put_object(Bucket=LISTS, Key=key, Body=body)
        return f'manifest = "s3://{LISTS}/{key}"'

    return put


def named(program, manifest, more=""):
    return program.configure(f'[profile.it]\n{manifest}\nmax_bytes = "1 GiB"\n{more}')


def names(objects, **more):
    """No more than which objects, one a line."""
    return "".join(json.dumps({"bucket": BUCKET, "key": o.key, **more}) + "\n" for o in objects)


@pytest.mark.parametrize("packed", [False, True])
def test_what_a_plan_wrote_is_planned_again(program, objects, store, packed):
    written = program.profile("").run("plan", "it", "--objects", "-").ended(0).stdout.encode()
    manifest = store(f"written-{packed}", gzip.compress(written) if packed else written)
    again = named(program, manifest).run("plan", "it", "--objects", "-").ended(0)
    compare(again, [o for o in objects if o.size > 0])
    assert again.stdout.encode() == written, "in the same order, to the byte"


def test_names_are_enough(program, objects, store):
    some = objects[::10] + [o for o in objects if not o.key.isascii() or "/" not in o.key]
    expected = {o.key: o for o in some if o.size > 0}.values()
    manifest = store("names", names(some))
    compare(named(program, manifest).run("plan", "it", "--objects", "-").ended(0), expected)
    plan = named(program, manifest).run("plan", "it", "--json").ended(0).one()
    assert plan["manifest"]["looked_up"] == len({o.key for o in some}), plan["manifest"]
    assert plan["manifest"]["gone"] == 0, plan["manifest"]


def test_a_large_manifest_is_read_in_parts(program, objects, store, server):
    text = names(objects, note="x" * 1500)
    manifest = store("large", text)
    rules = f'objects = ["s3://{BUCKET}/misc/**"]'
    with server.watch() as seen:
        result = named(program, manifest, rules).run("plan", "it", "--objects", "-").ended(0)
    compare(result, [o for o in objects if o.key.startswith("misc/")])
    parts = [r for r in seen if r.method == "GET"]
    assert len(parts) == -(-len(text) // (4 << 20)) and len(parts) > 1, f"{len(parts)} parts of {len(text)} bytes"
    assert all(r.status == 206 for r in parts), parts


def test_what_is_not_there_is_left_out_and_said(program, objects, store):
    some = [o for o in objects if o.key.startswith("misc/")][:3]
    absent = json.dumps({"bucket": BUCKET, "key": "no/such/key"}) + "\n"
    manifest = store("absent", names(some) + absent + absent)
    result = named(program, manifest).run("plan", "it", "--json").ended(0).one()
    assert (result["manifest"]["gone"], result["manifest"]["duplicates"]) == (1, 1), result
    assert result["selected"]["objects"] == 3, result


def test_what_cannot_be_read_ends_as_a_listing_does(program, store):
    named(program, store("empty", b"")).run("plan", "it").ended(4)
    named(program, store("wrong", b'{"bucket":"suite"}\n')).run("plan", "it").ended(4)
    named(program, f'manifest = "s3://{LISTS}/absent-altogether"').run("plan", "it").ended(5)
    named(program, 'manifest = "s3://no-such-bucket-here/x"').run("plan", "it").ended(4)
