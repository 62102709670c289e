# Copyright (c) 2026 Foundry maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What ``ee_registry_image`` does for an image that is copied into a registry.

What copies is imported where something is to be copied: a task with nothing to do is mostly imports.
"""

from __future__ import annotations

import typing as t

from ansible_collections.foundry.ee.plugins.module_utils._core.errors import Conflict
from ansible_collections.foundry.ee.plugins.module_utils._core.image_ref import ImageRef
from ansible_collections.foundry.ee.plugins.module_utils._core.location import Location
from ansible_collections.foundry.ee.plugins.module_utils._core.tags import TagPlan
from ansible_collections.foundry.ee.plugins.module_utils._oci import Registry, required
from ansible_collections.foundry.ee.plugins.module_utils._oci_images import (
    Done,
    Item,
    ItemPlan,
    Registries,
    apply_tags,
    clients,
    current_digests,
    with_memory,
)
from ansible_collections.foundry.ee.plugins.module_utils._oci_sources import (
    LayoutSource,
    Node,
    RegistrySource,
    Source,
    source_of,
)

if t.TYPE_CHECKING:
    from ansible_collections.foundry.ee.plugins.module_utils._oci_copy import Image
    from ansible_collections.foundry.ee.plugins.module_utils._oci_remove import Remover


def plan_copy(item: Item, registries: Registries) -> ItemPlan:
    """Plan for an image that comes from another registry, repository or tag, or from a layout. Raises EEError."""
    ref = item.image.registry
    registry = registries.open(ref, main=True)
    source, origin = source_of(t.cast(Location, item.source), ref, registries)
    digest, node = resolve(item, source)
    names = tags_to_have(item, source, digest)
    current = current_digests(registry, ref, names, item)
    plan = with_memory(item, registry, ref, names, digest, current)
    image: Image | None = None
    extra: dict[str, str | None] = {}
    warnings: tuple[str, ...] = ()
    if not names and registry.digest(ref.with_digest(digest)) is None:
        extra["@"] = digest
    if item.referrers:
        from ansible_collections.foundry.ee.plugins.module_utils._oci_copy import missing_referrers, warnings_of

        image = load_from(source, digest, node, attached=True)
        extra.update(missing_referrers(image, RegistrySource(registry, ref)))
        warnings = warnings_of(source, image)
    remover = registries.remover(registry) if plan.to_remove else None

    def apply() -> Done:
        loaded = image or load_from(source, digest, node, attached=False)
        return Done(_copy(source, registry, ref, plan, loaded, remover))

    counted = clients(registry, origin, remover)
    return ItemPlan(item, plan, digest, counted, apply, warnings, ref.name, extra)


def _copy(
    source: Source, registry: Registry, ref: ImageRef, plan: TagPlan, loaded: Image, remover: Remover | None
) -> int:
    """Copy the image, then bring the tags to where the plan wants them. Return the bytes of the blobs that were sent.

    Where tags leave memories, the image comes without a tag first: what fails on its way leaves the old memories, and
    so the way back. Where they do not, its tags come with it, which saves a request.
    """
    from ansible_collections.foundry.ee.plugins.module_utils._oci_copy import RepositoryWriter, copy

    root = loaded.main.root
    remembers = any(digest != root.digest for digest in plan.to_put.values())
    writer = RepositoryWriter(registry, ref.repository, source)
    sent = copy(source, writer, loaded, [] if remembers else list(plan.to_put))
    rest = plan if remembers else plan._replace(after={tag: new for tag, new in plan.after.items() if new is None})
    apply_tags(registry, ref, rest, known=root, remover=remover)
    return sent


def resolve(item: Item, source: Source) -> tuple[str, Node | None]:
    """Return the digest that the source stands for, and what it is where that had to be read to know."""
    digest = required(source.digest(), source.where)
    node: Node | None = None
    if item.platforms:
        from ansible_collections.foundry.ee.plugins.module_utils._oci_copy import choose

        node = choose(source, digest, item.platforms)
        digest = node.digest
    if item.image.digest is not None and item.image.digest != digest:
        raise Conflict(
            f"`{item.image}` is to be {item.image.digest}, and the source {source.where} is {digest}.",
            hint="Pin the source to the digest as well, or leave the digest out of `image`.",
        )
    return digest, node


def load_from(source: Source, digest: str, node: Node | None, *, attached: bool) -> Image:
    """Read every manifest of what ``resolve`` found, and of what is attached to it if that is wanted."""
    from ansible_collections.foundry.ee.plugins.module_utils._oci_copy import load

    return load(source, source.manifest(digest) if node is None else node, attached=attached)


def tags_to_have(item: Item, source: Source, digest: str) -> tuple[str, ...]:
    """Return the named tags, else those that the source has for the image."""
    if item.named or item.image.digest is not None:
        return item.named
    if isinstance(source, LayoutSource):
        return tuple(sorted(tag for tag, found in source.layout.tags().items() if found == digest)) or ("latest",)
    comes_from = t.cast(Location, item.source)
    if comes_from.tag is not None:
        return (comes_from.tag,)
    return ("latest",) if comes_from.digest is None else ()
