# Copyright (c) 2026 Foundry maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Images between an engine's store and registries or layouts.

An engine packs layers anew when it pushes, so it cannot say beforehand which digest that makes. What stays the same
everywhere is the image id, the digest of the configuration: by it both sides are compared.
"""

from __future__ import annotations

import typing as t
from dataclasses import dataclass

from ansible_collections.foundry.ee.plugins.module_utils._core.errors import Failed, Invalid, NotFound
from ansible_collections.foundry.ee.plugins.module_utils._core.image_ref import ImageRef
from ansible_collections.foundry.ee.plugins.module_utils._core.index import only_platform
from ansible_collections.foundry.ee.plugins.module_utils._core.location import Location
from ansible_collections.foundry.ee.plugins.module_utils._core.manifest import Manifest, Platform
from ansible_collections.foundry.ee.plugins.module_utils._core.tags import TagPlan
from ansible_collections.foundry.ee.plugins.module_utils._engine import Access, Engine, LocalImage, open_engine
from ansible_collections.foundry.ee.plugins.module_utils._engine_access import Reach
from ansible_collections.foundry.ee.plugins.module_utils._oci import Registry, required
from ansible_collections.foundry.ee.plugins.module_utils._oci_copy import (
    Destination,
    choose,
    copy,
    load,
)
from ansible_collections.foundry.ee.plugins.module_utils._oci_images import (
    Done,
    Item,
    ItemPlan,
    Registries,
    clients,
)
from ansible_collections.foundry.ee.plugins.module_utils._oci_layout import (
    ArchiveWriter,
    DirectoryWriter,
    Layout,
    open_layout,
)
from ansible_collections.foundry.ee.plugins.module_utils._oci_sources import (
    LayoutSource,
    RegistrySource,
    Source,
    source_of,
)
from ansible_collections.foundry.ee.plugins.module_utils._workspace import Workspace


def plan_engine(item: Item, registries: Registries) -> ItemPlan:
    """Plan for an image that comes from or goes to an engine. Raises EEError."""
    if item.exact or item.remember or item.referrers:
        raise Invalid(
            f"`{item.image}`: an engine's store has no `tags_mode: exact`, `remember_previous` and `referrers`.",
            hint="Push with one task, and set tags in the registry with another.",
        )
    if item.image.kind == "engine":
        return _Pull(item, registries).plan()
    if item.platforms:
        raise Invalid(f"`{item.source}` is one image: `platforms` has nothing to choose from.")
    if item.image.kind == "registry":
        return _Push(item, registries).plan()
    return _Export(item).plan()


def _here(location: Location) -> tuple[Engine, LocalImage]:
    """Return the engine and the image that a location names in it. Raises NotFound."""
    engine = open_engine(t.cast(str, location.engine))
    image = engine.inspect(str(location.ref or location.digest))
    if image is None:
        raise NotFound(f"{engine.name} has no image {location.ref or location.digest}.", hint="Is the name right?")
    return engine, image


def _is(image: LocalImage, manifest: Manifest) -> bool:
    """Return whether a manifest is that of an image; docker's newer store has the manifest's digest for its id."""
    ids = {manifest.digest} if manifest.config is None else {manifest.digest, manifest.config.digest}
    return image.id in ids


def _digests(image: LocalImage) -> set[str]:
    """Return the digests by which the engine knows an image; whose name they came with does not matter."""
    return {text.rpartition("@")[2] for text in image.digests}


def _named(item: Item, location: Location) -> tuple[str, ...]:
    """Return the tags that are wanted: those named, else the one at the other side."""
    return item.named or (location.tag or "latest",)


class _Push:
    """From the engine into a registry."""

    def __init__(self, item: Item, registries: Registries) -> None:
        self._item = item
        self._registries = registries
        self._ref = item.image.registry
        self._registry = registries.open(self._ref, main=True)
        self._engine, self._image = _here(t.cast(Location, item.source))

    def plan(self) -> ItemPlan:
        item, image, ref = self._item, self._image, self._ref
        if item.image.digest is not None:
            raise Invalid(f"`{item.image}`: what an engine pushes has no digest yet.", hint="Leave the digest out.")
        tags = _named(item, t.cast(Location, item.source))
        current = self._registry.digests(ref.repository, tags)
        ids = {digest: self._id_of(digest) for digest in set(current.values()) if digest is not None}
        before = {tag: None if digest is None else ids[digest] for tag, digest in current.items()}
        plan = TagPlan(before, dict.fromkeys(tags, image.id))
        digest = next((digest for digest, found in ids.items() if found == image.id), None)
        counted = clients(self._registry)
        return ItemPlan(item, plan, digest, counted, lambda: self._apply(plan, digest), header=ref.name, by_id=True)

    def _id_of(self, digest: str) -> str:
        """Return the id of an image in the registry; of an index, its digest."""
        if digest in _digests(self._image):
            return self._image.id
        manifest = self._registry.manifest(self._ref.with_digest(digest))
        if _is(self._image, manifest):
            return self._image.id
        return manifest.digest if manifest.config is None else manifest.config.digest

    def _apply(self, plan: TagPlan, digest: str | None) -> Done:
        tags = list(plan.to_put)
        if digest is None:
            digest = self._push(tags.pop(0))
        manifest = self._registry.manifest(self._ref.with_digest(digest))
        if not _is(self._image, manifest):
            raise Failed(
                f"{self._engine.name} pushed {self._image.id}, and {self._ref.name}@{digest} is another image.",
                hint="Did somebody else push there at the same time?",
            )
        for tag in tags:
            self._registry.put_manifest(self._ref.repository, manifest, tag)
        return Done(0, digest)

    def _push(self, tag: str) -> str:
        target = self._ref.with_tag(tag)
        with Workspace() as workspace:
            access = _access(self._registries, True, target, self._registry, workspace, self._engine)
            self._engine.push(self._image.id, str(target), access)
        return required(self._registry.digest(target), str(target))


class _Export:
    """From the engine into a layout."""

    def __init__(self, item: Item) -> None:
        self._item = item
        self._engine, self._image = _here(t.cast(Location, item.source))
        self._path = t.cast(str, item.image.path)
        self._archive = item.image.kind == "archive"

    def plan(self) -> ItemPlan:
        item = self._item
        tags = _named(item, t.cast(Location, item.source))
        layout = open_layout(self._path, self._archive)
        have = {} if layout is None else {tag: self._id_of(layout, digest) for tag, digest in layout.tags().items()}
        shown = {*tags, *(have if self._archive else ())}
        after: dict[str, str | None] = {tag: self._image.id if tag in tags else None for tag in sorted(shown)}
        plan = TagPlan({tag: have.get(tag) for tag in after}, after)
        digest = None
        if layout is not None:
            digest = next((d for tag, d in layout.tags().items() if have[tag] == self._image.id), None)
        return ItemPlan(item, plan, digest, (), lambda: self._apply(tags), header=self._path, by_id=True)

    def _id_of(self, layout: Layout, digest: str) -> str:
        try:
            manifest = layout.manifest(digest)
        except NotFound:
            return digest
        whole = all(layout.has_blob(blob) for blob in manifest.blobs)
        return self._image.id if whole and _is(self._image, manifest) else digest

    def _apply(self, tags: t.Sequence[str]) -> Done:
        with Workspace() as workspace:
            file = str(workspace.large / "image.tar")
            self._engine.save(str(t.cast(Location, self._item.source).ref or self._image.id), file)
            saved = open_layout(file, archive=True)
            source = LayoutSource(t.cast(Layout, saved), None, None)
            digest = required(source.digest(), f"What {self._engine.name} saved")
            image = load(source, source.manifest(digest), attached=False)
            writer: Destination = ArchiveWriter(self._path) if self._archive else DirectoryWriter(self._path)
            return Done(copy(source, writer, image, tags), digest)


@dataclass(frozen=True)
class _Wanted:
    """The image that the engine is to have: its digest at the source (of the index, if it is one) and its id.

    ``manifest`` is the digest of the one image that is meant.
    """

    digest: str
    id: str
    manifest: str

    @property
    def ids(self) -> tuple[str, ...]:
        """What an engine may call it; docker's newer store has digests for ids."""
        return self.id, self.manifest, self.digest


class _Pull:
    """Into the engine, from a registry or a layout."""

    def __init__(self, item: Item, registries: Registries) -> None:
        location = item.image
        if location.ref is None or location.digest is not None:
            raise Invalid(f"`{location}`: an engine gets an image under a name.", hint="Give a name with a tag.")
        self._item = item
        self._registries = registries
        self._engine = open_engine(t.cast(str, location.engine))
        self._source, self._origin = source_of(t.cast(Location, item.source), None, registries)
        self._ref = location.ref

    def plan(self) -> ItemPlan:
        item = self._item
        names = [str(self._ref.with_tag(tag)) for tag in _named(item, t.cast(Location, item.source))]
        have = {name: self._engine.inspect(name) for name in names}
        wanted = self._wanted([image for image in have.values() if image is not None])
        before = {name: None if image is None else image.id for name, image in have.items()}
        after = dict.fromkeys(names, wanted.id)
        for name, image in have.items():
            if image is not None and image.id in wanted.ids:
                after[name] = image.id
        plan = TagPlan(before, after)
        return ItemPlan(
            item,
            plan,
            wanted.digest,
            clients(self._origin),
            lambda: self._apply(plan, wanted),
            header=self._engine.name,
            by_id=True,
        )

    def _wanted(self, known: t.Sequence[LocalImage]) -> _Wanted:
        """Find out which image it is to be; one request is enough where the engine knows the digest already."""
        digest = required(self._source.digest(), self._source.where)
        if not self._item.platforms:
            for image in known:
                if digest in _digests(image):
                    return _Wanted(digest, image.id, digest)
        manifest = self._one(digest)
        if manifest.config is None:
            raise Invalid(f"{self._source.where} is an index of indexes, which no engine takes.")
        return _Wanted(manifest.digest if self._item.platforms else digest, manifest.config.digest, manifest.digest)

    def _one(self, digest: str) -> Manifest:
        """Return the manifest of the one platform that is meant: the one asked for, else the engine's own."""
        node = choose(self._source, digest, self._item.platforms)
        manifest = node if isinstance(node, Manifest) else self._source.manifest(node.digest)
        if manifest.is_index and self._item.platforms:
            raise Invalid(f"`{self._item.image}`: an engine gets one platform.", hint="Name one in `platforms`.")
        if manifest.is_index:
            platform = Platform.parse(self._engine.platform())
            manifest = self._source.manifest(only_platform(manifest, platform, self._source.where).digest)
        return manifest

    def _apply(self, plan: TagPlan, wanted: _Wanted) -> Done:
        sent = 0
        image = self._engine.inspect(wanted.id)
        if image is None:
            image, sent = self._fetch(wanted, next(iter(plan.to_put)))
        for name in plan.to_put:
            self._engine.tag(image.id, name)
        return Done(sent, wanted.digest)

    def _fetch(self, wanted: _Wanted, name: str) -> tuple[LocalImage, int]:
        with Workspace() as workspace:
            if isinstance(self._source, RegistrySource):
                image, sent = self._pull(self._source, wanted, workspace), 0
            else:
                image, sent = self._load(self._source, wanted, name, workspace)
        if image.id not in wanted.ids:
            raise Failed(f"{self._engine.name} made {image.id} of {self._source.where}, which is {wanted.id}.")
        return image, sent

    def _pull(self, source: RegistrySource, wanted: _Wanted, workspace: Workspace) -> LocalImage:
        ref = source.ref.with_digest(wanted.digest)
        access = _access(self._registries, True, ref, source.registry, workspace, self._engine)
        return self._engine.pull(str(ref), access)

    def _load(self, source: Source, wanted: _Wanted, name: str, workspace: Workspace) -> tuple[LocalImage, int]:
        file = str(workspace.large / "image.tar")
        image = load(source, source.manifest(wanted.manifest), attached=False)
        sent = copy(source, ArchiveWriter(file, docker_names=[name]), image, [name])
        self._engine.load(file)
        loaded = self._engine.inspect(wanted.id) or self._engine.inspect(name)
        if loaded is None:
            raise Failed(f"{self._engine.name} loaded {source.where}, and does not know it now.")
        return loaded, sent


def _access(
    registries: Registries, main: bool, ref: ImageRef, registry: Registry, workspace: Workspace, engine: Engine
) -> Access:
    options = registries.options(main)
    if options.get("token") is not None:
        raise Invalid(f"{engine.name} takes no bearer token.", hint="Give `username` and `password`, or `authfile`.")
    return Reach(options, ref, registry, workspace, engine.name).engine_access(ref)
