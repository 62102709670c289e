# Copyright (c) 2026 Foundry maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What ``ee_registry_prune`` does: read repositories, let the policy decide, delete."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass
from datetime import datetime
from fnmatch import fnmatchcase

from ansible_collections.foundry.ee.plugins.module_utils._core.errors import EEError, Failed, Invalid, NotFound
from ansible_collections.foundry.ee.plugins.module_utils._core.image_ref import ImageRef, parse
from ansible_collections.foundry.ee.plugins.module_utils._core.manifest import Manifest
from ansible_collections.foundry.ee.plugins.module_utils._core.retention import (
    KEY_LABEL,
    Decision,
    Found,
    Policy,
    bytes_freed,
    bytes_freed_alone,
    created_at,
    decide,
    not_found,
    to_delete,
    with_attached,
)
from ansible_collections.foundry.ee.plugins.module_utils._core.tags import subject_of_tag
from ansible_collections.foundry.ee.plugins.module_utils._oci import Registry, in_parallel
from ansible_collections.foundry.ee.plugins.module_utils._oci_remove import Remover

_GLOB = frozenset("*?[")


@dataclass(frozen=True)
class Wanted:
    """A repository to look at, or a pattern of them: ``host/team/*``."""

    host: str
    path: str

    @property
    def is_pattern(self) -> bool:
        return bool(_GLOB & set(self.path))


def parse_repository(text: str) -> Wanted:
    """Read ``registry.example.com/team/ee``; the path may have ``*``, ``?`` and ``[…]``. Raises Invalid."""
    host, slash, path = text.partition("/")
    if not slash or not path:
        raise Invalid(f"`{text}` is no repository.", hint="Expected `registry.example.com/team/ee`, or `…/team/*`.")
    plain = "".join("x" if c in "*?[]!" else c for c in path)
    ref = parse(f"{host}/{plain}")
    if ref.registry is None or ref.tag is not None or ref.digest is not None:
        raise Invalid(f"`{text}` is no repository.", hint="Expected `registry.example.com/team/ee`, without a tag.")
    return Wanted(host, path)


@dataclass(frozen=True)
class RepositoryPlan:
    """What becomes of the images of one repository."""

    registry: Registry
    path: str
    decisions: tuple[Decision, ...]
    remover: Remover | None = None
    warnings: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        return f"{self.registry.host}/{self.path}"

    @property
    def digests(self) -> list[str]:
        """The manifests to delete, in order."""
        return to_delete(self.decisions)

    @property
    def requests(self) -> int:
        return self.registry.requests + (0 if self.remover is None else self.remover.requests)

    def tags(self, *, after: bool) -> dict[str, str]:
        """Return tag → digest, before or after."""
        shown = [decision for decision in self.decisions if decision.keep or not after]
        return dict(sorted((tag, each.image.digest) for each in shown for tag in each.image.tags))


Open = t.Callable[[ImageRef], Registry]
OpenRemover = t.Callable[[Registry], Remover]


@dataclass(frozen=True)
class Repository:
    """A repository to prune; one that was ``named`` has to be there, one from a catalog may have lost all its tags."""

    registry: Registry
    path: str
    named: bool


def find_repositories(wanted: t.Sequence[Wanted], open_: Open) -> list[Repository]:
    """Return the repositories, patterns looked up in the registries' catalogs. Raises NotFound."""
    found: dict[tuple[str, str], Repository] = {}
    catalogs: dict[str, tuple[Registry, list[str]]] = {}
    for each in wanted:
        if not each.is_pattern:
            found[each.host, each.path] = Repository(open_(ImageRef(each.path, each.host)), each.path, named=True)
            continue
        if each.host not in catalogs:
            registry = open_(ImageRef("", each.host))
            catalogs[each.host] = (registry, registry.catalog())
        registry, names = catalogs[each.host]
        fitting = [name for name in names if fnmatchcase(name, each.path)]
        if not fitting:
            raise NotFound(f"{each.host} has no repository like `{each.path}`.")
        for name in fitting:
            found.setdefault((each.host, name), Repository(registry, name, named=False))
    return list(found.values())


def plan_repository(repository: Repository, policy: Policy, now: datetime, open_remover: OpenRemover) -> RepositoryPlan:
    """Read a repository and decide. Raises NotFound where it is not there."""
    registry, path = repository.registry, repository.path
    images = read_images(repository)
    images += _read_untagged(registry, path, not_found(path, images, policy))
    first = decide(path, images, policy, now)
    going = [decision.image for decision in first if not decision.keep]
    images = _with_referrers(registry, path, images, {d for image in going for d in (image.digest, *image.parts)})
    decisions = tuple(decide(path, images, policy, now))
    digests = to_delete(decisions)
    if not digests:
        return RepositoryPlan(registry, path, decisions)
    remover = open_remover(registry)
    return RepositoryPlan(registry, path, decisions, remover, tuple(remover.warnings(path, digests)))


def read_images(repository: Repository) -> list[Found]:
    """Read every image of a repository that has a tag. Raises NotFound."""
    registry, path = repository.registry, repository.path
    tagged = registry.tagged(path)
    if tagged is None and repository.named:
        raise NotFound(f"{registry.host}/{path} is not there.", hint="Is the name right?")
    names: dict[str, list[str]] = {}
    unique: dict[str, Manifest] = {}
    for tag, manifest in (tagged or {}).items():
        names.setdefault(manifest.digest, []).append(tag)
        unique[manifest.digest] = manifest
    return in_parallel(lambda digest: _read(registry, path, unique[digest], tuple(names[digest])), list(unique))


def apply_repository(plan: RepositoryPlan) -> None:
    """Delete what the plan says, an index before its parts. Raises EEError."""
    if plan.remover is None:
        return
    for digest in plan.digests:
        plan.remover.delete(plan.path, digest)


def apply_all(plans: t.Sequence[RepositoryPlan]) -> None:
    """Delete in every repository; one that fails does not keep the others. Raises Failed in the end."""

    def attempt(plan: RepositoryPlan) -> str | None:
        try:
            apply_repository(plan)
        except EEError as error:
            return f"{plan.name}: {error}"
        return None

    workers = min((plan.remover.workers for plan in plans if plan.remover is not None), default=1)
    failures = [words for words in in_parallel(attempt, plans, workers) if words is not None]
    if failures:
        raise Failed(f"Deleting failed in {len(failures)} of {len(plans)} repositories: {' '.join(failures)}")


def freed(plans: t.Sequence[RepositoryPlan]) -> int:
    """Return the bytes that deleting frees; registries keep a blob once for all their repositories."""
    return sum(bytes_freed([decision for plan in group for decision in plan.decisions]) for group in _by_host(plans))


def freed_alone(plans: t.Sequence[RepositoryPlan]) -> dict[str, list[int]]:
    """Return the bytes that each decision frees and no other, by the repository's name and in the decisions' order."""
    found: dict[str, list[int]] = {}
    for group in _by_host(plans):
        alone = iter(bytes_freed_alone([decision for plan in group for decision in plan.decisions]))
        for plan in group:
            found[plan.name] = [next(alone) for _decision in plan.decisions]
    return found


def _by_host(plans: t.Sequence[RepositoryPlan]) -> t.Iterable[list[RepositoryPlan]]:
    by_host: dict[str, list[RepositoryPlan]] = {}
    for plan in plans:
        by_host.setdefault(plan.registry.host, []).append(plan)
    return by_host.values()


def _read_untagged(registry: Registry, path: str, digests: t.Sequence[str]) -> list[Found]:
    """Read images that have no tag, which are in use by their digests: they hold parts that others may hold too."""
    found = in_parallel(lambda digest: registry.find(ImageRef(path, registry.host, digest=digest)), digests)
    there = [manifest for manifest in found if manifest is not None]
    return in_parallel(lambda manifest: _read(registry, path, manifest, ()), there)


def _read(registry: Registry, path: str, manifest: Manifest, tags: tuple[str, ...]) -> Found:
    """Read what the rules ask about: dates, build keys, sizes, of an index those of its images."""
    blobs = {manifest.digest: len(manifest.body), **{blob.digest: blob.size for blob in manifest.blobs}}
    dates, keys = [], set()
    own = manifest.content.get("annotations") or {}
    dates.append(created_at(own.get("org.opencontainers.image.created")))
    below = _below(registry, path, manifest)
    for image in [manifest] if not manifest.is_index else [each for each in below.values() if each is not None]:
        blobs.update({image.digest: len(image.body), **{blob.digest: blob.size for blob in image.blobs}})
        created, key = (None, None) if image.is_index else _config(registry, path, image)
        dates.append(created)
        if key is not None:
            keys.add(key)
    known = [date for date in dates if date is not None]
    return Found(
        digest=manifest.digest,
        tags=tags,
        created=max(known, default=None),
        blobs=blobs,
        parts=frozenset(below),
        subject=manifest.subject,
        build_keys=frozenset(keys),
    )


def _below(registry: Registry, path: str, index: Manifest) -> dict[str, Manifest | None]:
    """Return what an index holds, indexes within it included, by digest; None for what was not copied with it.

    An image holds none. A digest cannot hold itself, so there is an end.
    """
    found: dict[str, Manifest | None] = {}
    waiting = [child.digest for child in index.children]
    while waiting:
        digest = waiting.pop(0)
        if digest in found:
            continue
        part = registry.find(ImageRef(path, registry.host, digest=digest))
        found[digest] = part  # None in a sparse index: not every platform was copied
        waiting += [] if part is None else [child.digest for child in part.children]
    return found


def _config(registry: Registry, path: str, image: Manifest) -> tuple[datetime | None, str | None]:
    """Return when an image was made and its build key, as far as it says."""
    if image.config is None or not image.config.media_type.endswith(
        ("image.config.v1+json", "container.image.v1+json")
    ):
        return None, None  # a signature or the like
    config = registry.config_of(path, image.config)
    labels = _mapping(_mapping(config.get("config")).get("Labels"))
    # The later one: a label may come from the base image, and a reproducible build may set the other date back.
    dates = [created_at(labels.get("org.opencontainers.image.created")), created_at(config.get("created"))]
    created = max((date for date in dates if date is not None), default=None)
    key = labels.get(KEY_LABEL)
    return created or _last_step(config), key if isinstance(key, str) else None


def _last_step(config: t.Mapping[str, t.Any]) -> datetime | None:
    """Return when the last step of an image was made, for one that has no date of its own."""
    history = config.get("history")
    dates = [created_at(_mapping(step).get("created")) for step in history] if isinstance(history, list) else []
    return max((date for date in dates if date is not None), default=None)


def _mapping(value: t.Any) -> t.Mapping[str, t.Any]:
    return value if isinstance(value, dict) else {}


def _with_referrers(registry: Registry, path: str, images: t.Sequence[Found], going: set[str]) -> list[Found]:
    """Note what is attached to the images and their parts: by tags for all, by the referrers API for ``going``."""
    attached: dict[str, dict[str, None]] = {}
    for image in images:
        subject = image.subject or next((s for s in map(subject_of_tag, image.tags) if s), None)
        if subject is not None:
            attached.setdefault(subject, {})[image.digest] = None
    asked = sorted(going - {digest for those in attached.values() for digest in those})
    for digest, found in zip(asked, in_parallel(lambda digest: registry.referrers(path, digest), asked)):
        attached.setdefault(digest, {}).update({each.digest: None for each in found})
    by_digest = {digest: list(those) for digest, those in attached.items()}
    return [with_attached(image, by_digest) for image in images]
