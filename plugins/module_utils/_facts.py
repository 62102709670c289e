# Copyright (c) 2026 Foundry maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Reads from a controller what decides on execution environments."""

from __future__ import annotations

import typing as t

from ansible_collections.foundry.ee.plugins.module_utils._controller import Controller, Record
from ansible_collections.foundry.ee.plugins.module_utils._core.default_plan import cut
from ansible_collections.foundry.ee.plugins.module_utils._core.environment_plan import PLACES, title
from ansible_collections.foundry.ee.plugins.module_utils._core.errors import Denied
from ansible_collections.foundry.ee.plugins.module_utils._core.estate import (
    DEFAULT_SETTING,
    LISTINGS,
    UNREADABLE_SETTING,
    Estate,
    from_listings,
)

_BASE = ("environments", "organizations")

# What a kind of job is decided by. Not everybody may read every listing, and nobody waits for what is not looked at.
PARTS: t.Mapping[str, tuple[str, ...]] = {
    "job": (*_BASE, "projects", "inventories", "templates"),
    "job_template": (*_BASE, "projects", "inventories", "templates"),
    "ad_hoc_command": (*_BASE, "inventories"),
    "inventory_update": (*_BASE, "inventories", "sources"),
    "inventory_source": (*_BASE, "inventories", "sources"),
    "project_update": (*_BASE, "projects"),
    "project": (*_BASE, "projects"),
    "system_job": (*_BASE, "system_jobs"),
    "workflow_job": (*_BASE, "inventories", "workflows"),
    "workflow_job_template": (*_BASE, "inventories", "workflows"),
}


# What a survey looks at. The API gives workflow templates no environment of their own (recorded: 13_workflows).
SURVEY = tuple(part for part in LISTINGS if part != "workflows")
# Only superusers and auditors may list these.
RESTRICTED = ("system_jobs",)


def read_everything(controller: Controller) -> dict[str, list[Record]]:
    """Return all listings that decide on environments; no system jobs for users who may not read those."""
    return controller.listings(LISTINGS, optional=RESTRICTED)


def read_estate(
    controller: Controller,
    parts: t.Iterable[str],
    global_job_images: t.Iterable[str] = (),
    *,
    optional: t.Sequence[str] = (),
) -> Estate:
    """Return the facts of the named parts, read in parallel. Raises EEError.

    Those of ``optional`` are empty for a user who may not read them. Who may not read the setting learns so only where
    it decides.
    """
    listings = controller.listings({part: LISTINGS[part] for part in parts}, optional=optional)
    try:
        default = controller.setting(DEFAULT_SETTING)
    except Denied:
        default = UNREADABLE_SETTING
    return from_listings(listings, default_environment=default, global_job_images=global_job_images)


def read_starts(controller: Controller, environments: t.Sequence[int]) -> dict[int, list[tuple[str, str]]]:
    """Return the schedules and workflow nodes that bring one of some environments along, as (scope, name), by its id.

    Two requests for every forty. Raises EEError.
    """
    filters = [("or__execution_environment", str(number)) for number in environments]
    wanted = {
        (listing, place): (f"{listing}/", part)
        for listing in ("workflow_job_template_nodes", "schedules")
        for place, part in enumerate(cut(filters))
    }
    found: dict[int, list[tuple[str, str]]] = {}
    answers = controller.searches({f"{listing} {place}": asked for (listing, place), asked in wanted.items()})
    for listing, place in wanted:
        kind = PLACES[listing][1]
        for record in answers[f"{listing} {place}"]:
            found.setdefault(record["execution_environment"], []).append((kind, title(kind, record)))
    return found
