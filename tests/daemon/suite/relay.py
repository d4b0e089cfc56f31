"""A relay before the cache that counts HEADs by key: what the simulator counts it does not tell over its own port.

Requests and answers have no body here. An answer counts once it has been handed to the client's connection, under the
generation that is current then: a daemon that was killed reads nothing of the next.
"""

import asyncio
import threading
from urllib.parse import unquote

from process import PATIENCE

END = b"\r\n\r\n"


class Relay:
    def __init__(self, upstream_port):
        self.upstream_port = upstream_port
        self.generation = 0
        # (key, generation) of every 2xx, in order.
        self.answers = []
        self.sent = 0
        self.refused = []
        self.open = 0
        self.loop = asyncio.new_event_loop()
        self.thread = threading.Thread(target=self.loop.run_forever, daemon=True)
        self.thread.start()
        server = self.loop.create_server(lambda: Client(self), "127.0.0.1", 0)
        self.server = asyncio.run_coroutine_threadsafe(server, self.loop).result(PATIENCE)
        self.port = self.server.sockets[0].getsockname()[1]

    def close(self):
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join(PATIENCE)


class Client(asyncio.Protocol):
    """A connection of the daemon, and the one to the simulator that belongs to it."""

    def __init__(self, relay):
        self.relay = relay
        self.buffer = b""
        self.keys = []
        self.upstream = None
        self.waiting = b""

    def connection_made(self, transport):
        self.transport = transport
        self.relay.open += 1
        self.connecting = asyncio.ensure_future(self.connect())

    async def connect(self):
        try:
            self.upstream, _ = await self.relay.loop.create_connection(
                lambda: Upstream(self), "127.0.0.1", self.relay.upstream_port
            )
        except OSError:
            return self.transport.abort()
        if self.transport.is_closing():
            return self.upstream.close()
        self.upstream.write(self.waiting)

    def data_received(self, data):
        self.buffer += data
        while END in self.buffer:
            head, self.buffer = self.buffer.split(END, 1)
            line, *headers = head.decode("latin-1").split("\r\n")
            method, target, _ = line.split(" ", 2)
            assert method == "HEAD" and any(h.lower() == "range: bytes=0-0" for h in headers), head
            self.relay.sent += 1
            self.keys.append(unquote(target.split("?", 1)[0]))
            if self.upstream:
                self.upstream.write(head + END)
            else:
                self.waiting += head + END

    def connection_lost(self, _):
        self.relay.open -= 1
        if self.upstream:
            self.upstream.close()

    def answer(self, head):
        status = int(head.split(b" ", 2)[1])
        key = self.keys.pop(0)
        if self.transport.is_closing():
            return
        self.transport.write(head + END)
        if 200 <= status < 300:
            self.relay.answers.append((key, self.relay.generation))
        else:
            self.relay.refused.append((key, status))


class Upstream(asyncio.Protocol):
    def __init__(self, client):
        self.client = client
        self.buffer = b""

    def data_received(self, data):
        self.buffer += data
        while END in self.buffer:
            head, self.buffer = self.buffer.split(END, 1)
            self.client.answer(head)

    def connection_lost(self, _):
        self.client.transport.close()
