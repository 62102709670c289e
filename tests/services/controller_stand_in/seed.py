# Copyright (c) 2026 Foundry maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a stand-in holds when it starts: records in a JSON file, pointing to one another by name."""

from __future__ import annotations

import json
import pathlib
import typing as t

from .kinds import KINDS, Record
from .rights import User
from .server import Site
from .world import SETTING, World

DEMO = pathlib.Path(__file__).with_name("demo.json")
# What a new controller holds, and one user of each sort.
START: Record = {
    "records": {
        "credential_types": [
            {"id": 1, "name": "Machine", "kind": "ssh", "namespace": "ssh", "managed": True},
            {"id": 18, "name": "Container Registry", "kind": "registry", "namespace": "registry", "managed": True},
        ],
        "organizations": [{"name": "Default"}],
        "execution_environments": [
            {"name": "AWX EE (latest)", "image": "quay.io/ansible/awx-ee:latest"},
            {
                "name": "Control Plane Execution Environment",
                "image": "quay.io/ansible/awx-ee:latest",
                "managed": True,
            },
        ],
    },
    "users": [
        {"username": "admin", "password": "password", "superuser": True},
        {"username": "auditor", "password": "password", "auditor": True},
    ],
    "global_job_images": ["quay.io/ansible/awx-ee:latest"],
}


def build(seed: Record) -> Site:
    """Return a site that holds ``START`` and a seed.

    ``records``: kind → list of records, whose pointers may be names (``JT@Org`` where a name alone is ambiguous);
    ``users``: each with ``roles``, a mapping of organization → list of roles; ``tokens``: token → user name, of which
    the token may only read with ``:read`` after it; ``setting``: name of the default EE; ``flavour``, ``prefix``,
    ``largest_page``, ``global_job_images``.
    """
    images = seed["global_job_images"] if "global_job_images" in seed else START["global_job_images"]
    world = World(seed.get("flavour", "awx"), images)
    for part in (START, seed):
        _insert(world, part.get("records", {}))
    for number, user in enumerate([*START["users"], *seed.get("users", [])], 1):
        roles = {_named(world, "organizations", name): frozenset(held) for name, held in user.get("roles", {}).items()}
        world.add_user(User(**{**user, "roles": roles, "id": number}))
    for token, owner in seed.get("tokens", {}).items():
        name, _colon, scope = owner.partition(":")
        user = world.users[name]
        world.tokens[token] = User(
            user.id, user.username, "", user.superuser, user.auditor, user.roles, writes=scope != "read"
        )
    if seed.get("setting"):
        world.settings["system"][SETTING] = _named(world, "execution_environments", seed["setting"])
    return Site(world, seed.get("prefix"), seed.get("largest_page", 200))


def _insert(world: World, records: t.Mapping[str, list[Record]]) -> None:
    """Insert first, point afterwards: an organization may name an EE that names the organization."""
    inserted: list[tuple[str, Record, Record]] = []
    for kind, wanted in records.items():
        for fields in wanted:
            pointers = {name: value for name, value in fields.items() if name in KINDS[kind].refs}
            rest = {name: value for name, value in fields.items() if name not in pointers}
            inserted.append((kind, world.insert(kind, **rest), pointers))
    for kind, record, pointers in inserted:
        for name, value in pointers.items():
            target = KINDS[kind].refs[name]
            record[name] = _named(world, target, value) if isinstance(value, str) else value
    for kind in ("job_templates", "inventory_sources", "credentials"):
        for kind_of, record, _pointers in inserted:
            if kind_of == kind:
                _settle(world, kind, record)


def _settle(world: World, kind: str, record: Record) -> None:
    parent = {"job_templates": ("project", "projects"), "inventory_sources": ("inventory", "inventories")}.get(kind)
    if parent is not None and record["organization"] is None:
        record["organization"] = (world.find(parent[1], record[parent[0]]) or {}).get("organization")
    if kind == "credentials":
        record["kind"] = (world.find("credential_types", record["credential_type"]) or {}).get("namespace", "")


def _named(world: World, kind: str, name: str) -> int:
    short, _at, organization = name.partition("@") if name.count("@") == 1 else (name, "", "")
    kinds = [kind] if kind in KINDS else ["job_templates", "projects", "inventory_sources", "workflow_job_templates"]
    for candidate in kinds:
        for record in world.records[candidate].values():
            home = world.find("organizations", record.get("organization")) or {}
            if record.get("name") == name or (record.get("name") == short and home.get("name") == organization):
                return t.cast("int", record["id"])
    raise KeyError(f"{kind}: {name}")


def read(path: str | None) -> Site:
    """Return a site that holds a file's seed, else that of the demonstration."""
    path = path or str(DEMO)
    return build(json.loads(pathlib.Path(path).read_text(encoding="utf-8")))
