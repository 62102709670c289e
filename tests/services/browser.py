# Copyright (c) 2026 Foundry maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Drives a headless Chromium over the WebDriver protocol, with the standard library only."""

from __future__ import annotations

import base64
import contextlib
import http.client
import json
import subprocess
import time
import typing as t

ELEMENT = "element-6066-11e4-a52e-4f735466cecf"  # the protocol's name for a reference


class Browser:
    """One session. ``run`` evaluates JavaScript in the page; what a page logs is in ``log``."""

    def __init__(self, port: int, options: t.Sequence[str] = ()) -> None:
        self._port = port
        self._base = ""
        arguments = ["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", *options]
        wanted = {
            "browserName": "chrome",
            "goog:chromeOptions": {"args": arguments},
            "goog:loggingPrefs": {"browser": "ALL"},
        }
        session = self._call("POST", "/session", {"capabilities": {"alwaysMatch": wanted}})
        self._base = f"/session/{session['sessionId']}"

    def _call(self, method: str, path: str, body: t.Any = None) -> t.Any:
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=60)
        data = None if body is None else json.dumps(body)
        connection.request(method, self._base + path, data, {"Content-Type": "application/json"})
        answer = json.load(connection.getresponse())["value"]
        if isinstance(answer, dict) and "error" in answer:
            raise RuntimeError(f"{method} {path}: {answer['error']}: {answer['message']}")
        return answer

    def open(self, url: str) -> None:
        self._call("POST", "/url", {"url": url})

    def resize(self, width: int, height: int) -> None:
        """Set the size of the page as it is shown, also below what a window can have."""
        metrics = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600}
        self.command("Emulation.setDeviceMetricsOverride", metrics)

    def prefer(self, scheme: str) -> None:
        """Make the system prefer ``light`` or ``dark``."""
        self.command("Emulation.setEmulatedMedia", {"features": [{"name": "prefers-color-scheme", "value": scheme}]})

    def command(self, name: str, parameters: t.Any) -> t.Any:
        return self._call("POST", "/goog/cdp/execute", {"cmd": name, "params": parameters})

    def run(self, script: str, *arguments: t.Any) -> t.Any:
        return self._call("POST", "/execute/sync", {"script": script, "args": list(arguments)})

    def wait(self, script: str, *arguments: t.Any) -> t.Any:
        """Return the script's value as soon as it is true."""
        for _attempt in range(100):
            value = self.run(script, *arguments)
            if value:
                return value
            time.sleep(0.05)
        raise TimeoutError(f"never true: {script}")

    def click(self, selector: str) -> None:
        """Click as a person does: scroll there, and hit what is on top."""
        element = self._call("POST", "/element", {"using": "css selector", "value": selector})[ELEMENT]
        self._call("POST", f"/element/{element}/click", {})

    def type(self, selector: str, text: str) -> None:
        element = self._call("POST", "/element", {"using": "css selector", "value": selector})[ELEMENT]
        self._call("POST", f"/element/{element}/clear", {})
        # What clears a field is no typing, so the page hears of it only by something typed.
        self._call("POST", f"/element/{element}/value", {"text": text or " "})

    def log(self) -> list[dict[str, t.Any]]:
        entries: list[dict[str, t.Any]] = self._call("POST", "/se/log", {"type": "browser"})
        return entries

    def screenshot(self, path: str) -> None:
        with open(path, "wb") as file:  # noqa: PTH123
            file.write(base64.b64decode(self._call("GET", "/screenshot")))

    def close(self) -> None:
        self._call("DELETE", "")


@contextlib.contextmanager
def browser(port: int, options: t.Sequence[str] = ()) -> t.Iterator[Browser]:
    """Start the driver on a port of loopback, yield a browser, and end both."""
    driver = subprocess.Popen(["chromedriver", f"--port={port}"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        wait_until_ready(port)
        page = Browser(port, options)
        try:
            yield page
        finally:
            page.close()
    finally:
        driver.terminate()
        driver.wait(timeout=10)


def wait_until_ready(port: int) -> None:
    for _attempt in range(100):
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
        with contextlib.suppress(OSError):
            connection.request("GET", "/status")
            if json.load(connection.getresponse())["value"]["ready"]:
                return
        time.sleep(0.1)
    raise TimeoutError("chromedriver does not answer")
