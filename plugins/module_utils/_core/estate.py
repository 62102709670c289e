# Copyright (c) 2026 Foundry maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a controller holds, as far as it decides on execution environments.

An :class:`Estate` is read from variables in the configuration-as-code shape (``from_variables``) or from a
controller's listings (``from_listings``). Records are made when they are looked at: one answer out of 10,000
templates reads one template.
"""

from __future__ import annotations

import datetime
import difflib
import typing as t
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from ansible_collections.foundry.ee.plugins.module_utils._core.errors import EEError, Invalid, NotFound


@dataclass(frozen=True)
class Unknown:
    """A reference to something that is not among the facts, or (``among``) to one of several with the same name.

    ``where`` names the facts that were searched. ``fatal`` is False where a controller passes over such a reference.
    ``elsewhere`` names those who have one of the name, none of whom is ``wanted``.
    """

    what: str
    name: str
    where: str
    nearest: tuple[str, ...] = ()
    among: tuple[str, ...] = ()
    fatal: bool = True
    hint: str | None = None
    wanted: tuple[str | None, ...] = ()
    elsewhere: tuple[str, ...] = ()

    @property
    def words(self) -> str:
        told = "++".join(one for one in self.wanted if one is not None)
        return f"{self.what} `{self.name}`" + (f" of `{told}`" if told else "")

    def error(self, context: str = "") -> EEError:
        """Return the error to raise where the reference decides: NotFound or Invalid."""
        suffix = f" ({context})" if context else ""
        if self.among:
            apart = len(set(self.among)) == len(self.among)
            which = "Say which: {}.".format(", ".join(f"`{one}`" for one in self.among))
            return Invalid(
                f"{len(self.among)} {_plural(self.what)} in {self.where} are called `{self.name}`{suffix}.",
                hint=which if apart else "A controller does not take two of them; leave one out.",
            )
        return NotFound(
            f"There is no {self.words} in {self.where}{suffix}.", hint=self.hint or did_you_mean(self.nearest)
        )


DEFAULT_SETTING = "DEFAULT_EXECUTION_ENVIRONMENT"
UNREADABLE_SETTING = Unknown(
    "setting",
    DEFAULT_SETTING,
    "what this user may read",
    hint="It decides here. Superusers and auditors may read it: give the token of one.",
)

Ref = t.Union[int, Unknown, None]
Row = t.Mapping[str, t.Any]
Owners = tuple[t.Optional[str], ...]
T = t.TypeVar("T")


@dataclass(frozen=True)
class Environment:
    """``created`` is None where only the order of a list tells which is newer; then ``order`` decides."""

    name: str
    image: str | None
    organization: Ref = None
    managed: bool = False
    created: datetime.datetime | None = None
    order: int = 0
    pull: str | None = None
    credential: str | None = None
    description: str = ""


@dataclass(frozen=True)
class Organization:
    name: str
    default_environment: Ref = None


@dataclass(frozen=True)
class Project:
    """``environment`` is the field that the API does not let be set; ``default_environment`` is for its templates."""

    name: str
    organization: Ref = None
    default_environment: Ref = None
    environment: Ref = None


@dataclass(frozen=True)
class Inventory:
    name: str
    organization: Ref = None
    constructed: bool = False


@dataclass(frozen=True)
class Source:
    """An inventory source. ``organization`` is set only where it is not its inventory's (the inventory moved)."""

    name: str
    inventory: Ref = None
    environment: Ref = None
    organization: Ref = None


@dataclass(frozen=True)
class Template:
    """A job template. ``organization`` is its project's: a controller does not let it be another."""

    name: str
    project: Ref = None
    organization: Ref = None
    inventory: Ref = None
    environment: Ref = None
    asks: bool = False
    asks_inventory: bool = False


@dataclass(frozen=True)
class Workflow:
    name: str
    organization: Ref = None
    inventory: Ref = None
    environment: Ref = None


@dataclass(frozen=True)
class SystemJob:
    name: str
    environment: Ref = None


@dataclass(frozen=True)
class Settings:
    """``global_job_images``: the images of GLOBAL_JOB_EXECUTION_ENVIRONMENTS; their order does not matter."""

    default_environment: Ref = None
    global_job_images: frozenset[str] = frozenset()


class Table(t.Mapping[int, T]):
    """Records by key (the controller's id, or the place in the list, from 1), each made on first sight."""

    def __init__(
        self,
        rows: t.Mapping[int, Row] | None = None,
        make: t.Callable[[int, Row], T] | None = None,
        name: t.Callable[[Row], str] | None = None,
        records: t.Mapping[int, T] | None = None,
    ) -> None:
        self._rows = rows or {}
        self._make = make
        self._name = name or (lambda row: str(row["name"]))
        self._records: dict[int, T] = dict(records or {})
        self._names: dict[str, list[int]] | None = None

    def __getitem__(self, key: int) -> T:
        try:
            return self._records[key]
        except KeyError:
            if self._make is None:
                raise
            record = self._records[key] = self._make(key, self._rows[key])
            return record

    def __iter__(self) -> t.Iterator[int]:
        yield from self._rows
        yield from (key for key in self._records if key not in self._rows)

    def __len__(self) -> int:
        return len(self._rows) + sum(key not in self._rows for key in self._records)

    @property
    def names(self) -> t.Mapping[str, list[int]]:
        """Keys by name, in the order of the facts."""
        if self._names is None:
            names: dict[str, list[int]] = {}
            for key, row in self._rows.items():
                names.setdefault(self._name(row), []).append(key)
            for key, record in self._records.items():
                if key not in self._rows:
                    names.setdefault(str(getattr(record, "name", "")), []).append(key)
            self._names = names
        return self._names

    def nearest(self, name: str) -> tuple[str, ...]:
        return nearest(name, self.names)

    @property
    def tell_ids(self) -> bool:
        return any("id" in row for row in self._rows.values())

    def with_id(self, text: str) -> int | None:
        """Return the key of the record that has this id on a controller."""
        return next((key for key, row in self._rows.items() if str(row.get("id")) == text), None)

    def put(self, records: t.Mapping[int, T]) -> Table[T]:
        """Return a table with records replaced or added. Renaming is not for it."""
        return Table(self._rows, self._make, self._name, {**self._records, **records})

    def drop(self, key: int) -> Table[T]:
        """Return a table without a record."""
        rows = {other: row for other, row in self._rows.items() if other != key}
        records = {other: record for other, record in self._records.items() if other != key}
        return Table(rows, self._make, self._name, records)


@dataclass(frozen=True)
class Estate:
    """Everything that decides. ``where`` names the source of the facts in messages."""

    environments: Table[Environment] = field(default_factory=Table)
    organizations: Table[Organization] = field(default_factory=Table)
    projects: Table[Project] = field(default_factory=Table)
    inventories: Table[Inventory] = field(default_factory=Table)
    sources: Table[Source] = field(default_factory=Table)
    templates: Table[Template] = field(default_factory=Table)
    workflows: Table[Workflow] = field(default_factory=Table)
    system_jobs: Table[SystemJob] = field(default_factory=Table)
    settings: Settings = field(default_factory=Settings)
    where: str = "the facts"
    _memo: dict[str, t.Any] = field(default_factory=dict, compare=False, repr=False)

    def memo(self, name: str, make: t.Callable[[], T]) -> T:
        """Return what ``make`` gives for this estate, asked for once."""
        if name not in self._memo:
            self._memo[name] = make()
        value: T = self._memo[name]
        return value

    def changed(self, **parts: t.Any) -> Estate:
        """Return an estate with other tables or settings."""
        return replace(self, _memo={}, **parts)

    def with_setting(self, scope: str, key: int | None, environment: Ref) -> Estate:
        """Return an estate in which ``environment`` is set (None: cleared) on one record of a scope of ``SCOPES``.

        Scope ``global`` is the setting DEFAULT_EXECUTION_ENVIRONMENT and takes no key.
        """
        if scope == "global":
            return self.changed(settings=replace(self.settings, default_environment=environment))
        table: Table[t.Any] = getattr(self, SCOPES[scope].table)
        record = replace(table[known(key)], **{SCOPES[scope].field: environment})
        return self.changed(**{SCOPES[scope].table: table.put({known(key): record})})

    def with_environment(self, key: int, environment: Environment) -> Estate:
        """Return an estate with an environment changed or (with a key of its own) added."""
        return self.changed(environments=self.environments.put({key: environment}))

    def without_environment(self, key: int) -> Estate:
        """Return an estate without an environment, and without every setting of it, as a controller deletes one."""
        after = self
        for scope, target in self.settings_of(key):
            after = after.with_setting(scope, target, None)
        return after.changed(environments=after.environments.drop(key))

    def settings_of(self, key: int) -> list[tuple[str, int | None]]:
        """Return where an environment is set: pairs of a scope and the key of the record (None for ``global``)."""
        return self.memo("settings", self._all_settings).get(key, [])

    def _all_settings(self) -> dict[int, list[tuple[str, int | None]]]:
        found: dict[int, list[tuple[str, int | None]]] = {}
        if isinstance(self.settings.default_environment, int):
            found[self.settings.default_environment] = [("global", None)]
        for scope, place in SCOPES.items():
            table: Table[t.Any] = getattr(self, place.table)
            for key, record in table.items():
                environment = getattr(record, place.field)
                if isinstance(environment, int):
                    found.setdefault(environment, []).append((scope, key))
        return found

    def global_environments(self) -> list[Environment]:
        """Return what levels 7 and 8 choose from: global, not managed, newest first."""
        return self.memo("global", lambda: self._newest(managed=False))

    def control_plane_environments(self) -> list[Environment]:
        """Return the managed global ones, newest first."""
        return self.memo("control_plane", lambda: self._newest(managed=True))

    def _newest(self, *, managed: bool) -> list[Environment]:
        found = [one for one in self.environments.values() if one.organization is None and one.managed is managed]
        return sorted(found, key=_age, reverse=True)

    def find_environment(self, text: str) -> Ref:
        """Return the key of an environment by its name, else the newest with that image, rather one not managed."""
        ref = seek(self.environments, "execution environment", text, self.where)
        if isinstance(ref, int):
            return ref
        by_image = [key for key, one in self.environments.items() if one.image == text]
        return max(by_image, key=lambda key: self._preference(self.environments[key]), default=ref)

    @staticmethod
    def _preference(one: Environment) -> tuple[bool, tuple[datetime.datetime, int]]:
        """One that the controller manages itself is not meant by its image while there is another."""
        return not one.managed, _age(one)

    def find_organization(self, name: str) -> Ref:
        return seek(self.organizations, "organization", name, self.where)

    def find_project(self, name: str, organization: str | None = None, *, preferred: str | None = None) -> Ref:
        """Return the key of a project: of ``organization``, or of several rather that of ``preferred``."""
        owners = self._owners(lambda key: self.projects[key].organization)
        return self._of(seek(self.projects, "project", name, self.where, owners, (organization,), preferred))

    def find_inventory(self, name: str, organization: str | None = None, *, preferred: str | None = None) -> Ref:
        """Return the key of an inventory: of ``organization``, or of several rather that of ``preferred``."""
        owners = self._owners(lambda key: self.inventories[key].organization)
        return self._of(seek(self.inventories, "inventory", name, self.where, owners, (organization,), preferred))

    def find_template(self, name: str, organization: str | None = None) -> Ref:
        owners = self._owners(lambda key: self.templates[key].organization)
        return self._of(seek(self.templates, "job template", name, self.where, owners, (organization,)))

    def find_workflow(self, name: str, organization: str | None = None) -> Ref:
        owners = self._owners(lambda key: self.workflows[key].organization)
        return self._of(seek(self.workflows, "workflow job template", name, self.where, owners, (organization,)))

    def find_source(self, name: str, inventory: str | None = None, organization: str | None = None) -> Ref:
        """Return the key of an inventory source, also by ``name++inventory`` or ``name++inventory++organization``."""

        def owners(key: int) -> Owners:
            return (self.inventory_of_source(key), self.organization_of_source(key))

        found = seek(self.sources, "inventory source", name, self.where, owners, (inventory, organization))
        return self._of(found, place=1)

    def find_system_job(self, name: str) -> Ref:
        return seek(self.system_jobs, "system job template", name, self.where)

    def organization_name(self, ref: Ref) -> str | None:
        if isinstance(ref, int):
            return self.organizations[ref].name
        return None if ref is None else ref.name

    def inventory_of_source(self, key: int) -> str | None:
        ref = self.sources[key].inventory
        if isinstance(ref, int):
            return self.inventories[ref].name
        return None if ref is None else ref.name

    def organization_of_source(self, key: int) -> str | None:
        source = self.sources[key]
        if source.organization is None and isinstance(source.inventory, int):
            return self.organization_name(self.inventories[source.inventory].organization)
        return self.organization_name(source.organization)

    def _owners(self, organization: t.Callable[[int], Ref]) -> t.Callable[[int], Owners]:
        return lambda key: (self.organization_name(organization(key)),)

    def _of(self, found: Ref, place: int = 0) -> Ref:
        """Tell of an organization that there is not, rather than of a record that it does not have."""
        if not isinstance(found, Unknown) or not found.elsewhere or len(found.wanted) <= place:
            return found
        organization = found.wanted[place]
        if organization is None or organization in self.organizations.names:
            return found
        return replace(found, hint=did_you_mean(self.organizations.nearest(organization)) or found.hint)


@dataclass(frozen=True)
class Scope:
    """Where an environment can be set: a table of the estate, and the field of its records."""

    table: str
    field: str


SCOPES: t.Mapping[str, Scope] = {
    "organization": Scope("organizations", "default_environment"),
    "project": Scope("projects", "default_environment"),
    "inventory_source": Scope("sources", "environment"),
    "job_template": Scope("templates", "environment"),
    "workflow_job_template": Scope("workflows", "environment"),
    "system_job_template": Scope("system_jobs", "environment"),
}


def known(ref: Ref) -> int:
    """Return the key of a reference that must be there. Raises NotFound and Invalid."""
    if isinstance(ref, int):
        return ref
    if ref is None:
        raise AssertionError("asked for the record of a reference that is not set")
    raise ref.error()


def _nobody(key: int) -> Owners:
    return ()


def seek(
    table: Table[t.Any],
    what: str,
    name: str,
    where: str,
    owners: t.Callable[[int], Owners] = _nobody,
    wanted: Owners = (),
    preferred: str | None = None,
) -> Ref:
    """Return the key of the one record with a name, or Unknown.

    ``owners`` gives the names of what tells namesakes apart, the nearest first (an organization; an inventory and its
    organization). ``wanted`` are those that the record must have, None for any; ``preferred`` picks one of several by
    the nearest. ``name`` may also be written ``name++owner`` or ``name++owner++owner``, as in a controller's named
    URLs, or be an id.
    """
    keys = table.names.get(name, [])
    if len(keys) == 1 and not any(one is not None for one in wanted):
        return keys[0]  # without a look at the record, which may be expensive
    address = None if keys else _address(table, name)
    if address is not None:
        keys = table.names[address[0]]
    fit = [key for key in keys if _owned(owners(key), wanted) and (not address or address[1] in _paths(owners(key)))]
    if len(fit) > 1 and preferred is not None:
        fit = [key for key in fit if owners(key)[:1] == (preferred,)] or fit
    if len(fit) == 1:
        return fit[0]
    if fit:
        return Unknown(what, name, where, among=_labels(address[0] if address else name, [owners(key) for key in fit]))
    if keys:
        return _elsewhere(Unknown(what, name, where, wanted=wanted), [owners(key) for key in keys])
    with_id = table.with_id(name) if name.isdecimal() else None
    return Unknown(what, name, where, table.nearest(name)) if with_id is None else with_id


def _address(table: Table[t.Any], name: str) -> tuple[str, str] | None:
    """Split ``name++owner`` behind the first part that is a name; names may have the separator, too."""
    parts = name.split("++")
    splits = (("++".join(parts[:place]), "++".join(parts[place:])) for place in range(1, len(parts)))
    return next((split for split in splits if split[0] in table.names), None)


def _owned(owners: Owners, wanted: Owners) -> bool:
    return all(one is None or one == (owner or "") for owner, one in zip(owners, wanted))


def _paths(owners: Owners) -> list[str]:
    """Return ``inventory`` and ``inventory++organization``."""
    return ["++".join(owner or "" for owner in owners[: place + 1]) for place in range(len(owners))]


def _labels(name: str, owners: t.Sequence[Owners]) -> tuple[str, ...]:
    """Return the shortest addresses that tell namesakes apart; the longest where none does."""
    labels: tuple[str, ...] = tuple(name for _one in owners)
    for place in range(max(map(len, owners))):
        labels = tuple(f"{name}++{_paths(one)[place]}" for one in owners)
        if len(set(labels)) == len(labels):
            break
    return labels


def _elsewhere(unknown: Unknown, owners: t.Sequence[Owners]) -> Unknown:
    """Say who has one of the name, and who was to have it."""
    there = tuple(dict.fromkeys("++".join(owner or "" for owner in one) for one in owners))
    shown = ", ".join(f"`{one}`" if one else "no organization" for one in there[:5])
    return replace(unknown, elsewhere=there, hint=f"There is one of {shown}.")


def nearest(name: str, names: t.Iterable[str]) -> tuple[str, ...]:
    """Return up to three names that look like ``name``, whatever their case."""
    folded: dict[str, str] = {}
    for one in names:
        folded.setdefault(one.casefold(), one)
    return tuple(folded[match] for match in difflib.get_close_matches(name.casefold(), folded, 3, 0.6))


def _plural(what: str) -> str:
    return f"{what[:-1]}ies" if what.endswith("y") else f"{what}s"


def did_you_mean(names: t.Sequence[str]) -> str | None:
    if not names:
        return None
    return "Did you mean {}?".format(" or ".join(f"`{name}`" for name in names))


def read_time(value: t.Any, where: str) -> datetime.datetime | None:
    """Read a time as the API writes it, or as YAML reads one. Raises Invalid."""
    if value is None or value == "":
        return None
    if isinstance(value, datetime.datetime):
        moment = value
    elif isinstance(value, datetime.date):
        moment = datetime.datetime(value.year, value.month, value.day)
    else:
        text = str(value).strip()
        try:
            moment = datetime.datetime.fromisoformat(text[:-1] + "+00:00" if text[-1:] in "Zz" else text)
        except ValueError:
            raise Invalid(
                f"`created` of {where} is `{text}`: no time.",
                hint="Expected the API's form: 2026-11-20T08:42:49.135139Z.",
            ) from None
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=datetime.timezone.utc)


_LONG_AGO = datetime.datetime(1, 1, 1, tzinfo=datetime.timezone.utc)


def _age(one: Environment) -> tuple[datetime.datetime, int]:
    return one.created or _LONG_AGO, one.order


Render = t.Callable[[t.Any], t.Any]

# The variables of the configuration-as-code collections, by the part of the estate that they fill.
VARIABLES: t.Mapping[str, tuple[str, ...]] = {
    "environments": ("controller_execution_environments",),
    "organizations": ("controller_organizations", "aap_organizations"),
    "projects": ("controller_projects",),
    "inventories": ("controller_inventories",),
    "sources": ("controller_inventory_sources",),
    "templates": ("controller_templates", "controller_job_templates"),
    "workflows": ("controller_workflows", "controller_workflow_job_templates"),
    "settings": ("controller_settings",),
}
VARIABLE_NAMES = tuple(name for names in VARIABLES.values() for name in names)


def from_variables(
    variables: t.Mapping[str, t.Any],
    *,
    render: Render = lambda value: value,
    global_job_images: t.Sequence[str] | None = None,
    where: str = "the variables",
) -> Estate:
    """Read the configuration-as-code shape. ``render`` turns one value with Jinja in it into what it means.

    Only what is looked at is rendered. Entries with ``state: absent`` are left out. ``global_job_images`` wins over
    GLOBAL_JOB_EXECUTION_ENVIRONMENTS in ``controller_settings``. Raises Invalid where a list is none, or an entry has
    no name.
    """
    return _Variables(variables, render, where).estate(global_job_images)


class _Variables:
    """Makes records from rows of variables. Its methods need the finished estate for what a row refers to."""

    def __init__(self, variables: t.Mapping[str, t.Any], render: Render, where: str) -> None:
        self._variables = variables
        self._render = render
        self._where = where
        self._estate = Estate()

    def estate(self, global_job_images: t.Sequence[str] | None) -> Estate:
        self._estate = Estate(
            environments=self._table("environments", self._environment),
            organizations=self._table("organizations", self._organization),
            projects=self._table("projects", self._project),
            inventories=self._table("inventories", self._inventory),
            sources=self._table("sources", self._source),
            templates=self._table("templates", self._template),
            workflows=self._table("workflows", self._workflow),
            where=self._where,
        )
        self._estate = replace(self._estate, settings=self._settings(global_job_images))
        return self._estate

    def _table(self, part: str, make: t.Callable[[int, Row], T]) -> Table[T]:
        rows: list[Row] = []
        for variable in VARIABLES[part]:
            rows += self._rows(variable)
        return Table(dict(enumerate(rows, 1)), make, self._name)

    def _rows(self, variable: str) -> t.Iterator[Row]:
        value = self._variables.get(variable)
        value = self._render(value) if isinstance(value, str) else value
        if value is None:
            return
        if isinstance(value, (str, Mapping)) or not isinstance(value, Sequence):
            raise Invalid(f"`{variable}` is a {type(value).__name__}.", hint="Expected a list of mappings.")
        for place, entry in enumerate(value):
            row = self._render(entry) if isinstance(entry, str) else entry
            if not isinstance(row, Mapping) or not row.get("name"):
                raise Invalid(f"`{variable}[{place}]` has no `name`.", hint="Expected a mapping with `name`.")
            if "state" not in row or self._text(row, "state") != "absent":
                yield row

    def _name(self, row: Row) -> str:
        return str(self._render(row["name"])).strip()

    def _text(self, row: Row, key: str) -> str | None:
        """Return a field as text, None where it is absent or empty. A mapping stands for its ``name``."""
        value = row.get(key)
        if value is None or value == "":
            return None
        value = self._render(value)
        if isinstance(value, Mapping):
            value = self._render(value.get("name"))
        return None if value is None or value == "" else str(value).strip()

    def _flag(self, row: Row, key: str) -> bool:
        return str(self._render(row.get(key))).lower() in ("true", "yes", "1", "on")

    def _environment_named(self, row: Row, key: str) -> Ref:
        name = self._text(row, key)
        return None if name is None else seek(self._environments, _EE, name, self._where)

    @property
    def _environments(self) -> Table[Environment]:
        return self._estate.environments

    def _organization_named(self, row: Row) -> Ref:
        name = self._text(row, "organization")
        return None if name is None else self._estate.find_organization(name)

    def _inventory_named(self, row: Row) -> Ref:
        name = self._text(row, "inventory")
        if name is None:
            return None
        organization = self._text(row, "organization")
        return self._estate.find_inventory(name, self._home(row, "inventory"), preferred=organization)

    def _home(self, row: Row, key: str) -> str | None:
        """Return the organization that a mapping tells beside its name, as exported facts do. It is no guess."""
        value = self._render(row.get(key))
        return self._text(value, "organization") if isinstance(value, Mapping) else None

    def _environment(self, key: int, row: Row) -> Environment:
        name = self._name(row)
        return Environment(
            name=name,
            image=self._text(row, "image"),
            organization=self._organization_named(row),
            managed=self._flag(row, "managed"),
            created=read_time(self._render(row.get("created")), f"execution environment `{name}`"),
            order=key,
            pull=self._text(row, "pull"),
            credential=self._text(row, "credential"),
            description=self._text(row, "description") or "",
        )

    def _organization(self, key: int, row: Row) -> Organization:
        return Organization(self._name(row), self._environment_named(row, "default_environment"))

    def _project(self, key: int, row: Row) -> Project:
        return Project(
            self._name(row), self._organization_named(row), self._environment_named(row, "default_environment")
        )

    def _inventory(self, key: int, row: Row) -> Inventory:
        return Inventory(self._name(row), self._organization_named(row), self._text(row, "kind") == "constructed")

    def _source(self, key: int, row: Row) -> Source:
        """``organization`` of the shape says where the inventory is; the source's own does not show in variables."""
        return Source(
            self._name(row), self._inventory_named(row), self._environment_named(row, "execution_environment")
        )

    def _template(self, key: int, row: Row) -> Template:
        project_name = self._text(row, "project")
        project: Ref = None
        if project_name is not None:
            organization = self._text(row, "organization")
            project = self._estate.find_project(project_name, self._home(row, "project"), preferred=organization)
        return Template(
            name=self._name(row),
            project=project,
            organization=self._estate.projects[project].organization
            if isinstance(project, int)
            else self._organization_named(row),
            inventory=self._inventory_named(row),
            environment=self._environment_named(row, "execution_environment"),
            asks=self._flag(row, "ask_execution_environment_on_launch"),
            asks_inventory=self._flag(row, "ask_inventory_on_launch"),
        )

    def _workflow(self, key: int, row: Row) -> Workflow:
        return Workflow(self._name(row), self._organization_named(row), self._inventory_named(row))

    def _settings(self, global_job_images: t.Sequence[str] | None) -> Settings:
        values = self._setting_values()
        images = values.get("GLOBAL_JOB_EXECUTION_ENVIRONMENTS") if global_job_images is None else global_job_images
        default = values.get(DEFAULT_SETTING)
        return Settings(self._default(default), self._images(images))

    def _default(self, value: t.Any) -> Ref:
        """An id that no entry has is passed over as a controller would, if the entries tell their ids at all."""
        if value is None or value == "":
            return None
        ref = self._estate.find_environment(str(value))
        if isinstance(ref, Unknown) and str(value).isdecimal() and self._environments.tell_ids:
            return replace(ref, fatal=False)
        return ref

    def _images(self, value: t.Any) -> frozenset[str]:
        value = [] if value is None else value
        if isinstance(value, (str, Mapping)) or not isinstance(value, Sequence):
            raise Invalid(f"The list of global job images is a {type(value).__name__}.", hint="Expected a list.")
        rendered = (self._render(one.get("image") if isinstance(one, Mapping) else one) for one in value)
        return frozenset(str(one) for one in rendered if one)

    def _setting_values(self) -> dict[str, t.Any]:
        """Read ``{A: …}``, ``{settings: {A: …}}``, ``[{name: A, value: …}]`` and ``[{settings: {A: …}}]``."""
        value = self._variables.get("controller_settings")
        value = self._render(value) if isinstance(value, str) else value
        blocks = [value] if isinstance(value, Mapping) else value or []
        values: dict[str, t.Any] = {}
        for block in blocks:
            block = self._render(block) if isinstance(block, str) else block
            if not isinstance(block, Mapping):
                raise Invalid("`controller_settings` has an entry that is no mapping.")
            named = {str(self._render(block["name"])): block["value"]} if {"name", "value"} <= set(block) else block
            inner = named.get("settings", named)
            inner = self._render(inner) if isinstance(inner, str) else inner
            values.update({key: self._render(inner[key]) for key in _SETTINGS if key in inner})
        return values


_EE = "execution environment"
_SETTINGS = (DEFAULT_SETTING, "GLOBAL_JOB_EXECUTION_ENVIRONMENTS")

# Part of the estate → the API's listing. Eight listings are all that resolving needs, for any number of templates.
LISTINGS: t.Mapping[str, str] = {
    "environments": "execution_environments/",
    "organizations": "organizations/",
    "projects": "projects/",
    "inventories": "inventories/",
    "sources": "inventory_sources/",
    "templates": "job_templates/",
    "workflows": "workflow_job_templates/",
    "system_jobs": "system_job_templates/",
}


def from_listings(
    listings: t.Mapping[str, t.Sequence[Row]],
    *,
    default_environment: t.Any = None,
    global_job_images: t.Iterable[str] = (),
    where: str = "the controller",
) -> Estate:
    """Read a controller's listings, by the names of ``LISTINGS``; ``default_environment`` is the setting's value.

    A user who may not read the setting has UNREADABLE_SETTING there.

    An environment that the user may not list is known by the name and image that its users' records tell.
    """
    rows = {part: {int(row["id"]): row for row in listings.get(part, ())} for part in LISTINGS}
    rows["environments"] = {**_told_by_others(rows), **rows["environments"]}
    make = _Listings(rows, where)
    default = make.default(default_environment)
    return Estate(
        environments=Table(rows["environments"], make.environment),
        organizations=Table(rows["organizations"], make.organization),
        projects=Table(rows["projects"], make.project),
        inventories=Table(rows["inventories"], make.inventory),
        sources=Table(rows["sources"], make.source),
        templates=Table(rows["templates"], make.template),
        workflows=Table(rows["workflows"], make.workflow),
        system_jobs=Table(rows["system_jobs"], make.system_job),
        settings=Settings(default, frozenset(global_job_images)),
        where=where,
    )


def _told_by_others(rows: t.Mapping[str, t.Mapping[int, Row]]) -> dict[int, Row]:
    told: dict[int, Row] = {}
    for part, table in rows.items():
        if part == "environments":
            continue
        for row in table.values():
            summary = row.get("summary_fields") or {}
            for field_name in ("execution_environment", "default_environment"):
                other = summary.get(field_name)
                if other and other.get("id") is not None:
                    told.setdefault(int(other["id"]), other)
    return told


class _Listings:
    """Makes records from the API's objects."""

    def __init__(self, rows: t.Mapping[str, t.Mapping[int, Row]], where: str) -> None:
        self._rows = rows
        self._where = where

    def ref(self, part: str, what: str, value: t.Any) -> Ref:
        if value is None:
            return None
        return int(value) if int(value) in self._rows[part] else Unknown(what, str(value), self._where)

    def default(self, value: t.Any) -> Ref:
        """Return the setting's environment; an id that no environment has is passed over."""
        if isinstance(value, Unknown):
            return value
        ref = None if value in (None, "") else self.ref("environments", _EE, int(value))
        return replace(ref, fatal=False) if isinstance(ref, Unknown) else ref

    def environment(self, key: int, row: Row) -> Environment:
        organization = row.get("organization")
        credential = (row.get("summary_fields") or {}).get("credential") or {}
        return Environment(
            name=str(row["name"]),
            image=row.get("image"),
            organization=self.ref("organizations", "organization", organization),
            managed=bool(row.get("managed")),
            created=read_time(row.get("created"), f"execution environment `{row['name']}`"),
            order=key,
            pull=row.get("pull") or None,
            credential=credential.get("name"),
            description=row.get("description") or "",
        )

    def organization(self, key: int, row: Row) -> Organization:
        return Organization(str(row["name"]), self._environment_of(row, "default_environment"))

    def project(self, key: int, row: Row) -> Project:
        return Project(
            name=str(row["name"]),
            organization=self._organization_of(row),
            default_environment=self._environment_of(row, "default_environment"),
            environment=self._environment_of(row, "execution_environment"),
        )

    def inventory(self, key: int, row: Row) -> Inventory:
        return Inventory(str(row["name"]), self._organization_of(row), row.get("kind") == "constructed")

    def source(self, key: int, row: Row) -> Source:
        """Its own organization is that of the inventory when the source was made; it shows only in the summary."""
        own = ((row.get("summary_fields") or {}).get("organization") or {}).get("id")
        inventory = self._rows["inventories"].get(row.get("inventory") or 0, {})
        return Source(
            name=str(row["name"]),
            inventory=self.ref("inventories", "inventory", row.get("inventory")),
            environment=self._environment_of(row, "execution_environment"),
            organization=None
            if own == inventory.get("organization")
            else self.ref("organizations", "organization", own),
        )

    def template(self, key: int, row: Row) -> Template:
        return Template(
            name=str(row["name"]),
            project=self.ref("projects", "project", row.get("project")),
            organization=self._organization_of(row),
            inventory=self.ref("inventories", "inventory", row.get("inventory")),
            environment=self._environment_of(row, "execution_environment"),
            asks=bool(row.get("ask_execution_environment_on_launch")),
            asks_inventory=bool(row.get("ask_inventory_on_launch")),
        )

    def workflow(self, key: int, row: Row) -> Workflow:
        return Workflow(
            name=str(row["name"]),
            organization=self._organization_of(row),
            inventory=self.ref("inventories", "inventory", row.get("inventory")),
            environment=self._environment_of(row, "execution_environment"),
        )

    def system_job(self, key: int, row: Row) -> SystemJob:
        return SystemJob(str(row["name"]), self._environment_of(row, "execution_environment"))

    def _environment_of(self, row: Row, key: str) -> Ref:
        return self.ref("environments", _EE, row.get(key))

    def _organization_of(self, row: Row) -> Ref:
        return self.ref("organizations", "organization", row.get("organization"))
