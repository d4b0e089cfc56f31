"""A recording relay that changes no byte: what a client sent and was sent on every connection, as it was on the wire.

`wire.py` reads answers as a server should write them. This one is for a server that writes others: each piece is passed
on as it arrives, and is read only afterwards.
"""

import asyncio
import threading

from process import PATIENCE
from wire import Request, parse

# A last chunk where an answer should begin: what Swift leaves behind the header of every HEAD that fails.
STRAY = b"0\r\n\r\n"
END = b"\r\n\r\n"


class Connection:
    """One client connection, both directions."""

    def __init__(self):
        self.sent, self.received = bytearray(), bytearray()
        self._held = b""

    def requests(self):
        """The requests in their order, each with the status of its own answer; clients of the suite send no body."""
        heads = [head for head in bytes(self.sent).split(END) if head]
        requests = [self._request(head) for head in heads]
        rest = bytes(self.received)
        for request in requests:
            rest = answered(request, rest.removeprefix(STRAY))
        assert rest in (b"", STRAY), f"bytes that belong to no answer: {rest[:200]}"
        return requests

    def strays(self):
        """How many stray chunks the client was sent."""
        return self.received.count(END + STRAY)

    async def cut(self, piece):
        """Keeps a stray chunk at the end back until more is to be said."""
        piece, self._held = self._held + piece, b""
        if piece.endswith(END + STRAY):
            piece, self._held = piece.removesuffix(STRAY), STRAY
        return piece

    @staticmethod
    def _request(head):
        line, headers = parse(head)
        method, target, _ = line.split(" ", 2)
        return Request(method, target, headers.get("range"), None)


def answered(request, received):
    """Reads the answer at the start of `received`, and returns what follows it."""
    head, end, rest = received.partition(END)
    if not end:
        assert not received, f"half an answer to {request}: {received[:200]}"
        return rest
    line, headers = parse(head)
    request.status = int(line.split(" ", 2)[1])
    if request.method == "HEAD":
        return rest
    if headers.get("transfer-encoding") == "chunked":
        size = -1
        while size:
            digits, _, rest = rest.partition(b"\r\n")
            size = int(digits, 16)
            rest = rest[size + 2 :]
        return rest
    return rest[int(headers.get("content-length", 0)) :]


class Tap:
    """Relays to a port of this machine.

    `before_heads` is called once, before the first HEAD is passed on. With `late`, a stray chunk is passed on not with its
    own answer but with the next one, as a network may do that cuts between them: by then the next request is under way.
    """

    def __init__(self, upstream_port):
        self.upstream_port, self.port = upstream_port, 0
        self.connections, self.before_heads, self.late = [], None, False
        self._loop = asyncio.new_event_loop()
        threading.Thread(target=self._loop.run_forever, daemon=True).start()

    def start(self):
        asyncio.run_coroutine_threadsafe(self._start(), self._loop).result(PATIENCE)
        return self

    async def _start(self):
        self._first_head = asyncio.Lock()
        server = await asyncio.start_server(self._relay, "127.0.0.1", 0)
        self.port = server.sockets[0].getsockname()[1]

    async def _relay(self, reader, writer):
        connection = Connection()
        self.connections.append(connection)
        up_reader, up_writer = await asyncio.open_connection("127.0.0.1", self.upstream_port)
        forth = self._pass_on(reader, up_writer, connection.sent, self._hold)
        back = self._pass_on(up_reader, writer, connection.received, connection.cut if self.late else None)
        await asyncio.gather(forth, back, return_exceptions=True)

    async def _hold(self, piece):
        async with self._first_head:
            if piece.startswith(b"HEAD ") and self.before_heads:
                act, self.before_heads = self.before_heads, None
                await self._loop.run_in_executor(None, act)
        return piece

    async def _pass_on(self, reader, writer, record, change=None):
        try:
            while piece := await reader.read(1 << 16):
                if change:
                    piece = await change(piece)
                record += piece
                writer.write(piece)
                await writer.drain()
        finally:
            writer.close()
