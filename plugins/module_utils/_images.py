# Copyright (c) 2026 Foundry maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Asks registries for the images that a controller's environments name."""

from __future__ import annotations

import threading
import typing as t

from ansible_collections.foundry.ee.plugins.module_utils._core.errors import EEError, NotFound, Unreachable
from ansible_collections.foundry.ee.plugins.module_utils._core.image_labels import read_created
from ansible_collections.foundry.ee.plugins.module_utils._core.image_ref import ImageRef, parse
from ansible_collections.foundry.ee.plugins.module_utils._core.index import only_platform
from ansible_collections.foundry.ee.plugins.module_utils._core.usage import ImageState
from ansible_collections.foundry.ee.plugins.module_utils._oci import Registry, in_parallel, open_registry


class Images:
    """Asks, each image once. A registry that does not answer is not asked again: 500 images would wait in turn."""

    def __init__(self, options: t.Mapping[str, t.Any]) -> None:
        self._options = options
        self._registries: dict[str, Registry] = {}
        self._silent: dict[str, str] = {}
        self._lock = threading.Lock()

    @property
    def requests(self) -> int:
        return sum(registry.requests for registry in self._registries.values())

    def states(self, images: t.Iterable[str], *, age: bool) -> dict[str, ImageState]:
        """Return what the registries say of each image: one request per image, two or three where ``age`` is asked."""
        names = sorted(set(images))
        found = in_parallel(lambda image: self._state(image, age), names)
        return dict(zip(names, found))

    def _state(self, image: str, age: bool) -> ImageState:
        host = ""
        try:
            reference = parse(image)
            host = reference.registry or ""
            if host in self._silent:
                return ImageState(problem=self._silent[host])
            registry = self._registry(reference)
            return _with_age(registry, reference) if age else _digest(registry, reference)
        except NotFound as error:
            return ImageState(problem=str(error), missing=True)
        except Unreachable as error:
            self._silent[host] = str(error)
            return ImageState(problem=str(error))
        except EEError as error:
            return ImageState(problem=str(error))

    def _registry(self, reference: ImageRef) -> Registry:
        """One client for each repository, since an authfile may hold credentials for one of them only."""
        with self._lock:
            if reference.name not in self._registries:
                self._registries[reference.name] = open_registry(reference, self._options, read_only=True)
            return self._registries[reference.name]


def _digest(registry: Registry, reference: ImageRef) -> ImageState:
    digest = registry.digest(reference)
    if digest is None:
        raise NotFound(f"Image {reference} is not in its registry.")
    return ImageState(digest=digest)


def _with_age(registry: Registry, reference: ImageRef) -> ImageState:
    manifest = registry.manifest(reference)
    image = manifest
    if manifest.is_index:
        child = only_platform(manifest, None, str(reference))
        image = registry.manifest(reference.with_digest(child.digest))
    created = None
    if image.config is not None:
        created = read_created(registry.config_of(reference.repository, image.config).get("created"))
    return ImageState(digest=manifest.digest, created=created)
