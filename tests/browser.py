"""A headless Chromium for tests, driven over the DevTools protocol."""

import json
import os
import shutil
import subprocess
import time
from pathlib import Path

import pytest
import websocket

FLAGS = ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run",
         "--disable-extensions", "--disable-background-networking", "--disable-component-update", "--disable-sync",
         "--remote-debugging-port=0")


class Tab:
    """One page. errors: what its console reported. requests: every address that it asked for."""

    def __init__(self, address: str):
        # no Origin: Chromium refuses a socket that names one
        self.socket = websocket.create_connection(address, timeout=60, suppress_origin=True)
        self.count, self.errors, self.requests, self.loaded = 0, [], [], False
        for domain in ("Page", "Runtime", "Network", "Log"):
            self.call(f"{domain}.enable")
        # a page that still scrolls moves from under a click
        self.call("Emulation.setEmulatedMedia", features=[{"name": "prefers-reduced-motion", "value": "reduce"}])

    def call(self, method: str, **parameters) -> dict:
        """Send one command and wait for its answer; events that come meanwhile are recorded."""
        self.count += 1
        self.socket.send(json.dumps({"id": self.count, "method": method, "params": parameters}))
        while True:
            message = json.loads(self.socket.recv())
            if message.get("id") == self.count:
                assert "error" not in message, f"{method}: {message['error']}"
                return message["result"]
            self._event(message.get("method"), message.get("params", {}))

    def _event(self, method: str | None, parameters: dict) -> None:
        if method == "Page.loadEventFired":
            self.loaded = True
        elif method == "Network.requestWillBeSent":
            self.requests.append(parameters["request"]["url"])
        elif method == "Runtime.exceptionThrown":
            self.errors.append(parameters["exceptionDetails"].get("exception", {}).get("description", "exception"))
        elif method == "Log.entryAdded" and parameters["entry"]["level"] in ("error", "warning"):
            self.errors.append(parameters["entry"]["text"])
        elif method == "Runtime.consoleAPICalled" and parameters["type"] in ("error", "warning"):
            self.errors.append(str(parameters["args"]))

    def open(self, path: Path) -> None:
        self.loaded = False
        self.call("Page.navigate", url=path.resolve().as_uri())
        end = time.monotonic() + 60
        while not self.loaded:
            assert time.monotonic() < end, f"{path} does not load"
            self.run("0")
            time.sleep(0.05)

    def run(self, script: str):
        """The value of a JavaScript expression."""
        found = self.call("Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in found, f"{script}: {found['exceptionDetails']}"
        return found["result"].get("value")

    def click(self, script: str) -> None:
        """Click, as a mouse does, into the middle of the element that the expression gives."""
        box = self.run(f"(() => {{ const e = {script}; e.scrollIntoView({{block: 'center', behavior: 'instant'}}); "
                       "const b = e.getBoundingClientRect(); return [b.x + b.width / 2, b.y + b.height / 2]; })()")
        for kind in ("mousePressed", "mouseReleased"):
            self.call("Input.dispatchMouseEvent", type=kind, x=box[0], y=box[1], button="left", clickCount=1)

    def drag(self, start: tuple[float, float], end: tuple[float, float]) -> None:
        for kind, (x, y) in (("mousePressed", start), ("mouseMoved", end), ("mouseReleased", end)):
            self.call("Input.dispatchMouseEvent", type=kind, x=x, y=y, button="left", buttons=1, clickCount=1)

    def press(self, key: str) -> None:
        text = {"text": key} if len(key) == 1 else {}
        self.call("Input.dispatchKeyEvent", type="keyDown", key=key, **text)
        self.call("Input.dispatchKeyEvent", type="keyUp", key=key)

    def resize(self, width: int, height: int) -> None:
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1,
                  mobile=width < 600)


def start(profile: Path):
    """Yield a function that opens a fresh Tab. No browser: skipped, or a failure with IVFBENCH_REFERENCE."""
    program = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if program is None and os.environ.get("IVFBENCH_REFERENCE"):
        pytest.fail("chromium is not installed; .ci/run installs it")
    if program is None:
        pytest.skip("chromium is not installed")
    process = subprocess.Popen([program, *FLAGS, f"--user-data-dir={profile}", "about:blank"],
                               stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        port_file, end = profile / "DevToolsActivePort", time.monotonic() + 60
        while not (port_file.is_file() and len(port_file.read_text().split()) == 2):
            assert process.poll() is None and time.monotonic() < end, "chromium did not start"
            time.sleep(0.1)
        port, path = port_file.read_text().split()
        browser = websocket.create_connection(f"ws://127.0.0.1:{port}{path}", timeout=60, suppress_origin=True)

        def tab() -> Tab:
            browser.send(json.dumps({"id": 1, "method": "Target.createTarget", "params": {"url": "about:blank"}}))
            while (answer := json.loads(browser.recv())).get("id") != 1:
                pass
            return Tab(f"ws://127.0.0.1:{port}/devtools/page/{answer['result']['targetId']}")

        yield tab
    finally:
        process.terminate()
        try:
            process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
