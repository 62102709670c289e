# Copyright (c) 2026 Foundry maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Labels of a built image: the standard ones of the OCI image specification, and ours."""

from __future__ import annotations

import datetime
import json
import typing as t

from ansible_collections.foundry.ee.plugins.module_utils._core.build_plan import (
    BASE_DIGEST_LABEL,
    BASE_NAME_LABEL,
    BUILDER_LABEL,
    COLLECTIONS_LABEL,
    INPUTS_LABEL,
    KEY_LABEL,
    PYTHON_LABEL,
    Wanted,
)

CREATED_LABEL = "org.opencontainers.image.created"
REVISION_LABEL = "org.opencontainers.image.revision"
VERSION_LABEL = "org.opencontainers.image.version"
LONGEST_LABEL = (
    64 * 1024
)  # bytes; a longer list is left out, since engines and registries bound an image's configuration


def labels_of(
    wanted: Wanted,
    *,
    created: int | None,
    revision: str | None,
    version: str | None,
    facts: t.Mapping[str, t.Any] | None,
) -> dict[str, str]:
    """Return the labels of an image. ``created`` is in seconds since 1970, ``facts`` are those of ``look_inside``."""
    labels = {
        KEY_LABEL: wanted.key,
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
    return {name: value for name, value in labels.items() if value is not None and len(value.encode()) <= LONGEST_LABEL}


def versions(things: t.Iterable[t.Mapping[str, t.Any]]) -> dict[str, str]:
    """Return name → version of a list of ``look_inside``."""
    return {thing["name"]: thing["version"] for thing in things}


def compact(value: t.Any) -> str:
    """Return JSON without spaces, keys sorted: equal values give equal bytes."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"))


def rfc3339(seconds: int) -> str:
    """Return a moment in the form that the specification asks for, in UTC."""
    return datetime.datetime.fromtimestamp(seconds, datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


def label_instruction(labels: t.Mapping[str, str]) -> str:
    """Return one LABEL instruction. Variables, quotes and line breaks in values stand for themselves."""
    pairs = " ".join(f"{_quoted(name)}={_quoted(value)}" for name, value in sorted(labels.items()))
    return f"LABEL {pairs}"


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("$", "\\$")
    return '"' + " ".join(escaped.splitlines()) + '"'
