# Copyright (c) 2026 Foundry maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Arguments shared by modules: sets, each described by the doc fragment of the same name, and lists of tasks."""

from __future__ import annotations

import typing as t

from ansible.module_utils.common.parameters import env_fallback

Spec = dict[str, dict[str, t.Any]]

# Fragment: foundry.ee._connection, and `validate_certs` in each of the others
_CONNECTION: Spec = {
    "validate_certs": {"type": "bool", "default": True},
    "ca_path": {"type": "path"},
    "client_cert": {"type": "path"},
    "client_key": {"type": "path"},
    "timeout": {"type": "float", "default": 30.0},
}

# Fragment: foundry.ee._registry
REGISTRY_ARGUMENTS: Spec = {
    "username": {"type": "str"},
    "password": {"type": "str", "no_log": True},
    "token": {"type": "str", "no_log": True},
    "authfile": {"type": "path"},
    **_CONNECTION,
}

# Fragment: foundry.ee._hub
HUB_ARGUMENTS: Spec = {
    "hub_host": {"type": "str", "fallback": (env_fallback, ["HUB_HOST", "AH_HOST"])},
    "hub_username": {"type": "str", "fallback": (env_fallback, ["HUB_USERNAME", "AH_USERNAME"])},
    "hub_password": {"type": "str", "no_log": True, "fallback": (env_fallback, ["HUB_PASSWORD", "AH_PASSWORD"])},
    "hub_token": {"type": "str", "no_log": True, "fallback": (env_fallback, ["HUB_TOKEN", "AH_API_TOKEN"])},
    **_CONNECTION,
}

# Fragment: foundry.ee._controller
CONTROLLER_ARGUMENTS: Spec = {
    "controller_host": {"type": "str", "fallback": (env_fallback, ["CONTROLLER_HOST", "TOWER_HOST"])},
    "controller_username": {"type": "str", "fallback": (env_fallback, ["CONTROLLER_USERNAME", "TOWER_USERNAME"])},
    "controller_password": {
        "type": "str",
        "no_log": True,
        "fallback": (env_fallback, ["CONTROLLER_PASSWORD", "TOWER_PASSWORD"]),
    },
    "controller_oauthtoken": {
        "type": "str",
        "no_log": True,
        "fallback": (env_fallback, ["CONTROLLER_OAUTH_TOKEN", "TOWER_OAUTH_TOKEN"]),
    },
    **_CONNECTION,
    "validate_certs": {
        **_CONNECTION["validate_certs"],
        "fallback": (env_fallback, ["CONTROLLER_VERIFY_SSL", "TOWER_VERIFY_SSL"]),
    },
    "timeout": {**_CONNECTION["timeout"], "fallback": (env_fallback, ["CONTROLLER_REQUEST_TIMEOUT"])},
}

# Fragment: foundry.ee._engine
ENGINE_ARGUMENTS: Spec = {
    "engine": {"type": "str", "choices": ["auto", "podman", "docker", "buildah"], "default": "auto"},
    "connection": {"type": "str"},
}


def suboptions(one: Spec, **others: dict[str, t.Any]) -> Spec:
    """Return the arguments of each task in a list, which have no defaults of their own. See ``each_of``."""
    return {**{name: {key: spec[key] for key in spec if key != "default"} for name, spec in one.items()}, **others}


def each_of(params: t.Mapping[str, t.Any], option: str) -> list[dict[str, t.Any]]:
    """Return the tasks in a list. What one leaves out is what the whole task says."""
    return [{**params, **{name: value for name, value in one.items() if value is not None}} for one in params[option]]
