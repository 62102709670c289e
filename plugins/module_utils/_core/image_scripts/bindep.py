# Copyright (c) 2026 Foundry maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Lists of OS packages in the format of bindep, and the platform that decides which of their lines count.

Grammar and evaluation follow the bindep manual; profiles of a platform were compared with bindep 2.14.
"""

from __future__ import annotations

import re
import typing as t

_LINE = re.compile(
    r"""(?P<name>[A-Za-z0-9/][A-Za-z0-9.+_/:-]*)
        (?:\s*\[(?P<selector>[^\]]*)\])?
        (?:\s*(?P<version>(?:<=|<|!=|==|>=|>)[^\s\[\]]+))?
        (?:\s*\[(?P<late>[^\]]*)\])?""",
    re.VERBOSE,
)
_PROFILE = re.compile(r"\(|\)|!?[a-z0-9:.-]+")

# Families by ID of /etc/os-release: what is told apart is which package tool and which old names apply.
_DPKG = {"debian", "ubuntu", "pop", "raspbian", "linuxmint"}
_REDHAT = {
    "rhel",
    "centos",
    "fedora",
    "rocky",
    "almalinux",
    "ol",
    "oracle",
    "amzn",
    "amazonami",
    "openeuler",
    "azurelinux",
}
_SUSE = {"opensuse", "opensuse-leap", "opensuse-tumbleweed", "sles", "sle-micro", "bci", "suselinux"}
_OTHER = {"alpine": "apk", "wolfi": "apk", "arch": "pacman", "manjaro": "pacman", "gentoo": "emerge"}
_ALIASES = {
    "amzn": ("amazonami",),
    "amazonami": ("amzn",),
    "opensuse-leap": ("opensuse", "opensuseproject"),
    "opensuse-tumbleweed": ("opensuse", "opensuseproject"),
    "opensuse": ("opensuseproject",),
    "sles": ("suselinux",),
    "suselinux": ("sles",),
    "ol": ("oracle",),
}


class Unreadable(ValueError):
    """A line is not in bindep's format."""


class Term(t.NamedTuple):
    """One profile of a selector; ``wanted`` is false where it stands behind ``!``."""

    profile: str
    wanted: bool = True

    def holds(self, profiles: t.AbstractSet[str]) -> bool:
        return (self.profile in profiles) == self.wanted


class Rule(t.NamedTuple):
    """One line: a package, the profiles it depends on, groups of profiles that must hold together."""

    package: str
    terms: tuple[Term, ...] = ()
    groups: tuple[tuple[Term, ...], ...] = ()

    def active(self, profiles: t.AbstractSet[str]) -> bool:
        """Platforms and other profiles vote apart: neither may say no. A group votes with the other profiles."""
        platforms = [term for term in self.terms if term.profile.startswith("platform:")]
        others = [term for term in self.terms if not term.profile.startswith("platform:")]
        return _vote(platforms, (), profiles) and _vote(others, self.groups, profiles)


def _vote(terms: t.Sequence[Term], groups: t.Sequence[tuple[Term, ...]], profiles: t.AbstractSet[str]) -> bool:
    if any(not term.wanted and term.profile in profiles for term in terms):
        return False
    positive = [term for term in terms if term.wanted]
    if not positive and not groups:
        return True
    return any(term.holds(profiles) for term in positive) or any(
        all(term.holds(profiles) for term in group) for group in groups
    )


def parse_line(line: str) -> Rule | None:
    """Return the rule of a line, or None for an empty one or a comment. Raises Unreadable."""
    text = re.sub(r"(^|\s)#.*", "", line).strip()
    if not text:
        return None
    match = _LINE.fullmatch(text)
    if match is None or (match["selector"] is not None and match["late"] is not None):
        raise Unreadable(f"`{text}` is not `package [profiles] version`")
    terms, groups = _parse_selector(match["selector"] or match["late"] or "", text)
    return Rule(match["name"], terms, groups)


def _parse_selector(selector: str, line: str) -> tuple[tuple[Term, ...], tuple[tuple[Term, ...], ...]]:
    words = _PROFILE.findall(selector)
    if "".join(words) != re.sub(r"\s", "", selector):
        raise Unreadable(f"`[{selector}]` in `{line}` is no list of profiles")
    terms: list[Term] = []
    groups: list[tuple[Term, ...]] = []
    group: list[Term] | None = None
    for word in words:
        if word == "(" and group is None:
            group = []
        elif word == ")" and group is not None:
            groups.append(tuple(group))
            group = None
        elif word in "()":
            raise Unreadable(f"parentheses do not match in `{line}`")
        else:
            (terms if group is None else group).append(Term(word.lstrip("!"), not word.startswith("!")))
    if group is not None:
        raise Unreadable(f"parentheses do not match in `{line}`")
    return tuple(terms), tuple(groups)


def packages(rules: t.Iterable[Rule], profiles: t.AbstractSet[str]) -> list[str]:
    """Return the packages that the active rules name, sorted, each once."""
    return sorted({rule.package for rule in rules if rule.active(profiles)})


def platform_profiles(os_release: t.Mapping[str, str]) -> frozenset[str]:
    """Return the ``platform:…`` profiles of the system that ``/etc/os-release`` describes (its keys and values)."""
    name = "".join(os_release.get("ID", "linux").lower().split())
    atoms: set[str] = set()
    for alias in (name, *_ALIASES.get(name, ())):
        atoms.add(alias)
        atoms.update(_with_parts(alias, os_release.get("VERSION_ID", "").lower(), "."))
        atoms.update(_with_parts(alias, "-".join(_codename(os_release).lower().split()), "-"))
    atoms.update(_family(name, os_release.get("ID_LIKE", "").lower().split()))
    return frozenset(f"platform:{atom}" for atom in atoms)


def _codename(os_release: t.Mapping[str, str]) -> str:
    """Return the release's name; distributions without a key of its own have it in parentheses in ``VERSION``."""
    in_parentheses = re.search(r"\(([^)]*)\)", os_release.get("VERSION", ""))
    return os_release.get("VERSION_CODENAME", "") or (in_parentheses[1] if in_parentheses else "")


def _with_parts(name: str, value: str, separator: str) -> t.Iterator[str]:
    parts = value.split(separator) if value else []
    for count in range(1, len(parts) + 1):
        yield f"{name}-{separator.join(parts[:count])}"


def _family(name: str, like: t.Sequence[str]) -> set[str]:
    for candidate in (name, *like):
        if candidate in _DPKG:
            return {"dpkg", "base-py3"}
        if candidate in _REDHAT:
            return {"rpm", "redhat", "base-py3"}
        if candidate in _SUSE or candidate == "suse":
            return {"rpm", "suse", "base-py3"}
        if candidate in _OTHER:
            return {_OTHER[candidate], "base-py3"}
    return {"base-py3"}


def parse_os_release(text: str) -> dict[str, str]:
    """Return the assignments of an ``os-release`` file, without their quotes."""
    values = {}
    for line in text.splitlines():
        key, equals, value = line.strip().partition("=")
        if equals and not key.startswith("#"):
            values[key] = value.strip().strip("\"'")
    return values
