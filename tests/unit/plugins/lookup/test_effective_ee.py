# Copyright (c) 2026 Foundry maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import http.server
import json
import threading
import urllib.parse

import pytest
import yaml
from ansible import constants
from ansible import template as ansible_template
from ansible.errors import AnsibleError
from ansible.parsing.dataloader import DataLoader

from ansible_collections.foundry.ee.plugins.doc_fragments import _connection, _controller
from ansible_collections.foundry.ee.plugins.lookup import effective_ee
from ansible_collections.foundry.ee.plugins.module_utils import _http

NAME = "foundry.ee.effective_ee"


@pytest.fixture(scope="module", autouse=True)
def _options():
    """Tell ansible-core the plugin's options, as its loader does from the documentation."""
    parts = (
        _connection.ModuleDocFragment.DOCUMENTATION,
        _controller.ModuleDocFragment.PLUGIN,
        effective_ee.DOCUMENTATION,
    )
    options = {name: option for part in parts for name, option in yaml.safe_load(part)["options"].items()}
    constants.config.initialize_plugin_configuration_definitions("lookup", NAME, options)


def trusted(value):
    """Mark the strings of test data as templates, as those of a playbook are (from ansible-core 2.19 on)."""
    if isinstance(value, str):
        mark = getattr(ansible_template, "trust_as_template", str)
        return mark(value)
    if isinstance(value, list):
        return [trusted(one) for one in value]
    if isinstance(value, dict):
        return {key: trusted(one) for key, one in value.items()}
    return value


def look(*terms, variables=None, **options):
    facts = trusted(variables or {})
    loader = DataLoader()
    lookup = effective_ee.LookupModule(loader=loader, templar=ansible_template.Templar(loader, facts))
    lookup._load_name = NAME
    return lookup.run(list(terms), facts, **options)


SHOP = {
    "hub": "hub.example.com",
    "controller_execution_environments": [
        {"name": "old", "image": "{{ hub }}/ee/old:1"},
        {"name": "net", "image": "{{ hub }}/ee/net:1", "organization": "Network"},
    ],
    "controller_organizations": [{"name": "Network", "default_environment": "net"}, {"name": "Base"}],
    "controller_projects": "{{ [{'name': 'p', 'organization': 'Base'}] }}",
    "controller_inventories": [{"name": "plant", "organization": "Network"}],
    "controller_templates": [
        {"name": "backup", "project": "p", "extra_vars": "{{ undefined }}"},
        {"name": "patch", "project": "p", "inventory": "plant"},
        {"name": "broken", "project": "p", "execution_environment": "{{ undefined }}"},
    ],
}


def test_the_image_of_each_term():
    images = ["hub.example.com/ee/old:1", "hub.example.com/ee/net:1"]
    assert look("backup", "patch", variables=SHOP) == images
    assert look(["backup", "patch"], variables=SHOP) == images


@pytest.mark.parametrize(
    ("own", "image"),
    [
        ({}, "old"),
        ({"ee_organization": "Network"}, "net"),
        ({"ee_organization": "{{ 'Net' ~ 'work' }}"}, "net"),
        ({"ee_organization": "Base", "ee_inventory": "plant"}, "net"),
        ({"ee_organization": "Base", "ee_inventory_organization": "Network"}, "net"),
        ({"ee_organization": "Network", "ee_environment": "old"}, "old"),
        ({"ee_project": "p"}, "old"),
    ],
)
def test_a_play_speaks_through_its_variables(own, image):
    assert look(variables={**SHOP, **own}) == [f"hub.example.com/ee/{image}:1"]


def test_the_record_says_why():
    (record,) = look("patch", variables=SHOP, explain=True)
    assert (record["name"], record["level"], record["target"]) == ("net", "inventory_organization", "patch")
    assert [one["level"] for one in record["skipped"]] == ["launch", "template", "project", "organization"]


def test_images_of_the_global_jobs_from_a_variable():
    newer = {"name": "newer", "image": "hub.example.com/newer:1"}
    environments = [*SHOP["controller_execution_environments"], newer]
    variables = {**SHOP, "controller_execution_environments": environments}
    assert look(variables=variables) == ["hub.example.com/newer:1"]
    variables["ee_global_job_images"] = "{{ [hub ~ '/ee/old:1'] }}"
    assert look(variables=variables) == ["hub.example.com/ee/old:1"]
    variables["ee_global_job_images"] = [{"name": "x", "image": "{{ hub }}/ee/old:1"}]
    assert look(variables=variables) == ["hub.example.com/ee/old:1"]


def test_omit_is_not_set():
    environments = [{"name": "a", "image": "a:1", "pull": "{{ nothing | default(omit) }}"}]
    variables = {"controller_execution_environments": environments, "omit": "__omit_place_holder__x"}
    (record,) = look(variables=variables, explain=True)
    assert record["pull"] is None


@pytest.mark.parametrize(
    ("terms", "options", "message"),
    [
        (["bakup"], {}, r"no job template `bakup` in the variables\. Did you mean `backup`"),
        (["broken"], {}, "undefined"),
        ([], {"organization": "network"}, "Did you mean `Network`"),
        (["patch"], {"launch_environment": "nett"}, "no execution environment `nett`"),
        ([], {"kind": "project_update"}, "needs a term"),
        (["p"], {"kind": "project_update"}, "control plane"),
        ([], {"source": "file"}, "needs `file`"),
        ([], {"source": "file", "file": ["nowhere.yml"]}, r"no file nowhere\.yml"),
        ([], {"source": "controller"}, "needs `controller_host`"),
    ],
)
def test_what_cannot_be_answered(terms, options, message, monkeypatch):
    for name in ("CONTROLLER_HOST", "TOWER_HOST"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(AnsibleError, match=message):
        look(*terms, variables=SHOP, **options)


def test_no_environment_is_an_error_unless_reasons_are_asked_for():
    with pytest.raises(AnsibleError, match=r"The play \(job\) gets no execution environment: no level has"):
        look()
    (record,) = look(explain=True)
    assert (record["name"], record["image"], record["level"]) == (None, None, None)


def test_files_are_joined(tmp_path):
    environments = tmp_path / "environments.yml"
    environments.write_text("controller_execution_environments:\n  - {name: a, image: 'hub.example.com/a:1'}\n")
    more = tmp_path / "more.json"
    more.write_text(json.dumps({"controller_execution_environments": [{"name": "b", "image": "hub.example.com/b:1"}]}))
    assert look(source="file", file=[str(environments), str(more)]) == ["hub.example.com/b:1"]
    more.write_text("[]")
    with pytest.raises(AnsibleError, match="holds no mapping"):
        look(source="file", file=[str(more)])


RECORDS = {
    "execution_environments": [
        {"id": 4, "name": "net", "image": "hub.example.com/ee/net:1", "created": "2026-01-01T00:00:00Z"},
        {"id": 5, "name": "new", "image": "hub.example.com/ee/new:1", "created": "2026-02-01T00:00:00Z"},
    ],
    "organizations": [{"id": 1, "name": "Network", "default_environment": None}],
    "projects": [{"id": 2, "name": "p", "organization": 1, "default_environment": None}],
    "inventories": [],
    "inventory_sources": [],
    "job_templates": [{"id": 100 + i, "name": f"t{i}", "organization": 1, "project": 2} for i in range(450)],
    "workflow_job_templates": [],
    "system_job_templates": [],
}


class Controller(http.server.BaseHTTPRequestHandler):
    """Pages of RECORDS. What a controller does beyond listing is the integration target's business."""

    asked: list[str]

    def do_HEAD(self):
        self.send_error(404)

    def do_GET(self):
        path, _mark, query = self.path.partition("?")
        self.asked.append(path)
        part = path.strip("/").split("/")[-1]
        if part == "system":
            return self.answer({"DEFAULT_EXECUTION_ENVIRONMENT": 4})
        asked = dict(urllib.parse.parse_qsl(query))
        number, size = int(asked.get("page", "1")), int(asked["page_size"])
        rows = RECORDS[part]
        more = f"{path}?page={number + 1}" if number * size < len(rows) else None
        return self.answer({"count": len(rows), "next": more, "results": rows[(number - 1) * size : number * size]})

    def answer(self, value):
        body = json.dumps(value).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args):
        """Be silent."""


@pytest.fixture
def controller():
    handler = type("Handler", (Controller,), {"asked": []})
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}", handler.asked
    server.shutdown()
    server.server_close()


def test_a_controller_is_asked_once_for_all_terms(controller, monkeypatch):
    url, asked = controller
    monkeypatch.setenv("CONTROLLER_HOST", url)
    monkeypatch.setenv("CONTROLLER_OAUTH_TOKEN", "token")
    names = [f"t{i}" for i in range(450)]
    assert set(look(*names, source="controller")) == {"hub.example.com/ee/net:1"}
    assert len(asked) == 4 + 3 + 1, "four listings of one page, one of three, and the setting"
    assert "system_job_templates" not in str(asked), "an ordinary user may not list these"


def test_an_image_that_its_registry_does_not_have_makes_a_warning(controller):
    url, _asked = controller
    host = url.partition("//")[2]
    variables = {"controller_execution_environments": [{"name": "a", "image": f"{host}/ee/a:1"}]}
    (record,) = look(variables=variables, explain=True, check_registry=True)
    assert (record["name"], len(record["warnings"])) == ("a", 1)
    assert f"{host}/ee/a" in record["warnings"][0]


def test_without_requests_a_server_cannot_be_asked(monkeypatch):
    monkeypatch.setattr(_http, "REQUESTS_IMPORT_ERROR", "no such module")
    with pytest.raises(AnsibleError, match="`requests` is missing"):
        look(variables=SHOP, check_registry=True)


def test_an_organization_that_was_told_is_not_ignored():
    assert look("patch", variables=SHOP, organization="Base") == ["hub.example.com/ee/net:1"]
    for organization, message in (("Network", "There is one of `Base`"), ("Bsae", "Did you mean `Base`")):
        with pytest.raises(AnsibleError, match=message):
            look("patch", variables=SHOP, organization=organization)


def test_an_organization_of_the_play_only_picks():
    variables = {**SHOP, "ee_organization": "Network"}
    (record,) = look("patch", variables=variables, explain=True)
    assert record["name"] == "net"
    assert record["warnings"][0] == "`patch` is not of the play's organization `Network`: that is left out of account."
    (record,) = look("patch", variables={**SHOP, "ee_organization": "Base"}, explain=True)
    assert record["warnings"] == []


def test_system_jobs_need_no_facts_of_their_own():
    """No variable tells of them, and only the global levels matter."""
    (record,) = look("Cleanup Job Schedule", variables=SHOP, kind="system_job", explain=True)
    assert (record["target"], record["name"], record["level"]) == ("Cleanup Job Schedule", "old", "newest_global")
    assert look(variables=SHOP, kind="system_job") == ["hub.example.com/ee/old:1"]
