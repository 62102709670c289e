# Copyright (c) 2026 Foundry maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Images of several platforms: make an index of them, join, pick."""

from __future__ import annotations

import typing as t

from ansible_collections.foundry.ee.plugins.module_utils._core.errors import Invalid, NotFound
from ansible_collections.foundry.ee.plugins.module_utils._core.manifest import (
    OCI_INDEX,
    Descriptor,
    Manifest,
    Platform,
    made,
)


def make_index(children: t.Sequence[t.Mapping[str, t.Any]], annotations: t.Mapping[str, str] | None = None) -> Manifest:
    """Return an OCI index of descriptors; the same children in the same order give the same digest."""
    content: dict[str, t.Any] = {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": [dict(c) for c in children]}
    if annotations:
        content["annotations"] = dict(annotations)
    return made(content)


def join(parts: t.Sequence[tuple[Manifest, Platform]], where: str) -> Manifest:
    """Return the index of images of one platform each, in the order of their platforms. Raises Invalid."""
    seen: dict[Platform, str] = {}
    for manifest, platform in parts:
        if seen.setdefault(platform, manifest.digest) != manifest.digest:
            raise Invalid(f"Two different images for {platform} cannot be joined into the index {where}.")
    unique = {platform: manifest for manifest, platform in parts}
    return make_index([unique[p].as_descriptor(p) for p in sorted(unique, key=str)])


def pick(index: Manifest, wanted: t.Sequence[Platform], where: str) -> Manifest | Descriptor:
    """Return the part of an index that the wanted platforms need.

    One platform gives the descriptor of its image, several give an index of them, which is the same one if nothing is
    left out. What is attached to a left-out image (attestations of buildx) is left out with it. Raises NotFound.
    """
    children = index.children
    chosen: list[Descriptor] = []
    for platform in wanted:
        fitting = [c for c in children if c.platform is not None and platform.covers(c.platform)]
        if not fitting:
            have = ", ".join(sorted(str(c.platform) for c in children if c.platform)) or "none"
            raise NotFound(f"{where} has no image for {platform}.", hint=f"It has: {have}.")
        chosen += [c for c in fitting if c not in chosen]
    if len(chosen) == 1:
        return chosen[0]
    digests = {c.digest for c in chosen}
    kept = [c for c in children if c.digest in digests or _attached_to(c) in digests]
    if len(kept) == len(children):
        return index
    return made({**index.content, "mediaType": index.media_type, "manifests": [dict(c.raw) for c in kept]})


def only_platform(index: Manifest, platform: Platform | None, where: str) -> Descriptor:
    """Return the child for one platform (None: linux/amd64, else the only or first one). Raises NotFound."""
    images = [c for c in index.children if c.platform is None or c.platform.os != "unknown"]
    if platform is not None:
        images = [c for c in images if c.platform is not None and platform.covers(c.platform)]
    if not images:
        raise NotFound(f"{where} has no image for {platform or 'any platform'}.")
    usual = [c for c in images if c.platform is not None and Platform("linux", "amd64").covers(c.platform)]
    return (usual or images)[0]


def platform_of(config: t.Mapping[str, t.Any]) -> Platform:
    """Return the platform that an image's configuration names; ``linux/amd64`` is what very old ones mean."""
    return Platform(
        str(config.get("os") or "linux"), str(config.get("architecture") or "amd64"), config.get("variant") or None
    )


def _attached_to(child: Descriptor) -> str | None:
    return child.annotations.get("vnd.docker.reference.digest")
