"""What only a gateway can show: virtual hosts, session tokens, and a process that is killed under load."""

import pytest

import bucket
from bucket import BUCKET
from process import wait_until
from test_warm import assert_one_head_each
from wire import Wire


def test_virtual_hosts_carry_hostile_keys(program, server, objects):
    program.profile('exclude = ["s3://suite/{data,ckpt,misc}/**"]', 'addressing = "virtual"')
    with server.watch() as seen:
        run = program.run("warm", "it", "--json").ended(0).one()
    assert_one_head_each(seen, [o for o in objects if o.key in bucket.HOSTILE], in_path=False)
    assert run["warmed"]["objects"] == len(bucket.HOSTILE), run


@pytest.fixture(scope="module")
def session(server):
    """Temporary keys of a role."""
    assumed = server.client("sts").assume_role(RoleArn=server.facts["role_arn"], RoleSessionName="suite")
    return {
        "AWS_ACCESS_KEY_ID": assumed["Credentials"]["AccessKeyId"],
        "AWS_SECRET_ACCESS_KEY": assumed["Credentials"]["SecretAccessKey"],
        "AWS_SESSION_TOKEN": assumed["Credentials"]["SessionToken"],
    }


def test_a_session_token_is_sent_with_lists_and_heads(program, session):
    program.profile('objects = ["s3://suite/misc/**"]')
    assert program.run("warm", "it", "--json", **session).ended(0).one()["outcome"] == "complete"


def test_temporary_keys_without_their_token_are_refused(program, session):
    program.profile('objects = ["s3://suite/misc/**"]')
    result = program.run("warm", "it", "--json", **{**session, "AWS_SESSION_TOKEN": ""}).ended(4)
    assert session["AWS_SECRET_ACCESS_KEY"] not in result.stderr + result.stdout


def test_a_gateway_killed_under_a_run_ends_it_and_nothing_is_claimed(program, server, objects):
    wire = Wire(server.upstream_port).start()
    program.endpoint = f"http://localhost:{wire.port}"
    program.profile("", 'outage_wait = "2s"\nretries = 1')
    command = ("warm", "it", "--json")
    process = program.start(*command)
    wait_until(lambda: process.poll() is not None or sum(r.is_warming for r in wire.answered()) >= 700, "enough is warm")
    assert process.poll() is None, f"hotset ended early: {process.communicate()}"
    server.kill()
    wire.stop()
    try:
        result = program.finish(process, command).ended(3, 5)
        answered = {r.key(BUCKET) for r in wire.answered() if r.is_warming}
        run = result.one()
        assert run["outcome"] in ("partial", "failed"), run
        assert 0 < run["warmed"]["objects"] <= len(answered), f"{len(answered)} HEADs were answered, the run says {run}"
    finally:
        server.start_again()

    missed = {s["key"].encode() for error in run["errors"] for s in error["sample"] if error["class"] != "changed"}
    assert not missed & answered, f"answered, and not called warm: {sorted(missed & answered)}"
    wire.start()
    program.run(*command).ended(0)
    wire.stop()
