# Copyright (c) 2026 Foundry maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How long it takes to resolve 10,000 job templates from variables through the lookup, Jinja in the variables included.

No peer answers the question at all, so the goal's seconds stand where a peer's would.
"""

from __future__ import annotations

import gc
import statistics
import time
import typing as t

from ansible import template
from ansible.parsing.dataloader import DataLoader
from ansible.plugins.loader import init_plugin_loader, lookup_loader

TEMPLATES = 10_000
RUNS = 7
GOAL_S = 1.0


def jinja(text: str) -> str:
    """Mark a text as a template, as those of a playbook are (from ansible-core 2.19 on)."""
    marked: str = getattr(template, "trust_as_template", str)(text)
    return marked


def variables() -> dict[str, t.Any]:
    """Return an estate of 300 environments, 100 organizations and 1,000 projects; every tenth template has its own."""
    return {
        "registry": "hub.example.com",
        "controller_execution_environments": [
            {"name": f"EE {i}", "image": jinja("{{ registry }}" + f"/ee/{i}:1")} for i in range(300)
        ],
        "controller_organizations": [{"name": f"Org {i}", "default_environment": f"EE {i}"} for i in range(100)],
        "controller_projects": [{"name": f"Project {i}", "organization": f"Org {i % 100}"} for i in range(1000)],
        "controller_inventories": [{"name": f"Inventory {i}", "organization": f"Org {i % 100}"} for i in range(500)],
        "controller_templates": [
            {
                "name": f"Template {i}",
                "project": f"Project {i % 1000}",
                "organization": f"Org {i % 100}",
                "inventory": f"Inventory {i % 500}",
                "playbook": "site.yml",
                "extra_vars": {"registry": jinja("{{ registry }}")},
                "execution_environment": jinja(f"{{{{ 'EE ' ~ {i % 300} }}}}") if i % 10 == 0 else "",
            }
            for i in range(TEMPLATES)
        ],
    }


def once(facts: dict[str, t.Any], names: list[str], **options: t.Any) -> float:
    loader = DataLoader()
    lookup = lookup_loader.get("foundry.ee.effective_ee", loader=loader, templar=template.Templar(loader, facts))
    gc.collect()
    start = time.perf_counter()
    answers = lookup.run(names, facts, **options)
    spent = time.perf_counter() - start
    assert len(answers) == len(names)
    assert answers[0]["name"] == "EE 0" if options else answers[0] == "hub.example.com/ee/0:1"
    return spent


def row(name: str, runs: list[float]) -> dict[str, t.Any]:
    median = statistics.median(runs)
    return {
        "name": name,
        "ours_s": median,
        "peer": "none has it: the goal",
        "peer_s": GOAL_S,
        "ratio": median / GOAL_S,
        "goal": "1",
        "runs": len(runs),
    }


def rows() -> list[dict[str, t.Any]]:
    init_plugin_loader()
    facts = variables()
    names = [one["name"] for one in facts["controller_templates"]]
    once(facts, names)
    return [
        row("resolve 10,000 templates from variables", [once(facts, names) for _run in range(RUNS)]),
        row("the same, with reasons", [once(facts, names, explain=True) for _run in range(RUNS)]),
        row("resolve 1 of 10,000 templates", [once(facts, names[:1]) for _run in range(RUNS)]),
    ]
