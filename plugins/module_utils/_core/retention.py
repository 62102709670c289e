# Copyright (c) 2026 Foundry maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which images of a repository stay and which go, and why. In doubt, an image stays."""

from __future__ import annotations

import re
import typing as t
from collections import Counter, defaultdict
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta, timezone
from fnmatch import fnmatchcase

from ansible_collections.foundry.ee.plugins.module_utils._core.errors import EEError, Invalid
from ansible_collections.foundry.ee.plugins.module_utils._core.image_ref import ImageRef, parse
from ansible_collections.foundry.ee.plugins.module_utils._core.registry_auth import DOCKER_HUB, api_host
from ansible_collections.foundry.ee.plugins.module_utils._core.tags import PREVIOUS, is_build_key, subject_of_tag

KEY_LABEL = "io.foundry.ee.build-key"
Line = t.Literal["major", "minor"]
_AHEAD = timedelta(days=1)  # what a clock may be ahead; a date beyond would be the newest for years
_DURATION = re.compile(r"(\d+)\s*([hdw])")
_UNITS = {"h": "hours", "d": "days", "w": "weeks"}
_KEY = re.compile(r"(?:key-)?([0-9a-f]{32,64})")
# Source: semver.org; a tag cannot hold the "+" of build data, which registries' users write as "_" or "-".
_VERSION = re.compile(r"v?(\d+)\.(\d+)\.(\d+)(?:-([0-9A-Za-z.-]+))?(?:_[0-9A-Za-z.-]+)?")
_TIME = re.compile(r"(\d{4}-\d\d-\d\d)[Tt ](\d\d:\d\d:\d\d)(?:\.\d+)?(?:[Zz]|([+-]\d\d:\d\d))")


@dataclass(frozen=True)
class Found:
    """An image of a repository. ``blobs`` is digest → bytes of all it stands on, manifests included.

    ``parts`` are the images of an index, ``subject`` is what it is attached to, ``created`` is None where the image
    does not say it (or says 1970, as reproducible builds do). ``attached`` are the digests of what is attached to it,
    ``attached_to_parts`` those of what is attached to each of its parts. One without ``tags`` is in use by its digest.
    """

    digest: str
    tags: tuple[str, ...] = ()
    created: datetime | None = None
    blobs: t.Mapping[str, int] = field(default_factory=dict)
    parts: frozenset[str] = frozenset()
    subject: str | None = None
    build_keys: frozenset[str] = frozenset()
    attached: tuple[str, ...] = ()
    attached_to_parts: t.Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    @property
    def size(self) -> int:
        return sum(self.blobs.values())

    @property
    def attached_to(self) -> str | None:
        """The digest that it is a signature or the like of, by itself or by all of its tags."""
        if self.subject is not None:
            return self.subject
        subjects = {subject_of_tag(tag) for tag in self.tags}
        return subjects.pop() if len(subjects) == 1 else None


@dataclass(frozen=True)
class Policy:
    """What is kept. None means that a rule is not asked for."""

    newest: int | None = None
    younger_than: timedelta | None = None
    tags: tuple[str, ...] = ()
    line: Line | None = None
    per_line: int = 1
    only_tags: tuple[str, ...] = ("*",)
    in_use: tuple[ImageRef, ...] = ()
    hosts: frozenset[str] = frozenset()
    build_keys: frozenset[str] = frozenset()
    keep_attached: bool = True


@dataclass(frozen=True)
class Decision:
    """What becomes of an image, and why in words."""

    image: Found
    keep: bool
    because: tuple[str, ...]

    def as_result(self, repository: str, bytes_freed: int) -> dict[str, t.Any]:
        """Return what is told of it; ``bytes_freed`` is what this decision frees and no other."""
        created = self.image.created
        return {
            "repository": repository,
            "digest": self.image.digest,
            "tags": sorted(self.image.tags),
            "action": "keep" if self.keep else "delete",
            "because": list(self.because),
            "created": None if created is None else created.strftime("%Y-%m-%dT%H:%M:%SZ"),
            "size": self.image.size,
            "bytes_freed": bytes_freed,
        }


def decide(repository: str, images: t.Sequence[Found], policy: Policy, now: datetime) -> list[Decision]:
    """Decide about every image of a repository (its path, without the host); newest first."""
    policy = replace(policy, in_use=meant(repository, policy))
    ordered = sorted(images, key=lambda image: (image.created or now, image.tags), reverse=True)
    free = [image for image in ordered if image.attached_to is None]
    reasons: dict[str, list[str]] = defaultdict(list)
    for rule in (_by_name, _by_use, _by_key, _by_attachments):
        for image in free:
            reasons[image.digest] += rule(image, policy)
    for image, reason in (*_by_age(free, policy, now), *_by_line(free, policy)):
        reasons[image.digest].append(reason)
    _by_others(free, reasons)
    own = [Decision(i, bool(reasons[i.digest]), tuple(reasons[i.digest]) or (_why_not(policy),)) for i in free]
    kept = {decision.image.digest: decision.keep for decision in own}
    for decision in own:  # what is attached to a part of an index goes the index's way
        for part in decision.image.parts:
            kept[part] = kept.get(part, False) or decision.keep
    others = [image for image in ordered if image.attached_to is not None]
    return own + [_keep_or_follow(image, policy, kept) for image in others]


def meant(repository: str, policy: Policy) -> tuple[ImageRef, ...]:
    """Return the references in use that may mean a repository (its path), by any name of its registry."""
    hosts = {_server(host) for host in policy.hosts}
    found = []
    for ref in policy.in_use:
        near = hosts if ref.registry is None else hosts & {_server(ref.registry)}
        on_hub = _server(DOCKER_HUB) in near
        if (near or ref.registry is None) and _path(ref.repository, on_hub) == _path(repository, on_hub):
            found.append(ref)
    return tuple(found)


def not_found(repository: str, images: t.Iterable[Found], policy: Policy) -> list[str]:
    """Return the digests in use in a repository that are neither among its images nor parts of them."""
    known = {digest for image in images for digest in (image.digest, *image.parts)}
    return sorted({ref.digest for ref in meant(repository, policy) if ref.digest is not None} - known)


def bytes_freed(decisions: t.Iterable[Decision]) -> int:
    """Return what deleting frees, in bytes: blobs that nothing kept uses, each counted once."""
    gone: dict[str, int] = {}
    kept: set[str] = set()
    for decision in decisions:
        if decision.keep:
            kept |= set(decision.image.blobs)
        else:
            gone.update(decision.image.blobs)
    return sum(size for digest, size in gone.items() if digest not in kept)


def bytes_freed_alone(decisions: t.Sequence[Decision]) -> list[int]:
    """Return what each decision frees, in bytes: blobs that no other image of all of them uses."""
    users = Counter(digest for decision in decisions for digest in decision.image.blobs)
    return [
        0 if each.keep else sum(size for digest, size in each.image.blobs.items() if users[digest] == 1)
        for each in decisions
    ]


def to_delete(decisions: t.Sequence[Decision]) -> list[str]:
    """Return the digests of the manifests to delete, an index before its parts.

    No part of what is kept is among them, and nothing that is attached to such a part.
    """
    kept = {d.image.digest for d in decisions if d.keep} | {p for d in decisions if d.keep for p in d.image.parts}
    wanted: dict[str, None] = {}
    going = [decision.image for decision in decisions if not decision.keep]
    for image in sorted(going, key=lambda image: -len(image.parts)):  # an index has more than an index that it holds
        below = [digest for part, those in image.attached_to_parts.items() if part not in kept for digest in those]
        wanted.update(dict.fromkeys((image.digest, *sorted(image.parts), *image.attached, *below)))
    return [digest for digest in wanted if digest not in kept]


def with_attached(image: Found, attached: t.Mapping[str, t.Sequence[str]]) -> Found:
    """Return an image with what is attached to it and to its parts; ``attached`` is digest → digests."""
    below = {part: tuple(attached[part]) for part in sorted(image.parts) if attached.get(part)}
    return replace(image, attached=tuple(attached.get(image.digest, ())), attached_to_parts=below)


def duration(text: str) -> timedelta:
    """Read ``30d``, ``12h`` or ``8w``. Raises Invalid."""
    match = _DURATION.fullmatch(text.strip())
    if match is None:
        raise Invalid(f"`{text}` is no duration.", hint="Expected a number with `h`, `d` or `w`, such as `30d`.")
    try:
        return timedelta(**{_UNITS[match.group(2)]: int(match.group(1))})
    except OverflowError as error:
        raise Invalid(f"`{text}` is longer than time.") from error


def build_key(text: str) -> str:
    """Return the first 32 digits of a build key, written whole or as its tag. Raises Invalid."""
    match = _KEY.fullmatch(text)
    if match is None:
        raise Invalid(f"`{text}` is no build key.", hint="Expected 64 hexadecimal digits, or `key-` and 32 of them.")
    return match.group(1)[:32]


def references(texts: t.Iterable[str]) -> tuple[ImageRef, ...]:
    """Read the images in use. Raises Invalid, for one that cannot be read might be one that must stay."""
    found = []
    for text in texts:
        try:
            found.append(parse(text.strip()))
        except EEError as error:
            raise Invalid(f"`in_use` holds what is no image: {error}") from error
    return tuple(found)


def created_at(text: t.Any) -> datetime | None:
    """Read a time as images hold it (RFC 3339), None where it says nothing."""
    match = _TIME.fullmatch(text.strip()) if isinstance(text, str) else None
    if match is None:
        return None
    try:
        when = datetime.fromisoformat(f"{match.group(1)}T{match.group(2)}{match.group(3) or '+00:00'}")
        when = when.astimezone(timezone.utc)
    except (ValueError, OverflowError):
        return None
    return when if when.year > 1980 else None


# The rules. Each gives reasons to keep.


def _by_name(image: Found, policy: Policy) -> list[str]:
    outside = [tag for tag in sorted(image.tags) if not any(fnmatchcase(tag, only) for only in policy.only_tags)]
    named = [tag for tag in outside if not _is_bookkeeping(tag)]
    if len(outside) == len(image.tags) and image.attached_to is None:
        named = named or outside  # all that it has is bookkeeping, and none of it is asked for
    reasons = [f"its tag `{tag}` is not among `only_tags`" for tag in named]
    for tag in sorted(image.tags):
        pattern = next((each for each in policy.tags if fnmatchcase(tag, each)), None)
        if pattern is not None:
            reasons.append(f"its tag `{tag}` matches `{pattern}` of `keep_tags`")
    return reasons


def _by_use(image: Found, policy: Policy) -> list[str]:
    digests = {image.digest, *image.parts}
    reasons = [
        f"`{ref}` is in use"
        for ref in policy.in_use
        if ref.digest in digests or (ref.digest is None and (ref.tag or "latest") in image.tags)
    ]
    return list(dict.fromkeys(reasons))


def _by_key(image: Found, policy: Policy) -> list[str]:
    mine = {key[:32] for key in image.build_keys} | {tag[4:] for tag in image.tags if is_build_key(tag)}
    return [f"its build key {key} is in use" for key in sorted(mine & policy.build_keys)]


def _by_attachments(image: Found, policy: Policy) -> list[str]:
    if not policy.keep_attached:
        return []
    below = {digest for those in image.attached_to_parts.values() for digest in those}
    where = (("it", len(image.attached)), ("its parts", len(below)))
    return [f"{count} signatures, SBOMs or the like are attached to {what}" for what, count in where if count]


def _by_age(images: t.Sequence[Found], policy: Policy, now: datetime) -> t.Iterator[tuple[Found, str]]:
    """``images`` are the newest first.

    What is part of an index takes no place beside it, though it has a tag too. Nor does what has no tag.
    """
    by_date = policy.newest is not None or policy.younger_than is not None
    parts = frozenset().union(*(image.parts for image in images))
    rank = 0
    for image in images:
        if image.created is None or image.created > now + _AHEAD:
            if by_date:
                yield image, "it does not say when it was made" if image.created is None else "its date is to come"
            continue
        if image.tags and image.digest not in parts:
            rank += 1
            if policy.newest is not None and rank <= policy.newest:
                yield image, f"it is number {rank} of the {policy.newest} newest"
        if policy.younger_than is not None and now - image.created < policy.younger_than:
            yield image, f"it is {max(0, (now - image.created).days)} days old"


def _by_line(images: t.Sequence[Found], policy: Policy) -> t.Iterator[tuple[Found, str]]:
    if policy.line is None:
        return
    lines: dict[tuple[int, ...], dict[tuple[t.Any, ...], list[tuple[Found, str]]]] = defaultdict(
        lambda: defaultdict(list)
    )
    for image in images:
        for tag in image.tags:
            version = _version(tag)
            if version is not None:
                line = version[0][: 1 if policy.line == "major" else 2]
                lines[line][version].append((image, tag))
    for line, versions in lines.items():
        ordered = sorted(versions, reverse=True)
        releases = [version for version in ordered if version[1]]  # which no pre-release pushes out
        for version in dict.fromkeys((*ordered[: policy.per_line], *releases[: policy.per_line])):
            for image, tag in versions[version]:
                yield image, f"its tag `{tag}` is among the {policy.per_line} newest of {'.'.join(map(str, line))}"


def _by_others(images: t.Sequence[Found], reasons: dict[str, list[str]]) -> None:
    """Keep what kept images need, and what those need in turn."""
    while True:
        needed = [*_by_memory(images, reasons), *_by_index(images, reasons)]
        new = [(digest, reason) for digest, reason in needed if reason not in reasons[digest]]
        if not new:
            return
        for digest, reason in new:
            reasons[digest].append(reason)


def _by_memory(images: t.Sequence[Found], reasons: t.Mapping[str, list[str]]) -> list[tuple[str, str]]:
    """Keep what a kept tag stood for before, so that it can be rolled back."""
    holder = {tag: image for image in images for tag in image.tags}
    found = []
    for image in images:
        for tag in sorted(image.tags):
            now = holder.get(tag[: -len(PREVIOUS)]) if tag.endswith(PREVIOUS) else None
            if now is not None and reasons[now.digest]:
                found.append((image.digest, f"`{tag[: -len(PREVIOUS)]}` stood for it before"))
    return found


def _by_index(images: t.Sequence[Found], reasons: t.Mapping[str, list[str]]) -> list[tuple[str, str]]:
    """Keep what a kept index holds."""
    known = {image.digest for image in images}
    return [
        (part, f"it is part of the index {_name(index)}")
        for index in images
        if reasons[index.digest]
        for part in sorted(index.parts & known)
    ]


def _keep_or_follow(image: Found, policy: Policy, kept: t.Mapping[str, bool]) -> Decision:
    """Keep what is attached to something if it is named itself; else it goes the way of its subject."""
    named = [reason for rule in (_by_name, _by_use, _by_key) for reason in rule(image, policy)]
    return Decision(image, True, tuple(named)) if named else _follow(image, kept)


def _follow(image: Found, kept: t.Mapping[str, bool]) -> Decision:
    subject = t.cast(str, image.attached_to)
    if subject not in kept:
        return Decision(image, True, (f"it is attached to {subject}, which has no tag",))
    verb = "stays" if kept[subject] else "goes"
    return Decision(image, kept[subject], (f"it is attached to {subject}, which {verb}",))


def _why_not(policy: Policy) -> str:
    rules = []
    if policy.newest is not None:
        rules.append(f"it is not among the {policy.newest} newest")
    if policy.younger_than is not None:
        rules.append(
            f"it is older than {policy.younger_than.days} days and {policy.younger_than.seconds // 3600} hours"
        )
    if policy.tags:
        rules.append("no tag of it matches `keep_tags`")
    if policy.line is not None:
        rules.append(f"it is not among the {policy.per_line} newest of its {policy.line} line")
    return " and ".join([*rules, "nothing uses it"])


def _name(image: Found) -> str:
    return "`" + sorted(image.tags)[0] + "`" if image.tags else image.digest


def _is_bookkeeping(tag: str) -> bool:
    return is_build_key(tag) or tag.endswith(PREVIOUS) or subject_of_tag(tag) is not None


def _server(host: str) -> str:
    """Return a registry by the one name that all its names are compared by."""
    name = host.lower()
    return api_host(name[: -len(":443")] if name.endswith(":443") else name)


def _path(repository: str, docker_hub: bool) -> str:
    """Return a repository's path as it is compared; Docker Hub's official images have two."""
    return repository[len("library/") :] if docker_hub and repository.startswith("library/") else repository


def _version(tag: str) -> tuple[tuple[int, int, int], int, tuple[tuple[int, int, str], ...]] | None:
    """Return what versions are sorted by: numbers, release before pre-release, then its parts (semver.org, 11)."""
    match = _VERSION.fullmatch(tag)
    if match is None:
        return None
    numbers = (int(match.group(1)), int(match.group(2)), int(match.group(3)))
    if match.group(4) is None:
        return numbers, 1, ()
    parts = tuple((0, int(p), "") if p.isdigit() else (1, 0, p) for p in match.group(4).split("."))
    return numbers, 0, parts
