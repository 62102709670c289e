# Copyright (c) 2026 Foundry maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Syncs of a hub: start them, wait for them, undo what must not be, and foretell them by asking the upstream."""

from __future__ import annotations

import time
import typing as t
from dataclasses import dataclass, replace
from urllib.parse import SplitResult

from ansible_collections.foundry.ee.plugins.module_utils import _hub
from ansible_collections.foundry.ee.plugins.module_utils._core.address import reachable
from ansible_collections.foundry.ee.plugins.module_utils._core.errors import (
    Conflict,
    Denied,
    EEError,
    Failed,
    Invalid,
    NotFound,
)
from ansible_collections.foundry.ee.plugins.module_utils._core.hub_repository import Remote, remote_from_record
from ansible_collections.foundry.ee.plugins.module_utils._core.hub_sync import (
    Outcome,
    progress_of,
    repository_in,
    version_made,
)
from ansible_collections.foundry.ee.plugins.module_utils._oci import open_registry

EMPTY_HINT = "Look at its filters and at the upstream, or give `allow_empty: true` if that is meant."

Record = dict[str, t.Any]
Handle = dict[str, t.Any]  # {"task": address, "repositories": [{"name", "id", "tags": {tag: digest}}]}


@dataclass(frozen=True)
class Target:
    """A repository to sync: its name, the id of what holds its content, and where that comes from."""

    name: str
    id: str
    remote: Remote


def target(record: Record) -> Target:
    """Return the target of an EE's record. Raises Invalid, Conflict."""
    name = str(record["name"])
    repository = record["pulp"]["repository"]
    if repository.get("remote") is None:
        raise Invalid(f"`{name}` is pushed to, not synced.", hint="Name remote repositories only.")
    remote = remote_from_record(repository["remote"], _hub.record_id(repository["remote"]))
    if remote.registry_id is None:
        raise Conflict(
            f"The registry that `{name}` was synced from is deleted.", hint="Give it one with `ee_hub_repository`."
        )
    return Target(name, _hub.record_id(repository), remote)


def targets_of_registry(hub: _hub.Hub, name: str) -> tuple[str, list[Target]]:
    """Return a registry's id and the repositories that are synced from it. Raises NotFound."""
    found = [record for record in hub.find(_hub.REGISTRIES, name=name) if record["name"] == name]
    if not found:
        raise NotFound(f"The hub has no registry `{name}`.", hint="Create it with `ee_hub_registry`.")
    identifier = _hub.record_id(found[0])
    remotes = [
        record
        for record in hub.find(_hub.EES)
        if (record["pulp"]["repository"].get("remote") or {}).get("registry") == identifier
    ]
    return identifier, [target(record) for record in remotes]


@dataclass(frozen=True)
class Sync:
    """What one request starts: ``path`` is that of a registry, or of a repository's content."""

    path: str
    targets: t.Sequence[Target]


def start(hub: _hub.Hub, syncs: t.Sequence[Sync], foreteller: Foreteller | None) -> list[Handle]:
    """Start syncs, and return by what they are picked up again. Raises EEError.

    ``foreteller`` is asked about repositories whose filters take none of their tags; None lets that pass. All are
    looked at before the first is started. If one cannot be started, the error's details have the ``tasks`` so far.
    """
    looked_at = [[_look(hub, one, foreteller) for one in sync.targets] for sync in syncs]
    handles: list[Handle] = []
    for sync, repositories in zip(syncs, looked_at):
        try:
            task = hub.write("POST", sync.path + "sync/")["task"]
        except EEError as error:
            if not handles:
                raise
            raise _midway(error, handles) from error
        handles.append({"task": task, "repositories": repositories})
    return handles


def _look(hub: _hub.Hub, one: Target, foreteller: Foreteller | None) -> Record:
    tags = hub.tags(one.name)
    if foreteller is not None:
        _check_filters(one, tags, foreteller)
    return {"name": one.name, "id": one.id, "tags": tags}


def _midway(error: EEError, handles: t.Sequence[Handle]) -> EEError:
    """Return an error that also tells of the syncs that were started before it."""
    names = ", ".join(f"`{one['name']}`" for handle in handles for one in handle["repositories"])
    return type(error)(
        str(error),
        hint=f"Syncs of {names} were started before, and go on; give `tasks` to a later task.",
        status=error.status,
        method=error.method,
        url=error.url,
        details={**error.details, "tasks": list(handles)},
    )


def _check_filters(one: Target, tags: t.Mapping[str, str], foreteller: Foreteller) -> None:
    """Refuse what can be seen to empty a repository before it is started. Raises Conflict.

    Most syncs are not worth asking the upstream, and not everybody can: what was emptied is taken back later.
    """
    if not tags or any(one.remote.filter.takes(tag) for tag in tags):
        return
    if foreteller.outcome(one, tags)[0].emptied:
        raise Conflict(
            f"`{one.name}` would lose every tag ({', '.join(sorted(tags))}); no sync was started.", hint=EMPTY_HINT
        )


def finish(hub: _hub.Hub, handles: t.Sequence[Handle], timeout: float, allow_empty: bool) -> list[Outcome]:
    """Wait for syncs and return what they brought. Raises Failed when one failed or the time (in seconds) is up.

    The rest is waited for all the same. A sync that emptied a repository is undone unless that is allowed: Conflict.
    """
    end = time.monotonic() + timeout
    outcomes: list[Outcome] = []
    emptied: dict[int, str] = {}  # place in outcomes → the version that did it
    for handle in handles:
        try:
            record = hub.ended(handle["task"], end)
        except _hub.TimeUp as error:
            raise _hub.TimeUp(str(error), details={"tasks": list(handles)}) from error
        for repository in handle["repositories"]:
            outcome, version = _outcome(hub, repository, record)
            if outcome.emptied and version is not None and not allow_empty:
                emptied[len(outcomes)] = version
            outcomes.append(outcome)
    if emptied:
        raise _refuse(hub, outcomes, emptied, end)
    failed = [outcome for outcome in outcomes if outcome.failure is not None]
    if failed:
        words = "; ".join(f"`{outcome.name}`: {outcome.failure}" for outcome in failed)
        raise Failed(
            f"{len(failed)} of {len(outcomes)} syncs failed: {words}.",
            hint="What these repositories had, they have still.",
            details={"repositories": [outcome.as_result for outcome in outcomes]},
        )
    return outcomes


def _outcome(hub: _hub.Hub, repository: Record, record: Record) -> tuple[Outcome, str | None]:
    """Return what a task did to one repository, and the version it made of it, if any."""
    name, before = str(repository["name"]), dict(repository["tags"])
    if record["state"] != "completed":
        return Outcome(name, before, before, _hub.task_error(record)), None
    mine = [one for one in (record, *record["children"]) if repository_in(one) == repository["id"]]
    if not mine:
        return Outcome(name, before, before, "the hub started no sync of it"), None
    task = mine[-1]
    if task["state"] != "completed":
        return Outcome(name, before, before, _hub.task_error(task)), None
    version = version_made(task)
    after = before if version is None else hub.tags(name)
    return Outcome(name, before, after, progress=progress_of(task)), version


def _refuse(hub: _hub.Hub, outcomes: t.Sequence[Outcome], emptied: t.Mapping[int, str], end: float) -> EEError:
    """Take back what emptied repositories, by deleting the version that did, and return the error that tells."""
    told = [
        _take_back(hub, outcome, emptied[place], end) if place in emptied else outcome
        for place, outcome in enumerate(outcomes)
    ]
    words = [
        f"`{outcome.name}`{'' if place in emptied else ':'} {outcome.failure}"
        for place, outcome in enumerate(told)
        if outcome.failure is not None
    ]
    return Conflict(
        "; ".join(words) + ".",
        hint=EMPTY_HINT,
        details={"repositories": [outcome.as_result for outcome in told]},
    )


def _take_back(hub: _hub.Hub, outcome: Outcome, version: str, end: float) -> Outcome:
    """Take back a sync that emptied a repository, and return what came of that."""
    tags = ", ".join(sorted(outcome.before))
    try:
        hub.finish("DELETE", version, None, max(0.0, end - time.monotonic()))
    except Denied:
        words = (
            f"would lose every tag ({tags}), and it has: only an administrator of the hub may take a sync back. "
            "Widen its filters and sync again; the images are still on the hub"
        )
        return replace(outcome, failure=words)
    except EEError as error:
        words = f"lost every tag ({tags}), and the sync is not known to be taken back: {error}"
        return replace(outcome, failure=words.rstrip("."))
    return replace(outcome, after=outcome.before, failure=f"would lose every tag ({tags}); the sync was taken back")


class Foreteller:
    """Says what syncs would bring, from what the upstream registries have now."""

    def __init__(self, hub: _hub.Hub, options: t.Mapping[str, t.Any], timeout: float) -> None:
        self._hub = hub
        self._options = {"timeout": timeout, **{key: value for key, value in options.items() if value is not None}}
        self._registries: dict[str, Record] = {}
        self._silent: dict[str, EEError] = {}
        self.requests = 0

    def check(self, targets: t.Iterable[Target]) -> None:
        """Refuse credentials of one registry where the targets are of several. Raises Invalid, and EEError of the hub.

        They must go to nobody whom they are not for.
        """
        if self._options.get("username") is None and self._options.get("token") is None:
            return
        identifiers = sorted({one.remote.registry_id or "" for one in targets})
        if len(identifiers) < 2:
            return
        hosts = sorted({_host(self._registry(identifier)) for identifier in identifiers})
        if len(hosts) > 1:
            raise Invalid(
                f"`upstream.username` and `upstream.token` are for one registry, "
                f"and these repositories are synced from {' and '.join(hosts)}.",
                hint="Give `upstream.authfile`, which holds credentials by registry, or write one task for each.",
            )

    def outcome(self, one: Target, before: t.Mapping[str, str]) -> tuple[Outcome, list[str]]:
        """Return what a sync of a repository with the tags ``before`` would bring, and what to warn of.

        Raises EEError of the hub only.
        """
        registry = self._registry(one.remote.registry_id or "")
        try:
            after = self._upstream(registry, one.remote)
        except EEError as error:
            return Outcome(one.name, before, None), [
                f"What a sync of `{one.name}` would bring is not known, it counts as a change: {error} "
                "Check mode asks the upstream registry itself, with the credentials of `upstream`."
            ]
        outcome = Outcome(one.name, before, after)
        if outcome.emptied:
            return outcome, [
                f"A sync of `{one.name}` would take every tag away ({', '.join(sorted(before))}). "
                "The real run takes that back and fails, unless `allow_empty: true` is given."
            ]
        return outcome, []

    def _registry(self, identifier: str) -> Record:
        if identifier not in self._registries:
            self._registries[identifier] = self._hub.get(f"{_hub.REGISTRIES}{identifier}/")
        return self._registries[identifier]

    def _upstream(self, registry: Record, remote: Remote) -> dict[str, str]:
        """Return the tags and digests that the hub would take. One that did not answer is not asked again."""
        address = _address(registry)
        if address.netloc in self._silent:
            raise self._silent[address.netloc]
        # As the hub itself does it: TLS is checked where the registry's record says so.
        checked = bool(registry.get("tls_validation", True)) and address.scheme == "https"
        client = open_registry(
            f"{address.netloc}/{remote.upstream_name}", {"validate_certs": checked, **self._options}, read_only=True
        )
        try:
            tags = client.tags(remote.upstream_name)
            if tags is None:
                raise NotFound(f"{address.netloc} has no `{remote.upstream_name}`; the sync would fail.")
            taken = [tag for tag in tags if remote.filter.takes(tag)]
            digests = client.digests(remote.upstream_name, taken)
        except NotFound:
            raise
        except EEError as error:
            self._silent[address.netloc] = error
            raise
        finally:
            self.requests += client.requests
        return {tag: digest for tag, digest in digests.items() if digest is not None}


def _address(registry: Record) -> SplitResult:
    """Return where a registry's record says it is; a hub takes anything for an address. Raises Invalid."""
    found = reachable(registry["url"])
    if found is None:
        raise Invalid(
            f"The hub's registry `{registry['name']}` has no address that can be reached.",
            hint="Give it one with `ee_hub_registry`.",
        )
    return found


def _host(registry: Record) -> str:
    return _address(registry).netloc.rpartition("@")[2]
