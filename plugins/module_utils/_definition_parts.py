# Copyright (c) 2026 Foundry maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Definitions made of more than their own text: fragments merged, older versions migrated, locks applied."""

from __future__ import annotations

import os
import typing as t
from pathlib import Path

from ansible_collections.foundry.ee.plugins.module_utils._core import context as contexts
from ansible_collections.foundry.ee.plugins.module_utils._core import definition as definitions
from ansible_collections.foundry.ee.plugins.module_utils._core import fragments as parts
from ansible_collections.foundry.ee.plugins.module_utils._core import lock as locks
from ansible_collections.foundry.ee.plugins.module_utils._core import migrate
from ansible_collections.foundry.ee.plugins.module_utils._core.advice import BASE_KEYS
from ansible_collections.foundry.ee.plugins.module_utils._core.definition import Parsed
from ansible_collections.foundry.ee.plugins.module_utils._core.errors import Invalid
from ansible_collections.foundry.ee.plugins.module_utils._core.model import (
    Change,
    Definition,
    Finding,
    Place,
    Requirements,
)
from ansible_collections.foundry.ee.plugins.module_utils._core.requirements import Kind
from ansible_collections.foundry.ee.plugins.module_utils._definition import (
    LARGEST_LIST,
    Loaded,
    find,
    found_in,
    read,
    refusal,
    shortened,
)

_KINDS: tuple[Kind, ...] = ("galaxy", "python", "system")

# Fragments


def merged(fragments: t.Sequence[t.Mapping[str, t.Any]], folder: Path) -> Loaded:
    problems: list[Finding] = []
    advice: list[Finding] = []
    whole: list[parts.Part] = []
    for index, fragment in enumerate(fragments):
        label = None if set(fragment) == {"src"} else f"fragments[{index}]"
        try:
            path, parsed = _parse_fragment(fragment, folder)
        except Invalid as error:
            problems.extend(found_in(error))
            continue
        advice.extend(_labelled(parsed.advice, label))
        if parsed.definition is None:
            problems.extend(_labelled(parsed.problems, label))
            continue
        home = folder if path is None else path.parent
        contents, bad = _contents(parsed, home, folder)
        problems.extend(_labelled(bad, label))
        whole.append(parts.Part(parsed.definition, parsed.places, contents, os.path.relpath(home, folder)))
    if problems:
        raise refusal("The merged definition", problems, advice, with_files=True)
    return Loaded(parts.merge(whole), folder, advice=tuple(_of_the_whole(advice, len(fragments))))


def _parse_fragment(fragment: t.Mapping[str, t.Any], folder: Path) -> tuple[Path | None, Parsed]:
    path = None
    if set(fragment) == {"src"}:
        path = find(str(folder / str(fragment["src"])))
        parsed = definitions.parse(read(path), str(path), parts.expand)
    else:
        parsed = definitions.from_mapping(fragment, prepare=parts.expand)
    found = parsed.definition or parsed.draft
    if found is not None and found.version != definitions.NEWEST:
        place = parsed.places.get("version") or Place(key="version")
        message = f"This fragment is of version {found.version}; only version 3 can be merged."
        return path, Parsed(None, (Finding(message, "Migrate it with `version: 3`.", place),), parsed.advice)
    return path, parsed


def _labelled(findings: t.Iterable[Finding], label: str | None) -> list[Finding]:
    if label is None:
        return list(findings)
    return [finding._replace(place=finding.place._replace(path=label)) for finding in findings]


def _of_the_whole(advice: t.Sequence[Finding], count: int) -> list[Finding]:
    """Leave out what every fragment but one lacks, and rightly so: the base image."""
    missing = [finding for finding in advice if finding.place.key == BASE_KEYS[0] and not finding.place.line]
    kept = [finding for finding in advice if finding not in missing]
    return [*kept, *missing[:1]] if len(missing) == count else kept


def _contents(parsed: Parsed, home: Path, folder: Path) -> tuple[dict[Kind, str], list[Finding]]:
    """Return the texts of a fragment's lists as seen from ``folder``, and what is wrong with their files."""
    found: dict[Kind, str] = {}
    problems: list[Finding] = []
    for kind in _KINDS:
        wanted: Requirements | None = getattr(parsed.definition, kind)
        key = f"dependencies.{kind}"
        try:
            content = requirements_text(wanted, home)
        except Invalid as error:
            place = parsed.places.get(key, Place(key=key))
            hint = "Mend the name, or the file."
            problems.extend(finding._replace(hint=hint, place=place) for finding in _named(wanted, error))
            continue
        if content is not None and wanted is not None:
            listed = os.path.relpath(home / Path(wanted.file or "").parent, folder)
            found[kind] = parts.rebased(content, listed) if kind == "python" and listed != "." else content
    return found, problems


def _named(requirements: Requirements | None, error: Invalid) -> list[Finding]:
    """Return the problems of a list's file, which say its name where they had its place."""
    file = "" if requirements is None or requirements.file is None else requirements.file
    return [finding._replace(message=f"`{shortened(file)}`: {finding.message}") for finding in found_in(error)]


def requirements_text(requirements: Requirements | None, folder: Path) -> str | None:
    """Return the text of a requirements list, read from its file where it has one. Raises Invalid."""
    if requirements is None or requirements.file is None:
        return None if requirements is None else requirements.content
    path = folder / requirements.file
    try:
        return read(path, LARGEST_LIST).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        message = f"It is not UTF-8 text (byte {error.start})."
        raise refusal(str(path), [Finding(message, "Save it as UTF-8.", Place(str(path)))]) from error


# Migration and lock


def migrated(loaded: Loaded, *, adopt: bool) -> Loaded:
    """Return a definition as version 3, in its present spelling, with what changed."""
    result = migrate.migrate(_with_real_config(loaded), adopt=adopt)
    spelled = [Change(finding.place.key, f"{finding.message} {finding.hint}") for finding in loaded.older]
    changes = (*result.changes, *spelled)
    if not changes:
        return loaded
    if loaded.text is None:
        again = definitions.from_mapping(definitions.to_mapping(result.definition))
        return loaded._replace(definition=result.definition, advice=again.advice, older=(), changes=changes)
    text = migrate.rewrite(loaded.text.decode("utf-8-sig"), result.definition)
    path = next((place.path for place in loaded.places.values()), None)
    again = definitions.parse(text, path)
    return Loaded(result.definition, loaded.folder, text.encode(), again.places, again.advice, (), changes)


def _with_real_config(loaded: Loaded) -> Definition:
    """Return a definition whose ``ansible_config`` is no link: what becomes a build file is taken in as it stands."""
    config = loaded.definition.ansible_config
    if config is None or not contexts.is_link(loaded.folder / config):
        return loaded.definition
    real = os.path.relpath(os.path.realpath(loaded.folder / config), os.path.realpath(loaded.folder))
    return loaded.definition._replace(ansible_config=real)


def lock_text(facts: t.Mapping[str, t.Any]) -> bytes:
    """Return what a lock file holds for the facts of an image. Raises Invalid."""
    return locks.dump(locks.from_facts(facts)).encode()


def locked(loaded: Loaded, text: bytes, path: str) -> Loaded:
    """Return a definition with its base and collections pinned as a lock file says. Raises Invalid."""
    lock = locks.parse(text, path)
    galaxy = requirements_text(loaded.definition.galaxy, loaded.folder)
    pinned = locks.apply(loaded.definition, lock, galaxy)
    changes = tuple(Change("lock", words) for words in pinned.changes)
    moves = pinned.definition.base_image == loaded.definition.base_image
    advice = [finding for finding in loaded.advice if moves or finding.place.key not in BASE_KEYS]
    return loaded._replace(
        definition=pinned.definition,
        advice=(*advice, *pinned.advice),
        changes=(*loaded.changes, *changes),
        constraints=lock.constraints,
    )
