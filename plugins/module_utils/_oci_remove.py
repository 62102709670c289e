# Copyright (c) 2026 Foundry maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Removing tags and images: over the distribution API, or over its own API where the registry is a Galaxy NG."""

from __future__ import annotations

import time
import typing as t
from urllib.parse import urljoin

from ansible_collections.foundry.ee.plugins.module_utils._core.errors import Conflict
from ansible_collections.foundry.ee.plugins.module_utils._core.manifest import (
    EMPTY,
    OCI_EMPTY,
    OCI_MANIFEST,
    Descriptor,
    Manifest,
    digest_of,
    made,
)
from ansible_collections.foundry.ee.plugins.module_utils._core.registry_auth import api_repository
from ansible_collections.foundry.ee.plugins.module_utils._http import redact
from ansible_collections.foundry.ee.plugins.module_utils._oci import Registry, manifest_url
from ansible_collections.foundry.ee.plugins.module_utils._oci_http import Ask

if t.TYPE_CHECKING:
    from ansible_collections.foundry.ee.plugins.module_utils._hub import Hub

_WAIT = 120.0  # seconds for a hub's task, where the options have no `wait_timeout`


class Remover(t.Protocol):
    """Does what the distribution API of a registry may not do, above all remove.

    ``requests`` counts what goes beyond that API.
    """

    workers: int

    @property
    def requests(self) -> int:
        """Return how many requests were sent beyond the distribution API."""

    def untag(self, repository: str, tags: t.Sequence[str]) -> None:
        """Remove tags and nothing else. Raises EEError."""

    def delete(self, repository: str, digest: str) -> None:
        """Delete an image with its tags. Raises EEError."""

    def tag(self, repository: str, tag: str, digest: str) -> bool:
        """Tag an image that is there by another API than the distribution's. False where there is none."""

    def warnings(self, repository: str, digests: t.Sequence[str]) -> list[str]:
        """Return what the user should know before these images are deleted."""


class DistributionRemover:
    """Any registry that deletes as the distribution specification says."""

    requests = 0
    workers = 4

    def __init__(self, registry: Registry) -> None:
        self._registry = registry

    def untag(self, repository: str, tags: t.Sequence[str]) -> None:
        untag(self._registry, repository, tags)

    def delete(self, repository: str, digest: str) -> None:
        delete_manifest(self._registry, repository, digest)

    def tag(self, repository: str, tag: str, digest: str) -> bool:
        return False

    def warnings(self, repository: str, digests: t.Sequence[str]) -> list[str]:
        return []


class HubRemover:
    """A Galaxy NG, which answers 405 to deletions over the distribution API."""

    workers = 1  # it works on one change of a repository at a time

    def __init__(self, hub: Hub, wait: float) -> None:
        self._hub = hub
        self._wait = wait  # seconds, for each task of the hub

    @property
    def requests(self) -> int:
        return self._hub.requests

    def untag(self, repository: str, tags: t.Sequence[str]) -> None:
        for tag in tags:
            self._hub.untag(repository, tag, self._wait)

    def delete(self, repository: str, digest: str) -> None:
        self._hub.remove_image(repository, digest, self._wait)

    def tag(self, repository: str, tag: str, digest: str) -> bool:
        self._hub.set_tag(repository, tag, digest, self._wait)
        return True

    def warnings(self, repository: str, digests: t.Sequence[str]) -> list[str]:
        """Say which other repositories may lose blobs, as this server is known to do, and the safe way."""
        from ansible_collections.foundry.ee.plugins.module_utils._hub import LOSS

        others = sorted({name for digest in digests for name in self._hub.shared_elsewhere(repository, digest)})
        words = [f"Images of {repository} are deleted that share blobs with {', '.join(others)}."] if others else []
        if self._hub.unaddressed:
            unknown = ", ".join(self._hub.unaddressed)
            words.append(
                f"Whether images of {repository} share blobs with {unknown} is not known: "
                "the hub's API has no address for more than one slash."
            )
        return [f"{' '.join(words)} {LOSS}"] if words else []


def remover_of(registry: Registry, options: t.Mapping[str, t.Any], *, read_only: bool) -> Remover:
    """Return what removes from a registry that has answered before. ``options`` are those it was opened with.

    Only a registry that asks for tokens the way a Galaxy NG does is asked whether it is one. Raises EEError.
    """
    if not registry.is_pulp:
        return DistributionRemover(registry)
    from ansible_collections.foundry.ee.plugins.module_utils._hub import hub_behind

    ours = registry.wire.credentials
    login = {} if ours is None else {"username": ours.username, "password": ours.password}
    hub = hub_behind(registry.wire.base_url, {**options, **login}, read_only=read_only)
    wait = options.get("wait_timeout")
    return DistributionRemover(registry) if hub is None else HubRemover(hub, _WAIT if wait is None else wait)


def delete_manifest(registry: Registry, repository: str, digest: str) -> bool:
    """Delete a manifest, and so every tag that stands for it. False where it is not there.

    Raises Conflict where the registry does not delete (405).
    """
    name = api_repository(registry.host, repository)
    return _delete(registry, name, digest)


def untag(registry: Registry, repository: str, tags: t.Sequence[str]) -> None:
    """Remove tags and nothing else. Raises Conflict where the registry does not delete.

    A registry that cannot delete a tag as such (CNCF distribution 2) gets a passing manifest under the tags, which
    is then deleted. Whether it deletes at all is asked before any tag is touched.
    """
    name = api_repository(registry.host, repository)
    rest = [tag for tag in tags if not _untag_one(registry, name, tag)]
    if not rest:
        return
    passing = _passing_manifest()
    _delete(registry, name, passing.digest)  # it is not there: a registry that deletes says so, another says 405
    _put_passing_blob(registry, name)
    try:
        for tag in rest:
            registry.put_manifest(name, passing, tag)
    finally:
        _delete(registry, name, passing.digest)


def _delete(registry: Registry, name: str, reference: str) -> bool:
    ask = Ask("DELETE", manifest_url(name, reference), _delete_scope(name))
    response = registry.wire.ask(ask)
    if response.status == 404:
        return False
    if response.status == 405:
        raise Conflict(
            f"{registry.host} does not delete over the distribution API (405).",
            hint="Deletion has to be switched on there.",
            status=405,
            method="DELETE",
            url=redact(urljoin(registry.wire.base_url, ask.url)),
        )
    if response.status >= 300:
        raise registry.wire.fail(ask, response)
    return True


def _untag_one(registry: Registry, name: str, tag: str) -> bool:
    """Return whether the registry knows how to delete a tag (and it is gone)."""
    ask = Ask("DELETE", manifest_url(name, tag), _delete_scope(name))
    response = registry.wire.ask(ask)
    if response.status in (200, 202, 404):
        return True
    if response.status in (400, 405, 501):
        return False
    raise registry.wire.fail(ask, response)


def _passing_manifest() -> Manifest:
    """Return a manifest like no other."""
    config = {"mediaType": OCI_EMPTY, "digest": digest_of(EMPTY), "size": len(EMPTY)}
    content: dict[str, t.Any] = {"schemaVersion": 2, "mediaType": OCI_MANIFEST, "config": config, "layers": []}
    content["annotations"] = {"io.foundry.ee.passing": str(time.time_ns())}
    return made(content)


def _put_passing_blob(registry: Registry, name: str) -> None:
    blob = Descriptor(OCI_EMPTY, digest_of(EMPTY), len(EMPTY))
    if not registry.has_blob(name, blob):
        registry.write_blob(name, blob, lambda: iter([EMPTY]))


def _delete_scope(name: str) -> str:
    return f"repository:{name}:pull,push,delete"
