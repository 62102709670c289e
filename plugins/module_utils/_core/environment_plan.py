# Copyright (c) 2026 Foundry maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What happens to the record of an execution environment on a controller.

A record is what the API shows; a *face* is the part of it that users write, with names in place of ids:
``{name, image, pull, credential, organization, description}``, where nothing is the empty text.
"""

from __future__ import annotations

import re
import typing as t
from collections import Counter
from dataclasses import dataclass

from ansible_collections.foundry.ee.plugins.module_utils._core import image_ref
from ansible_collections.foundry.ee.plugins.module_utils._core.errors import Conflict, Denied, Failed, Invalid
from ansible_collections.foundry.ee.plugins.module_utils._core.record_plan import RecordPlan

Record = t.Mapping[str, t.Any]
Face = dict[str, str]

FIELDS = ("name", "image", "pull", "credential", "organization", "description")
LONGEST_NAME = 512
SHOWN_USES = 10
# Wider than what a registry has: a controller stores any algorithm, and any case, from 32 digits on.
_DIGEST = re.compile(r"[A-Za-z][A-Za-z0-9]*(?:[+._-][A-Za-z][A-Za-z0-9]*)*:[0-9a-fA-F]{32,}")
SEPARATOR = "++"  # between a credential and its organization, as the controller's own named addresses have it

# where an EE may be set: listing → (field, kind)
PLACES: t.Mapping[str, tuple[str, str]] = {
    "organizations": ("default_environment", "organization"),
    "projects": ("default_environment", "project"),
    "job_templates": ("execution_environment", "job_template"),
    "inventory_sources": ("execution_environment", "inventory_source"),
    "workflow_job_template_nodes": ("execution_environment", "workflow_node"),
    "schedules": ("execution_environment", "schedule"),
}


@dataclass(frozen=True)
class Wish:
    """What a user asks for. None leaves a field alone, an empty text clears it.

    ``new_name`` renames; it is the name that counts if the record has it already.
    """

    name: str
    new_name: str | None = None
    image: str | None = None
    pull: str | None = None
    credential: str | None = None
    organization: str | None = None
    description: str | None = None

    @property
    def names(self) -> tuple[str, ...]:
        return (self.name,) if self.new_name in (None, self.name) else (self.name, str(self.new_name))

    def fields(self) -> Face:
        """Return what is asked for, as a face with only the fields that are given."""
        given = {name: getattr(self, name) for name in FIELDS}
        given["name"] = self.new_name if self.new_name is not None else self.name
        return {name: value for name, value in given.items() if value is not None}


def read_wish(params: t.Mapping[str, t.Any]) -> Wish:
    """Return the wish of a task's options, checked as the controller would check it. Raises Invalid."""
    texts = {name: params.get(name) for name in ("name", "new_name", *FIELDS[1:])}
    wish = Wish(**{key: value.strip() for key, value in texts.items() if value is not None})
    for name in wish.names:
        if not 0 < len(name) <= LONGEST_NAME:
            raise Invalid(f"`{name[:40]}` is no name for an execution environment.", hint="It has 1 to 512 characters.")
    if wish.image:
        check_image(wish.image)
    return wish


def refuse_twice(wishes: t.Sequence[Wish]) -> None:
    """Refuse a list that names one environment twice: which of the two is meant? Raises Invalid."""
    for name, count in Counter(name for wish in wishes for name in wish.names).items():
        if count > 1:
            raise Invalid(f"The execution environment `{name}` is named {count} times in one task.")


def check_image(image: str) -> None:
    """Refuse what the controller refuses. Raises Invalid."""
    name, at, digest = image.partition("@")
    parsed = image_ref.parse(name)
    if at and not _DIGEST.fullmatch(digest):
        raise Invalid(f"`{digest}` is no digest.", hint="Expected `sha256:` and 64 hexadecimal digits.")
    if parsed.registry is not None and parsed.registry.startswith("["):
        raise Invalid(f"`{image}`: a controller takes no IPv6 address.", hint="Give the registry's host name.")


def face(record: Record) -> Face:
    """Return the part of a record that users write."""
    summary = record.get("summary_fields") or {}

    def called(name: str) -> str:
        if record.get(name) is None:
            return ""
        told = (summary.get(name) or {}).get("name")
        return str(told) if told is not None else f"#{record[name]}"  # an object that this user may not see

    return {
        "name": record["name"],
        "image": record["image"],
        "pull": record.get("pull") or "",
        "credential": called("credential"),
        "organization": called("organization"),
        "description": record.get("description") or "",
    }


@dataclass(frozen=True)
class Change(RecordPlan):
    """What is, and what shall be. ``id`` is None for a new record; ``before`` or ``after`` where there is no record."""

    id: int | None
    before: Face | None
    after: Face | None
    managed: bool = False

    @property
    def goes_global(self) -> bool:
        """Whether it is for everybody afterwards, and was not before."""
        return (self.after or {}).get("organization") == "" and (self.before or {}).get("organization") != ""

    @property
    def fields(self) -> Face:
        """The fields to write: all that are set of a new record, else those that differ."""
        after = self.after or {}
        if self.before is None:
            return {name: value for name, value in after.items() if value != ""}
        return {name: value for name, value in after.items() if value != self.before[name]}


def plan_present(wish: Wish, found: t.Sequence[Record], credential: int | None = None) -> Change:
    """Plan to bring a record into the state that is wished for, given the records that have one of its names.

    ``credential`` is the id of the one that is wished for, where its name alone does not tell (``name++organization``).
    Raises Conflict, Denied or Invalid for what the controller would refuse, so that check mode does so as well.
    """
    record = the_one(wish, found)
    if record is None:
        return Change(None, None, _new(wish))
    before = face(record)
    fields = _as_written(wish)
    if credential is not None and credential == record["credential"]:
        fields["credential"] = before["credential"]
    after = {**before, **fields}
    change = Change(record["id"], before, after, bool(record.get("managed")))
    if change.changed:
        _check_allowed(record, change)
    return change


def plan_absent(wish: Wish, found: t.Sequence[Record]) -> Change:
    """Plan to delete a record. Raises Denied for one that the controller manages itself."""
    record = next((one for one in found if one["name"] == wish.name), None)
    if record is None:
        return Change(None, None, None)
    if record.get("managed"):
        raise Denied(
            f"The controller manages `{wish.name}` itself and lets nobody delete it, not even with `force`.",
            hint="Its image comes from CONTROL_PLANE_EXECUTION_ENVIRONMENT in the controller's settings file.",
        )
    _check_capability(record, "delete")
    return Change(record["id"], face(record), None)


def the_one(wish: Wish, found: t.Sequence[Record]) -> Record | None:
    """Return the record that a wish is about, under its old name or its new one. Raises Conflict if both are there."""
    by_name = {record["name"]: record for record in found}
    if len(wish.names) == 2 and all(name in by_name for name in wish.names):
        raise Conflict(
            f"`{wish.name}` cannot be renamed: there is another execution environment called `{wish.new_name}`.",
            hint="Names are unique on the whole controller. Delete one of the two.",
        )
    return next((by_name[name] for name in wish.names if name in by_name), None)


def _new(wish: Wish) -> Face:
    if wish.new_name is not None and wish.new_name != wish.name:
        raise Invalid(
            f"There is neither `{wish.name}` nor `{wish.new_name}` on the controller: nothing to rename.",
            hint="To create one, leave `new_name` out.",
        )
    if not wish.image:
        raise Invalid(f"There is no `{wish.name}` yet, and a new one needs an `image`.", hint="Is the name right?")
    return {**dict.fromkeys(FIELDS, ""), **wish.fields()}


def _as_written(wish: Wish) -> Face:
    fields = wish.fields()
    if fields.get("image") == "":
        raise Invalid(f"`{wish.name}` cannot be without an image.", hint="Leave `image` out to keep what it has.")
    return fields


def _check_allowed(record: Record, change: Change) -> None:
    fields = change.fields
    if change.managed and set(fields) - {"pull"}:
        raise Denied(
            f"The controller manages `{record['name']}` itself: of it only `pull` can be changed, "
            f"not {_list(name for name in fields if name != 'pull')}.",
            hint="Make an execution environment of your own, and set it where it is needed.",
        )
    if fields.get("organization"):
        home = face(record)["organization"]
        belongs = f"belongs to organization `{home}`" if home else "belongs to no organization"
        raise Conflict(
            f"`{record['name']}` {belongs}, and a controller does not let it move to `{fields['organization']}`.",
            hint="Names are unique on the whole controller: choose another one, or delete this record first."
            " It can be made global with an empty `organization`.",
        )
    _check_capability(record, "edit")


def _check_capability(record: Record, what: str) -> None:
    """The controller says beforehand whether this user may, so that check mode can tell."""
    if not may(record, what):
        raise Denied(
            f"This user may not {what} the execution environment `{record['name']}`.",
            hint="Global ones are for superusers, those of an organization for its administrators, and none is for a "
            "token that may only read.",
        )


def may(record: Record, what: str) -> bool:
    """Whether this user may ``edit`` or ``delete`` a record, as far as the controller tells."""
    told = (record.get("summary_fields") or {}).get("user_capabilities") or {}
    return told.get(what) is not False


def needs_me(change: Change) -> bool:
    """Whether a change is one that the record itself does not tell about: a new record, or one that goes global."""
    return change.changed and change.after is not None and (change.before is None or change.goes_global)


def check_user(change: Change, user: Record) -> None:
    """Refuse what this user may not do, as ``me/`` tells about the user. Raises Denied."""
    name = (change.after or {})["name"]
    if not may(user, "edit"):  # of themselves everybody may
        raise Denied(f"`{name}` cannot be written: this token may only read.", hint="Take one of scope `write`.")
    if user.get("is_superuser") is not False:
        return
    if change.goes_global:
        raise Denied(
            f"This user may not make `{name}` a global execution environment.",
            hint="Only superusers may. An administrator of an organization gives its `organization`.",
        )
    if user.get("is_system_auditor"):
        raise Denied(f"This user is an auditor and may not create `{name}`.", hint="Auditors may only read.")


def check_kept(change: Change, saved: Face) -> None:
    """Compare what was written with what the controller shows: it ignores without a word what it does not know.

    Raises Failed.
    """
    wanted = change.after or {}
    lost = [name for name in change.fields if name != "credential" and saved[name] != wanted[name]]
    if lost:
        raise Failed(
            f"The controller answered well, but did not keep {_list(lost)} of `{saved['name']}`.",
            hint="Look at the record there: another task may have changed it meanwhile.",
        )


def _list(names: t.Iterable[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)


@dataclass(frozen=True)
class Use:
    """A place that names an execution environment. ``within`` is its organization, inventory, workflow or template."""

    kind: str
    name: str
    within: str | None = None
    id: int | None = None

    @property
    def words(self) -> str:
        what = self.kind.replace("_", " ")
        return f"{what} `{self.name}`" + ("" if self.within is None else f" of `{self.within}`")

    def as_result(self) -> dict[str, t.Any]:
        return {"kind": self.kind, "name": self.name, "within": self.within, "id": self.id}


def uses(listings: t.Mapping[str, t.Sequence[Record]], *, is_default: bool) -> tuple[Use, ...]:
    """Return who uses an environment, from listings already filtered by it (``PLACES``)."""
    found = [Use("setting", "DEFAULT_EXECUTION_ENVIRONMENT")] if is_default else []
    for listing, (_field, kind) in PLACES.items():
        found += [Use(kind, title(kind, record), home(kind, record), record["id"]) for record in listings[listing]]
    return tuple(found)


def title(kind: str, record: Record) -> str:
    return str(record["identifier"] if kind == "workflow_node" else record["name"])


_HOMES = {"inventory_source": "inventory", "workflow_node": "workflow_job_template", "schedule": "unified_job_template"}


def home(kind: str, record: Record) -> str | None:
    """Return the name of what a record is in: what tells two of the same name apart."""
    if kind == "organization":
        return None
    other = (record.get("summary_fields") or {}).get(_HOMES.get(kind, "organization")) or {}
    return other.get("name")


def refuse_use(name: str, found: t.Sequence[Use]) -> Conflict:
    """Return the error for an environment that is still in use."""
    shown = "; ".join(use.words for use in found[:SHOWN_USES])
    more = f"; and {len(found) - SHOWN_USES} more" if len(found) > SHOWN_USES else ""
    return Conflict(
        f"`{name}` is in use and was not deleted: {shown}{more}.",
        hint="Point them elsewhere first (`foundry.ee.ee_default`), or give `force: true`: the controller then unsets "
        "it in all of them.",
        details={"used_by": [use.as_result() for use in found]},
    )
