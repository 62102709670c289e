# Copyright (c) 2026 Foundry maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Image references: parse, check, print."""

from __future__ import annotations

import re
import typing as t

from ansible_collections.foundry.ee.plugins.module_utils._core.errors import Invalid

# Grammar: github.com/distribution/reference, "reference.go".
_COMPONENT = re.compile(r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*")
_HOST = re.compile(
    r"(?:(?:[A-Za-z0-9]|[A-Za-z0-9][A-Za-z0-9-]*[A-Za-z0-9])"
    r"(?:\.(?:[A-Za-z0-9]|[A-Za-z0-9][A-Za-z0-9-]*[A-Za-z0-9]))*|\[[0-9a-fA-F:.]+\])(?::[0-9]+)?"
)
_TAG = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}")
_DIGEST = re.compile(r"(?:sha256:[0-9a-f]{64}|sha512:[0-9a-f]{128})")
_LONGEST_NAME = 255


class ImageRef(t.NamedTuple):
    """``[registry/]repository[:tag][@digest]``; ``registry`` is None for a short name."""

    repository: str
    registry: str | None = None
    tag: str | None = None
    digest: str | None = None

    @property
    def name(self) -> str:
        """Registry and repository, without tag and digest."""
        return self.repository if self.registry is None else f"{self.registry}/{self.repository}"

    @property
    def reference(self) -> str:
        """What the registry is asked for: the digest, else the tag, else ``latest``."""
        return self.digest or self.tag or "latest"

    @property
    def pinned(self) -> bool:
        return self.digest is not None

    def with_tag(self, tag: str) -> ImageRef:
        """Return this name with another tag and no digest. Raises Invalid."""
        return self._replace(tag=check_tag(tag), digest=None)

    def with_digest(self, digest: str) -> ImageRef:
        """Return this name at a digest, without a tag. Raises Invalid."""
        return self._replace(tag=None, digest=check_digest(digest))

    def __str__(self) -> str:
        tag = "" if self.tag is None else f":{self.tag}"
        digest = "" if self.digest is None else f"@{self.digest}"
        return f"{self.name}{tag}{digest}"


def is_digest(text: str) -> bool:
    return _DIGEST.fullmatch(text) is not None


def check_digest(text: str) -> str:
    """Return a well-formed digest. Raises Invalid."""
    if is_digest(text):
        return text
    raise Invalid(f"`{text}` is no digest.", hint="Expected `sha256:` and 64 hexadecimal digits in lower case.")


def check_tag(text: str) -> str:
    """Return a well-formed tag. Raises Invalid."""
    if _TAG.fullmatch(text):
        return text
    raise Invalid(
        f"`{text}` is no tag.",
        hint="A tag has up to 128 letters, digits, `_`, `.` and `-`, and starts with neither `.` nor `-`.",
    )


def check_repository(text: str) -> str:
    """Return a well-formed name of a repository, without registry, tag and digest. Raises Invalid."""
    for component in text.split("/"):
        if not _COMPONENT.fullmatch(component):
            raise Invalid(f"`{text}` is no name of a repository: {_why_not(component)}.", hint="Expected `team/ee`.")
    return text


def parse(text: str) -> ImageRef:
    """Parse an image reference such as ``hub.example.com:5001/team/ee:1.2@sha256:…``. Raises Invalid.

    A first component with a dot or a colon, or ``localhost``, is the registry, as podman and docker read it.
    """
    if "://" in text:
        raise _bad(text, "it starts with a scheme; leave `{}://` out".format(text.split("://", 1)[0]))
    rest, at, digest = text.partition("@")
    name, tag = _split_tag(rest)
    registry, repository = _split_registry(name)
    if registry is not None and not _HOST.fullmatch(registry):
        raise _bad(text, f"`{registry}` is no host name")
    if not repository or len(repository) > _LONGEST_NAME:
        raise _bad(text, f"the repository's name must have 1 to {_LONGEST_NAME} characters")
    for component in repository.split("/"):
        if not _COMPONENT.fullmatch(component):
            raise _bad(text, _why_not(component))
    return ImageRef(
        repository=repository,
        registry=registry,
        tag=None if tag is None else check_tag(tag),
        digest=check_digest(digest) if at else None,
    )


def digest_of(text: str) -> str | None:
    """Return the digest that a reference is pinned to, None for one without, or that cannot be read."""
    try:
        return parse(text).digest
    except Invalid:
        return None


def _split_tag(text: str) -> tuple[str, str | None]:
    head, colon, tail = text.rpartition(":")
    if not colon or "/" in tail:
        return text, None
    return head, tail


def _split_registry(name: str) -> tuple[str | None, str]:
    first, slash, rest = name.partition("/")
    if slash and ("." in first or ":" in first or first == "localhost" or first != first.lower()):
        return first, rest
    return None, name


def _why_not(component: str) -> str:
    if component != component.lower():
        return f"`{component}` has upper-case letters; a repository's name is lower-case"
    if not component:
        return "it has an empty part between slashes"
    return f"`{component}` may hold only lower-case letters and digits, with single `.`, `_` or `-` between them"


def _bad(text: str, why: str) -> Invalid:
    return Invalid(f"`{text}` is no image reference: {why}.", hint="Expected `registry/namespace/name:tag`.")
