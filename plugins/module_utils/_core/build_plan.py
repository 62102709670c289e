# Copyright (c) 2026 Foundry maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whether an image must be built, fetched, named or published, and why, in words.

Where to look is decided here as well: what the callers hand in as functions is asked only when the answer matters.
"""

from __future__ import annotations

import hashlib
import json
import typing as t
from dataclasses import dataclass, field

KEY_LABEL = "io.foundry.ee.build-key"
INPUTS_LABEL = "io.foundry.ee.inputs"
COLLECTIONS_LABEL = "io.foundry.ee.collections"
PYTHON_LABEL = "io.foundry.ee.python"
BUILDER_LABEL = "io.foundry.ee.builder"
CONTENT_LABEL = "io.foundry.ee.content"
BASE_NAME_LABEL = "org.opencontainers.image.base.name"
BASE_DIGEST_LABEL = "org.opencontainers.image.base.digest"
OUR_LABELS = (KEY_LABEL, INPUTS_LABEL, COLLECTIONS_LABEL, PYTHON_LABEL, BUILDER_LABEL, CONTENT_LABEL)
KEY_TAG_DIGITS = 32
SHOWN_DIGITS = 12

Action = t.Literal["unchanged", "tagged", "pulled", "built"]
Mode = t.Literal["changed", "always", "never", "base_changed"]


# What an image says of how it is run, under the names that configurations and engines share. Those that only one of the
# formats has, such as docker's health check, are left out: a push may lose them.
_SETTINGS = ("User", "Env", "Entrypoint", "Cmd", "WorkingDir", "ExposedPorts", "Volumes", "StopSignal")


def content_mark(layers: t.Sequence[str], config: t.Mapping[str, t.Any]) -> str:
    """Return what tells an image from those that are built on it: 64 hexadecimal digits for layers and settings.

    ``layers`` are the digests of the unpacked layers, which no registry changes. Labels do not count, so that the mark
    can be one of them. An empty setting is one that is not there: engines write the same in several ways.
    """
    settings = {name: config.get(name) or None for name in _SETTINGS}
    return hashlib.sha256(json.dumps([list(layers), settings], sort_keys=True).encode()).hexdigest()


def own_labels(labels: t.Mapping[str, str], layers: t.Sequence[str], config: t.Mapping[str, t.Any]) -> dict[str, str]:
    """Return an image's labels without what it says of a build if it has that from the image that it is built on.

    An image inherits every label. Ours speak of the image whose mark is among them, and of no other.
    """
    mark = labels.get(CONTENT_LABEL)
    if mark == content_mark(layers, config):
        return dict(labels)
    inherited = OUR_LABELS if mark is None else (*OUR_LABELS, BASE_NAME_LABEL, BASE_DIGEST_LABEL)
    return {name: value for name, value in labels.items() if name not in inherited}


def own_labels_of(config: t.Mapping[str, t.Any]) -> dict[str, str]:
    """Return the same of an image's configuration, as a registry has it."""
    settings = config.get("config") or {}
    return own_labels(settings.get("Labels") or {}, (config.get("rootfs") or {}).get("diff_ids") or (), settings)


def key_tag(key: str) -> str:
    """Return the tag under which a registry keeps the image of a build key."""
    return f"key-{key[:KEY_TAG_DIGITS]}"


def short(digest: str) -> str:
    """Return the first digits of a digest or key, for people."""
    return digest.rpartition(":")[2][:SHOWN_DIGITS]


@dataclass(frozen=True)
class Record:
    """What an image's labels say of the build it comes from."""

    key: str | None = None
    inputs: t.Mapping[str, str] = field(default_factory=dict)
    base_name: str | None = None
    base_digest: str | None = None
    builder_name: str | None = None
    builder_digest: str | None = None

    @classmethod
    def of(cls, labels: t.Mapping[str, str]) -> Record:
        """Read an image's own labels; those that are not ours, empty or damaged, count as absent."""
        builder_name, _at, builder_digest = labels.get(BUILDER_LABEL, "").rpartition("@")
        return cls(
            key=labels.get(KEY_LABEL) or None,
            inputs=_digests(labels.get(INPUTS_LABEL)),
            base_name=labels.get(BASE_NAME_LABEL) or None,
            base_digest=labels.get(BASE_DIGEST_LABEL) or None,
            builder_name=builder_name or None,
            builder_digest=builder_digest or None,
        )

    @property
    def of_builder(self) -> Record:
        """The record, as if it spoke of the builder image where it speaks of the base."""
        return Record(base_name=self.builder_name, base_digest=self.builder_digest)


def _digests(text: str | None) -> dict[str, str]:
    try:
        value = json.loads(text or "{}")
    except ValueError:
        return {}
    if not isinstance(value, dict):
        return {}
    return {str(name): str(digest) for name, digest in value.items()}


@dataclass(frozen=True)
class Found:
    """An image at hand: in the engine's store, or only in the registry. ``reference`` is what fetches or names it."""

    where: t.Literal["engine", "registry"]
    reference: str
    record: Record
    names: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Wanted:
    """The image to have. ``names`` are all it shall have in the engine; ``inputs`` map each input to its digest."""

    names: tuple[str, ...]
    key: str
    inputs: t.Mapping[str, str]
    base_name: str | None
    base_digest: str | None
    builder_name: str | None = None
    builder_digest: str | None = None


@dataclass(frozen=True)
class Decision:
    """``source`` is the image to name or fetch, None where one is built."""

    action: Action
    because: tuple[str, ...]
    source: Found | None = None


Look = t.Callable[[], "Found | None"]


def decide(
    wanted: Wanted,
    mode: Mode,
    at_hand: Found | None,
    in_engine: Look,
    in_registry: Look,
    changed_inputs: t.Sequence[str],
) -> Decision:
    """Decide for one image.

    ``at_hand`` is the image that has the name now, if any; ``in_engine`` and ``in_registry`` look for one with the
    wanted key, and are asked in this order, only while it is still open. ``changed_inputs`` names the differences
    between ``at_hand`` and what is wanted.
    """
    if mode == "always":
        return Decision("built", ("rebuild is set to always",))
    reason = _keep(wanted, mode, at_hand)
    if reason is not None and at_hand is not None:
        return _settle(wanted, at_hand, reason)
    why = _why_not(wanted, at_hand, changed_inputs)
    for look in (in_engine, in_registry):
        found = look()
        if found is not None:
            return _settle(wanted, found, *why, f"{_place(found)} carries build key {short(wanted.key)}")
    return Decision("built", (*why, f"no image with build key {short(wanted.key)} is in reach"))


def _keep(wanted: Wanted, mode: Mode, at_hand: Found | None) -> str | None:
    """Return why the image at hand is good, or None."""
    if at_hand is None:
        return None
    if at_hand.record.key == wanted.key:
        return f"{_place(at_hand)} carries build key {short(wanted.key)}"
    if mode == "never":
        return f"{_place(at_hand)} is there, and rebuild is set to never"
    same_base = wanted.base_digest is not None and at_hand.record.base_digest == wanted.base_digest
    same_base = same_base and at_hand.record.builder_digest == wanted.builder_digest
    if mode == "base_changed" and same_base and at_hand.record.key is not None:
        return f"{_place(at_hand)} was built on {wanted.base_name} as it is, and rebuild is set to base_changed"
    return None


def _place(found: Found) -> str:
    return f"{found.reference} in the {found.where}"


def _settle(wanted: Wanted, found: Found, *because: str) -> Decision:
    if found.where == "registry":
        return Decision("pulled", because, found)
    lacking = [name for name in wanted.names if name not in found.names]
    if lacking:
        return Decision("tagged", (*because, f"it lacks the name {', '.join(lacking)}"), found)
    return Decision("unchanged", because, found)


def _why_not(wanted: Wanted, at_hand: Found | None, changed_inputs: t.Sequence[str]) -> tuple[str, ...]:
    if at_hand is None:
        return (f"{wanted.names[0]} does not exist",)
    if at_hand.record.key is None:
        return (f"{_place(at_hand)} carries no build key",)
    if not changed_inputs:
        return (f"{_place(at_hand)} has another build key, {short(at_hand.record.key)}",)
    return tuple(f"{name} changed" for name in changed_inputs)


@dataclass(frozen=True)
class Publication:
    """What a registry holds (tag → digest, None where the tag does not exist), and what is written.

    ``tag`` is the key's. ``upload`` says whether the image itself must be sent; ``tags`` are those to be moved.
    """

    tag: str
    before: t.Mapping[str, str | None]
    upload: bool
    tags: tuple[str, ...]

    @property
    def changed(self) -> bool:
        return self.upload or bool(self.tags)

    @property
    def written(self) -> tuple[str, ...]:
        return (*((self.tag,) if self.upload else ()), *self.tags)

    @property
    def digest(self) -> str | None:
        """What the registry holds for the key, and will after; None where that is not known yet."""
        return None if self.upload else self.before[self.tag]


def publication(built: bool, tag: str, before: t.Mapping[str, str | None]) -> Publication:
    """Plan what is pushed. ``before`` maps the key's ``tag``, and every other wanted tag, to what they stand for now.

    An image that is built anew is pushed whatever the registry holds.
    """
    upload = built or before[tag] is None
    moved = tuple(name for name, digest in before.items() if name != tag and (upload or digest != before[tag]))
    return Publication(tag, dict(before), upload, moved)


@dataclass(frozen=True)
class Base:
    """The image to build on: ``digest`` is None where neither engine nor registry could tell."""

    name: str
    digest: str | None
    because: str


def kept_base(name: str, fixed: str | None, recorded: Record) -> Base:
    """Return the base image where nothing is built, as far as the image at hand tells it. Nobody is asked."""
    known = recorded.base_digest if recorded.base_name == name else None
    return Base(name, known if fixed is None else fixed, "nothing is built: the image is there")


def choose_base(
    name: str,
    fixed: str | None,
    policy: t.Literal["pinned", "newest"],
    recorded: Record,
    still_there: t.Callable[[str], bool],
    current: t.Callable[[], str | None],
) -> Base:
    """Choose the base image's digest.

    ``fixed`` is the digest in its reference, which always wins. With ``pinned`` the digest that the image at hand was
    built on stays, as long as it can be had (``still_there``); else, and with ``newest``, it is the ``current`` one.
    """
    if fixed is not None:
        return Base(name, fixed, "the definition names its digest")
    if policy == "pinned" and recorded.base_name == name and recorded.base_digest is not None:
        if still_there(recorded.base_digest):
            return Base(name, recorded.base_digest, "the image at hand was built on it")
        return Base(name, current(), f"{short(recorded.base_digest)}, which it was built on, is gone")
    return Base(name, current(), "it is the current one")
