"""Ends the process the way that a lost node does."""

import os
import signal
import sys


def before_writing(end, once=""):
    """The process is killed when it opens a file whose path ends with `end` to write it, which is then not written.

    `once`: only from when that path is there on.
    """

    def hook(event, arguments):
        if event == "open" and writes(*arguments[1:3]) and str(arguments[0]).endswith(end) and os.path.lexists(once or "/"):
            now()

    sys.addaudithook(hook)


def writes(mode, flags):
    return any(letter in mode for letter in "wax+") if mode else bool(flags & (os.O_WRONLY | os.O_RDWR))


def now():
    os.kill(os.getpid(), signal.SIGKILL)
