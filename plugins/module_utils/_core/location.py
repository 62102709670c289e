# Copyright (c) 2026 Foundry maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Where an image is: one way to write it for registries, engines, and OCI layouts on disk."""

from __future__ import annotations

import typing as t

from ansible_collections.foundry.ee.plugins.module_utils._core.errors import Invalid
from ansible_collections.foundry.ee.plugins.module_utils._core.image_ref import (
    ImageRef,
    check_digest,
    check_tag,
    is_digest,
    parse,
)

Kind = t.Literal["registry", "engine", "layout", "archive"]
ENGINES = ("podman", "docker", "buildah")
_LAYOUTS: dict[str, Kind] = {"oci": "layout", "oci-archive": "archive"}


class Location(t.NamedTuple):
    """A place of an image, as ``text`` was written.

    ``ref`` is set for registries and engines (an image id has none); ``path`` for layouts; ``engine`` for engines.
    ``tag`` and ``digest`` say which image is meant there.
    """

    text: str
    kind: Kind
    ref: ImageRef | None = None
    path: str | None = None
    engine: str | None = None
    tag: str | None = None
    digest: str | None = None

    @property
    def registry(self) -> ImageRef:
        """The reference in a registry. Raises Invalid for another kind of place."""
        if self.kind != "registry" or self.ref is None:
            raise Invalid(f"`{self.text}` is no image in a registry.", hint="Expected `registry/namespace/name:tag`.")
        return self.ref

    def __str__(self) -> str:
        return self.text


def parse_location(text: str) -> Location:
    """Read a location. Raises Invalid.

    - ``registry.example.com/team/ee:1.0``, ``…@sha256:…``: in a registry
    - ``podman:localhost/ee:1.0``, ``docker:…``, ``buildah:…``: in an engine's store, by name or image id
    - ``oci:/srv/ee``, ``oci:/srv/ee:1.0``, ``oci:/srv/ee@sha256:…``: in an OCI layout directory
    - ``oci-archive:/srv/ee.tar``, with tag or digest as above: in an OCI layout as one tar file
    """
    prefix, colon, rest = text.partition(":")
    if colon and not rest.startswith("//"):
        if prefix in _LAYOUTS:
            return _layout(text, _LAYOUTS[prefix], rest)
        if prefix in ENGINES:
            return _engine(text, prefix, rest)
    ref = parse(text)
    if ref.registry is None:
        raise Invalid(
            f"`{text}` names no registry.",
            hint=f"Write it in full, such as `registry.example.com/{text}`, or say where it is: "
            f"`podman:{text}`, `oci:/path`, `oci-archive:/file.tar`.",
        )
    return Location(text, "registry", ref=ref, tag=ref.tag, digest=ref.digest)


def _layout(text: str, kind: Kind, rest: str) -> Location:
    path, at, digest = rest.partition("@sha256:")
    tag = None
    if not at:
        head, colon, tail = path.rpartition(":")
        if colon and "/" not in tail:
            path, tag = head, check_tag(tail)
    if not path.startswith("/"):
        raise Invalid(f"`{text}` has no absolute path.", hint=f"Expected `{text.partition(':')[0]}:/srv/…`.")
    return Location(text, kind, path=path, tag=tag, digest=check_digest(f"sha256:{digest}") if at else None)


def _engine(text: str, engine: str, rest: str) -> Location:
    if is_digest(rest) or (len(rest) == 64 and is_digest(f"sha256:{rest}")):
        return Location(text, "engine", engine=engine, digest=rest if is_digest(rest) else f"sha256:{rest}")
    ref = parse(rest)
    if ref.registry is None:  # what podman and buildah make of a short name they store
        ref = parse(f"localhost/{rest}") if engine != "docker" else ref
    return Location(text, "engine", ref=ref, engine=engine, tag=ref.tag, digest=ref.digest)
