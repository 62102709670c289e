# Copyright (c) 2026 Foundry maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A stand-in for a controller of the AWX family. It is not one, and runs no jobs.

It keeps records and answers as two real servers did in the exchanges under ``tests/fixtures/controller``: AWX 24.6.1
(flavour ``awx``) and its living fork 25.5.1 (flavour ``fork``). ``test_recordings.py`` replays them against it. What no
recording covers is answered 501, rather than guessed at; the exceptions, which are guesses, are these:

- the root of a gateway (``prefix``): its ``/api/`` names the controller's place under ``apis``;
- filters that lead over a template, a workflow or an inventory to its organization;
- what a token that may only read may do with users (nothing, as with execution environments), and with other kinds of
  record whom but administrators the recordings do not show;
- the words for an image that is null, for a name taken by another inventory, for a flag or a number of the wrong type.

Inputs of credentials are stored unchecked. ``related`` holds only pointers to other records, and ``summary_fields``
only what speaks of EEs, organizations, inventories, projects and credentials.

Paths below ``/stand-in/`` are for tests, and are no part of any controller: ``requests`` (GET: what was asked so far;
DELETE: forget it), ``faults`` (POST ``{"status": 503, "times": 2}``: refuse the next requests so).
"""

from __future__ import annotations

import base64
import http.server
import json
import re
import secrets
import threading
import typing as t
from urllib.parse import parse_qsl, unquote, urlsplit

from .kinds import KINDS, TEMPLATES, Record, Refused, forbidden
from .listing import LARGEST_PAGE, Pairs, page, select
from .rights import User, check_add, may_read
from .world import World

NO_LOGIN = "Authentication credentials were not provided. To establish a login session, visit /api/login/."
HTML_404 = """
<!doctype html>
<html lang="en">
<head>
  <title>Not Found</title>
</head>
<body>
  <h1>Not Found</h1><p>The requested resource was not found on this server.</p>
</body>
</html>
"""
SUBLISTS = {
    ("organizations", "execution_environments"): ("execution_environments", "organization"),
    ("workflow_job_templates", "workflow_nodes"): ("workflow_job_template_nodes", "workflow_job_template"),
    ("job_templates", "schedules"): ("schedules", "unified_job_template"),
    ("inventories", "inventory_sources"): ("inventory_sources", "inventory"),
}
SETTINGS_WITHOUT_SHAPE = "This stand-in knows the categories system, jobs, all and changed."


class Answer(t.NamedTuple):
    status: int
    body: t.Any = None
    location: str | None = None
    html: bool = False


class Site:
    """One controller at one place. ``prefix`` is the path of its API behind a gateway, such as ``/api/controller/``."""

    def __init__(self, world: World, prefix: str | None = None, largest_page: int = LARGEST_PAGE) -> None:
        self.world = world
        self.prefix = prefix
        self.root = f"{prefix or '/api/'}v2/"
        self.largest_page = largest_page
        self.asked: list[str] = []
        self.faults: list[int] = []
        self.lock = threading.Lock()

    def answer(self, method: str, target: str, headers: t.Mapping[str, str], body: bytes) -> Answer:
        """Answer a request. A controller's own refusals are answers, too."""
        with self.lock:
            parts = urlsplit(target)
            if parts.path.startswith("/stand-in/"):
                return self._for_tests(method, parts.path, body)
            self.asked.append(f"{method} {target}")
            if self.faults:
                return Answer(self.faults.pop(0), "<html>a proxy's page</html>", html=True)
            try:
                return self._route(method, parts.path, parse_qsl(parts.query, True), headers, body)
            except Refused as refusal:
                return Answer(refusal.status, refusal.body)

    def _for_tests(self, method: str, path: str, body: bytes) -> Answer:
        if path == "/stand-in/requests":
            asked = list(self.asked)
            if method == "DELETE":
                self.asked.clear()
            return Answer(200, {"requests": asked})
        fault = json.loads(body)
        self.faults = [fault["status"]] * fault["times"]
        return Answer(200, {"faults": self.faults})

    def _route(self, method: str, path: str, query: Pairs, headers: t.Mapping[str, str], body: bytes) -> Answer:
        if path == "/api/":
            return Answer(200, self._api_root())
        if self.prefix and path == self.prefix:
            return Answer(200, self._own_root())
        if not path.startswith(self.root):
            return self._unknown()
        if not path.endswith("/"):
            return Answer(301, location=f"{path}/", html=True)
        words = [unquote(word) for word in path[len(self.root) : -1].split("/")]
        if words == ["ping"]:
            return Answer(200, self.world.shapes["ping"])
        known = {str(address).strip("/").rpartition("/")[2] for address in self.world.shapes["version"].values()}
        if words[0] and words[0] not in known | set(KINDS):
            return self._unknown()
        accept = headers.get("Accept", "*/*")
        if not any(kind in accept for kind in ("json", "*/*", "html")):
            raise Refused(406, {"detail": "Could not satisfy the request Accept header."})
        if words == [""]:
            return Answer(200, self.world.shapes["version"])
        user = self._user(headers)
        given = self._body(method, headers, body)
        return self._resource(method, path, words, query, user, given)

    def _api_root(self) -> Record:
        if self.prefix:
            return {"description": "A gateway's API", "apis": {"gateway": "/api/gateway/", "controller": self.prefix}}
        return self._own_root()

    def _own_root(self) -> Record:
        return {**self.world.shapes["api"], "current_version": self.root, "available_versions": {"v2": self.root}}

    def _unknown(self) -> Answer:
        if self.world.flavour == "awx":
            return Answer(404, HTML_404, html=True)
        return Answer(404, {"detail": "The requested resource could not be found."})

    def _user(self, headers: t.Mapping[str, str]) -> User:
        """Return who asks. Every bad login gets the same answer."""
        scheme, _space, value = headers.get("Authorization", "").partition(" ")
        found: User | None = None
        if scheme == "Bearer":
            found = self.world.tokens.get(value)
        elif scheme == "Basic":
            name, _colon, password = base64.b64decode(value).decode().partition(":")
            found = self.world.users.get(name)
            if found is not None and found.password != password:
                found = None
        if found is None:
            raise Refused(401, {"detail": NO_LOGIN})
        return found

    def _body(self, method: str, headers: t.Mapping[str, str], body: bytes) -> t.Any:
        if method in ("GET", "HEAD", "DELETE", "OPTIONS"):
            return {}
        if "json" not in headers.get("Content-Type", "application/json"):
            text = (
                "You did not use correct Content-Type in your HTTP request. If you are using our REST API, the "
                "Content-Type must be application/json"
            )
            raise Refused(415, {"detail": text})
        try:
            given = json.loads(body or b"{}")
        except ValueError as error:
            text = f"JSON parse error - {error}\nPossible cause: trailing comma."
            raise Refused(400, {"detail": text}) from error
        if not isinstance(given, dict):
            raise Refused(400, {"detail": "JSON parse error - not a JSON object"})
        return given

    def _resource(self, method: str, path: str, words: list[str], query: Pairs, user: User, given: Record) -> Answer:
        if method == "OPTIONS":
            return _uncovered(method, path)
        if words[0] == "settings":
            return self._settings(method, words[1:], user, given)
        if words[0] == "me" and method == "GET":
            return Answer(200, {"count": 1, "next": None, "previous": None, "results": [self._person(user)]})
        if words[0] == "tokens" and method == "POST":
            return self._token(user, given)
        if words[0] not in KINDS:
            return _uncovered(method, path)
        if len(words) == 1:
            return self._list(method, path, words[0], query, user, given)
        record = self._record(words[0], words[1], user)
        if len(words) == 2:
            return self._detail(method, words[0], record, user, given)
        return self._below(method, path, words, record, query, user, given)

    def _record(self, kind: str, number: str, user: User) -> Record:
        if not number.isdigit():
            raise Refused(501, {"detail": "This stand-in knows no named URLs."})
        found = self.world.find(kind, int(number))
        if found is None:
            raise Refused(404, {"detail": f"No {KINDS[kind].model} matches the given query."})
        if not may_read(self.world, user, kind, found):
            raise forbidden()
        return found

    def _list(self, method: str, path: str, kind: str, query: Pairs, user: User, given: Record) -> Answer:
        if method == "POST" and kind not in ("system_job_templates", "credential_types"):
            return self._created(kind, self.world.create(user, kind, given), user)
        if method not in ("GET", "HEAD"):
            raise _not_allowed(method)
        return self._page(path, kind, self.world.records[kind].values(), query, user)

    def _page(self, path: str, kind: str, records: t.Iterable[Record], query: Pairs, user: User) -> Answer:
        readable = [record for record in records if may_read(self.world, user, kind, record)]
        frame, shown = page(path, query, select(self.world, kind, readable, query), self.largest_page)
        results = [self._shown(kind, record, user, detail=False) for record in shown]
        return Answer(200, {**frame, "results": results})

    def _shown(self, kind: str, record: Record, user: User, *, detail: bool) -> Record:
        shown = self.world.show(kind, record, user, detail=detail)
        if self.prefix:
            shown["url"] = shown["url"].replace("/api/v2/", self.root)
        return shown

    def _created(self, kind: str, record: Record, user: User) -> Answer:
        shown = self._shown(kind, record, user, detail=False)
        return Answer(201, shown, location=shown["url"])

    def _detail(self, method: str, kind: str, record: Record, user: User, given: Record) -> Answer:
        if method in ("PUT", "PATCH") and kind not in ("system_job_templates", "credential_types"):
            self.world.change(user, kind, record, given, whole=method == "PUT")
        elif method == "DELETE":
            self.world.delete(user, kind, record)
            return Answer(204)
        elif method not in ("GET", "HEAD"):
            raise _not_allowed(method)
        return Answer(200, self._shown(kind, record, user, detail=True))

    def _below(
        self, method: str, path: str, words: list[str], record: Record, query: Pairs, user: User, given: Record
    ) -> Answer:
        sublist = SUBLISTS.get((words[0], words[2]))
        if sublist is not None and method in ("GET", "POST") and not {"id", "disassociate"} & set(given):
            kind, pointer = sublist
            if method == "POST":
                return self._created(kind, self.world.create(user, kind, given, **{pointer: record["id"]}), user)
            return self._page(
                path, kind, [r for r in self.world.records[kind].values() if r[pointer] == record["id"]], query, user
            )
        if words[0] == "execution_environments" and words[2] == "copy":
            return self._copy(method, record, user, given)
        if words[0] == "execution_environments" and words[2] == "unified_job_templates":
            users = self.world.users_of(record["id"])
            found = [(kind, one) for kind in TEMPLATES for one in users.get(kind, ()) if "execution_environment" in one]
            results = [self._shown(kind, one, user, detail=False) for kind, one in found]
            return Answer(200, {"count": len(results), "next": None, "previous": None, "results": results})
        return _uncovered(method, path)

    def _copy(self, method: str, record: Record, user: User, given: Record) -> Answer:
        kind = "execution_environments"
        copied = {name: record[name] for name in ("image", "description", "organization", "credential", "pull")}
        if method == "GET":
            try:
                check_add(self.world, user, kind, copied)
            except Refused:
                return Answer(200, {"can_copy": False})
            return Answer(200, {"can_copy": True})
        if any(ee["name"] == given.get("name") for ee in self.world.records[kind].values()):
            text = (
                'duplicate key value violates unique constraint "main_executionenvironment_name_key"\n'
                f"DETAIL:  Key (name)=({given['name']}) already exists."
            )
            raise Refused(400, {"detail": text})
        check_add(self.world, user, kind, copied)
        if "name" not in given:
            raise Refused(400, {"name": ["This field is required."]})
        return self._created(kind, self.world.create(user, kind, {**copied, "name": given["name"]}), user)

    def _settings(self, method: str, words: list[str], user: User, given: Record) -> Answer:
        slug = words[0] if words else ""
        if slug not in ("system", "jobs", "all", "changed"):
            if slug in ("", "authentication", "bulk", "debug", "logging", "named-url", "ui"):
                raise Refused(501, {"detail": SETTINGS_WITHOUT_SHAPE})
            raise Refused(404, {"detail": "Not found."})
        writes = method in ("PATCH", "PUT", "DELETE")
        if not (user.superuser and user.writes) and (writes or not (user.auditor or user.superuser)):
            raise forbidden()
        if method == "PUT":
            missing = [name for name in self.world.shapes["required_on_put"] if name not in given]
            if missing:
                raise Refused(400, {name: ["This field is required."] for name in missing})
        if method == "DELETE":
            self.world.reset_settings(slug)
            return Answer(204)
        if writes:
            self.world.change_settings(slug, given)
        return Answer(200, self._category(slug))

    def _category(self, slug: str) -> Record:
        if slug in self.world.settings:
            return self.world.settings[slug]
        merged = {key: value for values in self.world.settings.values() for key, value in values.items()}
        return merged if slug == "all" else {key: merged[key] for key in sorted(self.world.touched)}

    def _token(self, user: User, given: Record) -> Answer:
        scope = given.get("scope", "write")
        if scope not in ("read", "write"):
            text = "Must be a simple space-separated string with allowed scopes ['read', 'write']."
            raise Refused(400, {"scope": [text]})
        token = secrets.token_urlsafe(20)
        reader = User(user.id, user.username, "", user.superuser, user.auditor, user.roles, scope == "write")
        self.world.tokens[token] = reader
        number = self.world.next_ids.get("tokens", 1)
        self.world.next_ids["tokens"] = number + 1
        body = {
            **self.world.shapes["kinds"]["tokens"]["fields"],
            "id": number,
            "type": "o_auth2_access_token",
            "url": f"{self.root}tokens/{number}/",
            "created": self.world.now(),
            "modified": self.world.now(),
            "related": {},
            "summary_fields": {},
            "description": given.get("description", ""),
            "scope": scope,
            "token": token,
            "user": user.id,
        }
        return Answer(201, body, location=body["url"])

    def _person(self, user: User) -> Record:
        return {
            **self.world.shapes["kinds"]["users"]["fields"],
            "id": user.id,
            "type": "user",
            "url": f"{self.root}users/{user.id}/",
            "related": {},
            "summary_fields": {"user_capabilities": {"edit": user.writes, "delete": False}},
            "created": self.world.now(),
            "modified": None,
            "username": user.username,
            "is_superuser": user.superuser,
            "is_system_auditor": user.auditor,
        }


def _not_allowed(method: str) -> Refused:
    return Refused(405, {"detail": f'Method "{method}" not allowed.'})


def _uncovered(method: str, path: str) -> Answer:
    return Answer(501, {"detail": f"This stand-in has no recording of {method} {re.sub('/[0-9]+/', '/N/', path)}."})


def serve(site: Site, port: int = 0, host: str = "127.0.0.1") -> http.server.ThreadingHTTPServer:
    """Return a server that answers for a site; the caller runs ``serve_forever``."""

    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def _handle(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            answer = site.answer(self.command, self.path, dict(self.headers), self.rfile.read(length))
            data = b"" if answer.body is None else str(answer.body).encode()
            if not answer.html and answer.body is not None:
                data = json.dumps(answer.body, sort_keys=True).encode()
            self.send_response(answer.status)
            if data or answer.html:
                self.send_header("Content-Type", "text/html; charset=utf-8" if answer.html else "application/json")
            if answer.location:
                self.send_header("Location", answer.location)
            if answer.status == 503:
                self.send_header("Retry-After", "0")
            self.send_header("Content-Length", "0" if self.command == "HEAD" else str(len(data)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(data)

        do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = do_OPTIONS = _handle  # noqa: N815

        def log_message(self, *args: t.Any) -> None:
            """Keep quiet: tests read ``/stand-in/requests``."""

    server = http.server.ThreadingHTTPServer((host, port), Handler)
    server.daemon_threads = True
    return server
