"""`hotset warm` sends exactly one warming request a planned object, and its exit code says what came of it."""

from collections import Counter

import bucket
from bucket import BUCKET


def warmed_keys(seen, in_path=True):
    return Counter(r.key(BUCKET if in_path else None) for r in seen if r.is_warming)


def assert_one_head_each(seen, expected, in_path=True):
    sent = warmed_keys(seen, in_path)
    wanted = {o.key.encode() for o in expected}
    missing, extra = wanted - sent.keys(), sent.keys() - wanted
    assert not missing and not extra, (
        f"{len(missing)} of {len(wanted)} keys got no warming HEAD: {sorted(missing)[:5]}; "
        f"{len(extra)} others got one: {sorted(extra)[:5]}"
    )
    twice = {key: n for key, n in sent.items() if n > 1}
    assert not twice, f"{len(twice)} keys got more than one warming HEAD: {dict(list(twice.items())[:5])}"
    plain = [r for r in seen if r.method == "HEAD" and not r.is_warming]
    assert not plain, f"{len(plain)} HEADs without the range: {plain[:5]}"


def test_every_planned_key_gets_one_ranged_head_and_no_other_does(program, server, objects):
    with server.watch() as seen:
        run = program.profile('exclude = ["s3://suite/data/logs/**"]').run("warm", "it", "--json").ended(0).one()
    expected = [o for o in objects if o.size > 0 and not o.key.startswith("data/logs/")]
    assert_one_head_each(seen, expected)
    count = {"objects": len(expected), "bytes": sum(o.size for o in expected)}
    assert (run["outcome"], run["planned"], run["warmed"]) == ("complete", count, count), run
    assert run["failed"]["objects"] == run["unknown"]["objects"] == run["gone"]["objects"] == 0, run


def test_hostile_keys_reach_the_wire_unchanged(program, server, objects):
    body = 'exclude = ["s3://suite/{data,ckpt,misc}/**"]'
    with server.watch() as seen:
        run = program.profile(body).run("warm", "it", "--json").ended(0).one()
    hostile = [key for key in bucket.HOSTILE if server.stores(key)]
    assert_one_head_each(seen, [o for o in objects if o.key in hostile])
    assert run["warmed"]["objects"] == len(hostile), run


def test_a_second_warm_sends_nothing_unless_told_to(program, server):
    program.profile('objects = ["s3://suite/misc/**"]\nrewarm_after = "1h"')
    first = program.run("warm", "it", "--json").ended(0).one()
    with server.watch() as seen:
        second = program.run("warm", "it", "--json").ended(0).one()
    assert second["fresh"] == first["warmed"] and second["warmed"]["objects"] == 0, f"first {first}\nsecond {second}"
    assert not warmed_keys(seen), "what is fresh was sent again"
    with server.watch() as seen:
        again = program.run("warm", "it", "--json", "--rewarm").ended(0).one()
    assert again["warmed"] == first["warmed"] and again["fresh"]["objects"] == 0, f"first {first}\nagain {again}"
    assert len(warmed_keys(seen)) == first["warmed"]["objects"]


def test_a_bucket_glob_needs_no_profile(program, server, objects):
    arguments = ["warm", "s3://suite/ckpt/step-500/**", "--max-bytes", "1TiB", "--cache-url", server.endpoint]
    arguments += ["--list-url", server.endpoint, "--region", "us-east-1", "--addressing", "path", "--json"]
    with server.watch() as seen:
        run = program.run(*arguments).ended(0).one()
    expected = [o for o in objects if o.key.startswith("ckpt/step-500/")]
    assert_one_head_each(seen, expected)
    assert run["warmed"]["objects"] == len(expected), run


def test_keys_from_files_are_used(program, server, tmp_path):
    for part, value in (("id", server.facts["access_key"]), ("secret", server.facts["secret_key"])):
        (tmp_path / part).write_text(value + "\n", encoding="utf-8")
    program.environment = {k: v for k, v in program.environment.items() if not k.startswith("AWS_ACCESS")}
    program.environment.pop("AWS_SECRET_ACCESS_KEY")
    program.configure(
        f"""
        [credentials.files]
        access_key_id_file = "{tmp_path / "id"}"
        secret_access_key_file = "{tmp_path / "secret"}"

        [profile.it]
        objects = ["s3://suite/misc/1*"]
        max_bytes = "1 GiB"
        """,
        'credentials = "files"',
    )
    run = program.run("warm", "it", "--json").ended(0).one()
    assert run["outcome"] == "complete", run


def test_nothing_matched_is_refused(program, server):
    program.profile('objects = ["s3://suite/no-such-folder/**"]')
    for verb in ("plan", "warm"):
        with server.watch() as seen:
            result = program.run(verb, "it", "--json").ended(4)
        assert result.one()["outcome"] == "refused", result
        assert not [r for r in seen if r.method == "HEAD"], f"a refused {verb} sent HEADs"


def test_all_left_out_by_age_is_complete(program, server):
    with server.watch() as seen:
        result = program.profile('older_than = "30d"').run("warm", "it", "--json").ended(0)
    assert result.one()["outcome"] == "complete", result
    assert not warmed_keys(seen)


def test_a_wrong_secret_is_refused_in_one_line(program):
    secret = "not-the-secret-7f3a"
    result = program.profile("").run("-q", "warm", "it", "--json", AWS_SECRET_ACCESS_KEY=secret).ended(4)
    assert result.one()["outcome"] == "refused", result
    said = [line for line in result.stderr.splitlines() if line.strip()]
    assert len(said) == 1, f"expected one clear line on stderr, got {len(said)}\n{result}"
    assert BUCKET in said[0], f"the line does not name the bucket\n{result}"
    assert not any(word in result.stderr for word in ("panicked", "Traceback", "RUST_BACKTRACE")), result
    assert secret not in result.stdout + result.stderr, "the secret is printed"


def test_a_bucket_that_does_not_exist_warms_nothing(program, server):
    with server.watch() as seen:
        result = program.profile('objects = ["s3://no-such-bucket-here/**"]').run("warm", "it", "--json")
    result.ended(4, 5)
    assert result.one()["outcome"] in ("refused", "failed"), result
    assert not warmed_keys(seen)
