# Copyright (c) 2026 Foundry maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the templates of the playbook lifecycle make of an estate."""

from __future__ import annotations

import json
import pathlib

import jinja2
import pytest
from ansible.plugins.filter import core, mathstuff

TEMPLATES = pathlib.Path(__file__).parents[3] / "playbooks" / "templates"
HERE = "registry.example.com/network"
ENVIRONMENTS = [{"name": "Base", "tags": None}, {"name": "Network", "tags": ["1", "newest"]}, {"name": "Plain"}]
BUILT = {
    "builds": [
        {"image": "registry.example.com/base:1.0", "changed": False},
        {"image": f"{HERE}/ee:1.4", "changed": True},
        {"image": f"{HERE}/plain:latest", "changed": True},
    ]
}


def images(entries, *, check=True, **variables):
    environment = jinja2.Environment(trim_blocks=True, undefined=jinja2.StrictUndefined)  # noqa: S701 - it is JSON
    for ansibles in (core.FilterModule().filters(), mathstuff.FilterModule().filters()):
        environment.filters = {**ansibles, **environment.filters}  # where both have one, Jinja's
    template = environment.from_string((TEMPLATES / "images.json.j2").read_text())
    return json.loads(template.render(ee_images=entries, ansible_check_mode=check, **variables))


@pytest.mark.parametrize(
    "entry",
    [
        {"image": f"{HERE}/prod:stable", "source": f"{HERE}/ee:1.4"},
        {"image": f"{HERE}/prod:stable", "source": f"{HERE}/ee:1"},
        {"image": f"{HERE}/prod:stable", "source": f"{HERE}/ee:newest", "state": None},
        {"image": f"{HERE}/prod:stable", "source": f"podman:{HERE}/ee:1.4"},
        {"image": f"{HERE}/prod:stable", "source": f"{HERE}/plain"},
        {"image": f"{HERE}/prod:stable", "index_of": [f"{HERE}/arm:1", f"{HERE}/ee:1.4"]},
        {"image": f"{HERE}/ee:1.4", "tags": ["stable"]},
    ],
)
def test_check_mode_leaves_out_what_comes_from_what_is_not_built_yet(entry):
    assert images([entry], ee_environments=ENVIRONMENTS, ee_built=BUILT) == []
    assert images([entry], check=False, ee_environments=ENVIRONMENTS, ee_built=BUILT) == [entry]


@pytest.mark.parametrize(
    "entry",
    [
        {"image": f"{HERE}/prod:stable", "source": "registry.example.com/base:1.0"},
        {"image": f"{HERE}/prod:stable", "source": f"{HERE}/ee:1.3"},
        {"image": f"{HERE}/prod:stable", "source": f"{HERE}/ee:1.4@sha256:{'0' * 64}"},
        {"image": f"{HERE}/prod:stable", "index_of": [f"{HERE}/arm:1", f"{HERE}/amd:1"], "source": None},
        {"image": f"{HERE}/prod:stable", "tags": ["newest"]},
        {"image": f"{HERE}/prod:stable", "rollback": True},
        {"image": f"{HERE}/ee:1.3", "state": "absent"},
        {"image": f"{HERE}/ee:1.4", "state": "absent"},
        {"image": "oci:/srv/ee:1.0", "source": "oci-archive:/srv/other.tar"},
    ],
)
def test_check_mode_keeps_what_is_there(entry):
    assert images([entry], ee_environments=ENVIRONMENTS, ee_built=BUILT) == [entry]


@pytest.mark.parametrize("built", [{}, {"ee_built": {"skipped": True}}])
def test_nothing_is_left_out_where_nothing_is_built(built):
    entry = {"image": f"{HERE}/prod:stable", "source": f"{HERE}/ee:1.4"}
    assert images([entry], **built) == [entry]


def test_the_order_stays():
    entries = [
        {"image": f"{HERE}/a:1", "source": f"{HERE}/x:1"},
        {"image": f"{HERE}/b:1", "source": f"{HERE}/ee:1.4"},
        {"image": f"{HERE}/c:1"},
    ]
    assert images(entries, ee_environments=ENVIRONMENTS, ee_built=BUILT) == [entries[0], entries[2]]
