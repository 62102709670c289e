# Copyright (c) 2026 Foundry maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A small registry of our own on loopback that can be told to misbehave. For tests only; it keeps everything in memory.

It is a real server (sockets, threads) so that what breaks is real as well. What a well-behaved registry does was taken
from the distribution specification; integration tests run against CNCF distribution and Galaxy NG.
"""

from __future__ import annotations

import base64
import hashlib
import itertools
import json
import re
import socket
import ssl
import threading
import time
import typing as t
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

OCI_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
OCI_INDEX = "application/vnd.oci.image.index.v1+json"


def digest_of(data: bytes) -> str:
    return "sha256:" + hashlib.sha256(data).hexdigest()


@dataclass
class Seen:
    """One request as it came in."""

    method: str
    path: str
    headers: dict[str, str]

    def __str__(self) -> str:
        return f"{self.method} {self.path}"


@dataclass
class Fault:
    """Takes the place of the answer to requests that match; ``times`` is how often."""

    pattern: str
    act: t.Callable[[Handler], None]
    times: int = 1


@dataclass
class Repository:
    blobs: dict[str, bytes] = field(default_factory=dict)
    manifests: dict[str, tuple[str, bytes]] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64


class FaultRegistry:
    """``with FaultRegistry() as registry``: an open registry at ``registry.host``.

    ``auth`` is None, ``basic`` or ``bearer``; ``user`` and ``password`` are what it wants then. The switches say what
    kind of registry it is.
    """

    user, password = "robot", "s3cret:with:colons"

    def __init__(self, auth: str | None = None, tls: ssl.SSLContext | None = None) -> None:
        self.auth = auth
        self.tls = tls
        self.certificates: list[t.Any] = []  # what clients showed, for each request
        self.realm: str | None = None
        self.token_life = 300
        self.tokens: dict[str, set[str]] = {}
        self.repositories: dict[str, Repository] = {}
        self.uploads: dict[str, bytearray] = {}
        self.upload_states: dict[str, int] = {}  # only the last `Location` of an upload is good, as for distribution
        self.upload_numbers = itertools.count()  # never one twice: several uploads are under way at once
        self.seen: list[Seen] = []
        self.faults: list[Fault] = []
        self.referrers_api = False
        self.deletes = True
        self.deletes_tags = False
        self.mounts = True
        self.largest_put: int | None = None
        self.page = 1000
        self._server = _Server(("127.0.0.1", 0), type("Bound", (Handler,), {"registry": self}))
        self.host = f"127.0.0.1:{self._server.server_address[1]}"
        self.url = f"http://{self.host}"
        if tls is not None:
            self._server.socket = tls.wrap_socket(self._server.socket, server_side=True, do_handshake_on_connect=False)
            self.url = f"https://{self.host}"

    def __enter__(self) -> FaultRegistry:
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    # What tests put in and ask for

    def repository(self, name: str) -> Repository:
        return self.repositories.setdefault(name, Repository())

    def put_blob(self, name: str, data: bytes) -> str:
        self.repository(name).blobs[digest_of(data)] = data
        return digest_of(data)

    def put_manifest(self, name: str, content: dict[str, t.Any], *tags: str) -> str:
        body = json.dumps(content).encode()
        self.repository(name).manifests[digest_of(body)] = (content["mediaType"], body)
        self.repository(name).tags.update(dict.fromkeys(tags, digest_of(body)))
        return digest_of(body)

    def put_image(self, name: str, *tags: str, layers: t.Sequence[bytes] = (b"layer",), **config: t.Any) -> str:
        described = {"os": "linux", "architecture": "amd64", **config}
        raw = json.dumps(described).encode()
        content = {
            "schemaVersion": 2,
            "mediaType": OCI_MANIFEST,
            "config": self._described(name, raw, "application/vnd.oci.image.config.v1+json"),
            "layers": [self._described(name, layer, "application/vnd.oci.image.layer.v1.tar") for layer in layers],
        }
        return self.put_manifest(name, content, *tags)

    def put_index(self, name: str, images: dict[str, str], *tags: str) -> str:
        """``images`` is platform → digest of an image in the same repository."""
        children = []
        for platform, digest in images.items():
            system, architecture = platform.split("/")
            media_type, body = self.repository(name).manifests[digest]
            child = {"mediaType": media_type, "digest": digest, "size": len(body)}
            children.append({**child, "platform": {"os": system, "architecture": architecture}})
        return self.put_manifest(name, {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": children}, *tags)

    def put_referrer(self, name: str, subject: str, kind: str) -> str:
        media_type, body = self.repository(name).manifests[subject]
        content = {
            "schemaVersion": 2,
            "mediaType": OCI_MANIFEST,
            "artifactType": kind,
            "config": self._described(name, b"{}", "application/vnd.oci.empty.v1+json"),
            "layers": [self._described(name, f"{kind} of {subject}".encode(), kind)],
            "subject": {"mediaType": media_type, "digest": subject, "size": len(body)},
        }
        return self.put_manifest(name, content)

    def on(self, pattern: str, act: t.Callable[[Handler], None], times: int = 1) -> None:
        """Misbehave for the next requests whose ``METHOD /path`` matches."""
        self.faults.append(Fault(pattern, act, times))

    def asked(self, pattern: str) -> list[Seen]:
        return [seen for seen in self.seen if re.search(pattern, str(seen))]

    def _described(self, name: str, data: bytes, media_type: str) -> dict[str, t.Any]:
        return {"mediaType": media_type, "digest": self.put_blob(name, data), "size": len(data)}


class Handler(BaseHTTPRequestHandler):
    """One connection; one ``do_`` for all methods, because faults come before all of them."""

    registry: FaultRegistry
    protocol_version = "HTTP/1.1"

    def setup(self) -> None:
        super().setup()
        self.connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def handle(self) -> None:
        try:
            if isinstance(self.connection, ssl.SSLSocket):
                self.connection.do_handshake()
            elif self.connection.recv(1, socket.MSG_PEEK) == b"\x16":  # a TLS handshake: we speak plain HTTP
                return
            super().handle()
        except (ConnectionError, TimeoutError, ssl.SSLError):
            return

    def log_message(self, *_arguments: object) -> None:
        """Keep quiet."""

    def dispatch(self) -> None:
        registry = self.registry
        seen = Seen(self.command, self.path, {key.lower(): value for key, value in self.headers.items()})
        registry.seen.append(seen)
        if isinstance(self.connection, ssl.SSLSocket):
            registry.certificates.append(self.connection.getpeercert())
        for fault in registry.faults:
            if fault.times > 0 and re.search(fault.pattern, str(seen)):
                fault.times -= 1
                fault.act(self)
                return
        if urlsplit(self.path).path in ("/token", "/token/"):
            self._token()
        elif self._allowed():
            self._route()

    do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = do_CONNECT = dispatch  # noqa: N815

    # Answers

    def answer(self, status: int, body: bytes = b"", **headers: str) -> None:
        self.send_response(status)
        for name, value in {"Content_Length": str(len(body)), **headers}.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def error(self, status: int, code: str, **headers: str) -> None:
        self.body()
        self.answer(status, json.dumps({"errors": [{"code": code, "message": code.lower()}]}).encode(), **headers)

    def body(self) -> bytes:
        return self.rfile.read(int(self.headers.get("Content-Length") or 0))

    def hang_up(self) -> None:
        """Close at once: nothing more comes."""
        self.close_connection = True
        self.wfile.flush()
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\x00\x00\x00\x00\x00\x00\x00")
        self.connection.close()

    # Who may do what

    def _allowed(self) -> bool:
        registry = self.registry
        given = self.headers.get("Authorization") or ""
        if registry.auth is None:
            return True
        if registry.auth == "basic":
            pair = base64.b64encode(f"{registry.user}:{registry.password}".encode()).decode()
            if given == f"Basic {pair}":
                return True
            self.error(401, "UNAUTHORIZED", WWW_Authenticate='Basic realm="test"')
            return False
        needed = self._scope()
        if needed in registry.tokens.get(given.partition(" ")[2], set()):
            return True
        realm = registry.realm or f"{registry.url}/token"
        self.error(401, "UNAUTHORIZED", WWW_Authenticate=f'Bearer realm="{realm}",service="test",scope="{needed}"')
        return False

    def _scope(self) -> str:
        name = re.match(r"/v2/(.+?)/(manifests|blobs|tags|referrers)/", self.path)
        action = {"GET": "pull", "HEAD": "pull", "DELETE": "delete"}.get(self.command, "push")
        return f"repository:{name.group(1)}:{action}" if name else "registry:catalog:*"

    def _token(self) -> None:
        registry = self.registry
        pair = base64.b64encode(f"{registry.user}:{registry.password}".encode()).decode()
        if self.headers.get("Authorization") != f"Basic {pair}":
            self.error(401, "UNAUTHORIZED")
            return
        scopes: set[str] = set()
        for scope in parse_qs(urlsplit(self.path).query).get("scope", []):
            kind, name, actions = scope.split(":")
            scopes |= {f"{kind}:{name}:{action}" for action in actions.split(",")}
        token = f"token-{len(registry.tokens)}"
        registry.tokens[token] = scopes
        self.answer(200, json.dumps({"token": token, "expires_in": registry.token_life}).encode())

    # What a registry does

    def _route(self) -> None:
        path = urlsplit(self.path).path
        for pattern, route in _ROUTES:
            match = re.fullmatch(pattern, path)
            if match is not None:
                route(self, *match.groups())
                return
        self.error(404, "NOT_FOUND")

    def _listing(self, key: str, names: list[str]) -> None:
        query = parse_qs(urlsplit(self.path).query)
        count = min(int(query.get("n", ["1000"])[0]), self.registry.page)
        rest = [name for name in sorted(names) if name > query.get("last", [""])[0]]
        headers = {}
        if len(rest) > count:
            headers["Link"] = f'<{urlsplit(self.path).path}?last={rest[count - 1]}&n={count}>; rel="next"'
        self.answer(200, json.dumps({key: rest[:count]}).encode(), **headers)

    def catalog(self) -> None:
        self._listing("repositories", list(self.registry.repositories))

    def tags(self, name: str) -> None:
        if name not in self.registry.repositories:
            self.error(404, "NAME_UNKNOWN")
            return
        self._listing("tags", list(self.registry.repositories[name].tags))

    def referrers(self, name: str, digest: str) -> None:
        if not self.registry.referrers_api:
            self.error(404, "NOT_FOUND")
            return
        found = []
        for known, (media_type, body) in self.registry.repository(name).manifests.items():
            content = json.loads(body)
            if (content.get("subject") or {}).get("digest") == digest:
                entry = {"mediaType": media_type, "digest": known, "size": len(body)}
                found.append({**entry, "artifactType": content.get("artifactType")})
        body = json.dumps({"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": found}).encode()
        self.answer(200, body, Content_Type=OCI_INDEX)

    def manifest(self, name: str, reference: str) -> None:
        repository = self.registry.repository(name)
        if self.command == "PUT":
            self._put_manifest(name, reference)
            return
        digest = repository.tags.get(reference, reference)
        if self.command == "DELETE":
            self._delete(repository, reference)
        elif digest not in repository.manifests:
            self.error(404, "MANIFEST_UNKNOWN")
        else:
            media_type, body = repository.manifests[digest]
            self.answer(200, body, Content_Type=media_type, Docker_Content_Digest=digest)

    def _put_manifest(self, name: str, reference: str) -> None:
        repository, body = self.registry.repository(name), self.body()
        content = json.loads(body)
        needed = [each["digest"] for each in [*content.get("layers", []), *filter(None, [content.get("config")])]]
        if any(digest not in repository.blobs for digest in needed):
            self.error(400, "MANIFEST_BLOB_UNKNOWN")
            return
        digest = digest_of(body)
        repository.manifests[digest] = (self.headers["Content-Type"], body)
        if not reference.startswith("sha256:"):
            repository.tags[reference] = digest
        subject = (content.get("subject") or {}).get("digest")
        headers = {"OCI_Subject": subject} if subject and self.registry.referrers_api else {}
        self.answer(201, Docker_Content_Digest=digest, **headers)

    def _delete(self, repository: Repository, reference: str) -> None:
        is_tag = not reference.startswith("sha256:")
        if not self.registry.deletes or (is_tag and not self.registry.deletes_tags):
            self.error(405, "UNSUPPORTED")
        elif is_tag and reference in repository.tags:
            del repository.tags[reference]
            self.answer(202)
        elif reference in repository.manifests:
            del repository.manifests[reference]
            repository.tags = {tag: digest for tag, digest in repository.tags.items() if digest != reference}
            self.answer(202)
        else:
            self.error(404, "MANIFEST_UNKNOWN")

    def blob(self, name: str, digest: str) -> None:
        data = self.registry.repository(name).blobs.get(digest)
        if data is None:
            self.error(404, "BLOB_UNKNOWN")
            return
        self.send_blob(data)

    def send_blob(self, data: bytes) -> None:
        """Answer with a blob, or the part of it that ``Range`` asks for."""
        start = re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range") or "")
        if start is None:
            self.answer(200, data)
            return
        offset = int(start.group(1))
        self.answer(206, data[offset:], Content_Range=f"bytes {offset}-{len(data) - 1}/{len(data)}")

    def begin(self, name: str) -> None:
        self.body()
        query = parse_qs(urlsplit(self.path).query)
        if "mount" in query and self.registry.mounts:
            data = self.registry.repository(query["from"][0]).blobs.get(query["mount"][0])
            if data is not None:
                self.registry.put_blob(name, data)
                self.answer(201)
                return
        upload = str(next(self.registry.upload_numbers))
        self.registry.uploads[upload] = bytearray()
        self.answer(202, Location=self._next_location(f"/v2/{name}/blobs/uploads/{upload}"), Range="0-0")

    def _next_location(self, path: str) -> str:
        upload = path.rpartition("/")[2]
        self.registry.upload_states[upload] = state = self.registry.upload_states.get(upload, -1) + 1
        return f"{path}?state={state}"

    def upload(self, name: str, upload: str) -> None:
        held = self.registry.uploads.get(upload)
        url = urlsplit(self.path)
        if held is None or parse_qs(url.query).get("state") != [str(self.registry.upload_states[upload])]:
            self.error(404, "BLOB_UPLOAD_UNKNOWN")
            return
        if self.command == "DELETE":
            del self.registry.uploads[upload]
            self.answer(204)
            return
        if self.command == "GET":
            self.answer(204, Range=f"0-{max(0, len(held) - 1)}", Location=self._next_location(url.path))
            return
        size = int(self.headers.get("Content-Length") or 0)
        if self.command == "PUT" and self.registry.largest_put is not None and size > self.registry.largest_put:
            self.error(413, "SIZE_INVALID")
            return
        start = re.match(r"(\d+)-", self.headers.get("Content-Range") or f"{len(held)}-")
        if start is None or int(start.group(1)) != len(held):
            self.error(416, "BLOB_UPLOAD_INVALID")
            return
        held += self.body()
        if self.command == "PATCH":
            self.answer(202, Location=self._next_location(url.path), Range=f"0-{len(held) - 1}")
            return
        digest = parse_qs(urlsplit(self.path).query)["digest"][0]
        if digest_of(bytes(held)) != digest:
            self.error(400, "DIGEST_INVALID")
            return
        self.registry.put_blob(name, bytes(held))
        del self.registry.uploads[upload]
        self.answer(201, Docker_Content_Digest=digest)


_ROUTES: tuple[tuple[str, t.Callable[..., None]], ...] = (
    (r"/v2/_catalog", Handler.catalog),
    (r"/v2/(.+)/tags/list", Handler.tags),
    (r"/v2/(.+)/referrers/([^/]+)", Handler.referrers),
    (r"/v2/(.+)/manifests/([^/]+)", Handler.manifest),
    (r"/v2/(.+)/blobs/uploads/", Handler.begin),
    (r"/v2/(.+)/blobs/uploads/([^/]+)", Handler.upload),
    (r"/v2/(.+)/blobs/([^/]+)", Handler.blob),
)


# Ways to misbehave


def status(code: int, **headers: str) -> t.Callable[[Handler], None]:
    return lambda handler: handler.error(code, "FAULT", **headers)


def dropped(handler: Handler) -> None:
    """The connection breaks before an answer."""
    handler.hang_up()


def cut_after(data: bytes, count: int) -> t.Callable[[Handler], None]:
    """A blob's answer that promises all and breaks after ``count`` bytes of what was asked for."""

    def act(handler: Handler) -> None:
        start = re.fullmatch(r"bytes=(\d+)-", handler.headers.get("Range") or "")
        offset = int(start.group(1)) if start else 0
        handler.send_response(206 if start else 200)
        handler.send_header("Content-Length", str(len(data) - offset))
        if start:
            handler.send_header("Content-Range", f"bytes {offset}-{len(data) - 1}/{len(data)}")
        handler.end_headers()
        handler.wfile.write(data[offset : offset + count])
        handler.hang_up()

    return act


def upload_cut_after(count: int) -> t.Callable[[Handler], None]:
    """An upload of which the registry keeps ``count`` bytes; then the connection breaks."""

    def act(handler: Handler) -> None:
        upload = urlsplit(handler.path).path.rpartition("/")[2]
        if upload in handler.registry.uploads:
            handler.registry.uploads[upload] += handler.rfile.read(count)
        handler.hang_up()

    return act


def says(body: bytes, length: int | None = None, **headers: str) -> t.Callable[[Handler], None]:
    """An answer 200 with a body, and a length that may be a lie."""

    def act(handler: Handler) -> None:
        handler.send_response(200)
        handler.send_header("Content-Length", str(len(body) if length is None else length))
        handler.send_header("Connection", "close")  # or the next request races with the closing
        for name, value in headers.items():
            handler.send_header(name.replace("_", "-"), value)
        handler.end_headers()
        if handler.command != "HEAD":
            handler.wfile.write(body)
        handler.close_connection = True

    return act


def endless(handler: Handler) -> None:
    """A body without an end and without a length."""
    handler.send_response(200)
    handler.send_header("Connection", "close")
    handler.end_headers()
    handler.close_connection = True
    while True:
        handler.wfile.write(b" " * 65536)


def dripping(pause: float) -> t.Callable[[Handler], None]:
    """A body that comes byte by byte."""

    def act(handler: Handler) -> None:
        handler.send_response(200)
        handler.send_header("Content-Length", "100000")
        handler.end_headers()
        handler.close_connection = True
        for _number in range(100_000):
            handler.wfile.write(b" ")
            time.sleep(pause)

    return act


def head_dripping(pause: float) -> t.Callable[[Handler], None]:
    """The head of an answer that comes byte by byte."""

    def act(handler: Handler) -> None:
        handler.close_connection = True
        handler.wfile.write(b"HTTP/1.1 200 OK\r\nX: ")
        for _number in range(10_000):
            handler.wfile.write(b"a")
            time.sleep(pause)

    return act


def continuing(pause: float) -> t.Callable[[Handler], None]:
    """``100 Continue`` again and again, and no answer."""

    def act(handler: Handler) -> None:
        handler.close_connection = True
        for _number in range(10_000):
            handler.wfile.write(b"HTTP/1.1 100 Continue\r\n\r\n")
            time.sleep(pause)

    return act


def silent(seconds: float) -> t.Callable[[Handler], None]:
    """No answer for a while, then none at all."""

    def act(handler: Handler) -> None:
        time.sleep(seconds)
        handler.hang_up()

    return act


def redirect(location: str, code: int = 307) -> t.Callable[[Handler], None]:
    return lambda handler: handler.answer(code, Location=location)
