# Copyright (c) 2026 Foundry maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What ``ee_registry_image`` does for an image that comes from somewhere else: a copy, an index, a layout."""

from __future__ import annotations

import types
import typing as t

from ansible_collections.foundry.ee.plugins.module_utils._core.errors import (
    Conflict,
    Invalid,
    NotFound,
    Unreachable,
)
from ansible_collections.foundry.ee.plugins.module_utils._core.image_ref import ImageRef
from ansible_collections.foundry.ee.plugins.module_utils._core.location import Location
from ansible_collections.foundry.ee.plugins.module_utils._core.manifest import join
from ansible_collections.foundry.ee.plugins.module_utils._core.tags import TagPlan
from ansible_collections.foundry.ee.plugins.module_utils._oci import Registry, required
from ansible_collections.foundry.ee.plugins.module_utils._oci_copy import (
    Destination,
    LayoutSource,
    Node,
    Part,
    RegistrySource,
    RepositoryWriter,
    Source,
    choose,
    copy,
    load,
    platforms_of,
)
from ansible_collections.foundry.ee.plugins.module_utils._oci_copy import Image as LoadedImage
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

if t.TYPE_CHECKING:
    from ansible_collections.foundry.ee.plugins.module_utils._oci_layout import Layout
    from ansible_collections.foundry.ee.plugins.module_utils._oci_remove import Remover


def plan_elsewhere(item: Item, registries: Registries) -> ItemPlan:
    """Plan for an image with a ``source`` or made of others (``index_of``), engines aside. Raises EEError."""
    if item.image.kind != "registry":
        return _plan_layout(item, registries)
    ref = item.image.registry
    registry = registries.open(ref, main=True)
    if item.index_of:
        return _plan_index(item, ref, registry, registries)
    return _plan_copy(item, ref, registry, registries)


def _plan_copy(item: Item, ref: ImageRef, registry: Registry, registries: Registries) -> ItemPlan:
    source, origin = source_of(t.cast(Location, item.source), ref, registries)
    digest, node = resolve(item, source)
    names = tags_to_have(item, source, digest)
    current = current_digests(registry, ref, names, item)
    plan = with_memory(item, registry, ref, names, digest, current)
    image: LoadedImage | None = None
    extra: dict[str, str | None] = {}
    if not names and registry.digest(ref.with_digest(digest)) is None:
        extra["@"] = digest
    if item.referrers:
        image = load(source, node if node is not None else source.manifest(digest), attached=True)
        extra.update(_missing_referrers(image, RegistrySource(registry, ref)))
    remover = registries.remover(registry) if plan.to_remove else None

    def apply() -> Done:
        loaded = image or load(source, node if node is not None else source.manifest(digest), attached=False)
        return Done(_copy(source, registry, ref, plan, loaded, remover))

    counted = clients(registry, origin, remover)
    return ItemPlan(item, plan, digest, counted, apply, _warnings(source, image), ref.name, extra)


def _copy(
    source: Source, registry: Registry, ref: ImageRef, plan: TagPlan, loaded: LoadedImage, remover: Remover | None
) -> int:
    """Copy the image, then bring the tags to where the plan wants them. Return the bytes of the blobs that were sent.

    Where tags leave memories, the image comes without a tag first: what fails on its way leaves the old memories, and
    so the way back. Where they do not, its tags come with it, which saves a request.
    """
    root = loaded.main.root
    remembers = any(digest != root.digest for digest in plan.to_put.values())
    writer = RepositoryWriter(registry, ref.repository, source)
    sent = copy(source, writer, loaded, [] if remembers else list(plan.to_put))
    rest = plan if remembers else plan._replace(after={tag: new for tag, new in plan.after.items() if new is None})
    apply_tags(registry, ref, rest, known=root, remover=remover)
    return sent


def _warnings(source: Source, *images: LoadedImage | None) -> tuple[str, ...]:
    lost = sorted({digest for image in images if image is not None for digest in image.lost})
    return tuple(
        f"{source.where} lists {digest} as attached to the image, and does not have it: it was not copied."
        for digest in lost
    )


def resolve(item: Item, source: Source) -> tuple[str, Node | None]:
    """Return the digest that the source stands for, and what it is where that had to be read to know."""
    digest = required(source.digest(), source.where)
    node: Node | None = None
    if item.platforms:
        node = choose(source, digest, item.platforms)
        digest = node.digest
    if item.image.digest is not None and item.image.digest != digest:
        raise Conflict(
            f"`{item.image}` is to be {item.image.digest}, and the source {source.where} is {digest}.",
            hint="Pin the source to the digest as well, or leave the digest out of `image`.",
        )
    return digest, node


def tags_to_have(item: Item, source: Source, digest: str) -> tuple[str, ...]:
    """Return the named tags, else those that the source has for the image."""
    if item.named or item.image.digest is not None:
        return item.named
    if isinstance(source, LayoutSource):
        return tuple(sorted(tag for tag, found in source.layout.tags().items() if found == digest)) or ("latest",)
    tag = t.cast(Location, item.source).tag
    return (
        ("latest",) if tag is None and t.cast(Location, item.source).digest is None else () if tag is None else (tag,)
    )


def _missing_referrers(image: LoadedImage, there: RegistrySource) -> dict[str, str | None]:
    wanted = dict.fromkeys(part.root.digest for part in image.attached)
    have = {
        digest
        for manifest in image.main.manifests
        for digest, tag in there.attached(manifest.digest)
        if digest in wanted and (tag is not None or _is_there(digest, there))  # a tag was looked up just now
    }
    return {f"@{digest}": digest for digest in wanted if digest not in have}


def _is_there(listed: str, there: RegistrySource) -> bool:
    """Ask for what is listed only where a tag stands in for the referrers API: it goes on naming what was deleted."""
    registry = there.registry
    return registry.has_referrers_api or registry.digest(there.ref.with_digest(listed)) is not None


def source_of(location: Location, ref: ImageRef | None, registries: Registries) -> tuple[Source, Registry | None]:
    if location.kind == "engine":
        raise Invalid(f"`{location}` is in an engine's store.", hint="Push it to a registry first.")
    if location.kind == "registry":
        main = ref is None or location.registry.registry == ref.registry
        registry = registries.open(location.registry, main=main)
        return RegistrySource(registry, location.registry), registry
    return LayoutSource(_layout(location), location.tag, location.digest), None


def _layout(location: Location) -> Layout:
    layout: Layout | None = layout_tools().open_layout(t.cast(str, location.path), location.kind == "archive")
    if layout is None:
        raise NotFound(f"{location.path} is not there.", hint="Expected an OCI layout.")
    return layout


# Indexes


def _plan_index(item: Item, ref: ImageRef, registry: Registry, registries: Registries) -> ItemPlan:
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
    images: list[tuple[Source, LoadedImage]] = []
    extra: dict[str, str | None] = {}
    if not names and registry.digest(ref.with_digest(index.digest)) is None:
        extra["@"] = index.digest
    if item.referrers:
        images = [(source, load(source, manifest, attached=True)) for source, manifest, _platform in parts]
        for _origin, image in images:
            extra.update(_missing_referrers(image, RegistrySource(registry, ref)))
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
    warnings = tuple(warning for source, image in images for warning in _warnings(source, image))
    return ItemPlan(item, plan, index.digest, counted, apply, warnings, ref.name, extra)


# Layouts on disk


def _plan_layout(item: Item, registries: Registries) -> ItemPlan:
    source, origin = source_of(t.cast(Location, item.source), None, registries)
    digest, node = resolve(item, source)
    names = tags_to_have(item, source, digest)
    path, archive = t.cast(str, item.image.path), item.image.kind == "archive"
    layouts = layout_tools()
    there: Layout | None = layouts.open_layout(path, archive)
    have = {} if there is None else there.tags()
    image = (
        load(source, node if node is not None else source.manifest(digest), attached=True) if item.referrers else None
    )
    along = set() if image is None else {part.tag for part in image.attached}
    shown = {*names, *(have.keys() - along if archive else ())}  # an archive holds this, what comes along, no more
    after: dict[str, str | None] = {tag: digest if tag in names else None for tag in sorted(shown)}
    plan = TagPlan({tag: have.get(tag) for tag in after}, after)
    extra = _missing_in(there, digest, image)

    def apply() -> Done:
        loaded = image or load(source, node if node is not None else source.manifest(digest), attached=False)
        writer: Destination = layouts.ArchiveWriter(path) if archive else layouts.DirectoryWriter(path)
        return Done(copy(source, writer, loaded, names))

    return ItemPlan(item, plan, digest, clients(origin), apply, _warnings(source, image), path, extra)


def layout_tools() -> types.ModuleType:
    """Import what deals with layouts only where one is named: a task with nothing to do is mostly imports."""
    from ansible_collections.foundry.ee.plugins.module_utils import _oci_layout

    return _oci_layout


def _missing_in(there: Layout | None, digest: str, image: LoadedImage | None) -> dict[str, str | None]:
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
