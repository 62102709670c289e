# Copyright (c) 2026 Foundry maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a sync of a hub's repositories brought, or would bring."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass, field

Tags = t.Mapping[str, str]  # tag → digest


@dataclass(frozen=True)
class Outcome:
    """One repository before and after. ``after`` is None if nobody knows; ``failure`` has the server's own words."""

    name: str
    before: Tags
    after: Tags | None
    failure: str | None = None
    progress: t.Mapping[str, int] = field(default_factory=dict)

    @property
    def changed(self) -> bool:
        """Whether the content differs. What nobody knows counts as a change: somebody should look."""
        return self.after is None or dict(self.before) != dict(self.after)

    @property
    def emptied(self) -> bool:
        return self.after is not None and bool(self.before) and not self.after

    @property
    def as_result(self) -> dict[str, t.Any]:
        after = self.before if self.after is None else self.after
        old, new = set(self.before.values()), set(after.values())
        return {
            "name": self.name,
            "changed": self.changed,
            "known": self.after is not None,
            "added": {tag: digest for tag, digest in sorted(after.items()) if tag not in self.before},
            "removed": {tag: digest for tag, digest in sorted(self.before.items()) if tag not in after},
            "moved": {
                tag: {"before": digest, "after": after[tag]}
                for tag, digest in sorted(self.before.items())
                if after.get(tag, digest) != digest
            },
            "digests_added": sorted(new - old),
            "digests_removed": sorted(old - new),
            "progress": dict(self.progress),
            "failure": self.failure,
        }


def diff_of(outcomes: t.Iterable[Outcome]) -> dict[str, t.Any]:
    """Return the diff: by repository, the tags that differ."""
    before: dict[str, dict[str, str]] = {}
    after: dict[str, dict[str, str]] = {}
    for outcome in outcomes:
        if outcome.after is None or not outcome.changed:
            continue
        differ = {*outcome.before.items()} ^ {*outcome.after.items()}
        tags = {tag for tag, _digest in differ}
        before[outcome.name] = {tag: digest for tag, digest in outcome.before.items() if tag in tags}
        after[outcome.name] = {tag: digest for tag, digest in outcome.after.items() if tag in tags}
    return {"before": before, "after": after}


@dataclass(frozen=True)
class SyncPlan:
    """What a task ends with, ``_run.conclude``'s."""

    outcomes: t.Sequence[Outcome]
    tasks: t.Sequence[t.Mapping[str, t.Any]] = ()
    warnings: t.Sequence[str] = ()
    requests: int = 0

    @property
    def changed(self) -> bool:
        return any(outcome.changed for outcome in self.outcomes)

    @property
    def diff(self) -> dict[str, t.Any]:
        return diff_of(self.outcomes)

    @property
    def result(self) -> dict[str, t.Any]:
        return {
            "repositories": [outcome.as_result for outcome in self.outcomes],
            "tasks": [dict(task) for task in self.tasks],
            "requests": self.requests,
        }


def repository_in(record: t.Mapping[str, t.Any]) -> str | None:
    """Return the id of the repository that a sync task works on, None for one that only starts others."""
    for href in record.get("reserved_resources_record") or ():
        path = str(href).rpartition(":")[2]
        if "/repositories/container/container/" in path:
            return path.rstrip("/").rpartition("/")[2]
    return None


def version_made(record: t.Mapping[str, t.Any]) -> str | None:
    """Return the address of the repository's version that a task made; without one the content is as it was."""
    for href in record.get("created_resources") or ():
        if href and "/versions/" in str(href):
            return str(href)
    return None


def progress_of(record: t.Mapping[str, t.Any]) -> dict[str, int]:
    """Return how much of each kind of work a task has done."""
    return {str(report["message"]): int(report["done"] or 0) for report in record.get("progress_reports") or ()}
