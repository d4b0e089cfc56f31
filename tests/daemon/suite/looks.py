"""How often a file has been opened: what a watch by polling does at each of its looks, whatever it finds."""

import contextlib
import ctypes
import os
import struct

IN_OPEN, IN_CLOSE_NOWRITE = 0x20, 0x10
# Of an event of one file: its watch, its mask, a cookie, and the length of a name that it has not.
EVENT = struct.Struct("iIII")

_libc = ctypes.CDLL(None, use_errno=True)


class Opened:
    """Counts from now on, by inotify. Give it a file that nobody else opens or replaces."""

    def __init__(self, path):
        self.fd = _libc.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC)
        if self.fd < 0 or _libc.inotify_add_watch(self.fd, os.fsencode(path), IN_OPEN | IN_CLOSE_NOWRITE) < 0:
            raise OSError(ctypes.get_errno(), f"inotify of {path}")
        self.opened = 0

    def count(self):
        # Closings are heard of only so that the kernel does not take two openings in a row for one.
        with contextlib.suppress(BlockingIOError):
            self.opened += sum(bool(mask & IN_OPEN) for _, mask, *_ in EVENT.iter_unpack(os.read(self.fd, 1 << 16)))
        return self.opened

    def __enter__(self):
        return self

    def __exit__(self, *_):
        os.close(self.fd)
