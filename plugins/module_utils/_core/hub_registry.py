# Copyright (c) 2026 Foundry maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Remote registries of a hub: what is, what should be, and what to send."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass

from ansible_collections.foundry.ee.plugins.module_utils._core.address import reachable
from ansible_collections.foundry.ee.plugins.module_utils._core.errors import Conflict, Invalid
from ansible_collections.foundry.ee.plugins.module_utils._core.record_plan import RecordPlan

UpdateSecrets = t.Literal["on_change", "always", "never"]
Fields = t.Mapping[str, t.Any]

READABLE = (
    "url",
    "tls_validation",
    "client_cert",
    "ca_cert",
    "proxy_url",
    "rate_limit",
    "download_concurrency",
)
SECRET = ("username", "password", "client_key", "proxy_username", "proxy_password")
PROXY_SECRETS = ("proxy_username", "proxy_password")
IS_SET = "(set)"
SENT = "(set anew)"


@dataclass(frozen=True)
class Registry:
    """A remote registry as the hub shows it: ``values`` of READABLE, and which of SECRET are set."""

    id: str
    name: str
    values: Fields
    secrets_set: t.Mapping[str, bool]

    @classmethod
    def from_record(cls, identifier: str, record: Fields) -> Registry:
        listed = record.get("write_only_fields") or record.get("hidden_fields") or ()
        is_set = {str(item["name"]): bool(item["is_set"]) for item in listed}
        return cls(
            identifier,
            str(record["name"]),
            {name: record.get(name) if name == "tls_validation" else record.get(name) or None for name in READABLE},
            {name: is_set.get(name, False) for name in SECRET},
        )

    @property
    def shown(self) -> dict[str, t.Any]:
        """The registry fit for results and diffs."""
        secrets = {name: IS_SET if self.secrets_set[name] else None for name in SECRET}
        return {"name": self.name, **self.values, **secrets}


@dataclass(frozen=True)
class RegistryPlan(RecordPlan):
    """``body`` is what to send: to a new registry if ``current`` is None, else to that one; None means nothing.

    ``before`` and ``after`` are as ``Registry.shown``, or None where there is no registry.
    """

    current: Registry | None
    before: dict[str, t.Any] | None
    after: dict[str, t.Any] | None
    body: dict[str, t.Any] | None = None
    orphaned: t.Sequence[str] = ()
    warnings: t.Sequence[str] = ()
    requests: int = 0

    @property
    def result(self) -> dict[str, t.Any]:
        shown = None if self.after is None else {**self.after, "id": self.current.id if self.current else None}
        return {
            "registry": _as_result(shown),
            "orphaned": list(self.orphaned),
            "requests": self.requests,
        }


def _as_result(shown: dict[str, t.Any] | None) -> dict[str, t.Any] | None:
    """Return a registry for the result: secrets as whether they are set, since the rest is for people's eyes."""
    if shown is None:
        return None
    public = {name: value for name, value in shown.items() if name not in SECRET}
    return {**public, "secrets_set": {name: shown[name] is not None for name in SECRET}}


def result_of(registry: Registry) -> dict[str, t.Any] | None:
    """Return a registry as the result shows it."""
    return _as_result({**registry.shown, "id": registry.id})


def normalized(options: Fields) -> dict[str, t.Any]:
    """Return what is wanted, as the hub will keep it. Raises Invalid.

    Options that were left out are gone; empty ones, and a limit of 0, are None: cleared. The hub strips texts.
    """
    wanted: dict[str, t.Any] = {}
    for name, value in options.items():
        if isinstance(value, str):
            wanted[name] = (value if name in SECRET else value.strip()) or None
        elif isinstance(value, bool):
            wanted[name] = value
        elif value is not None:
            if value < 0:
                raise Invalid(f"`{name}` is {value}.", hint="Give a number above 0, or 0 for no limit.")
            wanted[name] = value or None
    for name in ("url", "proxy_url"):
        _check_address(name, wanted)
    return wanted


def _check_address(name: str, wanted: Fields) -> None:
    """The hub checks little: a registry with a bad address is taken, and fails at its first sync."""
    value = wanted.get(name)
    if value is None:
        if name == "url" and name in wanted:
            raise Invalid("`url` is empty.", hint="Give an address such as `https://registry.example.com`.")
        return
    parts = reachable(value)
    if parts is None:  # not shown: a user and a password may be in it
        raise Invalid(f"`{name}` is no address.", hint="Give an address such as `https://registry.example.com`.")
    if parts.username is not None or parts.password is not None:
        raise Invalid(f"`{name}` holds a user or password.", hint="Give them with their own options.")


def plan_present(
    name: str,
    wanted: Fields,
    current: Registry | None,
    update_secrets: UpdateSecrets,
    same_secret: t.Callable[[str, str], bool | None],
) -> RegistryPlan:
    """Plan a registry ``name`` with the ``wanted`` options. Raises Invalid.

    ``same_secret(field, value)`` says whether the hub's secret is that value: None if nobody knows.
    """
    if current is None:
        return _plan_new(name, wanted)
    readable = {key: value for key, value in wanted.items() if key in READABLE and value != current.values[key]}
    changes = bool(readable) or name != current.name
    secrets = _secrets_to_send(wanted, current, update_secrets, same_secret, changes)
    if not changes and not secrets:
        return RegistryPlan(current, current.shown, current.shown)
    # The hub takes no record without name and URL, nor a proxy's user without the rest; all else may be left out.
    needed = ("url", "proxy_url") if any(secrets.get(key) for key in PROXY_SECRETS) else ("url",)
    body = {"name": name, **{key: current.values[key] for key in needed}, **readable, **secrets}
    _check_proxy(body)
    shown_secrets = {key: None if value is None else SENT for key, value in secrets.items()}
    return RegistryPlan(current, current.shown, {**current.shown, "name": name, **readable, **shown_secrets}, body)


def _plan_new(name: str, wanted: Fields) -> RegistryPlan:
    if "url" not in wanted:
        raise Invalid(f"The hub has no registry `{name}`, and `url` is not given.", hint="Give `url` to create it.")
    body = {"name": name, **{key: value for key, value in wanted.items() if value is not None}}
    _check_proxy(body)
    after = {
        "name": name,
        **dict.fromkeys(READABLE),
        "tls_validation": True,
        **{key: value for key, value in body.items() if key in READABLE},
        **{key: IS_SET if key in body else None for key in SECRET},
    }
    return RegistryPlan(None, None, after, body)


def _check_proxy(body: Fields) -> None:
    given = [key for key in PROXY_SECRETS if body.get(key)]
    if given and not body.get("proxy_url"):
        raise Invalid(f"`{given[0]}` is given, but there is no proxy.", hint="Give `proxy_url`.")
    if len(given) == 1:
        raise Invalid(f"Of the proxy's user and password only `{given[0]}` is given.", hint="Give both.")


def _secrets_to_send(
    wanted: Fields,
    current: Registry,
    update_secrets: UpdateSecrets,
    same_secret: t.Callable[[str, str], bool | None],
    other_changes: bool,
) -> dict[str, t.Any]:
    """Return the secrets to send. Those that may be stale ride along when the record is written anyway."""
    found: dict[str, t.Any] = {}
    riding: dict[str, t.Any] = {}
    for name in SECRET:
        if name not in wanted:
            continue
        value = wanted[name]
        if value is None:
            if current.secrets_set[name]:
                found[name] = None
        elif update_secrets == "never":
            continue
        elif update_secrets == "always" or not current.secrets_set[name]:
            found[name] = value
        else:
            same = same_secret(name, value)
            if same is False:
                found[name] = value
            elif same is None:
                riding[name] = value
    if not found and not other_changes:
        return {}
    sent = {**found, **riding}
    if any(sent.get(key) for key in PROXY_SECRETS):  # the hub takes the two together only
        sent.update({key: wanted[key] for key in PROXY_SECRETS if key in wanted})
    return sent


def plan_absent(current: Registry | None, orphaned: t.Sequence[str]) -> RegistryPlan:
    """Plan that there is no such registry; ``orphaned`` are the repositories that sync from it."""
    if current is None:
        return RegistryPlan(None, None, None)
    warnings = []
    if orphaned:
        warnings.append(
            f"Without registry `{current.name}` these repositories keep their images but cannot be synced: "
            f"{', '.join(orphaned)}. Give them another registry with `ee_hub_repository`."
        )
    return RegistryPlan(current, current.shown, None, orphaned=orphaned, warnings=warnings)


def pick(name: str, new_name: str | None, found: t.Sequence[Registry]) -> tuple[Registry | None, str]:
    """Return the registry meant and the name it shall have; what is renamed already stays. Raises Conflict."""
    by_name = {registry.name: registry for registry in found}
    if new_name is None or new_name == name:
        return by_name.get(name), name
    if name in by_name and new_name in by_name:
        raise Conflict(
            f"Cannot rename registry `{name}` to `{new_name}`: the hub has both.",
            hint="Delete one, or take another name.",
        )
    return by_name.get(name) or by_name.get(new_name), new_name
