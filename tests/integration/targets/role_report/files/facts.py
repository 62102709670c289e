# Copyright (c) 2026 Foundry maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Print an estate of 5,000 templates as variables, with names that want to be more than names: facts.py"""

from __future__ import annotations

import json

TEMPLATES = 5000
AREAS = ("Network", "Storage", "Linux", "Windows", "Cloud", "Security", "Zürich", "運用")
VERBS = ("Patch", "Back up", "Deploy", "Audit", "Provision", "Upgrade", "Restart")
THINGS = ("core switches", "edge routers", "web tier", "jump hosts", "hypervisors", "firewalls")
HOSTILE = (
    "</script><script>window.pwned = 1</script>",
    "<img src=x onerror='window.pwned = 1'>",
    "{{ 7 * 7 }} {% for one in [1] %}pwned{% endfor %}",
    "=cmd|' /C calc'!A0",
    "__proto__",
    "line\u2028separator & <b onmouseover=alert(1)>bold</b>",
)


def main() -> None:
    environments = [
        {"name": "Control Plane Execution Environment", "image": "quay.example.com/control:1", "managed": True},
        *(
            {"name": f"{area} {year}", "image": f"hub.example.com/ee/{number}:{year}", "organization": area}
            for number, area in enumerate(AREAS)
            for year in (2024, 2025, 2026)
        ),
        {"name": "<script>window.pwned = 1</script>", "image": "hub.example.com/unused:1"},
        {"name": "Fallback", "image": "hub.example.com/fallback:1"},
    ]
    projects = [{"name": f"{area} playbooks", "organization": area} for area in AREAS]
    projects[0]["default_environment"] = "Network 2025"
    templates = []
    for number in range(TEMPLATES - len(HOSTILE) - 1):
        area = AREAS[number % len(AREAS)]
        template = {
            "name": f"{VERBS[number % len(VERBS)]} {THINGS[number % len(THINGS)]} {number}",
            "project": f"{area} playbooks",
            "inventory": f"{AREAS[number * 5 % len(AREAS)]} hosts",
        }
        if number % 9 == 0:
            template["execution_environment"] = f"{area} 2026"
        templates.append(template)
    templates += [{"name": name, "project": "Network playbooks"} for name in HOSTILE]
    templates.append({"name": "Lost", "project": "Netwrok playbooks"})
    facts = {
        "controller_execution_environments": environments,
        "controller_organizations": [
            *({"name": area, "default_environment": f"{area} 2024"} for area in AREAS[:5]),
            *({"name": area} for area in AREAS[5:]),
            {"name": "Foreign", "default_environment": "Network 2024"},
        ],
        "controller_projects": projects,
        "controller_inventories": [{"name": f"{area} hosts", "organization": area} for area in AREAS],
        "controller_inventory_sources": [{"name": f"CMDB {area}", "inventory": f"{area} hosts"} for area in AREAS],
        "controller_templates": templates,
    }
    print(json.dumps({"facts": facts, "hostile": HOSTILE}))


if __name__ == "__main__":
    main()
