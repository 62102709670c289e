# Copyright (c) 2026 Foundry maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the stand-in knows of each kind of record, and what it refuses to store."""

from __future__ import annotations

import re
import typing as t
from dataclasses import dataclass, field

if t.TYPE_CHECKING:
    from .world import World

Record = dict[str, t.Any]

_PATH = r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*"
_DOMAIN = r"[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?(?:\.[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?)*(?::[0-9]+)?"
IMAGE = re.compile(
    rf"(?:{_DOMAIN}/)?{_PATH}(?:/{_PATH})*(?::[A-Za-z0-9_][A-Za-z0-9_.-]{{0,127}})?"
    r"(?:@[A-Za-z][A-Za-z0-9]*(?:[+._-][A-Za-z][A-Za-z0-9]*)*:[0-9a-fA-F]{32,})?"
)


class Refused(Exception):
    """The server says no."""

    def __init__(self, status: int, body: t.Any) -> None:
        super().__init__(status)
        self.status = status
        self.body = body


def forbidden() -> Refused:
    return Refused(403, {"detail": "You do not have permission to perform this action."})


@dataclass(frozen=True)
class Kind:
    """One kind of record. ``refs``: field → kind it points to; ``fixed``: shown, and ignored when written."""

    model: str
    label: str
    refs: t.Mapping[str, str] = field(default_factory=dict)
    required: tuple[str, ...] = ("name",)
    fixed: frozenset[str] = frozenset()
    unique: tuple[str, ...] = ()
    order: str = "name"
    counter: str = ""
    named: bool = True


_TEMPLATE = "unified_job_templates"
_STATUS = frozenset({"status", "last_job_run", "last_job_failed", "next_job_run", "custom_virtualenv"})
KINDS: dict[str, Kind] = {
    "execution_environments": Kind(
        "ExecutionEnvironment",
        "Execution environment",
        {"organization": "organizations", "credential": "credentials"},
        required=("name", "image"),
        fixed=frozenset({"managed"}),
        unique=("name",),
        order="-created",
    ),
    "organizations": Kind(
        "Organization",
        "Organization",
        {"default_environment": "execution_environments"},
        fixed=_STATUS,
        unique=("name",),
    ),
    "projects": Kind(
        "Project",
        "Project",
        {
            "organization": "organizations",
            "default_environment": "execution_environments",
            "credential": "credentials",
        },
        fixed=_STATUS | {"local_path"},
        unique=("organization", "name"),
        counter=_TEMPLATE,
    ),
    "inventories": Kind("Inventory", "Inventory", {"organization": "organizations"}, unique=("organization", "name")),
    "job_templates": Kind(
        "JobTemplate",
        "JobTemplate",
        {
            "organization": "organizations",
            "inventory": "inventories",
            "project": "projects",
            "execution_environment": "execution_environments",
        },
        fixed=_STATUS | {"organization"},
        unique=("organization", "name"),
        counter=_TEMPLATE,
    ),
    "inventory_sources": Kind(
        "InventorySource",
        "InventorySource",
        {
            "organization": "organizations",
            "inventory": "inventories",
            "source_project": "projects",
            "execution_environment": "execution_environments",
            "credential": "credentials",
        },
        fixed=_STATUS | {"organization"},
        order="inventory__name,name",
        counter=_TEMPLATE,
    ),
    "workflow_job_templates": Kind(
        "WorkflowJobTemplate",
        "WorkflowJobTemplate",
        {"organization": "organizations", "inventory": "inventories"},
        fixed=_STATUS,
        unique=("organization", "name"),
        counter=_TEMPLATE,
    ),
    "workflow_job_template_nodes": Kind(
        "WorkflowJobTemplateNode",
        "Workflow job template node",
        {
            "workflow_job_template": "workflow_job_templates",
            "unified_job_template": _TEMPLATE,
            "execution_environment": "execution_environments",
            "inventory": "inventories",
        },
        required=(),
        order="-created",
        named=False,
    ),
    "schedules": Kind(
        "Schedule",
        "Schedule",
        {
            "unified_job_template": _TEMPLATE,
            "execution_environment": "execution_environments",
            "inventory": "inventories",
        },
        required=("name", "rrule"),
        fixed=frozenset({"dtstart", "dtend", "next_run", "until", "timezone"}),
    ),
    "credentials": Kind(
        "Credential",
        "Credential",
        {"organization": "organizations", "credential_type": "credential_types"},
        fixed=frozenset({"kind", "cloud", "kubernetes", "managed"}),
        unique=("organization", "name", "credential_type"),
    ),
    "credential_types": Kind("CredentialType", "Credential type", order="name"),
    "system_job_templates": Kind("SystemJobTemplate", "SystemJobTemplate", counter=_TEMPLATE),
}
TEMPLATES = ("projects", "job_templates", "inventory_sources", "workflow_job_templates", "system_job_templates")
EE_FIELDS = {
    "organizations": "default_environment",
    "projects": "default_environment",
    "job_templates": "execution_environment",
    "inventory_sources": "execution_environment",
    "workflow_job_template_nodes": "execution_environment",
    "schedules": "execution_environment",
}
LONGEST = {"name": 512, "image": 1024}


def clean(world: World, kind: str, given: t.Any, *, partial: bool) -> Record:
    """Return what is stored of a body. Unknown fields fall away without a word, as on the real server."""
    if not isinstance(given, dict):
        raise Refused(400, {"detail": "JSON parse error - not a JSON object"})
    errors: dict[str, list[str]] = {}
    stored: Record = {}
    rules = KINDS[kind]
    shape = world.shapes["kinds"][kind]["fields"]
    writable = [name for name in (*(("name",) if rules.named else ()), *shape) if name not in rules.fixed]
    for name in writable:
        if name not in given:
            if name in rules.required and not partial:
                errors[name] = ["This field is required."]
            continue
        try:
            stored[name] = _value(world, kind, name, given[name], shape.get(name, ""))
        except ValueError as error:
            errors[name] = [str(error)]
    if errors:
        raise Refused(400, errors)
    return stored


def _value(world: World, kind: str, name: str, value: t.Any, default: t.Any) -> t.Any:
    target = KINDS[kind].refs.get(name)
    if target is not None:
        return _pointer(world, kind, name, target, value)
    if name == "pull" and value not in (None, "", "always", "missing", "never"):
        raise ValueError(f'"{value}" is not a valid choice.')
    if isinstance(default, bool) and not isinstance(value, bool):
        raise ValueError("Must be a valid boolean.")
    if isinstance(default, int) and not isinstance(default, bool) and not isinstance(value, int):
        raise ValueError("A valid integer is required.")
    if not isinstance(default, str):
        return value
    return _text(kind, name, value)


def _text(kind: str, name: str, value: t.Any) -> str:
    must = name in KINDS[kind].required
    if value is None:
        if must:
            raise ValueError("This field cannot be blank.")
        return ""
    if isinstance(value, bool) or not isinstance(value, (str, int, float)):
        raise ValueError("Not a valid string.")
    text = str(value).strip()
    if must and not text:
        raise ValueError("This field may not be blank.")
    longest = LONGEST.get(name)
    if longest is not None and len(text) > longest:
        raise ValueError(f"Ensure this field has no more than {longest} characters.")
    if name == "image" and not IMAGE.fullmatch(text):
        raise ValueError(f"The container image name {text} is not valid")
    return text


def _pointer(world: World, kind: str, name: str, target: str, value: t.Any) -> int | None:
    if value is None or (value == "" and kind != "job_templates"):
        return None
    if isinstance(value, bool) or not (isinstance(value, int) or (isinstance(value, str) and value.isdigit())):
        raise ValueError(f"Incorrect type. Expected pk value, received {type(value).__name__}.")
    found = world.find(target, int(value))
    if found is None:
        raise ValueError(f'Invalid pk "{value}" - object does not exist.')
    if kind == "execution_environments" and name == "credential" and found["kind"] != "registry":
        raise ValueError("Only Container Registry credentials can be associated with an Execution Environment")
    return int(value)


def check_template_pointers(world: World, given: Record) -> None:
    """A job template's EE is looked at where rights are, before the fields: other words, and ``''`` is refused."""
    value = given.get("execution_environment")
    if value is None:
        return
    if isinstance(value, bool) or not (isinstance(value, int) or (isinstance(value, str) and value.isdigit())):
        raise Refused(400, {"detail": "Bad data found in related field execution_environment."})
    if world.find("execution_environments", int(value)) is None:
        raise Refused(400, {"detail": "ExecutionEnvironment matching query does not exist."})
