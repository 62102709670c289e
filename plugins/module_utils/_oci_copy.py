# Copyright (c) 2026 Foundry maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Copy images between registries and OCI layouts: blob by blob, checked, streaming, in parallel."""

from __future__ import annotations

import json
import typing as t

from ansible_collections.foundry.ee.plugins.module_utils._core.errors import EEError, Invalid, NotFound
from ansible_collections.foundry.ee.plugins.module_utils._core.index import pick, platform_of
from ansible_collections.foundry.ee.plugins.module_utils._core.manifest import (
    INDEXES,
    LONGEST_MANIFEST,
    MANIFESTS,
    Descriptor,
    Manifest,
    Platform,
    broken,
)
from ansible_collections.foundry.ee.plugins.module_utils._oci import Registry, in_parallel
from ansible_collections.foundry.ee.plugins.module_utils._oci_sources import Node, RegistrySource, Source

if t.TYPE_CHECKING:
    from ansible_collections.foundry.ee.plugins.module_utils._oci_blobs import Opener

_DEEPEST = 3  # indexes within indexes
_MOST_MANIFESTS = 1000  # of one image, or attached to it
_WORKERS = 6  # transfers at the same time


class Destination(t.Protocol):
    """Where images are written to. Writing ends with ``commit``, or with ``abort`` after a failure."""

    workers: int

    @property
    def manifest_workers(self) -> int:
        """Return how many manifests may be written at once."""

    @property
    def bytes_written(self) -> int:
        """Return how many bytes of blobs were sent so far."""

    def has_blob(self, blob: Descriptor) -> bool:
        """Return whether the blob is there already."""

    def write_blob(self, blob: Descriptor, source: Opener) -> None:
        """Send a blob; ``source`` starts its bytes anew."""

    def put_manifest(self, manifest: Manifest, tag: str | None, entry: bool) -> None:
        """Write a manifest; with ``entry`` it is to be found by itself, under its tag or without one."""

    def commit(self) -> None:
        """End well: what was written is now to be found."""

    def abort(self) -> None:
        """End after a failure: what was there before is as it was."""


class RepositoryWriter:
    """A repository of a registry. What another repository of the same registry has is taken over from there."""

    workers = _WORKERS

    def __init__(self, registry: Registry, repository: str, source: Source | None = None) -> None:
        self._registry = registry
        self._repository = repository
        near = isinstance(source, RegistrySource) and source.registry.host == registry.host
        self._neighbour = t.cast(RegistrySource, source).ref.repository if near else None

    @property
    def manifest_workers(self) -> int:
        return self._registry.manifest_workers

    @property
    def bytes_written(self) -> int:
        return self._registry.bytes_written

    def has_blob(self, blob: Descriptor) -> bool:
        return self._registry.has_blob(self._repository, blob)

    def write_blob(self, blob: Descriptor, source: Opener) -> None:
        if self._neighbour is None or not self._registry.mount(self._repository, blob, self._neighbour):
            self._registry.write_blob(self._repository, blob, source)

    def put_manifest(self, manifest: Manifest, tag: str | None, entry: bool) -> None:
        self._registry.put_manifest(self._repository, manifest, tag)

    def commit(self) -> None:
        """Nothing: a registry takes every manifest at once."""

    def abort(self) -> None:
        """Nothing: blobs without a manifest are the registry's to tidy up, and the next try finds them."""


class Part(t.NamedTuple):
    """A manifest with what it stands on, lowest first; the last is the manifest itself."""

    manifests: tuple[Manifest, ...]
    tag: str | None = None

    @property
    def root(self) -> Manifest:
        return self.manifests[-1]

    @property
    def blobs(self) -> list[Descriptor]:
        return list({blob.digest: blob for manifest in self.manifests for blob in manifest.blobs}.values())


class Image(t.NamedTuple):
    """An image or index, and what is attached to it.

    ``lost`` holds digests that the source lists as attached, and does not have.
    """

    main: Part
    attached: tuple[Part, ...] = ()
    lost: tuple[str, ...] = ()

    @property
    def digest(self) -> str:
        return self.main.root.digest


def choose(source: Source, digest: str, platforms: t.Sequence[Platform]) -> Node:
    """Return what of an image the wanted platforms need: a descriptor to be read, or a manifest. Raises NotFound."""
    manifest = source.manifest(digest)
    if not platforms:
        return manifest
    if manifest.is_index:
        return pick(manifest, platforms, source.where)
    have = platform_of(_config(source, manifest))
    if len(platforms) == 1 and platforms[0].covers(have):
        return manifest
    raise NotFound(
        f"{source.where} is one image for {have}, not {' and '.join(map(str, platforms))}.",
        hint="Leave `platforms` out, or name a multi-platform image.",
    )


def _config(source: Source, manifest: Manifest) -> dict[str, t.Any]:
    if manifest.config is None:
        raise broken(source.where, "an index has no configuration")
    return read_json(source, manifest.config)


def read_json(source: Source, blob: Descriptor) -> dict[str, t.Any]:
    """Return a small blob's JSON object, checked. Raises EEError."""
    from ansible_collections.foundry.ee.plugins.module_utils._oci_blobs import verified

    if blob.size > LONGEST_MANIFEST:
        raise broken(source.where, f"{blob.digest} has {blob.size} bytes, more than the {LONGEST_MANIFEST} allowed")
    body = b"".join(verified(source.read_blob(blob), blob, source.where))
    try:
        content = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise broken(source.where, f"{blob.digest} is no JSON") from error
    if not isinstance(content, dict):
        raise broken(source.where, f"{blob.digest} is no JSON object")
    return content


def platforms_of(source: Source, digest: str) -> list[tuple[Manifest, Platform]]:
    """Return the images behind a digest, each with its platform."""
    manifest = source.manifest(digest)
    if not manifest.is_index:
        return [(manifest, platform_of(_config(source, manifest)))]
    children = dict.fromkeys(c for c in manifest.children if c.platform is None or c.platform.os != "unknown")
    if len(children) > _MOST_MANIFESTS:
        raise _too_many(source)
    found = []
    for child in children:
        image = source.manifest(child.digest)
        found.append((image, child.platform or platform_of(_config(source, image))))
    return found


def load(source: Source, node: Node, *, attached: bool) -> Image:
    """Read every manifest of an image, and of what is attached to it if that is wanted."""
    main = _part(source, node)
    if not attached:
        return Image(main)
    parts, lost = [], []
    for digest, tag in _attached(source, main):
        try:
            root = source.manifest(digest)
        except NotFound:  # the tag that stands in for the referrers API goes on naming what was deleted
            lost.append(digest)
        else:
            parts.append(_part(source, root, tag))
    return Image(main, tuple(parts), tuple(lost))


def _attached(source: Source, main: Part) -> list[tuple[str, str | None]]:
    """Return (digest, tag) of what is attached to any manifest of an image, each once."""
    found = dict.fromkeys(each for manifest in reversed(main.manifests) for each in source.attached(manifest.digest))
    if len(found) > _MOST_MANIFESTS:
        raise _too_many(source)
    return list(found)


def _part(source: Source, node: Node, tag: str | None = None) -> Part:
    manifests: dict[str, Manifest] = {}
    _collect(source, node, manifests, 0)
    return Part(tuple(manifests.values()), tag)


def _collect(source: Source, node: Node, found: dict[str, Manifest], depth: int) -> None:
    """Add a manifest to those ``found``, after what it stands on; each is read once. Raises EEError."""
    manifest = node if isinstance(node, Manifest) else source.manifest(node.digest)
    if depth > _DEEPEST:
        raise broken(source.where, f"indexes are nested more than {_DEEPEST} deep")
    for child in manifest.children:
        _check_child(source, child)
        if child.digest not in found:
            _collect(source, child, found, depth + 1)
    if len(found) >= _MOST_MANIFESTS:
        raise _too_many(source)
    found[manifest.digest] = manifest


def _check_child(source: Source, child: Descriptor) -> None:
    """Refuse what is neither image nor index: it could not be copied, and without it the index is not whole.

    The image specification wants unknown media types ignored where one image is chosen; a copy keeps the index.
    """
    if child.media_type and child.media_type not in INDEXES + MANIFESTS:
        raise Invalid(
            f"{source.where} is an index that names {child.digest}, a `{child.media_type}`, which is no image.",
            hint="It cannot be copied whole. Choose images from it with `platforms`.",
        )


def _too_many(source: Source) -> EEError:
    return broken(source.where, f"it stands for more than {_MOST_MANIFESTS} manifests")


def copy(source: Source, destination: Destination, image: Image, tags: t.Sequence[str]) -> int:
    """Write an image under its tags (by digest alone without any). Return the bytes of the blobs that were sent.

    An interrupted copy leaves no tag behind: blobs go first, then manifests from the bottom up, tags last.
    """
    before = destination.bytes_written
    try:
        for part in (*image.attached, image.main):
            _send_blobs(source, destination, part)
        for manifest in image.main.manifests[:-1]:
            destination.put_manifest(manifest, None, entry=False)
        destination.put_manifest(image.main.root, tags[0] if tags else None, entry=True)
        in_parallel(
            lambda tag: destination.put_manifest(image.main.root, tag, entry=True),
            tags[1:],
            destination.manifest_workers,
        )
        for part in image.attached:  # after what they are attached to, which a registry may ask for
            for manifest in part.manifests[:-1]:
                destination.put_manifest(manifest, None, entry=False)
            destination.put_manifest(part.root, part.tag, entry=True)
        destination.commit()
    except BaseException:
        destination.abort()
        raise
    return destination.bytes_written - before


def _send_blobs(source: Source, destination: Destination, part: Part) -> None:
    def send(blob: Descriptor) -> None:
        if not destination.has_blob(blob):
            destination.write_blob(blob, lambda: source.read_blob(blob))

    largest_first = sorted(part.blobs, key=lambda blob: -blob.size)  # so that no long one begins last
    in_parallel(send, largest_first, destination.workers)


def warnings_of(source: Source, *images: Image | None) -> tuple[str, ...]:
    """Return what the user should know of the images that were loaded: what a source lists and does not have."""
    lost = sorted({digest for image in images if image is not None for digest in image.lost})
    return tuple(
        f"{source.where} lists {digest} as attached to the image, and does not have it: it was not copied."
        for digest in lost
    )


def missing_referrers(image: Image, there: RegistrySource) -> dict[str, str | None]:
    """Return what is attached to an image and not to its copy ``there``, as a plan's ``extra``: ``@digest`` each."""
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
