# Copyright (c) 2026 Foundry maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What ``ee_registry_image`` does for an image that goes to an OCI layout on disk."""

from __future__ import annotations

import typing as t

from ansible_collections.foundry.ee.plugins.module_utils._core.errors import NotFound, Unreachable
from ansible_collections.foundry.ee.plugins.module_utils._core.location import Location
from ansible_collections.foundry.ee.plugins.module_utils._core.tags import TagPlan
from ansible_collections.foundry.ee.plugins.module_utils._oci_copies import load_from, resolve, tags_to_have
from ansible_collections.foundry.ee.plugins.module_utils._oci_copy import (
    Destination,
    Image,
    Part,
    copy,
    load,
    warnings_of,
)
from ansible_collections.foundry.ee.plugins.module_utils._oci_images import Done, Item, ItemPlan, Registries, clients
from ansible_collections.foundry.ee.plugins.module_utils._oci_layout import (
    ArchiveWriter,
    DirectoryWriter,
    Layout,
    open_layout,
)
from ansible_collections.foundry.ee.plugins.module_utils._oci_sources import LayoutSource, source_of


def plan_save(item: Item, registries: Registries) -> ItemPlan:
    """Plan for an image that goes to a layout or an archive. Raises EEError."""
    source, origin = source_of(t.cast(Location, item.source), None, registries)
    digest, node = resolve(item, source)
    names = tags_to_have(item, source, digest)
    path, archive = t.cast(str, item.image.path), item.image.kind == "archive"
    there = open_layout(path, archive)
    have = {} if there is None else there.tags()
    image = load_from(source, digest, node, attached=True) if item.referrers else None
    along = set() if image is None else {part.tag for part in image.attached}
    shown = {*names, *(have.keys() - along if archive else ())}  # an archive holds this, what comes along, no more
    after: dict[str, str | None] = {tag: digest if tag in names else None for tag in sorted(shown)}
    plan = TagPlan({tag: have.get(tag) for tag in after}, after)
    extra = _missing_in(there, digest, image)

    def apply() -> Done:
        loaded = image or load_from(source, digest, node, attached=False)
        writer: Destination = ArchiveWriter(path) if archive else DirectoryWriter(path)
        return Done(copy(source, writer, loaded, names))

    return ItemPlan(item, plan, digest, clients(origin), apply, warnings_of(source, image), path, extra)


def _missing_in(there: Layout | None, digest: str, image: Image | None) -> dict[str, str | None]:
    """Return what the tags do not show: the image itself without its blobs, and what is to be attached to it."""
    missing: dict[str, str | None] = {}
    if there is None or not _is_whole(there, digest):
        missing["@"] = digest
    for part in () if image is None else image.attached:
        if there is None or not _is_whole(there, part.root.digest) or not _is_tagged(there, part):
            missing[f"@{part.root.digest}"] = part.root.digest
    return missing


def _is_tagged(layout: Layout, part: Part) -> bool:
    return part.tag is None or layout.tags().get(part.tag) == part.root.digest


def _is_whole(layout: Layout, digest: str) -> bool:
    """Return whether a layout has a manifest and all below it, manifests intact and blobs of the right size."""
    try:
        manifests = load(LayoutSource(layout, None, digest), layout.manifest(digest), attached=False).main.manifests
    except (NotFound, Unreachable):  # missing or broken: it is to be written anew
        return False
    return all(layout.has_blob(blob) for manifest in manifests for blob in manifest.blobs)
