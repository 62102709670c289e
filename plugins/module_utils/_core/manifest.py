# Copyright (c) 2026 Foundry maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Image manifests and indexes: their shapes; parse and check.

Source of the shapes: github.com/opencontainers/image-spec, ``manifest.md``, ``image-index.md`` and ``descriptor.md``.
"""

from __future__ import annotations

import hashlib
import json
import typing as t
from dataclasses import dataclass, field

from ansible_collections.foundry.ee.plugins.module_utils._core.errors import EEError, Invalid, Unreachable
from ansible_collections.foundry.ee.plugins.module_utils._core.image_ref import is_digest

OCI_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
OCI_INDEX = "application/vnd.oci.image.index.v1+json"
OCI_CONFIG = "application/vnd.oci.image.config.v1+json"
OCI_EMPTY = "application/vnd.oci.empty.v1+json"
DOCKER_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
DOCKER_LIST = "application/vnd.docker.distribution.manifest.list.v2+json"

MANIFESTS = (OCI_MANIFEST, DOCKER_MANIFEST)
INDEXES = (OCI_INDEX, DOCKER_LIST)
ACCEPT = ", ".join((*INDEXES, *MANIFESTS))

LONGEST_MANIFEST = 4 * 1024 * 1024  # bytes; what the distribution specification asks registries to take at least
EMPTY = b"{}"  # the content of OCI_EMPTY
_LARGEST = 2**63 - 1  # bytes; the image specification gives sizes 64 bits with a sign


class Platform(t.NamedTuple):
    """``os/architecture[/variant]``, as Go names them."""

    os: str
    architecture: str
    variant: str | None = None

    @classmethod
    def parse(cls, text: str) -> Platform:
        """Read ``linux/arm64/v8``. Raises Invalid."""
        parts = text.split("/")
        if len(parts) not in (2, 3) or not all(parts):
            raise Invalid(f"`{text}` is no platform.", hint="Expected `os/architecture` such as `linux/amd64`.")
        return cls(*parts)

    def covers(self, other: Platform) -> bool:
        """Return whether asking for this platform is answered by the other; no variant means any."""
        return (self.os, self.architecture) == (other.os, other.architecture) and (
            self.variant is None or self.variant == other.variant or (self, other) in _SAME
        )

    def __str__(self) -> str:
        return "/".join(part for part in (self.os, self.architecture, self.variant) if part)


_ARM64 = Platform("linux", "arm64")
_ARM64_V8 = Platform("linux", "arm64", "v8")
_SAME = {(_ARM64_V8, _ARM64)}  # v8 is what arm64 means without a variant


@dataclass(frozen=True)
class Descriptor:
    """What a manifest says about a blob or another manifest; ``size`` is in bytes, ``raw`` the mapping as it was."""

    media_type: str
    digest: str
    size: int
    platform: Platform | None = None
    raw: t.Mapping[str, t.Any] = field(default_factory=dict, compare=False, repr=False)

    @property
    def annotations(self) -> dict[str, str]:
        """The annotations that are such: texts by name."""
        given = self.raw.get("annotations")
        return {k: v for k, v in given.items() if isinstance(v, str)} if isinstance(given, dict) else {}

    @property
    def foreign(self) -> bool:
        """Whether it is fetched from elsewhere, and not kept in registries."""
        return bool(self.raw.get("urls")) and ("foreign" in self.media_type or "nondistributable" in self.media_type)


@dataclass(frozen=True)
class Manifest:
    """A manifest or an index, as exactly the bytes that its digest stands for."""

    media_type: str
    digest: str
    body: bytes
    content: t.Mapping[str, t.Any] = field(compare=False, repr=False)

    @property
    def is_index(self) -> bool:
        return self.media_type in INDEXES

    @property
    def children(self) -> tuple[Descriptor, ...]:
        """The manifests of an index; none of an image."""
        if not self.is_index:
            return ()
        return tuple(descriptor(each, "manifests") for each in _list(self.content, "manifests"))

    @property
    def config(self) -> Descriptor | None:
        """The configuration of an image; none of an index."""
        return None if self.is_index else descriptor(self.content.get("config"), "config")

    @property
    def blobs(self) -> tuple[Descriptor, ...]:
        """Configuration and layers of an image, each digest once, without what is fetched from elsewhere."""
        found = [*([] if self.config is None else [self.config]), *self.layers]
        return tuple({each.digest: each for each in found if not each.foreign}.values())

    @property
    def layers(self) -> tuple[Descriptor, ...]:
        """The layers in their order, the lowest first."""
        if self.is_index:
            return ()
        return tuple(descriptor(each, "layers") for each in _list(self.content, "layers"))

    @property
    def subject(self) -> str | None:
        """The digest that this signature, SBOM or the like is attached to."""
        subject = self.content.get("subject")
        return descriptor(subject, "subject").digest if isinstance(subject, dict) else None

    @property
    def artifact_type(self) -> str:
        """What a referrer is: its own word, else its configuration's media type."""
        if self.content.get("artifactType"):
            return str(self.content["artifactType"])
        return "" if self.config is None else self.config.media_type

    def as_descriptor(self, platform: Platform | None = None) -> dict[str, t.Any]:
        """Return what an index says about this manifest."""
        known: dict[str, t.Any] = {"mediaType": self.media_type, "digest": self.digest, "size": len(self.body)}
        if platform is not None:
            known["platform"] = {"os": platform.os, "architecture": platform.architecture}
            if platform.variant:
                known["platform"]["variant"] = platform.variant
        return known


def digest_of(data: bytes, algorithm: str = "sha256") -> str:
    return f"{algorithm}:{hashlib.new(algorithm, data).hexdigest()}"


def parse_manifest(body: bytes, *, media_type: str | None = None, digest: str | None = None, where: str) -> Manifest:
    """Read a manifest that came from ``where``, and check it against ``digest`` if one is given.

    Raises Unreachable where the other side sent something else, Invalid for the manifests of before 2016.
    """
    algorithm = digest.partition(":")[0] if digest else "sha256"
    found = digest_of(body, algorithm)
    if digest is not None and found != digest:
        raise broken(where, f"the manifest's digest is {found}, expected {digest}")
    content = _json(body, where)
    kind = str(content.get("mediaType") or (media_type or "").partition(";")[0].strip() or _guess(content))
    if content.get("schemaVersion") == 1:
        raise Invalid(f"{where} has a manifest of Docker schema 1.", hint="Push the image again with a current tool.")
    if kind not in MANIFESTS + INDEXES:
        raise broken(where, f"`{kind}` is no media type of a manifest")
    manifest = Manifest(kind, found, body, content)
    _check(manifest, where)
    return manifest


def made(content: t.Mapping[str, t.Any]) -> Manifest:
    """Return a manifest of ours, in one canonical form of JSON."""
    body = json.dumps(content, sort_keys=True, separators=(",", ":")).encode()
    return Manifest(str(content["mediaType"]), digest_of(body), body, content)


def descriptor(value: t.Any, what: str) -> Descriptor:
    """Read a descriptor. Raises Unreachable: a broken one cannot be followed."""
    if not isinstance(value, dict) or not is_digest(str(value.get("digest"))):
        raise broken("A manifest", f"`{what}` has a descriptor without a valid digest")
    size = value.get("size")
    if not isinstance(size, int) or isinstance(size, bool) or not 0 <= size <= _LARGEST:
        raise broken("A manifest", f"`{what}` has a descriptor without a valid size")
    return Descriptor(str(value.get("mediaType") or ""), value["digest"], size, _platform(value.get("platform")), value)


def referrers_tag(digest: str) -> str:
    """Return the tag that lists what is attached to a digest, where a registry has no referrers API."""
    return digest.replace(":", "-")[:128]


def broken(where: str, why: str) -> EEError:
    """Return the error for an answer that breaks its own promises."""
    return Unreachable(f"{where}: {why}.", hint="Nothing of it was used. Is something between us and the registry?")


def _platform(value: t.Any) -> Platform | None:
    if not isinstance(value, dict) or not value.get("os") or not value.get("architecture"):
        return None
    return Platform(
        str(value["os"]), str(value["architecture"]), str(value["variant"]) if value.get("variant") else None
    )


def _json(body: bytes, where: str) -> dict[str, t.Any]:
    try:
        content = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise broken(where, "the manifest is no JSON") from error
    if not isinstance(content, dict):
        raise broken(where, "the manifest is no JSON object")
    return content


def _guess(content: t.Mapping[str, t.Any]) -> str:
    return OCI_INDEX if "manifests" in content else OCI_MANIFEST


def _list(content: t.Mapping[str, t.Any], key: str) -> list[t.Any]:
    value = content.get(key)
    if not isinstance(value, list):
        raise broken("A manifest", f"`{key}` is no list")
    return value


def _check(manifest: Manifest, where: str) -> None:
    """Read every descriptor once, so that later steps cannot meet a broken one."""
    try:
        for part in ("children", "blobs", "subject"):
            getattr(manifest, part)
    except Unreachable as error:
        raise Unreachable(f"{where}: {error}") from error
