# Copyright (c) 2026 Foundry maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Talk to the controller without any of the code under test: other_road.py URL JSON

JSON is ``{"show": {kind: [name, …]}}``, which prints the name of the environment that the controller shows as resolved
for each record, or ``{"change": [[kind, name, {field: value}], …]}``, where a value ``@NAME`` is the id of an
environment and null in place of the fields deletes the record.
"""

from __future__ import annotations

import base64
import http.client
import json
import sys
import urllib.parse


class Controller:
    def __init__(self, url: str) -> None:
        parts = urllib.parse.urlsplit(url)
        self._connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=30)
        login = base64.b64encode(b"admin:password").decode()
        self._headers = {"Authorization": f"Basic {login}", "Content-Type": "application/json"}

    def ask(self, method: str, path: str, body: object = None) -> dict:
        data = None if body is None else json.dumps(body)
        self._connection.request(method, path, data, self._headers)
        answer = self._connection.getresponse()
        content = answer.read()
        assert answer.status < 300, (method, path, answer.status, content)
        return json.loads(content) if content else {}

    def record(self, kind: str, name: str) -> dict:
        found = self.ask("GET", f"/api/v2/{kind}/?name={urllib.parse.quote(name)}")
        assert found["count"] == 1, (kind, name, found["count"])
        return found["results"][0]

    def shown(self, kind: str, name: str) -> str:
        record = self.ask("GET", self.record(kind, name)["url"])
        return record["summary_fields"]["resolved_environment"]["name"]

    def change(self, kind: str, name: str, fields: dict | None) -> None:
        url = self.record(kind, name)["url"]
        if fields is None:
            self.ask("DELETE", url)
            return
        ids = {
            key: self.record("execution_environments", value[1:])["id"] if str(value).startswith("@") else value
            for key, value in fields.items()
        }
        self.ask("PATCH", url, ids)


def main(url: str, wanted: dict) -> None:
    controller = Controller(url)
    names = [(kind, name) for kind, listed in wanted.get("show", {}).items() for name in listed]
    print(json.dumps([controller.shown(kind, name) for kind, name in names]))
    for kind, name, fields in wanted.get("change", []):
        controller.change(kind, name, fields)


if __name__ == "__main__":
    main(sys.argv[1], json.loads(sys.argv[2]))
