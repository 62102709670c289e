# Copyright (c) 2026 Foundry maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Blobs on their way out of a registry and in: gone on with where a connection broke, and checked."""

from __future__ import annotations

import hashlib
import re
import time
import typing as t
from urllib.parse import urlencode, urljoin

from ansible_collections.foundry.ee.plugins.module_utils._core.errors import EEError, NotFound, Unreachable
from ansible_collections.foundry.ee.plugins.module_utils._core.manifest import Descriptor, broken
from ansible_collections.foundry.ee.plugins.module_utils._http import LONGEST_ERROR, Response, redact
from ansible_collections.foundry.ee.plugins.module_utils._oci import Registry, path_of, pull_scope, push_scope
from ansible_collections.foundry.ee.plugins.module_utils._oci_http import LOST, Ask, Upload, Wire, content_length

if t.TYPE_CHECKING:
    import requests

UPLOAD_PIECE = 16 * 1024 * 1024  # bytes of one PATCH, where a server takes no blob in one piece
_MOST_BREAKS = 8  # of one blob's transfer
_BREAK_PAUSE = 0.2  # seconds

Opener = t.Callable[[], t.Iterator[bytes]]


def read_blob(wire: Wire, name: str, blob: Descriptor) -> t.Iterator[bytes]:
    """Yield a blob's bytes, going on where a connection broke. Not checked yet: see ``verified``."""
    offset = breaks = 0
    while offset < blob.size or blob.size == 0:
        try:
            for chunk in _read_from(wire, name, blob, offset):
                offset += len(chunk)
                yield chunk
            if offset >= blob.size:
                return
            problem: Exception | None = None
        except LOST as error:
            problem = error
        breaks += 1
        if breaks >= _MOST_BREAKS:
            raise Unreachable(
                f"{wire.registry}/{name}@{blob.digest}: the transfer broke {breaks} times, last after {offset} of "
                f"{blob.size} bytes.",
                hint="It can be repeated.",
            ) from problem
        time.sleep(_BREAK_PAUSE)


def _read_from(wire: Wire, name: str, blob: Descriptor, offset: int, ranged: bool = True) -> t.Iterator[bytes]:
    """Yield the bytes from ``offset`` on; ``ranged`` asks for these only, which not every server does right."""
    headers = {"Range": f"bytes={offset}-"} if offset and ranged else {}
    ask = Ask("GET", f"/v2/{path_of(name)}/blobs/{blob.digest}", pull_scope(name), headers)
    where = f"{wire.registry}/{name}@{blob.digest}"
    with wire.stream(ask) as answer:
        if answer.status_code == 404:
            raise NotFound(f"{where}: the registry has lost this blob.", hint="Push the image again.", status=404)
        skip = _skip(answer, offset)
        if headers and skip is None:
            yield from _read_from(wire, name, blob, offset, ranged=False)
            return
        if answer.status_code not in (200, 206):
            raise wire.fail(ask, Response(answer.status_code, answer.headers, _error_body(wire, answer, ask)))
        if skip is None:
            raise broken(where, "the registry answered with a part that was not asked for")
        length, expected = content_length(answer.headers), blob.size - offset + skip
        if length not in (None, expected):
            raise broken(where, f"the registry promises {length} bytes, expected {expected}")
        for chunk in wire.chunks(answer, ask):
            if skip >= len(chunk):
                skip -= len(chunk)
                continue
            yield chunk[skip:] if skip else chunk
            skip = 0


def _skip(answer: requests.Response, offset: int) -> int | None:
    """Return how many bytes of the answer come before ``offset``, None where it cannot be gone on with."""
    if answer.status_code != 206:
        return None if answer.status_code == 416 else offset
    start = re.match(r"bytes ([0-9]{1,19})-", answer.headers.get("Content-Range") or "")
    return offset - int(start.group(1)) if start is not None and int(start.group(1)) <= offset else None


def _error_body(wire: Wire, answer: requests.Response, ask: Ask) -> bytes:
    body = b""
    for chunk in wire.chunks(answer, ask):
        body += chunk
        if len(body) > LONGEST_ERROR:
            break
    return body


class BlobUpload:
    """One blob on its way in."""

    def __init__(self, registry: Registry, name: str, blob: Descriptor, source: Opener) -> None:
        self._registry = registry
        self._wire = registry.wire
        self._name = name
        self._blob = blob
        self._opener = source
        self._source_failed: EEError | None = None
        self._location = ""  # where the upload goes on: CNCF distribution takes only the last one that it named

    def _source(self) -> t.Iterator[bytes]:
        """Yield the checked bytes; remember a failure of theirs, which no other try at the server mends."""
        try:
            yield from verified(self._opener(), self._blob, f"On the way to {self._registry.host}/{self._name}")
        except EEError as error:
            self._source_failed = error
            raise

    def run(self) -> None:
        self._begin()
        try:
            if self._in_pieces_only():
                self._in_pieces(0)
            else:
                self._in_one_piece()
        except EEError as error:
            if not self._is_mendable(error):
                raise
            self._finish(error, breaks=1)

    def _is_mendable(self, error: EEError) -> bool:
        """Whether another try may help: the connection broke, or the server has forgotten the upload."""
        broke = isinstance(error, Unreachable) and error.status is None
        return error is not self._source_failed and (broke or error.status == 404)

    def _in_pieces_only(self) -> bool:
        """Whether this is a Pulp: it takes a blob in a PUT for none at all, and answers 500 (pulp-container 2.15)."""
        return self._registry.is_pulp

    def _begin(self) -> None:
        ask = Ask("POST", f"/v2/{path_of(self._name)}/blobs/uploads/", push_scope(self._name), repeatable=True)
        response = self._registry.begin(self._name, ask)
        if response.status != 202:
            raise self._wire.fail(ask, response)
        self._location = _upload_location(self._wire, ask, response)

    def _in_one_piece(self) -> None:
        headers = {"Content-Type": "application/octet-stream"}
        body: bytes | Upload = b""
        if self._blob.size:
            body = Upload(self._source, self._blob.size)
        ask = Ask("PUT", self._last_location(), push_scope(self._name), headers, body)
        response = self._wire.ask(ask)
        if response.status in (413, 416):  # too large for one piece
            self._begin()
            self._in_pieces(0)
        elif response.status not in (201, 204):
            raise self._wire.fail(ask, response)

    def _finish(self, problem: EEError, breaks: int) -> None:
        """After a break: is it there after all? Else go on where the server stands."""
        if self._registry.has_blob(self._name, self._blob):
            return
        offset = self._where_it_stands()
        if offset is None:
            self._begin()
        try:
            self._in_pieces(offset or 0)
        except EEError as error:
            if not self._is_mendable(error) or breaks >= _MOST_BREAKS:
                raise error from problem
            time.sleep(_BREAK_PAUSE)
            self._finish(error, breaks + 1)

    def _where_it_stands(self) -> int | None:
        """Return how many bytes of an upload the server has, None where it has forgotten it."""
        ask = Ask("GET", self._location, push_scope(self._name))
        response = self._wire.ask(ask)
        last = re.fullmatch(r"(?:bytes=)?0-(\d+)", response.headers.get("Range") or "")
        if response.status != 204 or last is None:
            return None
        if response.headers.get("Location"):  # which the specification asks for, and not every server gives
            self._location = _upload_location(self._wire, ask, response)
        # "0-0" is both "nothing" and "one byte"; sending the first byte again is refused, so begin anew.
        return int(last.group(1)) + 1 if int(last.group(1)) > 0 else None

    def _in_pieces(self, offset: int) -> None:
        """Send the rest from ``offset`` on, piece by piece; the digest is checked over the whole."""
        position = 0
        for piece in pieces(self._source(), UPLOAD_PIECE):
            start, position = position, position + len(piece)
            if position <= offset:
                continue
            rest = piece[max(0, offset - start) :]
            headers = {
                "Content-Type": "application/octet-stream",
                "Content-Range": f"{position - len(rest)}-{position - 1}",
            }
            ask = Ask("PATCH", self._location, push_scope(self._name), headers, rest)
            response = self._expect(ask, 202, 204)  # 204: Pulp
            self._location = _upload_location(self._wire, ask, response)
        done = Ask("PUT", self._last_location(), push_scope(self._name), {}, b"")
        self._expect(done, 201, 204)

    def _expect(self, ask: Ask, *expected: int) -> Response:
        """Return the answer if its status is one of those ``expected``. Raises EEError."""
        response = self._wire.ask(ask)
        if response.status not in expected:
            raise self._wire.fail(ask, response)
        return response

    def _last_location(self) -> str:
        """Return where the request that ends the upload goes, with the digest."""
        joint = "&" if "?" in self._location else "?"
        return f"{self._location}{joint}{urlencode({'digest': self._blob.digest})}"


def mount(registry: Registry, name: str, blob: Descriptor, source: str) -> bool:
    """Take a blob over from another repository of a registry. False where it must be sent after all."""
    query = urlencode({"mount": blob.digest, "from": source})
    scope = f"{pull_scope(source)} {push_scope(name)}"
    ask = Ask("POST", f"/v2/{path_of(name)}/blobs/uploads/?{query}", scope, repeatable=True)
    response = registry.begin(name, ask)
    if response.status == 202:  # the registry began an upload instead
        unwanted = _upload_location(registry.wire, ask, response)
        registry.wire.ask(Ask("DELETE", unwanted, push_scope(name)))  # a courtesy: what is left over expires
    return response.status == 201


def _upload_location(wire: Wire, ask: Ask, response: Response) -> str:
    """Return where an upload goes on: relative or absolute, with or without a query. Raises EEError."""
    location = response.headers.get("Location")
    if not location:
        raise broken(f"{ask.method} {redact(urljoin(wire.base_url, ask.url))}", "there is no `Location`")
    return wire.address(ask.url, location)


def verified(chunks: t.Iterable[bytes], blob: Descriptor, where: str) -> t.Iterator[bytes]:
    """Yield the chunks of a blob; the last only when size and digest of the whole are right. Raises Unreachable."""
    algorithm, _colon, expected = blob.digest.partition(":")
    hasher = hashlib.new(algorithm)
    size = 0
    held: bytes | None = None
    for chunk in chunks:
        if held is not None:
            yield held
        size += len(chunk)
        if size > blob.size:
            raise broken(f"{where}: blob {blob.digest}", f"it has more than its {blob.size} bytes")
        hasher.update(chunk)
        held = chunk
    if size != blob.size:
        raise broken(f"{where}: blob {blob.digest}", f"it ended after {size} of {blob.size} bytes")
    if hasher.hexdigest() != expected:
        raise broken(f"{where}: blob {blob.digest}", f"its bytes have the digest {algorithm}:{hasher.hexdigest()}")
    if held is not None:
        yield held


def pieces(chunks: t.Iterable[bytes], size: int) -> t.Iterator[bytes]:
    """Yield the same bytes in pieces of ``size``, the last one shorter."""
    held = bytearray()
    for chunk in chunks:
        held += chunk
        while len(held) >= size:
            yield bytes(held[:size])
            del held[:size]
    if held:
        yield bytes(held)
