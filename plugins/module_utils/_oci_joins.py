# Copyright (c) 2026 Foundry maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What ``ee_registry_image`` does for an index that is made of other images."""

from __future__ import annotations

from ansible_collections.foundry.ee.plugins.module_utils._core.errors import Conflict
from ansible_collections.foundry.ee.plugins.module_utils._core.index import join
from ansible_collections.foundry.ee.plugins.module_utils._oci import required
from ansible_collections.foundry.ee.plugins.module_utils._oci_copy import (
    Image,
    RepositoryWriter,
    copy,
    load,
    missing_referrers,
    platforms_of,
    warnings_of,
)
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
from ansible_collections.foundry.ee.plugins.module_utils._oci_sources import RegistrySource, Source, source_of


def plan_join(item: Item, registries: Registries) -> ItemPlan:
    """Plan for an image that is an index of others (``index_of``), in a registry. Raises EEError."""
    ref = item.image.registry
    registry = registries.open(ref, main=True)
    opened = [source_of(location, ref, registries) for location in item.index_of]
    parts = []
    for source, _registry in opened:
        digest = required(source.digest(), source.where)
        parts += [(source, manifest, platform) for manifest, platform in platforms_of(source, digest)]
    index = join([(manifest, platform) for _source_, manifest, platform in parts], ref.name)
    names = item.named or (() if item.image.digest is not None else ("latest",))
    if item.image.digest not in (None, index.digest):
        raise Conflict(f"`{item.image}` is to be {item.image.digest}, and the joined index is {index.digest}.")
    plan = with_memory(item, registry, ref, names, index.digest, current_digests(registry, ref, names, item))
    images: list[tuple[Source, Image]] = []
    extra: dict[str, str | None] = {}
    if not names and registry.digest(ref.with_digest(index.digest)) is None:
        extra["@"] = index.digest
    if item.referrers:
        images = [(source, load(source, manifest, attached=True)) for source, manifest, _platform in parts]
        for _origin, image in images:
            extra.update(missing_referrers(image, RegistrySource(registry, ref)))
    remover = registries.remover(registry) if plan.to_remove else None

    def apply() -> Done:
        sent = 0
        for source, image in images or [
            (source, load(source, part, attached=False)) for source, part, _platform in parts
        ]:
            sent += copy(source, RepositoryWriter(registry, ref.repository, source), image, [])
        if not names:
            registry.put_manifest(ref.repository, index)
        apply_tags(registry, ref, plan, known=index, remover=remover)
        return Done(sent)

    counted = clients(registry, remover, *(client for _source_, client in opened))
    warnings = tuple(warning for source, image in images for warning in warnings_of(source, image))
    return ItemPlan(item, plan, index.digest, counted, apply, warnings, ref.name, extra)
