# Copyright (c) 2026 Foundry maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""EE repositories of a hub, remote or pushed: what is, what should be, and what to send."""

from __future__ import annotations

import fnmatch
import typing as t
from dataclasses import dataclass

from ansible_collections.foundry.ee.plugins.module_utils._core import image_ref
from ansible_collections.foundry.ee.plugins.module_utils._core.errors import Conflict, Invalid
from ansible_collections.foundry.ee.plugins.module_utils._core.record_plan import RecordPlan

# What the hub excludes from a new remote repository where nothing else is asked for.
USUALLY_EXCLUDED = ("*-source",)
NO_REGISTRY = "(deleted)"


@dataclass(frozen=True)
class Filter:
    """Which tags a sync takes: those that match one of ``include`` (all, if empty) and none of ``exclude``.

    Patterns are those of a shell (``1.*``). Source: ``filter`` steps of pulp-container's sync stages, 2.15.
    """

    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()

    def takes(self, tag: str) -> bool:
        included = not self.include or any(fnmatch.fnmatchcase(tag, pattern) for pattern in self.include)
        return included and not any(fnmatch.fnmatchcase(tag, pattern) for pattern in self.exclude)


@dataclass(frozen=True)
class Remote:
    """Where a repository is synced from. ``registry_id`` is None if that registry was deleted."""

    id: str
    registry_id: str | None
    upstream_name: str
    filter: Filter


@dataclass(frozen=True)
class Repository:
    """An EE repository. ``remote`` is None for one that is pushed to; ``private`` and ``readme`` if nobody asked."""

    name: str
    remote: Remote | None
    description: str
    private: bool | None = None
    readme: str | None = None

    @classmethod
    def from_record(
        cls, record: t.Mapping[str, t.Any], remote_id: str | None, private: bool | None, readme: str | None
    ) -> Repository:
        remote = record["pulp"]["repository"].get("remote")
        return cls(
            str(record["name"]),
            None if remote is None or remote_id is None else remote_from_record(remote, remote_id),
            record.get("description") or "",
            private,
            readme,
        )


def remote_from_record(record: t.Mapping[str, t.Any], identifier: str) -> Remote:
    registry = record.get("registry")
    return Remote(
        identifier,
        None if registry is None else str(registry),
        str(record["upstream_name"]),
        Filter(tuple(record.get("include_tags") or ()), tuple(record.get("exclude_tags") or ())),
    )


@dataclass(frozen=True)
class Registry:
    """A remote registry that a repository is to be synced from."""

    id: str
    name: str


@dataclass(frozen=True)
class Wanted:
    """What a repository should be; None is left alone, an empty text or tuple is cleared."""

    registry: Registry | None = None
    upstream_name: str | None = None
    include_tags: tuple[str, ...] | None = None
    exclude_tags: tuple[str, ...] | None = None
    description: str | None = None
    private: bool | None = None
    readme: str | None = None

    @property
    def remote(self) -> bool:
        """Whether anything is asked that only a remote repository has."""
        options = (self.registry, self.upstream_name, self.include_tags, self.exclude_tags)
        return any(option is not None for option in options)


@dataclass(frozen=True)
class RepositoryPlan(RecordPlan):
    """What to send, each None if nothing: ``remote`` (created or changed), ``distribution``, ``readme``.

    ``create`` says which kind of repository is to be made first; ``delete`` that it goes.
    ``refusal`` is why it must not be done, for check mode to warn and the real run to fail.
    """

    current: Repository | None
    before: dict[str, t.Any] | None
    after: dict[str, t.Any] | None
    create: t.Literal["remote", "pushed"] | None = None
    delete: bool = False
    remote: dict[str, t.Any] | None = None
    distribution: dict[str, t.Any] | None = None
    readme: str | None = None
    refusal: str | None = None
    warnings: t.Sequence[str] = ()
    requests: int = 0

    @property
    def result(self) -> dict[str, t.Any]:
        return {"repository": self.after, "requests": self.requests}


def plan_present(
    name: str,
    wanted: Wanted,
    current: Repository | None,
    registry_name: str | None = None,
    tags: t.Callable[[], t.Collection[str]] = tuple,
    allow_empty: bool = False,
) -> RepositoryPlan:
    """Plan a repository. Raises Invalid, Conflict.

    ``registry_name`` is the name of the current registry, if one is wanted; ``tags`` reads the repository's, if they
    matter.
    """
    if current is None:
        return _plan_new(name, wanted)
    after = _wanted(current, wanted)
    body = None
    refusal: str | None = None
    warnings: list[str] = []
    if current.remote != after.remote and after.remote is not None:
        body = remote_body(name, after.remote)
        refusal, warnings = _judge_filter(current, after, tags)
    asked = wanted.registry
    return RepositoryPlan(
        current,
        shown(current) if asked is None else shown(current, registry_name or NO_REGISTRY),
        shown(after, None if asked is None else asked.name),
        remote=body,
        distribution=_distribution_body(current, after),
        readme=after.readme if after.readme != current.readme else None,
        refusal=None if allow_empty else refusal,
        warnings=warnings,
    )


def _wanted(current: Repository, wanted: Wanted) -> Repository:
    """Return what the repository would be. Raises Conflict, Invalid."""
    remote = current.remote
    if wanted.upstream_name == "":
        raise Invalid("`upstream_name` is empty.", hint="Give the name that the image has in the registry.")
    if wanted.remote:
        if remote is None:
            raise Conflict(
                f"`{current.name}` is pushed to, and nothing can be synced into it.",
                hint="Delete it first (`state: absent`), or take another name.",
            )
        registry_id = remote.registry_id if wanted.registry is None else wanted.registry.id
        if registry_id is None:
            raise Invalid(f"The registry of `{current.name}` was deleted.", hint="Give another one with `registry`.")
        remote = Remote(
            remote.id,
            registry_id,
            remote.upstream_name if wanted.upstream_name is None else wanted.upstream_name,
            Filter(
                _patterns(remote.filter.include, wanted.include_tags),
                _patterns(remote.filter.exclude, wanted.exclude_tags),
            ),
        )
    return Repository(
        current.name,
        remote,
        current.description if wanted.description is None else wanted.description.strip(),
        current.private if wanted.private is None else wanted.private,
        current.readme if wanted.readme is None else wanted.readme.strip(),
    )


def _patterns(current: tuple[str, ...], wanted: tuple[str, ...] | None) -> tuple[str, ...]:
    """Return the patterns to have; another order of the same is no change."""
    return current if wanted is None or set(wanted) == set(current) else wanted


def remote_body(name: str, remote: Remote) -> dict[str, t.Any]:
    """Return the whole record of a remote: the hub takes no part of one."""
    return {
        "name": name,
        "upstream_name": remote.upstream_name,
        "registry": remote.registry_id,
        "include_tags": list(remote.filter.include),
        "exclude_tags": list(remote.filter.exclude),
    }


def _distribution_body(current: Repository | None, after: Repository) -> dict[str, t.Any] | None:
    body: dict[str, t.Any] = {}
    if after.description != (current.description if current is not None else ""):
        body["description"] = after.description or None
    if after.private is not None and after.private != (current.private if current is not None else False):
        body["private"] = after.private
    return body or None


def _judge_filter(
    current: Repository, after: Repository, tags: t.Callable[[], t.Collection[str]]
) -> tuple[str | None, list[str]]:
    """Return why a new filter must not be (or None), and what to warn of: the next sync takes away what it leaves out.

    What the upstream registry has is another question, which ``ee_hub_sync`` asks.
    """
    if current.remote is None or after.remote is None or current.remote.filter == after.remote.filter:
        return None, []
    there = tags()
    dropped = sorted(tag for tag in there if not after.remote.filter.takes(tag))
    if not dropped:
        return None, []
    if len(dropped) == len(there):
        return (
            f"With these filters the next sync of `{current.name}` takes away every tag it has now "
            f"({', '.join(dropped)}). Give `allow_empty: true` if that is meant."
        ), []
    return None, [f"With these filters the next sync of `{current.name}` takes away: {', '.join(dropped)}."]


def _plan_new(name: str, wanted: Wanted) -> RepositoryPlan:
    image_ref.check_repository(name)
    if not wanted.remote:
        after = Repository(name, None, (wanted.description or "").strip(), wanted.private, _stripped(wanted.readme))
        return _created(after, "pushed", None, None)
    if wanted.registry is None or not wanted.upstream_name:
        missing = "registry" if wanted.registry is None else "upstream_name"
        raise Invalid(
            f"The hub has no repository `{name}`, and `{missing}` is not given.",
            hint="Give `registry` and `upstream_name` for one that is synced, neither for one that is pushed to.",
        )
    exclude = USUALLY_EXCLUDED if wanted.exclude_tags is None else wanted.exclude_tags
    remote = Remote("", wanted.registry.id, wanted.upstream_name, Filter(wanted.include_tags or (), exclude))
    after = Repository(name, remote, (wanted.description or "").strip(), wanted.private, _stripped(wanted.readme))
    return _created(after, "remote", wanted.registry.name, remote_body(name, remote))


def _created(
    after: Repository,
    kind: t.Literal["remote", "pushed"],
    registry_name: str | None,
    body: dict[str, t.Any] | None,
) -> RepositoryPlan:
    return RepositoryPlan(
        None,
        None,
        shown(after, registry_name),
        create=kind,
        remote=body,
        distribution=_distribution_body(None, after),
        readme=after.readme or None,
    )


def _stripped(text: str | None) -> str | None:
    return None if text is None else text.strip()


def plan_absent(current: Repository | None) -> RepositoryPlan:
    """Plan that there is no such repository."""
    if current is None:
        return RepositoryPlan(None, None, None)
    return RepositoryPlan(current, shown(current), None, delete=True)


def shown(repository: Repository, registry_name: str | None = None) -> dict[str, t.Any]:
    """Return a repository fit for results and diffs, without what nobody asked for."""
    record: dict[str, t.Any] = {
        "name": repository.name,
        "pushed": repository.remote is None,
        "description": repository.description,
    }
    if repository.remote is not None:
        if registry_name is not None:
            record["registry"] = registry_name
        record["upstream_name"] = repository.remote.upstream_name
        record["include_tags"] = list(repository.remote.filter.include)
        record["exclude_tags"] = list(repository.remote.filter.exclude)
    if repository.private is not None:
        record["private"] = repository.private
    if repository.readme is not None:
        record["readme"] = repository.readme
    return record
