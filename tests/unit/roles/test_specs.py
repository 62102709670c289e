# Copyright (c) 2026 Foundry maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a role takes for a module is what the module takes, and all of it is handed on.

A role that does not know the keys of its entries says nothing of those that are mistyped.
"""

from __future__ import annotations

import pathlib
import re
import typing as t

import pytest
import yaml
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator

from ansible_collections.foundry.ee.plugins.module_utils._arguments import HUB_ARGUMENTS
from ansible_collections.foundry.ee.plugins.modules import (
    ee_hub_namespace,
    ee_hub_registry,
    ee_hub_sync,
    ee_registry_image,
    ee_run,
)

ROLES = pathlib.Path(__file__).parents[3] / "roles"
Spec = dict[str, dict[str, t.Any]]
# What the role says itself, what is none of a playbook's, and what the action plugin sets.
NO_RUN_OPTIONS = (
    *("playbook", "image", "effective", "inventory", "extravars", "inner_check"),
    *("role", "role_vars", "module", "module_args", "hosts", "gather_facts"),
    "progress_file",
)
IMAGE = {"type": "str", "required": True}


def options(role: str) -> Spec:
    text = (ROLES / role / "meta" / "argument_specs.yml").read_text()
    return t.cast(Spec, yaml.safe_load(text)["argument_specs"]["main"]["options"])


def without(spec: Spec, names: t.Container[str]) -> Spec:
    return {name: option for name, option in spec.items() if name not in names}


# Role, option, what the module says of it, file of the task that hands it on, and the variable there.
PASSED_ON = [
    ("hub", "hub_registries", without(ee_hub_registry.ARGUMENTS, HUB_ARGUMENTS), "registry.yml", "_hub_registry"),
    ("hub", "hub_namespaces", without(ee_hub_namespace.ARGUMENTS, HUB_ARGUMENTS), "namespace.yml", "_hub_namespace"),
    ("hub", "hub_sync_upstream", ee_hub_sync.ARGUMENTS["upstream"]["options"], "main.yml", None),
    # The role says nothing for all images, so what one leaves out is the module's default.
    ("publish", "publish_images", {"image": IMAGE, **ee_registry_image.ITEM}, "main.yml", None),
    ("run", "run_options", without(ee_run.ARGUMENTS, NO_RUN_OPTIONS), "main.yml", "run_options"),
]


def shape(spec: Spec) -> dict[str, t.Any]:
    """What is taken, without what only the documentation says and without empty defaults."""
    return {
        name: {
            **{key: option[key] for key in ("type", "elements", "choices", "required") if key in option},
            **({"default": option["default"]} if option.get("default") not in (None, [], {}) else {}),
            **({"no_log": True} if option.get("no_log") else {}),
            **({"options": shape(option["options"])} if "options" in option else {}),
        }
        for name, option in spec.items()
    }


@pytest.mark.parametrize(("role", "option", "spec"), [row[:3] for row in PASSED_ON])
def test_entries_have_the_options_of_the_module(role, option, spec):
    assert shape(options(role)[option]["options"]) == shape(spec)


@pytest.mark.parametrize(("role", "option", "spec", "file", "variable"), [row for row in PASSED_ON if row[4]])
def test_every_option_is_handed_on(role, option, spec, file, variable):
    task = (ROLES / role / "tasks" / file).read_text()
    handed = dict(re.findall(rf"^    (\w+): \"{{{{ {variable}\.(\w+)", task, re.MULTILINE))
    assert handed == {name: name for name in spec}


def test_the_role_publish_takes_all_about_the_registry_that_images_come_from():
    mine = {name for name in ee_registry_image.ARGUMENTS if name.startswith("source_")}
    task = yaml.safe_load((ROLES / "publish" / "tasks" / "main.yml").read_text())[0]["foundry.ee.ee_registry_image"]
    assert mine <= set(task)
    assert {f"publish_{name}" for name in mine} <= set(options("publish"))


@pytest.mark.parametrize(
    ("role", "given", "word"),
    [
        ("hub", {"hub_registries": [{"name": "a", "passwort": "x"}]}, "passwort"),
        ("hub", {"hub_namespaces": [{"name": "a", "role": []}]}, "role"),
        ("hub", {"hub_namespaces": [{"name": "a", "roles": [{"role": "b", "group": ["c"]}]}]}, "group"),
        ("hub", {"hub_namespaces": [{}]}, "name"),
        ("hub", {"hub_sync_upstream": {"user": "a"}}, "user"),
        ("run", {"run_playbook": "a.yml", "run_options": {"client_certs": "a"}}, "client_certs"),
    ],
)
def test_mistyped_keys_are_refused(role, given, word):
    result = ArgumentSpecValidator(options(role)).validate(given)
    assert word in " ".join(result.error_messages)


@pytest.mark.parametrize(
    ("role", "given"),
    [
        ("hub", {"hub_registries": [{"name": "a", "password": "x", "rate_limit": 5}], "hub_sync_upstream": {}}),
        ("hub", {"hub_namespaces": [{"name": "a", "wait_timeout": 9, "roles": [{"role": "b", "groups": ["c"]}]}]}),
        ("run", {"run_playbook": "a.yml", "run_options": {"client_cert": "a", "limits": {"memory": "1g"}}}),
    ],
)
def test_what_is_right_passes(role, given):
    assert ArgumentSpecValidator(options(role)).validate(given).error_messages == []
