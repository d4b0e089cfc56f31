"""A recording relay between a client and a server on loopback: what was asked, byte for byte, and what was answered.

An answer is recorded before the client sees it, so a client that claims an answer which is not recorded has made it up.
"""

import asyncio
import dataclasses
import threading
from urllib.parse import unquote_to_bytes

from process import PATIENCE


@dataclasses.dataclass
class Request:
    method: str
    target: str
    range: str | None
    status: int | None

    @property
    def is_warming(self):
        return self.method == "HEAD" and self.range == "bytes=0-0"

    def key(self, bucket=None):
        """The key as bytes; `bucket` is given where it stands in the path, and not where it is in the host."""
        path = self.target.split("?", 1)[0]
        lead = f"/{bucket}/" if bucket else "/"
        assert path.startswith(lead), f"{self.method} {self.target} does not start with {lead}"
        return unquote_to_bytes(path[len(lead) :])


class Wire:
    """Relays one client connection to one server connection, and closes both together."""

    def __init__(self, upstream_port):
        self.upstream_port = upstream_port
        self.port = 0
        self.requests = []
        self._server = None
        self._open = set()
        self._loop = asyncio.new_event_loop()
        threading.Thread(target=self._loop.run_forever, daemon=True).start()

    def start(self):
        self._call(self._start())
        return self

    def stop(self):
        """Refuses new connections and resets the open ones."""
        self._call(self._stop())

    def answered(self):
        return [r for r in list(self.requests) if r.status is not None and 200 <= r.status < 300]

    def _call(self, coroutine):
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result(PATIENCE)

    async def _start(self):
        options = {"limit": 1 << 20, "reuse_address": True}
        self._server = await asyncio.start_server(self._relay, "127.0.0.1", self.port, **options)
        self.port = self._server.sockets[0].getsockname()[1]

    async def _stop(self):
        self._server.close()
        for writer in list(self._open):
            writer.transport.abort()

    async def _relay(self, reader, writer):
        self._open.add(writer)
        upstream = None
        try:
            up_reader, upstream = await asyncio.open_connection("127.0.0.1", self.upstream_port, limit=1 << 20)
            while await self._exchange(reader, writer, up_reader, upstream):
                pass
            writer.close()
        except (OSError, asyncio.IncompleteReadError):
            writer.transport.abort()
        finally:
            self._open.discard(writer)
            if upstream:
                upstream.close()

    async def _exchange(self, reader, writer, up_reader, upstream):
        """One request and its answer; false when either side has said that it was the last."""
        try:
            head = await reader.readuntil(b"\r\n\r\n")
        except asyncio.IncompleteReadError as end:
            if end.partial:
                raise
            return False
        line, headers = parse(head)
        method, target, _ = line.split(" ", 2)
        request = Request(method, target, headers.get("range"), None)
        self.requests.append(request)
        upstream.write(head + await reader.readexactly(int(headers.get("content-length", 0))))
        await upstream.drain()
        answer = await up_reader.readuntil(b"\r\n\r\n")
        line, answer_headers = parse(answer)
        status = int(line.split(" ", 2)[1])
        body = b"" if method == "HEAD" or status in (204, 304) else await read_body(up_reader, answer_headers)
        request.status = status
        writer.write(answer + body)
        await writer.drain()
        lasts = [h.get("connection", "").lower() == "close" for h in (headers, answer_headers)]
        return not any(lasts) and not line.startswith("HTTP/1.0")


def parse(head):
    lines = head.decode("latin-1").split("\r\n")
    pairs = (line.split(":", 1) for line in lines[1:] if line)
    return lines[0], {name.strip().lower(): value.strip() for name, value in pairs}


async def read_body(reader, headers):
    if "content-length" in headers:
        return await reader.readexactly(int(headers["content-length"]))
    if headers.get("transfer-encoding", "").lower() != "chunked":
        return await reader.read()
    body = b""
    while True:
        size = await reader.readuntil(b"\r\n")
        chunk = await reader.readexactly(int(size.split(b";")[0], 16) + 2)
        body += size + chunk
        if len(chunk) == 2:
            return body
