# Copyright (c) 2026 Foundry maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: effective_ee
short_description: The execution environment that a job gets, and why
version_added: 0.1.0
author: Foundry maintainers (@foundry)
description:
  - >-
    Returns the image of the execution environment that a controller gives to a job. The levels are, first hit wins -
    V(launch), the environment given at launch, where the template asks for it; V(template), the one set on the
    template or the inventory source; V(project), the default of the template's project; V(organization), the default
    of the job's organization; V(inventory_organization), the default of the inventory's organization; V(default), the
    setting C(DEFAULT_EXECUTION_ENVIRONMENT); V(global_job_images), the newest global environment whose image is among
    C(GLOBAL_JOB_EXECUTION_ENVIRONMENTS); V(newest_global), the newest global environment.
  - The last two levels count only environments without an organization that the controller does not manage itself.
  - >-
    Not every kind of job knows every level, see O(kind). Updates of projects and of constructed inventories use the
    control plane's environment, whatever is set; their level is V(control_plane).
  - >-
    With O(source=vars) the facts come from the variables that configuration-as-code collections use -
    C(controller_execution_environments), C(controller_organizations), C(controller_projects),
    C(controller_inventories), C(controller_inventory_sources), C(controller_templates), C(controller_workflows) and
    C(controller_settings), each a list of mappings with the fields of the controller's API and names in place of ids.
    Entries with C(state=absent) do not count. As variables rarely tell when an environment was created, the last of
    several in the list is taken for the newest, unless C(created) says otherwise.
options:
  _terms:
    description:
      - Names of job templates, or of what O(kind) says.
      - Of several with one name, C(name++organization) says which (for inventory sources C(name++inventory), or
        C(name++inventory++organization)).
      - Without a term the answer is for the play itself, from O(organization), O(inventory) and the like.
    type: list
    elements: str
  kind:
    description:
      - What runs, and with it what the terms are.
      - V(job) and V(job_template) take job templates; the latter is the template as the controller shows it, without
        the level V(launch).
      - V(ad_hoc_command) takes inventories.
      - V(inventory_update) and V(inventory_source) take inventory sources, V(project_update) and V(project) projects.
        The second of each pair is what the controller shows of the record, which is not always what its update uses.
      - V(system_job) takes system job templates, V(workflow_job) and V(workflow_job_template) workflow templates. No
        variables tell of system job templates, so that with O(source=vars) and O(source=file) any name is one, without
        an environment of its own.
    type: str
    default: job
    choices:
      - job
      - job_template
      - ad_hoc_command
      - inventory_update
      - inventory_source
      - project_update
      - project
      - system_job
      - workflow_job
      - workflow_job_template
  source:
    description:
      - Where the facts are.
      - V(vars) reads the variables of the host that the task is for, V(file) reads O(file), V(controller) asks a
        controller.
    type: str
    default: vars
    choices: [vars, file, controller]
  file:
    description:
      - YAML or JSON files that hold the variables which O(source=vars) reads. Lists of the same name are joined.
      - Relative paths are searched as those of C(vars_files) are, next to the role or the playbook.
      - Files encrypted by Ansible Vault are decrypted. Jinja in them is not evaluated.
    type: list
    elements: path
  explain:
    description: Whether to return a record with the reasons, in place of the image.
    type: bool
    default: false
  environment:
    description: The play's own execution environment, by name or image. Takes the place of the template's.
    type: str
    vars:
      - name: ee_environment
  project:
    description: The play's project, whose default counts.
    type: str
    vars:
      - name: ee_project
  organization:
    description:
      - The play's organization. With terms it is the one that a template, project, inventory or inventory source has to
        be in.
      - Where it comes from a variable it only picks one of several with the same name. If none of them is in it, there
        is a warning.
    type: str
    vars:
      - name: ee_organization
  inventory:
    description:
      - The play's inventory, whose organization counts. With O(kind=inventory_update) it is the one that the inventory
        sources have to be in; where it comes from a variable, as with O(organization).
    type: str
    vars:
      - name: ee_inventory
  inventory_organization:
    description: The organization of the play's inventory, where O(inventory) is not given.
    type: str
    vars:
      - name: ee_inventory_organization
  launch_environment:
    description: The environment given at launch, by name or image.
    type: str
  launch_inventory:
    description: The inventory given at launch.
    type: str
  global_job_images:
    description:
      - The images of C(GLOBAL_JOB_EXECUTION_ENVIRONMENTS); a list of image references, or of mappings with C(image).
      - A controller keeps this list in a file and does not tell it, so it has to be given.
      - With O(source=vars) and O(source=file), C(controller_settings) may hold it as well.
    type: raw
    vars:
      - name: ee_global_job_images
  check_registry:
    description:
      - Whether to ask the registry if the image is there, by one request for each image.
      - An image that is not there, or a registry that does not tell, makes a warning.
    type: bool
    default: false
  authfile:
    description:
      - File with credentials for the registry, as C(podman login) or C(docker login) writes it.
      - Default are the places where podman and docker keep theirs.
    type: path
notes:
  - O(validate_certs), O(ca_path), O(client_cert), O(client_key) and O(timeout) hold for the controller and for the
    registry.
  - Jinja in the variables is evaluated for what is looked at only.
seealso:
  - module: foundry.ee.ee_usage_info
extends_documentation_fragment:
  - foundry.ee._controller.plugin
  - foundry.ee._connection
"""

EXAMPLES = r"""
- name: Run a play where the controller would run it
  foundry.ee.ee_run:
    playbook: site.yml
    image: "{{ lookup('foundry.ee.effective_ee', 'Deploy network') }}"

- name: Say why
  ansible.builtin.debug:
    msg: "{{ lookup('foundry.ee.effective_ee', 'Deploy network', explain=true) }}"

- name: The environment of this play, by the organization that its group variables name (ee_organization)
  ansible.builtin.debug:
    msg: "{{ lookup('foundry.ee.effective_ee') }}"

- name: Ask the controller itself
  ansible.builtin.debug:
    msg: "{{ lookup('foundry.ee.effective_ee', 'Deploy network', source='controller',
      controller_host='https://controller.example.com') }}"

- name: Before a deployment, be warned if the image is not in its registry
  ansible.builtin.debug:
    msg: "{{ lookup('foundry.ee.effective_ee', 'Deploy network', explain=true, check_registry=true).warnings }}"

- name: What the update of an inventory source uses, from files in git
  ansible.builtin.debug:
    msg: "{{ lookup('foundry.ee.effective_ee', 'cloud++Production', kind='inventory_update', source='file',
      file=['controller/environments.yml', 'controller/inventories.yml']) }}"
"""

RETURN = r"""
_raw:
  description:
    - For each term the image, or with O(explain) a record with C(kind), C(target), C(name), C(image), C(pull),
      C(credential), C(level), C(because), C(skipped) (a list of C(level) and C(why)) and C(warnings).
    - Without O(explain) a job that gets no environment at all is an error; the record has null for C(name), C(image)
      and C(level).
  type: list
  elements: raw
"""

import typing as t
from dataclasses import replace

from ansible.errors import AnsibleError, AnsibleLookupError, AnsibleOptionsError
from ansible.parsing.dataloader import DataLoader
from ansible.plugins.lookup import LookupBase
from ansible.template import Templar
from ansible.utils.display import Display

from ansible_collections.foundry.ee.plugins.module_utils._core import effective
from ansible_collections.foundry.ee.plugins.module_utils._core.errors import EEError, Invalid
from ansible_collections.foundry.ee.plugins.module_utils._core.estate import (
    VARIABLE_NAMES,
    Estate,
    Ref,
    SystemJob,
    Table,
    Unknown,
    from_variables,
    known,
)

display = Display()

_CONTROLLER = ("controller_host", "controller_username", "controller_password", "controller_oauthtoken")
_CONNECTION = ("validate_certs", "ca_path", "client_cert", "client_key", "timeout")
_MARKS = ("{{", "{%", "{#")


class LookupModule(LookupBase):
    """Gathers the facts, asks the pure function, and hands out its answer."""

    def run(self, terms: list[t.Any], variables: dict[str, t.Any] | None = None, **kwargs: t.Any) -> list[t.Any]:
        self.set_options(var_options=variables or {}, direct=kwargs)
        self._rendered: dict[str, t.Any] = {}
        self._direct = frozenset(kwargs)
        names = [str(term) for term in self._flatten(terms)]
        try:
            estate = self._with_system_jobs(self._estate(variables or {}), names)
            answers = [self._answer(estate, name) for name in names] or [effective.resolve(estate, self._play(estate))]
            if self.get_option("check_registry"):
                answers = self._checked(answers)
            return [self._hand_out(answer) for answer in answers]
        except EEError as error:
            raise AnsibleLookupError(f"effective_ee: {error}") from error

    def _checked(self, answers: list[effective.Answer]) -> list[effective.Answer]:
        """Add a warning to each answer whose image its registry does not have."""
        _need_requests()
        from ansible_collections.foundry.ee.plugins.module_utils._images import Images

        options = {**self._connection(), "authfile": self._text("authfile")}
        images = {one.environment.image for one in answers if one.environment and one.environment.image}
        problems = {image: state.problem for image, state in Images(options).states(images, age=False).items()}

        def checked(answer: effective.Answer) -> effective.Answer:
            problem = problems.get(answer.environment.image or "") if answer.environment else None
            return answer if problem is None else replace(answer, warnings=(*answer.warnings, problem))

        return [checked(answer) for answer in answers]

    def _connection(self) -> dict[str, t.Any]:
        return {name: self._render(self.get_option(name)) for name in _CONNECTION}

    def _hand_out(self, answer: effective.Answer) -> t.Any:
        if self.get_option("explain"):
            return answer.as_result()
        for warning in answer.warnings:
            display.warning(f"effective_ee: {warning}")
        if answer.environment is None:
            why = "; ".join(f"{one.level}: {one.why}" for one in answer.skipped)
            raise Invalid(
                f"{answer.target or 'The play'} ({answer.kind}) gets no execution environment: {answer.because}.",
                hint=f"Levels: {why}." if why else None,
            )
        if answer.environment.image is None:
            raise Invalid(f"The execution environment `{answer.environment.name}` has no image.")
        return answer.environment.image

    def _estate(self, variables: dict[str, t.Any]) -> Estate:
        source = self.get_option("source")
        if source == "controller":
            return self._from_controller()
        if source == "file":
            return from_variables(self._files(variables), global_job_images=self._images(), where="the given files")
        return from_variables(variables, render=self._render, global_job_images=self._images())

    def _images(self) -> list[str] | None:
        """Return the option's list as image references; None where it is not given."""
        value = self._render(self.get_option("global_job_images"))
        if value is None:
            return None
        if isinstance(value, str):
            value = [part.strip() for part in value.split(",")]
        return [str(self._render(one["image"] if isinstance(one, dict) else one)) for one in value]

    def _files(self, variables: dict[str, t.Any]) -> dict[str, t.Any]:
        paths = self.get_option("file")
        if not paths:
            raise AnsibleOptionsError("effective_ee: `source=file` needs `file`, the files with the variables.")
        joined: dict[str, t.Any] = {}
        loader = self._loader or DataLoader()
        for path in paths:
            found = self.find_file_in_search_path(variables, "vars", path, ignore_missing=True)
            if found is None:
                raise AnsibleLookupError(f"effective_ee: there is no file {path}.")
            content = loader.load_from_file(found)
            if not isinstance(content, dict):
                raise AnsibleLookupError(f"effective_ee: {path} holds no mapping of variables.")
            for name in VARIABLE_NAMES:
                part = content.get(name)
                if part is not None:
                    joined[name] = [*joined.get(name, []), *(part if isinstance(part, list) else [part])]
        return joined

    def _from_controller(self) -> Estate:
        _need_requests()
        from ansible_collections.foundry.ee.plugins.module_utils._controller import open_controller
        from ansible_collections.foundry.ee.plugins.module_utils._facts import PARTS, read_estate

        params = {**self._connection(), **{name: self._render(self.get_option(name)) for name in _CONTROLLER}}
        if not params["controller_host"]:
            raise AnsibleOptionsError("effective_ee: `source=controller` needs `controller_host`.")
        controller = open_controller(params, read_only=True)
        return read_estate(controller, PARTS[self.get_option("kind")], self._images() or ())

    def _with_system_jobs(self, estate: Estate, names: list[str]) -> Estate:
        """Add system job templates of any name where the facts are variables: no variable tells of them."""
        if self.get_option("kind") != "system_job" or self.get_option("source") == "controller":
            return estate
        return estate.changed(system_jobs=Table(records={key: SystemJob(name) for key, name in enumerate(names, 1)}))

    def _answer(self, estate: Estate, name: str) -> effective.Answer:
        """Resolve a term. What variables of the play say about itself need not hold for what the term names."""
        told = {option: self._text(option) for option in ("organization", "inventory")}
        found = self._find(estate, name, told)
        loose = {option: value for option, value in told.items() if value is not None and option not in self._direct}
        warnings: tuple[str, ...] = ()
        if loose and isinstance(found, Unknown) and found.elsewhere:
            named = " and ".join(f"{option} `{value}`" for option, value in loose.items())
            warnings = (f"`{name}` is not of the play's {named}: that is left out of account.",)
            found = self._find(estate, name, {**told, **dict.fromkeys(loose)})
        asked = effective.Asked(
            self.get_option("kind"),
            known(found),
            launch=self._named("launch_environment", estate.find_environment),
            inventory=self._named("launch_inventory", estate.find_inventory),
        )
        answer = effective.resolve(estate, asked)
        return replace(answer, warnings=(*warnings, *answer.warnings)) if warnings else answer

    def _find(self, estate: Estate, name: str, told: t.Mapping[str, str | None]) -> Ref:
        organization, inventory = told["organization"], told["inventory"]
        find: dict[str, t.Callable[[], Ref]] = {
            "job": lambda: estate.find_template(name, organization),
            "job_template": lambda: estate.find_template(name, organization),
            "ad_hoc_command": lambda: estate.find_inventory(name, organization),
            "inventory_update": lambda: estate.find_source(name, inventory, organization),
            "inventory_source": lambda: estate.find_source(name, inventory, organization),
            "project_update": lambda: estate.find_project(name, organization),
            "project": lambda: estate.find_project(name, organization),
            "system_job": lambda: estate.find_system_job(name),
            "workflow_job": lambda: estate.find_workflow(name, organization),
            "workflow_job_template": lambda: estate.find_workflow(name, organization),
        }
        return find[self.get_option("kind")]()

    def _play(self, estate: Estate) -> effective.Asked:
        kind = self.get_option("kind")
        if kind not in ("job", "job_template", "ad_hoc_command", "system_job"):
            raise AnsibleOptionsError(f"effective_ee: `kind={kind}` needs a term: the name of what it is for.")
        organization = self._text("organization")
        direct = organization if "organization" in self._direct else None
        return effective.Asked(
            kind,
            launch=self._named("launch_environment", estate.find_environment),
            environment=self._named("environment", estate.find_environment),
            project=self._named("project", lambda name: estate.find_project(name, direct, preferred=organization)),
            organization=self._named("organization", estate.find_organization),
            inventory=self._named("inventory", lambda name: estate.find_inventory(name, preferred=organization)),
            inventory_organization=self._named("inventory_organization", estate.find_organization),
        )

    def _text(self, option: str) -> str | None:
        value = self._render(self.get_option(option))
        return None if value is None or value == "" else str(value)

    def _named(self, option: str, find: t.Callable[[str], Ref]) -> Ref:
        """Return the key of what an option names. Raises EEError where there is no such thing."""
        name = self._text(option)
        return None if name is None else known(find(name))

    def _render(self, value: t.Any) -> t.Any:
        """Evaluate a value with Jinja in it, once for each text; most have none, and the engine is slow."""
        if not isinstance(value, str) or "{" not in value or not any(mark in value for mark in _MARKS):
            return value
        if value not in self._rendered:
            self._rendered[value] = self._evaluate(value)
        return self._rendered[value]

    def _evaluate(self, value: str) -> t.Any:
        """Evaluate one value; ``omit`` is None."""
        templar = self._templar or Templar(loader=self._loader)
        try:
            rendered = templar.template(value)
        except AnsibleError as error:
            if error.__class__.__name__ == "AnsibleValueOmittedError":
                return None
            raise
        return None if rendered == templar.available_variables.get("omit") else rendered


def _need_requests() -> None:
    """What talks to servers is imported where it is needed: variables can be read without it, and sooner."""
    from ansible_collections.foundry.ee.plugins.module_utils._http import REQUESTS_IMPORT_ERROR

    if REQUESTS_IMPORT_ERROR is not None:
        raise AnsibleError("effective_ee: the Python library `requests` is missing on the host that runs Ansible.")
