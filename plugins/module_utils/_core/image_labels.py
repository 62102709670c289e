# Copyright (c) 2026 Foundry maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Labels of a built image: the standard ones of the OCI image specification, and ours."""

from __future__ import annotations

import datetime
import json
import re
import typing as t

from ansible_collections.foundry.ee.plugins.module_utils._core.build_plan import (
    BASE_DIGEST_LABEL,
    BASE_NAME_LABEL,
    BUILDER_LABEL,
    COLLECTIONS_LABEL,
    CONTENT_LABEL,
    INPUTS_LABEL,
    KEY_LABEL,
    OUR_LABELS,
    PYTHON_LABEL,
    Wanted,
)

CREATED_LABEL = "org.opencontainers.image.created"
REVISION_LABEL = "org.opencontainers.image.revision"
VERSION_LABEL = "org.opencontainers.image.version"
UNKNOWN = "unknown"
LONGEST_LABEL = (
    64 * 1024
)  # bytes; a longer list is left out, since engines and registries bound an image's configuration
_FRACTION = re.compile(r"(\.\d{1,6})\d*")


def labels_of(
    wanted: Wanted,
    *,
    created: int | None,
    revision: str | None,
    version: str | None,
    facts: t.Mapping[str, t.Any] | None,
    content: str,
    inherited: t.Collection[str] = (),
) -> dict[str, str]:
    """Return the labels of an image. ``created`` is in seconds since 1970, ``facts`` are those of ``look_inside``.

    ``content`` is its mark, see ``content_mark``. ``inherited`` names labels that speak of the image that it is built
    on; those of them that are ours to set are emptied where we know nothing, since a build cannot take them away.
    """
    labels = {
        KEY_LABEL: wanted.key,
        CONTENT_LABEL: content,
        INPUTS_LABEL: compact(wanted.inputs),
        BASE_NAME_LABEL: wanted.base_name,
        BASE_DIGEST_LABEL: wanted.base_digest,
        BUILDER_LABEL: None if wanted.builder_digest is None else f"{wanted.builder_name}@{wanted.builder_digest}",
        CREATED_LABEL: None if created is None else rfc3339(created),
        REVISION_LABEL: revision,
        VERSION_LABEL: version,
    }
    if facts is not None:
        labels[COLLECTIONS_LABEL] = compact(versions(facts["collections"]))
        labels[PYTHON_LABEL] = compact(versions(facts["python_packages"]))
    known = {
        name: value for name, value in labels.items() if value is not None and len(value.encode()) <= LONGEST_LABEL
    }
    return {**dict.fromkeys(({*labels} | {*OUR_LABELS}) & {*inherited}, ""), **known}


def not_of_its_own(labels: t.Collection[str], written: t.Iterable[str]) -> frozenset[str]:
    """Return which of an image's labels it has from the image that it is built on.

    ``written`` are the texts that a label of its own would stand in: its Containerfile and the engine's arguments.
    """
    texts = tuple(written)
    return frozenset(name for name in labels if not any(name in text for text in texts))


def versions(things: t.Iterable[t.Mapping[str, t.Any]]) -> dict[str, str]:
    """Return name → version of a list of ``look_inside``. A Python package may have none, if it is damaged."""
    return {thing["name"]: thing["version"] or UNKNOWN for thing in things}


def compact(value: t.Any) -> str:
    """Return JSON without spaces, keys sorted: equal values give equal bytes."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"))


def rfc3339(seconds: int) -> str:
    """Return a moment in the form that the specification asks for, in UTC."""
    return datetime.datetime.fromtimestamp(seconds, datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


def read_created(value: t.Any) -> datetime.datetime | None:
    """Read an image's time of creation, which may have nanoseconds; None where it tells none."""
    if not isinstance(value, str):
        return None
    text = _FRACTION.sub(lambda match: match.group(1).ljust(7, "0"), value, count=1)
    try:
        moment = datetime.datetime.fromisoformat(text[:-1] + "+00:00" if text[-1:] in "Zz" else text)
    except ValueError:
        return None
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=datetime.timezone.utc)


def label_instruction(labels: t.Mapping[str, str]) -> str:
    """Return one LABEL instruction. Variables, quotes and line breaks in values stand for themselves."""
    pairs = " ".join(f"{_quoted(name)}={_quoted(value)}" for name, value in sorted(labels.items()))
    return f"LABEL {pairs}"


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("$", "\\$")
    return '"' + " ".join(escaped.splitlines()) + '"'
