"""A headless Chromium, spoken to in its own protocol (DevTools)."""

import base64
import json
import re
import urllib.request

import websocket

from process import PATIENCE, wait_until

# No sandbox: in a container there is none to be had, and the only page it sees is ours.
OPTIONS = [
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
    "--no-first-run",
    "--remote-debugging-port=0",
    "--remote-allow-origins=*",
    "--window-size=1100,900",
]


class Browser:
    def __init__(self, bench):
        profile = bench.folder / "chromium"
        self.process = bench.start("chromium", ["chromium", *OPTIONS, f"--user-data-dir={profile}", "about:blank"])
        found = wait_until(self.listens, lambda: f"chromium listens\n{self.process.tail()}")
        self.port = int(found[1])

    def listens(self):
        assert self.process.is_running(), f"chromium ended with {self.process.popen.returncode}"
        return re.search(r"DevTools listening on ws://127\.0\.0\.1:(\d+)/", self.process.log())

    def tab(self, script=True):
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}/json/new?about:blank", method="PUT")
        with urllib.request.urlopen(request, timeout=PATIENCE) as answer:
            return Tab(json.load(answer)["webSocketDebuggerUrl"], script)


class Tab:
    """One page, with what went wrong in it."""

    def __init__(self, url, script):
        self.socket = websocket.create_connection(url, timeout=PATIENCE)
        self.serial = 0
        self.faults = []
        self.requests = {}
        self.loads = 0
        for domain in ("Page", "Runtime", "Network", "Log", "DOM"):
            self.ask(f"{domain}.enable")
        self.ask("Emulation.setScriptExecutionDisabled", value=not script)

    def ask(self, method, **parameters):
        self.serial += 1
        self.socket.send(json.dumps({"id": self.serial, "method": method, "params": parameters}))
        while True:
            message = json.loads(self.socket.recv())
            if message.get("id") == self.serial:
                assert "error" not in message, f"{method}: {message['error']}"
                return message["result"]
            self.heard(message.get("method"), message.get("params", {}))

    def heard(self, method, said):
        if method == "Page.loadEventFired":
            self.loads += 1
        elif method == "Runtime.exceptionThrown":
            self.faults.append(f"exception: {said['exceptionDetails']}")
        elif method == "Runtime.consoleAPICalled" and said["type"] in ("error", "warning", "assert"):
            self.faults.append(f"console: {said['args']}")
        elif method == "Log.entryAdded" and said["entry"]["level"] in ("error", "warning"):
            self.faults.append(f"log: {said['entry']}")
        elif method == "Network.requestWillBeSent":
            self.requests[said["requestId"]] = said["request"]["url"]
        elif method == "Network.responseReceived" and said["response"]["status"] >= 400:
            self.faults.append(f"{said['response']['status']}: {said['response']['url']}")
        elif method == "Network.loadingFailed":
            self.faults.append(f"request failed: {self.requests.get(said['requestId'])}: {said['errorText']}")

    def open(self, url):
        loads = self.loads
        self.ask("Page.navigate", url=url)

        def loaded():
            self.ask("Runtime.enable")  # hears what has come in meanwhile
            return self.loads > loads

        wait_until(loaded, f"{url} is loaded")

    def value(self, expression):
        result = self.ask("Runtime.evaluate", expression=expression, returnByValue=True)
        assert "exceptionDetails" not in result, result
        return result["result"].get("value")

    def picture(self, path):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(base64.b64decode(self.ask("Page.captureScreenshot", captureBeyondViewport=True)["data"]))

    def close(self):
        self.socket.close()
