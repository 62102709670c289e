# Copyright (c) 2026 Foundry maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json
import typing as t

import pytest

from ansible_collections.foundry.ee.plugins.module_utils._core import definition, policy
from ansible_collections.foundry.ee.plugins.module_utils._core.errors import Invalid
from ansible_collections.foundry.ee.plugins.module_utils._core.model import Definition
from ansible_collections.foundry.ee.tests.unit import goldens


def defined(text: str) -> Definition:
    parsed = definition.parse(text).definition
    assert parsed is not None
    return parsed


@pytest.mark.parametrize(
    ("wanted", "keyring", "engine", "args", "version", "words"),
    [
        (None, "k", "podman", (), 3, "no container policy"),
        ("system", None, "podman", (), 1, "version 1"),
        ("ignore_all", None, "docker", (), 3, "docker"),
        ("ignore_all", None, "podman", ("EE_BASE_IMAGE",), 3, "EE_BASE_IMAGE"),
        ("signature_required", None, "podman", (), 3, "needs a keyring"),
        ("system", "k", "podman", (), 3, "takes no keyring"),
        ("ignore_all", "k", "podman", (), 3, "takes no keyring"),
    ],
)
def test_what_does_not_go_together(wanted, keyring, engine, args, version, words):
    with pytest.raises(Invalid, match=words):
        policy.check(wanted, keyring, definition=defined(f"version: {version}"), engine=engine, build_args=args)


@pytest.mark.parametrize(("wanted", "pulls"), [(None, False), ("ignore_all", False), ("system", True)])
def test_policies_without_signatures(wanted, pulls):
    policy.check(wanted, None, definition=defined("version: 3"), engine="podman", build_args=("OTHER",))
    assert policy.pulls_always(wanted) == pulls


RECORDED = [case for case in goldens.cases_of("cli") if case.raw.get("policy_json")]


@pytest.mark.parametrize("case", RECORDED, ids=lambda case: case.id)
def test_the_policy_file_says_what_ansible_builders_does(case):
    argv = list(case.argv)
    wanted: t.Any = argv[argv.index("--container-policy") + 1]
    keyring = "{INPUT}/pub.gpg" if "--container-keyring" in argv else None
    text = policy.document(wanted, keyring, defined(case.input[case.def_file or ""]["text"]))
    recorded = case.raw["policy_json"]
    assert json.loads(text or "") == (json.loads(recorded) if isinstance(recorded, str) else recorded)


def test_the_systems_policy_needs_no_file():
    assert policy.document("system", None, defined("version: 3")) is None
    assert policy.document(None, None, defined("version: 3")) is None
