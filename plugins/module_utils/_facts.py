# Copyright (c) 2026 Foundry maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Reads from a controller what decides on execution environments."""

from __future__ import annotations

import typing as t

from ansible_collections.foundry.ee.plugins.module_utils._controller import Controller, Record
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


def read_everything(controller: Controller) -> dict[str, list[Record]]:
    """Return all listings that decide on environments; without the system jobs for users who may not read those."""
    try:
        return controller.listings(LISTINGS)
    except Denied:
        return controller.listings({part: path for part, path in LISTINGS.items() if part != "system_jobs"})


def read_estate(
    controller: Controller, parts: t.Iterable[str] | None = None, global_job_images: t.Iterable[str] = ()
) -> Estate:
    """Return the facts of the named parts, read in parallel. Raises EEError.

    Without ``parts`` all eight, of which a user who is neither superuser nor auditor may not read the system jobs:
    they are left out then. Who may not read the setting learns so only where it decides.
    """
    listings = read_everything(controller) if parts is None else controller.listings({p: LISTINGS[p] for p in parts})
    try:
        default = controller.setting(DEFAULT_SETTING)
    except Denied:
        default = UNREADABLE_SETTING
    return from_listings(listings, default_environment=default, global_job_images=global_job_images)
