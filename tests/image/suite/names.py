"""A name server for a zone that exists nowhere else: every name in it is this machine's loopback."""

import socket
import struct
import threading

ADDRESS = "127.0.0.53"
ZONE = "names.test"
A = 1


def question(query):
    """The name that is asked for, its type, and where the question ends."""
    labels, at = [], 12
    while length := query[at]:
        labels.append(query[at + 1 : at + 1 + length].decode())
        at += 1 + length
    (kind,) = struct.unpack_from("!H", query, at + 1)
    return ".".join(labels).lower(), kind, at + 5


def answer(query):
    name, kind, end = question(query)
    known = name == ZONE or name.endswith(f".{ZONE}")
    record = struct.pack("!HHHIH4s", 0xC00C, A, 1, 60, 4, socket.inet_aton("127.0.0.1")) if known and kind == A else b""
    flags = 0x8180 if known else 0x8183
    return name, query[:2] + struct.pack("!HHHHH", flags, 1, bool(record), 0, 0) + query[12:end] + record


class NameServer:
    """Answers until it is closed, and remembers what it was asked."""

    def __init__(self):
        self.asked = []
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind((ADDRESS, 53))
        self.thread = threading.Thread(target=self._serve, daemon=True)
        self.thread.start()

    def _serve(self):
        while True:
            query, client = self.socket.recvfrom(512)
            if not query:
                return
            name, reply = answer(query)
            self.asked.append(name)
            self.socket.sendto(reply, client)

    def close(self):
        # An empty packet is its end.
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
            client.sendto(b"", (ADDRESS, 53))
        self.thread.join()
        self.socket.close()
