# Copyright (c) 2026 Foundry maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Where images are read from: registries and OCI layouts."""

from __future__ import annotations

import typing as t

from ansible_collections.foundry.ee.plugins.module_utils._core.errors import Invalid, NotFound
from ansible_collections.foundry.ee.plugins.module_utils._core.image_ref import ImageRef
from ansible_collections.foundry.ee.plugins.module_utils._core.location import Location
from ansible_collections.foundry.ee.plugins.module_utils._core.manifest import (
    Descriptor,
    Manifest,
    referrers_tag,
)
from ansible_collections.foundry.ee.plugins.module_utils._oci import Registry

if t.TYPE_CHECKING:
    from ansible_collections.foundry.ee.plugins.module_utils._oci_images import Registries
    from ansible_collections.foundry.ee.plugins.module_utils._oci_layout import Layout

_COSIGN = (".sig", ".att", ".sbom")  # tags that cosign makes: sha256-<digest>.sig

Node = t.Union[Manifest, Descriptor]


class Source(t.Protocol):
    """Where images are read from. ``where`` is for messages."""

    @property
    def where(self) -> str:
        """Return where it is, for messages."""

    def digest(self) -> str | None:
        """Return the digest that the source stands for, None where nothing is there."""

    def manifest(self, digest: str) -> Manifest:
        """Return a manifest by its digest. Raises NotFound."""

    def read_blob(self, blob: Descriptor) -> t.Iterator[bytes]:
        """Yield a blob's bytes, unchecked."""

    def attached(self, digest: str) -> list[tuple[str, str | None]]:
        """Return (digest, tag) of what is attached to an image; the tag where cosign names it so."""


class RegistrySource:
    """An image in a registry."""

    def __init__(self, registry: Registry, ref: ImageRef) -> None:
        self.registry = registry
        self.ref = ref

    @property
    def where(self) -> str:
        return str(self.ref)

    def digest(self) -> str | None:
        return self.registry.digest(self.ref)

    def manifest(self, digest: str) -> Manifest:
        return self.registry.manifest(self.ref.with_digest(digest))

    def read_blob(self, blob: Descriptor) -> t.Iterator[bytes]:
        return self.registry.read_blob(self.ref.repository, blob)

    def attached(self, digest: str) -> list[tuple[str, str | None]]:
        found: list[tuple[str, str | None]] = [
            (each.digest, None) for each in self.registry.referrers(self.ref.repository, digest)
        ]
        tags = [referrers_tag(digest) + suffix for suffix in _COSIGN]
        named = self.registry.digests(self.ref.repository, tags)
        return found + [(found_digest, tag) for tag, found_digest in named.items() if found_digest is not None]


class LayoutSource:
    """An image in an OCI layout."""

    def __init__(self, layout: Layout, tag: str | None, digest: str | None) -> None:
        self.layout = layout
        self._tag = tag
        self._digest = digest

    @property
    def where(self) -> str:
        tag = "" if self._tag is None else f":{self._tag}"
        return f"{self.layout.path}{tag}" if self._digest is None else f"{self.layout.path}@{self._digest}"

    def digest(self) -> str | None:
        return self.layout.digest(self._tag, self._digest)

    def manifest(self, digest: str) -> Manifest:
        return self.layout.manifest(digest)

    def read_blob(self, blob: Descriptor) -> t.Iterator[bytes]:
        return self.layout.read_blob(blob)

    def attached(self, digest: str) -> list[tuple[str, str | None]]:
        found: list[tuple[str, str | None]] = [(each.digest, None) for each in self.layout.referrers(digest)]
        tags = self.layout.tags()
        wanted = [referrers_tag(digest) + suffix for suffix in _COSIGN]
        return found + [(tags[tag], tag) for tag in wanted if tag in tags]


def source_of(location: Location, ref: ImageRef | None, registries: Registries) -> tuple[Source, Registry | None]:
    """Open where an image comes from, for one that goes to ``ref``: the source, and the client whose requests count.

    Raises EEError.
    """
    if location.kind == "engine":
        raise Invalid(f"`{location}` is in an engine's store.", hint="Push it to a registry first.")
    if location.kind == "registry":
        main = ref is None or location.registry.registry == ref.registry
        registry = registries.open(location.registry, main=main)
        return RegistrySource(registry, location.registry), registry
    return LayoutSource(_layout(location), location.tag, location.digest), None


def _layout(location: Location) -> Layout:
    from ansible_collections.foundry.ee.plugins.module_utils._oci_layout import open_layout

    layout = open_layout(t.cast(str, location.path), location.kind == "archive")
    if layout is None:
        raise NotFound(f"{location.path} is not there.", hint="Expected an OCI layout.")
    return layout
