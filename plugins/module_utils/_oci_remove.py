# Copyright (c) 2026 Foundry maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Removing tags and images: over the distribution API, or over its own API where the registry is a Galaxy NG."""

from __future__ import annotations

import typing as t

from ansible_collections.foundry.ee.plugins.module_utils._oci import Registry

if t.TYPE_CHECKING:
    from ansible_collections.foundry.ee.plugins.module_utils._hub import Hub

_HUB_REALM = "/token/"  # where a Galaxy NG sends clients for their tokens
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
        self._registry.untag(repository, tags)

    def delete(self, repository: str, digest: str) -> None:
        self._registry.delete_manifest(repository, digest)

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
    realm = registry.wire.realm
    if realm is None or not realm.endswith(_HUB_REALM):
        return DistributionRemover(registry)
    from ansible_collections.foundry.ee.plugins.module_utils._hub import hub_behind

    ours = registry.wire.credentials
    login = {} if ours is None else {"username": ours.username, "password": ours.password}
    hub = hub_behind(registry.wire.base_url, {**options, **login}, read_only=read_only)
    wait = options.get("wait_timeout")
    return DistributionRemover(registry) if hub is None else HubRemover(hub, _WAIT if wait is None else wait)
