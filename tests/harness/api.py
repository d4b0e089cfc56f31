"""The daemon's HTTP interface, as a script would use it."""

import dataclasses
import http.client
import json

from process import PATIENCE


@dataclasses.dataclass
class Answer:
    status: int
    body: str

    def json(self):
        assert self.status in (200, 202), f"{self.status}: {self.body[:2000]}"
        return json.loads(self.body)


class Api:
    def __init__(self, port):
        self.port = port

    def ask(self, method, path, body=None):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE)
        try:
            headers = {"Content-Type": "application/json"} if body is not None else {}
            connection.request(method, path, json.dumps(body) if body is not None else None, headers)
            answer = connection.getresponse()
            return Answer(answer.status, answer.read().decode())
        except http.client.HTTPException as error:
            raise ConnectionError(f"{method} {path}: {error!r}") from error
        finally:
            connection.close()

    def get(self, path):
        return self.ask("GET", path)

    def post(self, path, body=None):
        return self.ask("POST", path, body)

    def status(self):
        return self.get("/api/v1/status").json()

    def profile(self, name):
        """`None`: there is none of this name."""
        answer = self.get(f"/api/v1/profiles/{name}")
        return None if answer.status == 404 else answer.json()

    def runs(self, limit=1000):
        return self.get(f"/api/v1/runs?limit={limit}").json()["runs"]
