# Copyright (c) 2026 Foundry maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The records that a stand-in controller keeps, and how it shows them."""

from __future__ import annotations

import datetime
import json
import pathlib
import typing as t

from .kinds import EE_FIELDS, KINDS, TEMPLATES, Record, Refused, clean
from .rights import User, check_add, check_change, check_delete

SHAPES = pathlib.Path(__file__).with_name("shapes.json")
FLAVOURS = {"awx": "awx-24.6", "fork": "fork-25.5"}
SETTING = "DEFAULT_EXECUTION_ENVIRONMENT"
SUMMARY = {
    "execution_environments": ("description", "image"),
    "organizations": ("description",),
    "projects": ("description", "scm_type", "allow_override", "status"),
    "inventories": ("description", "kind", "total_hosts", "total_groups", "has_inventory_sources"),
    "credentials": ("description", "kind", "cloud", "kubernetes"),
    "credential_types": ("description",),
    "job_templates": ("description",),
    "workflow_job_templates": ("description",),
    "inventory_sources": ("description",),
    "system_job_templates": ("description",),
}
# Kinds whose records say what this user may do with them. A workflow's node does not (13_workflows/06_node_get).
CAPABLE = {
    "execution_environments",
    "organizations",
    "projects",
    "inventories",
    "inventory_sources",
    "job_templates",
    "workflow_job_templates",
    "schedules",
    "credentials",
}


class World:
    """State of one controller. Not safe between threads: the server holds a lock."""

    def __init__(self, flavour: str = "awx", global_job_images: t.Sequence[str] = ()) -> None:
        self.flavour = flavour
        self.shapes = json.loads(SHAPES.read_text(encoding="utf-8"))[FLAVOURS[flavour]]
        self.records: dict[str, dict[int, Record]] = {kind: {} for kind in KINDS}
        self.users: dict[str, User] = {}
        self.tokens: dict[str, User] = {}
        self.settings: dict[str, Record] = {slug: dict(values) for slug, values in self.shapes["settings"].items()}
        self.global_job_images = list(global_job_images)
        self.touched: set[str] = set()  # settings that were ever written: "changed", even if back at their default
        self.next_ids: dict[str, int] = {}
        self._moment = datetime.datetime(2026, 1, 1, tzinfo=datetime.timezone.utc)

    def now(self) -> str:
        """Return a moment that was never returned before, as the server writes it."""
        self._moment += datetime.timedelta(milliseconds=1)
        return self._moment.strftime("%Y-%m-%dT%H:%M:%S.%fZ")

    def add_user(self, user: User) -> None:
        self.users[user.username] = user

    def insert(self, of_kind: str, **fields: t.Any) -> Record:
        """Store a record without asking anybody. Fields left out are as a new record has them."""
        number = fields.pop("id", None) or self._take_id(of_kind)
        moment = self.now()
        record: Record = {
            **dict.fromkeys(KINDS[of_kind].refs),
            **json.loads(json.dumps(self.shapes["kinds"][of_kind]["fields"])),
            **({"name": ""} if KINDS[of_kind].named else {}),
            "created": moment,
            "modified": moment,
            **fields,
            "id": number,
        }
        self._inherit(of_kind, record)
        counter = KINDS[of_kind].counter or of_kind
        self.next_ids[counter] = max(self.next_ids.get(counter, 1), number + 1)
        self.records[of_kind][number] = record
        return record

    def find(self, kind: str, number: t.Any) -> Record | None:
        """Return a record; the kind ``unified_job_templates`` stands for all that share a number series."""
        if kind in self.records:
            return self.records[kind].get(number)
        return next((self.records[name][number] for name in TEMPLATES if number in self.records[name]), None)

    def kind_of_template(self, number: t.Any) -> str | None:
        return next((name for name in TEMPLATES if number in self.records[name]), None)

    def home_of_new(self, kind: str, given: Record) -> int | None:
        """Return the organization that a record would belong to."""
        record = {**dict.fromkeys(KINDS[kind].refs), **given}
        self._inherit(kind, record)
        value = record.get("organization")
        return int(value) if isinstance(value, (int, str)) and str(value).isdigit() else None

    def create(self, user: User, of_kind: str, given: t.Any, **forced: t.Any) -> Record:
        if isinstance(given, dict):
            given = {**given, **forced}
            check_add(self, user, of_kind, given)
        fields = clean(self, of_kind, given, partial=False)
        self._check_prompt(of_kind, fields)
        self._check_unique(of_kind, {**dict.fromkeys(KINDS[of_kind].refs), **fields})
        if of_kind == "credentials":
            fields = self._credential(fields, given)
        return self.insert(of_kind, **fields, _by=user.id)

    def change(self, user: User, kind: str, record: Record, given: t.Any, *, whole: bool) -> None:
        if isinstance(given, dict):
            check_change(self, user, kind, record, given, whole=whole)
        fields = clean(self, kind, given, partial=not whole)
        if whole:  # texts that a PUT leaves out are emptied, pointers stay
            shape = self.shapes["kinds"][kind]["fields"]
            fields = {**{name: "" for name in ("description", "pull") if name in shape}, **fields}
        moved = fields.get("organization") not in (None, record.get("organization"))
        if kind == "execution_environments" and moved:
            raise Refused(400, {"organization": ["Cannot change the organization of an execution environment"]})
        self._check_prompt(kind, {**record, **fields})
        self._check_unique(kind, {**record, **fields})
        record.update(fields)
        record["modified"] = self.now()  # even if nothing changed
        self._inherit(kind, record)

    def delete(self, user: User, kind: str, record: Record) -> None:
        check_delete(self, user, kind, record)
        self.remove(kind, record["id"])

    def remove(self, kind: str, number: int) -> None:
        """Delete a record. What pointed to it points nowhere then; an organization takes its EEs along."""
        self.records[kind].pop(number, None)
        if kind == "organizations":
            for record in [r for r in self.records["execution_environments"].values() if r["organization"] == number]:
                self.remove("execution_environments", record["id"])
        for other, rules in KINDS.items():
            for name, target in rules.refs.items():
                if target == kind:
                    for record in self.records[other].values():
                        if record[name] == number:
                            record[name] = None
        if kind == "execution_environments" and self.settings["system"][SETTING] == number:
            self.settings["system"][SETTING] = None

    def change_settings(self, slug: str, given: Record) -> None:
        """Store the settings of a category. One of another category, or of none, is ignored without a word."""
        slugs = tuple(self.settings) if slug == "all" else (slug,)
        if SETTING in given and "system" in slugs:
            value = given[SETTING]
            given = {**given, SETTING: self._setting_pointer(value)}
        for name in slugs:
            known = {key: value for key, value in given.items() if key in self.settings[name]}
            self.settings[name].update(known)
            self.touched |= set(known)

    def reset_settings(self, slug: str) -> None:
        """Put a whole category back to its defaults."""
        self.settings[slug].update(self.shapes["settings"][slug])
        self.touched -= set(self.settings[slug])

    def _setting_pointer(self, value: t.Any) -> int | None:
        if value is None or value == "":
            return None
        if isinstance(value, bool) or not (isinstance(value, int) or (isinstance(value, str) and value.isdigit())):
            text = f"Incorrect type. Expected pk value, received {type(value).__name__}."
            raise Refused(400, {SETTING: [text]})
        if int(value) not in self.records["execution_environments"]:
            raise Refused(400, {SETTING: [f'Invalid pk "{value}" - object does not exist.']})
        return int(value)

    def _take_id(self, kind: str) -> int:
        return self.next_ids.get(KINDS[kind].counter or kind, 1)

    def _inherit(self, kind: str, record: Record) -> None:
        """A job template is in its project's organization, an inventory source in its inventory's."""
        source = {"job_templates": ("project", "projects"), "inventory_sources": ("inventory", "inventories")}.get(kind)
        if source is not None and (kind == "job_templates" or record.get("organization") is None):
            parent = self.find(source[1], record.get(source[0]))
            if parent is not None:
                record["organization"] = parent["organization"]

    def _check_unique(self, kind: str, record: Record) -> None:
        rules = KINDS[kind]
        self._inherit(kind, record)
        for other in self.records[kind].values() if rules.unique else ():
            if other["id"] != record.get("id") and all(other[name] == record.get(name) for name in rules.unique):
                raise Refused(400, self._not_unique(rules.label, rules.unique))

    def _not_unique(self, label: str, fields: tuple[str, ...]) -> Record:
        if fields == ("name",):
            return {"name": [f"{label} with this Name already exists."]}
        if label == "Credential":
            return {"__all__": ["Credential with this Organization, Name and Credential type already exists."]}
        order = "organization, name" if self.flavour == "awx" else "name, organization"
        return {"__all__": [f"{label} with this ({order}) combination already exists."]}

    def _check_prompt(self, kind: str, fields: Record) -> None:
        """A workflow node brings an EE only where its template asks for one."""
        if kind != "workflow_job_template_nodes" or fields.get("execution_environment") is None:
            return
        template = self.find("unified_job_templates", fields.get("unified_job_template"))
        if not (template or {}).get("ask_execution_environment_on_launch"):
            raise Refused(400, {"execution_environment": ["Field is not configured to prompt on launch."]})

    def _credential(self, fields: Record, given: Record) -> Record:
        """Add what a credential has from its type. Its inputs are stored unchecked."""
        if fields.get("organization") is None and not given.get("user") and not given.get("team"):
            raise Refused(400, {"detail": ["Missing 'user', 'team', or 'organization'."]})
        of_type = self.find("credential_types", fields.get("credential_type")) or {}
        return {**fields, "kind": of_type.get("namespace") or of_type.get("kind", "")}

    def show(self, kind: str, record: Record, user: User, *, detail: bool) -> Record:
        """Return a record as a listing shows it, or as its own address does (``detail``)."""
        hidden = {"organization"} if kind == "inventory_sources" else set()
        url = f"/api/v2/{kind}/{record['id']}/"
        shown = {
            "id": record["id"],
            "type": self.shapes["kinds"][kind]["type"],
            "url": url,
            "related": self._related(kind, record),
            "summary_fields": self._summary(kind, record, user, detail),
            **{name: value for name, value in record.items() if name not in hidden and not name.startswith("_")},
        }
        if kind == "credentials":
            of_type = self.find("credential_types", record["credential_type"]) or {}
            secret = {item["id"] for item in (of_type.get("inputs") or {}).get("fields", ()) if item.get("secret")}
            shown["inputs"] = {
                name: "$encrypted$" if name in secret else value for name, value in record["inputs"].items()
            }
        return shown

    def _related(self, kind: str, record: Record) -> Record:
        refs = {name: target for name, target in KINDS[kind].refs.items() if record[name] is not None}
        found = {
            name: target if target in KINDS else self.kind_of_template(record[name]) for name, target in refs.items()
        }
        return {name: f"/api/v2/{target}/{record[name]}/" for name, target in found.items()}

    def _summary(self, kind: str, record: Record, user: User, detail: bool) -> Record:
        summary: Record = {}
        for name, target in KINDS[kind].refs.items():
            pointed = self.find(target, record[name])
            if pointed is not None:
                kind_of = target if target in KINDS else str(self.kind_of_template(record[name]))
                summary[name] = self.brief(kind_of, pointed)
        if detail and kind in ("projects", "job_templates", "inventory_sources", "system_job_templates"):
            resolved = self.resolved(kind, record)
            if resolved is not None:
                summary["resolved_environment"] = self.brief("execution_environments", resolved)
        if kind in CAPABLE:
            summary["user_capabilities"] = {
                "edit": _allowed(check_change, self, user, kind, record, {}, whole=False),
                "delete": _allowed(check_delete, self, user, kind, record),
            }
        if kind == "execution_environments":
            copied = {"organization": record["organization"]}
            summary["user_capabilities"]["copy"] = _allowed(check_add, self, user, kind, copied)
        return summary

    def brief(self, kind: str, record: Record) -> Record:
        brief = {"id": record["id"], "name": record["name"], **{name: record[name] for name in SUMMARY[kind]}}
        if kind == "inventories":
            brief["organization_id"] = record["organization"]
        if kind == "credentials":
            brief["credential_type_id"] = record["credential_type"]
        return brief

    def resolved(self, kind: str, record: Record) -> Record | None:
        """Return the EE that the server shows as resolved. For project updates it is not the one that is used."""
        ees = self.records["execution_environments"]
        project = self.find("projects", record.get("project")) or {}
        inventory = self.find("inventories", record.get("inventory")) or {}
        candidates = [
            record.get("execution_environment"),
            project.get("default_environment"),
            (self.find("organizations", record.get("organization")) or {}).get("default_environment"),
            (self.find("organizations", inventory.get("organization")) or {}).get("default_environment"),
            self.settings["system"][SETTING],
        ]
        for number in candidates:
            if number in ees:
                return ees[number]
        fit = [ee for ee in ees.values() if ee["organization"] is None and not ee["managed"]]
        fit.sort(key=lambda ee: ee["created"], reverse=True)
        listed = [ee for ee in fit if ee["image"] in self.global_job_images]
        return next(iter(listed + fit), None)

    def users_of(self, number: int) -> dict[str, list[Record]]:
        """Return what points to an EE, by kind."""
        return {
            kind: [record for record in self.records[kind].values() if record[name] == number]
            for kind, name in EE_FIELDS.items()
        }


def _allowed(check: t.Callable[..., None], *args: t.Any, **kwargs: t.Any) -> bool:
    try:
        check(*args, **kwargs)
    except Refused:
        return False
    return True
