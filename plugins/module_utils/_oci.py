# Copyright (c) 2026 Foundry maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The OCI distribution API of one registry: manifests, tags, blobs, referrers.

Source of the rules: github.com/opencontainers/distribution-spec, ``spec.md``.
"""

from __future__ import annotations

import json
import threading
import typing as t
from urllib.parse import quote, urljoin

from ansible_collections.foundry.ee.plugins.module_utils._core.errors import (
    Invalid,
    NotFound,
)
from ansible_collections.foundry.ee.plugins.module_utils._core.image_ref import ImageRef, check_tag, is_digest, parse
from ansible_collections.foundry.ee.plugins.module_utils._core.manifest import (
    ACCEPT,
    LONGEST_MANIFEST,
    OCI_INDEX,
    Descriptor,
    Manifest,
    Platform,
    broken,
    parse_manifest,
    referrers_tag,
)
from ansible_collections.foundry.ee.plugins.module_utils._core.registry_auth import api_repository
from ansible_collections.foundry.ee.plugins.module_utils._http import Connection, Response, redact
from ansible_collections.foundry.ee.plugins.module_utils._oci_auth import credentials_from
from ansible_collections.foundry.ee.plugins.module_utils._oci_http import Ask, Wire, content_length

if t.TYPE_CHECKING:
    from ansible_collections.foundry.ee.plugins.module_utils._oci_blobs import Opener

PARALLEL = 8


def open_registry(reference: ImageRef | str, options: t.Mapping[str, t.Any], read_only: bool) -> Registry:
    """Return a client for the registry of an image (or a repository, or ``host/``), as the user of ``options``.

    ``options`` are the module's parameters of the doc fragment ``foundry.ee._registry``. Nothing is sent yet.
    Plain HTTP is spoken to loopback addresses, and to others if ``validate_certs`` is false; in both cases only where
    the server does not speak TLS. Raises Invalid for a short name.
    """
    ref = _reference(reference)
    if ref.registry is None:
        raise Invalid(f"`{ref}` names no registry.", hint=f"Write it in full, such as `registry.example.com/{ref}`.")
    credentials = credentials_from(options, ref.registry, ref.repository)
    return Registry(Wire(ref.registry, Connection.from_params(options), credentials, read_only=read_only))


def _reference(reference: ImageRef | str) -> ImageRef:
    if isinstance(reference, ImageRef):
        return reference
    host, slash, rest = reference.partition("/")
    return ImageRef(repository="", registry=host) if slash and not rest else parse(reference)


class Registry:
    """One registry. A ``ref`` is an image reference (text or parsed) of this registry; a ``repository`` is its path."""

    def __init__(self, wire: Wire) -> None:
        self.wire = wire
        self.host = wire.registry
        self.bytes_written = 0
        # How to tag where the distribution API must not; returns whether it did.
        self.tag_otherwise: t.Callable[[str, str, str], bool] = lambda _repository, _tag, _digest: False
        self._lock = threading.Lock()
        self._beginning = threading.Lock()
        self._begun: set[str] = set()
        self._referrers_api: bool | None = None

    @property
    def requests(self) -> int:
        return self.wire.requests

    @property
    def is_pulp(self) -> bool:
        """Whether it is a Pulp (Galaxy NG), known by where it sends clients for tokens, once it has."""
        return (self.wire.realm or "").endswith("/token/")

    @property
    def has_referrers_api(self) -> bool:
        """Whether the registry lists itself what is attached to an image, known once it was asked."""
        return self._referrers_api is True

    @property
    def manifest_workers(self) -> int:
        """How many manifests of a repository to write at once. Pulp answers 429 or 500 to a second one."""
        return 1 if self.is_pulp else PARALLEL

    def digest(self, ref: ImageRef | str) -> str | None:
        """Return the digest that a tag or digest stands for, None where there is no such image. One HEAD."""
        name, reference = self._split(ref)
        ask = self._manifest_ask("HEAD", name, reference)
        response = self.wire.ask(ask)
        if response.status == 404:
            return None
        if response.status >= 300:
            raise self.wire.fail(ask, response)
        found = response.headers.get("Docker-Content-Digest") or ""
        if not is_digest(found):  # the header is optional; the bytes are not
            return self.manifest(ref).digest
        if is_digest(reference) and found != reference:
            raise broken(f"{self.host}/{name}", f"asked for {reference}, it answered {found}")
        return found

    def manifest(self, ref: ImageRef | str) -> Manifest:
        """Return a manifest or index, checked against its digest. Raises NotFound."""
        found = self.find(ref)
        if found is not None:
            return found
        name, reference = self._split(ref)
        raise NotFound(
            f"{_shown(self.host, name, reference)} is not there.",
            status=404,
            method="GET",
            url=redact(urljoin(self.wire.base_url, manifest_url(name, reference))),
        )

    def find(self, ref: ImageRef | str) -> Manifest | None:
        """Return what ``manifest`` does, None where there is no such image. Raises EEError."""
        name, reference = self._split(ref)
        ask = self._manifest_ask("GET", name, reference)
        response = self.wire.ask(ask, limit=LONGEST_MANIFEST)
        if response.status == 404:
            return None
        if response.status >= 300:
            raise self.wire.fail(ask, response)
        promised = response.headers.get("Docker-Content-Digest") or ""
        expected = reference if is_digest(reference) else promised if is_digest(promised) else None
        return parse_manifest(
            response.body,
            media_type=response.headers.get("Content-Type"),
            digest=expected,
            where=_shown(self.host, name, reference),
        )

    def config(self, ref: ImageRef | str, platform: Platform | None = None) -> dict[str, t.Any]:
        """Return an image's configuration (labels are in ``config.Labels``); of an index, one platform's image's.

        Without ``platform``: linux/amd64, else the first. Raises NotFound.
        """
        from ansible_collections.foundry.ee.plugins.module_utils._core.index import only_platform

        name, _which = self._split(ref)
        manifest = self.manifest(ref)
        if manifest.is_index:
            manifest = self.manifest(self._ref(name, only_platform(manifest, platform, str(ref)).digest))
        if manifest.config is None:
            raise broken(f"{self.host}/{name}", "an index within an index has no configuration")
        return self.config_of(name, manifest.config)

    def config_of(self, repository: str, config: Descriptor) -> dict[str, t.Any]:
        """Return the JSON of an image's configuration blob."""
        from ansible_collections.foundry.ee.plugins.module_utils._oci_blobs import verified

        where = f"{self.host}/{repository}@{config.digest}"
        if config.size > LONGEST_MANIFEST:
            raise broken(where, f"the configuration has {config.size} bytes")
        try:
            content = json.loads(b"".join(verified(self.read_blob(repository, config), config, where)))
        except (ValueError, RecursionError) as error:
            raise broken(where, "the configuration is no JSON") from error
        if not isinstance(content, dict):
            raise broken(where, "the configuration is no JSON object")
        return content

    def tags(self, repository: str) -> list[str] | None:
        """Return the tags of a repository, sorted, None where it is not there. Raises EEError."""
        from ansible_collections.foundry.ee.plugins.module_utils._oci_lists import read_names

        name = api_repository(self.host, repository)
        return read_names(self.wire, f"/v2/{path_of(name)}/tags/list", pull_scope(name), "tags")

    def tagged(self, repository: str) -> dict[str, Manifest] | None:
        """Return what the tags of a repository stand for, None where it is not there. Raises EEError."""
        tags = self.tags(repository)
        if tags is None:
            return None
        manifests = in_parallel(lambda tag: self.find(self._ref(repository, tag)), tags)
        return {tag: found for tag, found in zip(tags, manifests) if found is not None}  # None: gone since the list

    def catalog(self) -> list[str]:
        """Return the repositories of the registry that the user may list. Raises EEError."""
        from ansible_collections.foundry.ee.plugins.module_utils._oci_lists import read_names

        return read_names(self.wire, "/v2/_catalog", "registry:catalog:*", "repositories") or []

    def digests(self, repository: str, tags: t.Iterable[str]) -> dict[str, str | None]:
        """Return what each tag stands for, asked in parallel."""
        wanted = list(dict.fromkeys(tags))
        refs = [self._ref(repository, tag) for tag in wanted]
        return dict(zip(wanted, in_parallel(self.digest, refs)))

    def tag(self, ref: ImageRef | str, tag: str) -> str:
        """Let another tag of the same repository stand for the same image. Return its digest."""
        name, _which = self._split(ref)
        manifest = self.manifest(ref)
        self.put_manifest(name, manifest, check_tag(tag))
        return manifest.digest

    def put_manifest(self, repository: str, manifest: Manifest, tag: str | None = None) -> None:
        """Write a manifest, by its digest or under a tag. Its blobs and children must be there. Raises EEError."""
        name = api_repository(self.host, repository)
        url = manifest_url(name, tag or manifest.digest)
        ask = Ask("PUT", url, push_scope(name), {"Content-Type": manifest.media_type}, manifest.body)
        response = self.wire.ask(ask)
        if tag is not None and _is_read_only(response) and self.tag_otherwise(repository, tag, manifest.digest):
            return
        if response.status not in (200, 201, 202):
            raise self.wire.fail(ask, response)
        where = _shown(self.host, name, tag or manifest.digest)
        found = response.headers.get("Docker-Content-Digest")
        if found is not None and found != manifest.digest:
            raise broken(where, f"we wrote {manifest.digest}, the registry says it is {found}")
        if manifest.subject is not None and not response.headers.get("OCI-Subject"):
            self._list_referrer(name, manifest)

    def has_blob(self, repository: str, blob: Descriptor) -> bool:
        """Return whether a blob is in the repository. One HEAD."""
        name = api_repository(self.host, repository)
        ask = Ask("HEAD", f"/v2/{path_of(name)}/blobs/{blob.digest}", pull_scope(name))
        response = self.wire.ask(ask)
        if response.status == 404:
            return False
        if response.status >= 300:
            raise self.wire.fail(ask, response)
        return content_length(response.headers) in (None, 0, blob.size)

    def read_blob(self, repository: str, blob: Descriptor) -> t.Iterator[bytes]:
        """Yield a blob's bytes, going on where a connection broke. Not checked yet: see ``_oci_blobs.verified``."""
        from ansible_collections.foundry.ee.plugins.module_utils._oci_blobs import read_blob

        return read_blob(self.wire, api_repository(self.host, repository), blob)

    def mount(self, repository: str, blob: Descriptor, source: str) -> bool:
        """Take a blob over from another repository of this registry. False where it must be sent after all."""
        from ansible_collections.foundry.ee.plugins.module_utils._oci_blobs import mount

        return mount(self, api_repository(self.host, repository), blob, api_repository(self.host, source))

    def begin(self, name: str, ask: Ask) -> Response:
        """Send the request that begins an upload to a repository; until one has got in, one at a time.

        It creates the repository. Galaxy NG answers NAME_INVALID to one of two that would do so at once.
        """
        if name in self._begun:
            return self.wire.ask(ask)
        with self._beginning:
            response = self.wire.ask(ask)
            if response.status in (201, 202):
                self._begun.add(name)
        return response

    def write_blob(self, repository: str, blob: Descriptor, source: Opener) -> None:
        """Send a blob; ``source`` starts its bytes anew. What does not match the digest never gets in.

        In one piece where the server takes it so, else in pieces; after a break it goes on where the server stands.
        """
        from ansible_collections.foundry.ee.plugins.module_utils._oci_blobs import BlobUpload

        BlobUpload(self, api_repository(self.host, repository), blob, source).run()
        with self._lock:
            self.bytes_written += blob.size

    def referrers(self, repository: str, digest: str) -> list[Descriptor]:
        """Return what is attached to an image, by the referrers API, else by the tag that stands in for it."""
        from ansible_collections.foundry.ee.plugins.module_utils._oci_lists import read_referrers

        name = api_repository(self.host, repository)
        if self._referrers_api is not False:
            ask = Ask("GET", f"/v2/{path_of(name)}/referrers/{digest}", pull_scope(name), {"Accept": OCI_INDEX})
            response = self.wire.ask(ask)
            if response.status == 200:
                self._referrers_api = True
                return read_referrers(self.wire, ask, response, f"{self.host}/{name}")
            if response.status not in (400, 404, 405, 501):
                raise self.wire.fail(ask, response)
            self._referrers_api = False
        index_ = self._fallback_index(name, digest)
        return [] if index_ is None else list(index_.children)

    # ---- below: how

    def _split(self, ref: ImageRef | str) -> tuple[str, str]:
        parsed = parse(ref) if isinstance(ref, str) else ref
        if parsed.registry != self.host:
            raise Invalid(f"`{parsed}` is not at {self.host}.")
        return api_repository(self.host, parsed.repository), parsed.reference

    def _ref(self, repository: str, reference: str) -> ImageRef:
        digest = is_digest(reference)
        return ImageRef(repository, self.host, None if digest else reference, reference if digest else None)

    def _manifest_ask(self, method: str, name: str, reference: str) -> Ask:
        return Ask(method, manifest_url(name, reference), pull_scope(name), {"Accept": ACCEPT})

    def _fallback_index(self, name: str, digest: str) -> Manifest | None:
        index = self.find(self._ref(name, referrers_tag(digest)))
        return index if index is not None and index.is_index else None

    def _list_referrer(self, name: str, manifest: Manifest) -> None:
        """Add a referrer to the tag that stands in for the referrers API (distribution-spec, "Pushing Manifests")."""
        from ansible_collections.foundry.ee.plugins.module_utils._core.index import make_index

        subject = t.cast(str, manifest.subject)
        index = self._fallback_index(name, subject)
        known = [] if index is None else [dict(c.raw) for c in index.children]
        if any(each["digest"] == manifest.digest for each in known):
            return
        entry = {**manifest.as_descriptor(), "artifactType": manifest.artifact_type}
        if manifest.content.get("annotations"):
            entry["annotations"] = manifest.content["annotations"]
        self.put_manifest(name, make_index([*known, entry]), referrers_tag(subject))


def _is_read_only(response: Response) -> bool:
    """Whether a registry refuses to write into this repository by any name: a Galaxy NG that syncs it says so."""
    if response.status != 400:
        return False
    try:
        return any(error["code"] == "NAME_INVALID" for error in json.loads(response.body)["errors"])
    except (ValueError, KeyError, TypeError, RecursionError):
        return False


def required(digest: str | None, where: str) -> str:
    """Return a digest that has to be there. Raises NotFound."""
    if digest is None:
        raise NotFound(f"{where} is not there.", hint="Is the name right, tag or digest included?")
    return digest


A = t.TypeVar("A")
B = t.TypeVar("B")


def in_parallel(function: t.Callable[[A], B], items: t.Sequence[A], workers: int = PARALLEL) -> list[B]:
    """Return the results in order. The first failure is raised when all that began has ended."""
    if len(items) < 2:
        return [function(item) for item in items]
    from concurrent.futures import ThreadPoolExecutor  # here, because most tasks have nothing to do and need it not

    with ThreadPoolExecutor(min(workers, len(items))) as pool:
        futures = [pool.submit(function, item) for item in items]
        try:
            return [future.result() for future in futures]
        except BaseException:
            for future in futures:
                future.cancel()
            raise


def path_of(name: str) -> str:
    return quote(name, safe="/")


def manifest_url(name: str, reference: str) -> str:
    return f"/v2/{path_of(name)}/manifests/{quote(reference, safe=':')}"  # a listed tag may be anything


def pull_scope(name: str) -> str:
    return f"repository:{name}:pull"


def push_scope(name: str) -> str:
    return f"repository:{name}:pull,push"


def _shown(host: str, name: str, reference: str) -> str:
    return f"{host}/{name}{'@' if is_digest(reference) else ':'}{reference}"
