# Copyright (c) 2026 Foundry maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What ``ee_registry_image`` does where an image, or tags of it, are to be gone."""

from __future__ import annotations

import typing as t

from ansible_collections.foundry.ee.plugins.module_utils._core.image_ref import ImageRef
from ansible_collections.foundry.ee.plugins.module_utils._core.manifest import INDEXES, Manifest
from ansible_collections.foundry.ee.plugins.module_utils._core.tags import plan_deletion, plan_removal
from ansible_collections.foundry.ee.plugins.module_utils._oci import Registry
from ansible_collections.foundry.ee.plugins.module_utils._oci_images import (
    Done,
    Item,
    ItemPlan,
    Registries,
    apply_tags,
    clients,
    current_digests,
)


def plan_absence(item: Item, registries: Registries) -> ItemPlan:
    """Plan for an image or tags that are to be gone. Raises EEError."""
    ref = item.image.registry
    registry = registries.open(ref, main=True)
    if item.delete_image or (item.image.digest is not None and not item.named):
        return _plan_deletion(item, ref, registry, registries)
    names = item.named or ("latest",)
    plan = plan_removal(names, current_digests(registry, ref, names, item), only=item.image.digest)
    remover = registries.remover(registry) if plan.to_remove else None

    def apply() -> Done:
        return apply_tags(registry, ref, plan, remover=remover)

    return ItemPlan(item, plan, None, clients(registry, remover), apply, header=ref.name)


def _plan_deletion(item: Item, ref: ImageRef, registry: Registry, registries: Registries) -> ItemPlan:
    digest = registry.digest(ref)
    tagged = {} if digest is None else registry.tagged(ref.repository) or {}
    current = {tag: manifest.digest for tag, manifest in tagged.items()}
    holders = [] if digest is None else _holders(registry, ref, digest, tagged.values())
    plan = plan_deletion(digest, current, with_tags=item.delete_image, where=ref.name, holders=holders)
    if plan.image is None:
        return ItemPlan(item, plan, None, (registry,), Done, header=ref.name)
    remover = registries.remover(registry)
    warnings = tuple(remover.warnings(ref.repository, [plan.image]))

    def apply() -> Done:
        remover.delete(ref.repository, t.cast(str, plan.image))
        return Done()

    return ItemPlan(item, plan, digest, clients(registry, remover), apply, warnings, ref.name)


def _holders(registry: Registry, ref: ImageRef, digest: str, tagged: t.Collection[Manifest]) -> list[str]:
    """Return the digests of the indexes among ``tagged`` that hold an image, be it in an index within them."""
    known: dict[str, Manifest | None] = {manifest.digest: manifest for manifest in tagged}

    def read(inner: str) -> Manifest | None:
        if inner not in known:
            known[inner] = registry.find(ref.with_digest(inner))
        return known[inner]

    return [index.digest for index in tagged if _holds(index, digest, read)]


def _holds(index: Manifest, digest: str, read: t.Callable[[str], Manifest | None]) -> bool:
    """Return whether an index holds an image; ``read`` returns an index within it. An image holds none."""
    waiting: list[Manifest] = [index]
    seen = {index.digest}
    while waiting:
        children = waiting.pop().children
        if any(child.digest == digest for child in children):
            return True
        inner = [child.digest for child in children if child.media_type in INDEXES and child.digest not in seen]
        seen.update(inner)
        waiting += [found for found in map(read, inner) if found is not None]
    return False
