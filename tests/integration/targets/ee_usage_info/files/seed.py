# Copyright (c) 2026 Foundry maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Print what the stand-in controller holds in this test: seed.py REGISTRY

More templates than a page has, every level but the launch, a template whose image is gone, an unused environment.
"""

from __future__ import annotations

import json
import sys

registry = sys.argv[1]


def environment(name: str, **more: str) -> dict[str, str]:
    return {"name": name, "image": f"{registry}/ee/{name.lower()}:1", **more}


records = {
    "organizations": [
        {"name": "Network", "default_environment": "Net"},
        {"name": "Base"},
        {"name": "Foreign", "default_environment": "Net"},
    ],
    "execution_environments": [
        environment("Old"),
        environment("Gone"),
        environment("Net", organization="Network", pull="always"),
        environment("Base"),
        environment("Unused", organization="Base"),
    ],
    "projects": [
        {"name": "switches", "organization": "Network"},
        {"name": "base", "organization": "Base", "default_environment": "Base"},
        {"name": "plain", "organization": "Base"},
    ],
    "inventories": [
        {"name": "plant", "organization": "Network"},
        {"name": "office", "organization": "Base"},
        {"name": "all", "organization": "Base", "kind": "constructed"},
    ],
    "inventory_sources": [
        {"name": "cloud", "inventory": "plant", "source": "ec2"},
        {"name": "files", "inventory": "office", "source": "scm", "source_project": "base"},
        {"name": "pinned", "inventory": "office", "source": "ec2", "execution_environment": "Old"},
        {"name": "joined", "inventory": "all", "source": "constructed"},
    ],
    "job_templates": [
        {"name": "own", "project": "plain", "inventory": "office", "execution_environment": "Old"},
        {"name": "of project", "project": "base", "inventory": "plant"},
        {"name": "of organization", "project": "switches", "inventory": "office"},
        {"name": "of inventory", "project": "plain", "inventory": "plant"},
        {"name": "of nobody", "project": "plain", "inventory": "office"},
        {"name": "broken", "project": "plain", "execution_environment": "Gone"},
        *({"name": f"template {number}", "project": "switches", "inventory": "plant"} for number in range(250)),
    ],
    "workflow_job_templates": [{"name": "flow", "organization": "Network"}],
}
users = [{"username": "ordinary", "password": "password", "roles": {"Network": ["member", "admin"]}}]
print(json.dumps({"records": records, "users": users, "global_job_images": []}))
