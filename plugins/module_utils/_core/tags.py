# Copyright (c) 2026 Foundry maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Tags of a registry's images: what they are, what they should be, which steps lie between."""

from __future__ import annotations

import re
import typing as t

from ansible_collections.foundry.ee.plugins.module_utils._core.errors import Conflict
from ansible_collections.foundry.ee.plugins.module_utils._core.image_ref import check_tag

PREVIOUS = ".previous"  # `prod.previous` stands for the image that `prod` stood for before
_KEY = re.compile(r"key-[0-9a-f]{32}")
_ATTACHED = re.compile(r"(sha256|sha512)-([0-9a-f]{64,})(\.[a-z0-9]+)?")

Tags = t.Mapping[str, t.Optional[str]]


class TagPlan(t.NamedTuple):
    """``before`` and ``after`` hold the tags that are looked at; a tag that does not exist has None.

    ``image`` is the digest of an image that is deleted with its tags, where that is planned.
    """

    before: Tags
    after: Tags
    image: str | None = None

    @property
    def changed(self) -> bool:
        return self.image is not None or dict(self.before) != dict(self.after)

    @property
    def to_put(self) -> dict[str, str]:
        """Tags that get another digest."""
        return {tag: new for tag, new in self.after.items() if new is not None and self.before.get(tag) != new}

    @property
    def to_remove(self) -> list[str]:
        return [tag for tag, new in self.after.items() if new is None and self.before.get(tag) is not None]

    @property
    def present(self) -> dict[str, str]:
        """The tags that exist in the end."""
        return {tag: digest for tag, digest in self.after.items() if digest is not None}


def plan_tags(
    wanted: t.Sequence[str], digest: str, current: Tags, *, exact: bool = False, remember: bool = False
) -> TagPlan:
    """Plan that the wanted tags stand for ``digest``; ``current`` holds at least them.

    ``exact``: other tags of ``current`` that stand for this digest are removed, except for what is kept by this
    collection itself: the build key and the remembered previous images. ``remember``: a tag that moves leaves its old
    digest under ``<tag>.previous``.
    """
    before = {tag: current.get(tag) for tag in wanted}
    after: dict[str, str | None] = dict.fromkeys(wanted, digest)
    if exact:
        others = [tag for tag, found in current.items() if found == digest and tag not in after]
        for tag in sorted(tag for tag in others if not _KEY.fullmatch(tag) and not is_memory(tag, current)):
            before[tag], after[tag] = digest, None
    if remember:
        for tag in wanted:
            old = current.get(tag)
            if old is not None and old != digest:
                name = previous_tag(tag)
                before[name], after[name] = current.get(name), old
    return TagPlan(before, after)


def plan_removal(named: t.Sequence[str], current: Tags, only: str | None = None) -> TagPlan:
    """Plan that the named tags are gone, and nothing else; with ``only``, where they stand for that digest."""
    before = {tag: current.get(tag) for tag in named}
    return TagPlan(before, {tag: None if only in (None, found) else found for tag, found in before.items()})


def plan_deletion(
    digest: str | None, current: Tags, *, with_tags: bool, where: str, holders: t.Collection[str] = ()
) -> TagPlan:
    """Plan that an image is gone; ``current`` holds every tag of the repository. Raises Conflict.

    Without ``with_tags`` an image that still has a tag is not deleted: the tag would go with it. ``holders`` are the
    digests of the indexes that hold the image: what a tag still brings to somebody is not deleted at all.
    """
    if digest is None:
        return TagPlan({}, {})
    held = sorted(tag for tag, found in current.items() if found in holders)
    if held:
        raise Conflict(
            f"{where}@{digest} is part of the index {', '.join(held)}, which would be broken without it.",
            hint="Delete the index first.",
        )
    tags = sorted(tag for tag, found in current.items() if found == digest)
    if tags and not with_tags:
        raise Conflict(
            f"{where}@{digest} has the tags {', '.join(tags)}, which would be deleted with it.",
            hint="Say so with `delete_image: true`, or remove the tags by name.",
        )
    return TagPlan(dict.fromkeys(tags, digest), dict.fromkeys(tags), image=digest)


def previous_tag(tag: str) -> str:
    """Return the tag under which the image before is remembered. Raises Invalid where it gets too long."""
    return check_tag(tag + PREVIOUS)


def is_memory(tag: str, current: Tags) -> bool:
    """Return whether a tag is the memory of another one that still exists."""
    return tag.endswith(PREVIOUS) and current.get(tag[: -len(PREVIOUS)]) is not None


def is_build_key(tag: str) -> bool:
    return _KEY.fullmatch(tag) is not None


def subject_of_tag(tag: str) -> str | None:
    """Return the digest of the image to which a tag attaches something (``sha256-….sig`` and the like)."""
    match = _ATTACHED.fullmatch(tag)
    return f"{match.group(1)}:{match.group(2)}" if match else None
