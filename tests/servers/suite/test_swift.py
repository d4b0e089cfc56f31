"""What only Swift shows: a refused HEAD leaves a chunk in front of the next answer, and no count may suffer from it."""

import http.client
import json
from urllib.parse import urlsplit

import pytest

from bucket import BUCKET
from process import PATIENCE
from server import in_parallel
from test_warm import warmed_keys

KEYS = [f"run {n // 50}+é/100%/%2F/part-{n:03}" for n in range(300)]
# What becomes of them between the listing and the first HEAD.
EMPTIED, DELETED, REPLACED = KEYS[1::6], KEYS[3::6], KEYS[5::30]
KEPT = set(KEYS) - {*EMPTIED, *DELETED, *REPLACED}
# No two objects have the same: an answer that is taken for another's differs from the listing.
SIZES = {key: 100 + n for n, key in enumerate(KEYS)}


class Strays:
    """A bucket of 300 objects, which `spoil` rewrites behind the back of whoever has listed it."""

    def __init__(self, server, name):
        self.client, self.name = server.client(), name
        self.client.create_bucket(Bucket=name)
        self.put(SIZES)

    def put(self, sizes):
        in_parallel(lambda of: self.client.put_object(Bucket=self.name, Key=of[0], Body=b"x" * of[1]), sizes.items())

    def spoil(self):
        self.put({key: 0 for key in EMPTIED} | {key: 7 for key in REPLACED})
        in_parallel(lambda key: self.client.delete_object(Bucket=self.name, Key=key), DELETED)


@pytest.fixture(params=[False, True], ids=["chunk with its own answer", "chunk with the next answer"])
def late(server, request):
    server.tap.late = request.param
    yield request.param
    server.tap.late = False


def test_a_client_that_trusts_its_connection_reads_the_next_answer_wrong(server, objects):
    """That the server still does it, and that the tap can make it bite: else the tests below show nothing."""
    client, keys = server.client(), ("no such key", objects[0].key)
    signed = [client.generate_presigned_url("head_object", {"Bucket": BUCKET, "Key": key}) for key in keys]
    missing, there = map(urlsplit, signed)
    server.tap.late = True
    connection = http.client.HTTPConnection("localhost", server.tap.port, timeout=PATIENCE)
    try:
        connection.request("HEAD", f"{missing.path}?{missing.query}", headers={"Host": missing.netloc})
        answer = connection.getresponse()
        assert (answer.status, answer.read(), answer.will_close) == (404, b"", False)
        connection.request("HEAD", f"{there.path}?{there.query}", headers={"Host": there.netloc})
        with pytest.raises(http.client.BadStatusLine, match="^0"):
            connection.getresponse()
    finally:
        connection.close()
        server.tap.late = False


def said(result, message):
    """The keys that a log line with this message names."""
    lines = map(json.loads, result.stderr.splitlines())
    return sorted(line["key"] for line in lines if line["message"] == message)


def test_empty_and_missing_objects_cost_no_other_its_answer(program, server, late):
    strays = Strays(server, f"strays-{late}".lower())
    program.profile(f'objects = ["s3://{strays.name}/**"]\nrewarm_after = "1h"', "start_in_flight = 4\nmax_in_flight = 4")
    server.tap.before_heads = strays.spoil
    with server.watch() as seen:
        result = program.run("--log-format", "json", "-vv", "warm", "it", "--json").ended(3)
    assert server.tap.before_heads is None, "no HEAD was sent"
    run = result.one()
    counts = {end: run[end]["objects"] for end in ("planned", "warmed", "gone", "failed", "unknown")}
    assert counts == {"planned": 300, "warmed": 200, "gone": 50, "failed": 50, "unknown": 0}, run
    warm = {key: SIZES[key] for key in [*KEPT, *REPLACED]}
    assert run["warmed"]["bytes"] == sum(warm.values()), run
    assert said(result, "gone since it was listed") == DELETED, run
    assert said(result, "not warmed") == EMPTIED, run

    errors = {error["class"]: error for error in run["errors"]}
    assert {name: error["count"] for name, error in errors.items()} == {"changed": 10, "truncated": 50}, run
    assert {sample["key"] for sample in errors["changed"]["sample"]} <= set(REPLACED), errors["changed"]

    sent = {request.key(strays.name).decode(): request.status for request in seen if request.is_warming}
    assert sent == dict.fromkeys(KEYS, 206) | dict.fromkeys(EMPTIED, 416) | dict.fromkeys(DELETED, 404)
    assert sum(request.is_warming for request in seen) == 300, "an object got more than one warming HEAD"

    # What was learned of each is what it is now: sizes and ETags are those of the listing, so nothing is sent again.
    now = {key: SIZES[key] for key in KEPT} | dict.fromkeys(REPLACED, 7)
    with server.watch() as seen:
        again = program.run("warm", "it", "--json").ended(0).one()
    assert again["fresh"] == {"objects": 200, "bytes": sum(now.values())}, again
    assert not warmed_keys(seen, in_path=False), "what is fresh was sent again"


def with_secrets(program, server, listing, cache):
    """Keys of their own for lists and for HEADs."""
    text = '[endpoint.server.list]\ncredentials = "listing"\n'
    for name, secret in (("listing", listing), ("cache", cache)):
        (program.folder / f"{name}-id").write_text(server.facts["access_key"])
        (program.folder / f"{name}-secret").write_text(secret)
        text += f'[credentials.{name}]\naccess_key_id_file = "{program.folder / name}-id"\n'
        text += f'secret_access_key_file = "{program.folder / name}-secret"\n'
    text += '[profile.it]\nobjects = ["s3://suite/misc/**"]\nmax_bytes = "1 GiB"\n'
    return program.configure(text, 'credentials = "cache"')


def test_a_wrong_secret_for_lists_is_denied(program, server, objects):
    with_secrets(program, server, "wrong", server.facts["secret_key"])
    with server.watch() as seen:
        run = program.run("warm", "it", "--json").ended(4).one()
    assert run["outcome"] == "refused" and "denied: 403 SignatureDoesNotMatch" in run["reason"], run
    assert {(request.method, request.status) for request in seen} == {("GET", 403)}, seen


def test_a_wrong_secret_for_heads_is_denied(program, server, objects, late):
    with_secrets(program, server, server.facts["secret_key"], "wrong")
    with server.watch() as seen:
        run = program.run("warm", "it", "--json").ended(4).one()
    assert (run["outcome"], run["warmed"]["objects"]) == ("refused", 0), run
    assert [error["class"] for error in run["errors"]] == ["denied"], run
    assert {(request.method, request.status) for request in seen} == {("GET", 200), ("HEAD", 403)}, seen[:5]


def test_a_wrong_region_is_put_right_by_the_list_and_no_head_is_refused(program, server, objects):
    """It answers a signature for another region with 400 AuthorizationHeaderMalformed, and names its own."""
    program.profile('objects = ["s3://suite/misc/**"]', 'region = "elsewhere"')
    with server.watch() as seen:
        run = program.run("warm", "it", "--json").ended(0).one()
    assert run["warmed"]["objects"] == sum(o.key.startswith("misc/") and o.size > 0 for o in objects), run
    assert [(r.method, r.status) for r in seen if r.status not in (200, 206)] == [("GET", 400)], seen[:5]
