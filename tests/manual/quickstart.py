#!/usr/bin/env python3
"""Does what a section of the quick start says, from the folder that it was built in, to a daemon that warms from a simulator, and what is
said in words below: changes the configuration, and stops both. `quickstart.py PAGE FOLDER`."""

import contextlib
import pathlib
import re
import socket
import sys

import walk

SECTION = "## On this machine\n"
# Whoever types is slower than the simulator starts.
TYPED = ("hotset check --online\n", "until grep -q '^ready' sim.log; do sleep 0.1; done\nhotset check --online\n")
AFTER = """
sed -i s/0199/0399/ hotset.toml
# The run of all 400; the schedule may fire before the change is seen.
until hotset runs | grep complete | grep -qw 400; do sleep 0.2; done
hotset runs
curl --silent --fail http://127.0.0.1:9464/ | grep -q imagenet
kill %2
wait %2
kill %1
wait %1
cat sim.log
# Each shard once.
grep -q '^cache fills: *400, ' sim.log
"""


def free_ports(count):
    with contextlib.ExitStack() as held:
        sockets = [held.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(count)]
        return [str(one.getsockname()[1]) for one in sockets]


def main(page, folder):
    _, text = pathlib.Path(page).read_text().split(SECTION)
    text, after = text.split("\n## ")[0].replace(*TYPED), AFTER
    written = ("9001", "9002", "9464")
    assert all(port in text for port in written), f"{page} does not name the ports {', '.join(written)}"
    free = dict(zip(written, free_ports(len(written))))
    text, after = (re.sub("|".join(written), lambda port: free[port[0]], part) for part in (text, after))
    walk.walk(page, text, folder, after)


main(*sys.argv[1:])
