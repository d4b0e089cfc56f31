"""Trees that real libraries wrote: the newest whole checkpoint is found, and it alone is warmed."""

import functools
from collections import Counter

import pytest

import layouts
from layouts import BUCKET, CASES, Replayed

every_case = pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)


@pytest.fixture(scope="module")
def bucket_of_layouts(server):
    server.client().create_bucket(Bucket=BUCKET)


@pytest.fixture(scope="module")
def replayed(server, bucket_of_layouts):
    """A replay that tests share, because they only read it."""
    return functools.cache(lambda case: Replayed(server, case))


def planned(program, tree):
    return program.profile(tree.profile()).run("plan", "it", "--json").ended(0).one()


def assert_states(plan, tree, expected):
    below = f"{tree.prefix}/"
    assert {group["bucket"] for group in plan["groups"]} == {BUCKET}, plan["groups"]
    seen = {
        (group["run"].removeprefix(below), group["name"]): (group["step"], group["state"]) for group in plan["groups"]
    }
    assert seen == expected, f"expected {expected}\nin {plan['groups']}"


def chosen_keys(program, tree):
    """`bucket/key` and size of every object that would be warmed."""
    program.profile(tree.profile())
    lines = program.run("plan", "it", "--objects", "-").ended(0).json()
    return sorted((f"{line['bucket']}/{line['key']}", line["size"]) for line in lines)


def stored(tree, groups):
    return sorted((f"{BUCKET}/{tree.prefix}/{file.key}", len(file.body)) for file in tree.case.of(groups))


def warmable(tree, groups):
    """What there is to warm of these groups: a file without a byte fills no cache."""
    return [(key, size) for key, size in stored(tree, groups) if size]


def test_every_captured_layout_is_here():
    assert {"orbax", "safetensors", "torch-dcp"} <= {case.layout for case in CASES}, layouts.CAPTURED


@every_case
def test_the_newest_whole_checkpoint_is_chosen(program, replayed, case):
    tree = replayed(case)
    plan = planned(program, tree)
    assert_states(plan, tree, case.states(case.newest()))
    assert plan["outcome"] == "complete", plan
    sizes = warmable(tree, case.newest())
    total = {"objects": len(sizes), "bytes": sum(size for _, size in sizes)}
    assert plan["selected"] == total, f"expected {total} in {plan}"
    for group in plan["groups"]:
        assert group["state"] != "incomplete" or group["why"], f"no reason is given for {group}"
        assert group["state"] != "chosen" or not group["why"], f"a reason is given against {group}"


@every_case
def test_a_chosen_checkpoint_is_whole_and_nothing_else(program, replayed, case):
    tree = replayed(case)
    assert chosen_keys(program, tree) == warmable(tree, case.newest())


@every_case
def test_the_groups_of_a_plan_count_what_they_hold(program, replayed, case):
    tree = replayed(case)
    for seen in planned(program, tree)["groups"]:
        path = f"{seen['run'].removeprefix(tree.prefix + '/')}/{seen['name']}"
        sizes = stored(tree, [group for group in case.groups if group.path == path])
        counted = (seen["objects"], seen["bytes"])
        expected = (len(sizes), sum(size for _, size in sizes))
        assert counted == expected or (counted == (None, None) and seen["state"] != "chosen"), f"{seen}: {expected}"


@every_case
def test_a_checkpoint_that_loses_a_file_gives_way_to_the_one_before(program, server, bucket_of_layouts, case):
    tree = Replayed(server, case)
    newest, *others = case.newest()
    run = [group for group in case.groups if group.run == newest.run and group.complete]
    states = case.states([run[1], *others])
    if case.lose:
        blamed = case.lose
        tree.delete(f"{newest.path}/{case.lose}")
    elif case.pointer():
        blamed = case.pointer().key.rsplit("/", 1)[-1]
        tree.put(case.pointer().key, run[1].name.encode())
    else:
        blamed = None
        tree.delete(newest.path)
        del states[newest.run, newest.name]
    plan = planned(program, tree)
    assert_states(plan, tree, states)
    whys = [group["why"] for group in plan["groups"] if group["name"] == newest.name and blamed]
    assert all(blamed in (why or "") for why in whys), f"{blamed} is not blamed in {whys}"
    assert chosen_keys(program, tree) == warmable(tree, [run[1], *others])


@every_case
def test_the_chosen_checkpoint_alone_is_warmed(program, server, replayed, case):
    tree = replayed(case)
    program.profile(tree.profile())
    with server.watch() as seen:
        run = program.run("warm", "it", "--json").ended(0).one()
    wanted = {key.removeprefix(f"{BUCKET}/").encode() for key, _ in warmable(tree, case.newest())}
    sent = Counter(request.key(BUCKET) for request in seen if request.is_warming)
    assert set(sent) == wanted, f"missing {sorted(wanted - set(sent))}\nextra {sorted(set(sent) - wanted)}"
    assert max(sent.values()) == 1, f"more than one warming HEAD: {sent}"
    assert not [r for r in seen if r.method == "HEAD" and not r.is_warming], "a HEAD without the range was sent"
    assert (run["outcome"], run["warmed"]["objects"]) == ("complete", len(wanted)), run
