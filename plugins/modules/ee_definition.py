#!/usr/bin/python
# Copyright (c) 2026 Foundry maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: ee_definition
short_description: Definitions of execution environments, checked, migrated, merged and rendered
version_added: 0.1.0
author:
  - Foundry maintainers (@foundry)
description:
  - Reads a definition of an execution environment, in version 1, 2 or 3 of ansible-builder's format, and reports
    everything that is wrong with it at once, with line, column, and how to mend it.
  - Writes it (O(dest)), migrates it to version 3 (O(version)), merges it from parts (O(fragments)), pins it to what a
    built image held (O(lock)), and renders the whole build context (O(context)).
  - What ansible-builder takes is taken here too. Differences are listed in
    R(How definitions are read, ansible_collections.foundry.ee.docsite.differs_from_ansible_builder).
extends_documentation_fragment:
  - foundry.ee._attributes
  - foundry.ee._attributes.state
options:
  src:
    description:
      - The definition, a file on the target host. Paths in it are relative to its folder.
      - A folder stands for the C(execution-environment.yml) or C(execution-environment.yaml) in it.
    type: path
  definition:
    description:
      - The definition itself, in place of O(src).
      - YAML has read it before this module sees it, so quote versions, or C(1.10) is 1.1.
    type: dict
  fragments:
    description:
      - Parts of a definition, in place of O(src). They are put over one another, and the later one wins.
      - Collections, roles, Python and system packages are joined by name. Build arguments and options are joined by
        key. Exclusions and build files are added. Steps are carried out one after the other.
      - Each is a definition of version 3, of which every key may be absent, or has only C(src), a file that holds one.
      - C(base_image), C(collections), C(roles), C(python), C(system), C(ansible_core) and C(ansible_runner) may stand
        at the top of a part. They are short for C(images.base_image.name), C(dependencies.galaxy.collections) and so
        on.
    type: list
    elements: dict
  folder:
    description:
      - The folder that paths in O(definition) and O(fragments) are relative to.
    type: path
  definitions:
    description:
      - Many definitions at once, in place of O(src), O(definition) and O(fragments).
      - All are checked before anything is written.
    type: list
    elements: dict
    suboptions:
      src:
        description: See O(src).
        type: path
      definition:
        description: See O(definition).
        type: dict
      fragments:
        description: See O(fragments).
        type: list
        elements: dict
      folder:
        description: See O(folder).
        type: path
      dest:
        description: See O(dest).
        type: path
      context:
        description: See O(context).
        type: path
      lock:
        description: See O(lock).
        type: path
      lock_facts:
        description: See O(lock_facts).
        type: dict
  dest:
    description:
      - Write the definition to this file. An existing folder gets a C(execution-environment.yml).
      - What comes from O(src) and needs no change is written as it stands, comments and all. It may be the same file.
      - Paths in the definition are not changed.
    type: path
  mode:
    description:
      - Permissions of O(dest), as an octal number in quotes, such as V("0644"). Otherwise they are left alone.
    type: str
  backup:
    description:
      - Whether to keep the previous content of O(dest) in a file beside it.
    type: bool
    default: false
  version:
    description:
      - V(3) migrates versions 1 and 2, and writes older spellings anew. RV(changes) explains each change.
      - Comments stay with the keys they belong to, as far as these are still there.
    type: int
    choices: [3]
  migration:
    description:
      - What a definition of version 1 or 2 becomes.
      - V(keep) sets the options that leave its image as it was, which is to run as root, without working directory,
        entry point or checks.
      - V(adopt) takes the defaults of version 3.
    type: str
    choices: [keep, adopt]
    default: keep
  context:
    description:
      - Render the build context to this folder, complete, with the instruction file, helpers, requirements and build
        files.
      - It is written as a whole or not at all. Files that an earlier run left there and that are no longer wanted go.
    type: path
  output_filename:
    description: The name of the instruction file in O(context).
    type: str
    choices: [Containerfile, Dockerfile]
    default: Containerfile
  lock:
    description:
      - A lock file, which pins the base image to its digest, and collections and Python packages to exact versions.
      - It concerns RV(definition), RV(containerfile) and O(context). What O(dest) gets stays as it is, unpinned.
    type: path
  lock_facts:
    description:
      - Make O(lock) of this, the result of M(foundry.ee.ee_image_info) for an image built from the definition.
      - The keys C(labels), C(collections) and C(python_packages) are used. The latter two map names to versions.
    type: dict
  galaxy_keyring:
    description: A GnuPG keyring that the signatures of collections are checked with when the image is built.
    type: path
  galaxy_required_valid_signature_count:
    description:
      - How many signatures must be good, such as V(1), V(+1) or V(all). Needs O(galaxy_keyring).
    type: str
  galaxy_ignore_signature_status_codes:
    description: Status codes of GnuPG to ignore, such as V(NO_PUBKEY). Needs O(galaxy_keyring).
    type: list
    elements: str
  platform:
    description:
      - The platform that RV(build_key) is for, such as V(linux/arm64). The default is that of the target host.
    type: str
  warn:
    description: Whether to show RV(advice) as warnings.
    type: bool
    default: true
  state:
    description:
      - V(present) writes what O(dest), O(context) and O(lock_facts) ask for.
      - V(validated) checks the definition and all files that it names, and writes nothing.
      - V(absent) removes O(dest), and from O(context) what earlier runs wrote there.
    type: str
    choices: [present, validated, absent]
    default: present
seealso:
  - module: foundry.ee.ee_build
  - module: foundry.ee.ee_image_info
"""

EXAMPLES = r"""
- name: Report everything that is wrong with a definition
  foundry.ee.ee_definition:
    src: /srv/ee/network/execution-environment.yml
    state: validated

- name: Write a definition from variables and render its build context
  foundry.ee.ee_definition:
    definition:
      version: 3
      images:
        base_image:
          name: registry.example.com/base/python:3.12
      dependencies:
        galaxy:
          collections:
            - name: ansible.netcommon
              version: "6.1.0"
        python: [netaddr]
        system: ["openssh-clients [platform:rpm]"]
    dest: /srv/ee/network/execution-environment.yml
    context: /srv/ee/network/context

- name: Migrate to version 3 in place, images as they were, and keep the old file
  foundry.ee.ee_definition:
    src: /srv/ee/old
    dest: /srv/ee/old
    version: 3
    backup: true
  diff: true

- name: Merge the company's base and a team's additions
  foundry.ee.ee_definition:
    fragments:
      - src: /srv/ee/company.yml
      - collections: [ansible.posix, "community.general:8.6.0"]
        python: [pywinrm]
      - base_image: registry.example.com/base/ee@sha256:9f2c1f0f5a1d0a2b3c4d5e6f708192a3b4c5d6e7f8091a2b3c4d5e6f708192a3
    dest: /srv/ee/team/execution-environment.yml

- name: Look into an image
  foundry.ee.ee_image_info:
    image: registry.example.com/network/ee:1.4
  register: network

- name: Pin the next build to what it holds
  foundry.ee.ee_definition:
    src: /srv/ee/network
    lock: /srv/ee/network/execution-environment.lock.yml
    lock_facts: "{{ network }}"
    context: /srv/ee/network/context

- name: Find all definitions below a folder
  ansible.builtin.find:
    paths: /srv/ee
    patterns: execution-environment.yml
    recurse: true
  register: found

- name: Check them all at once
  foundry.ee.ee_definition:
    definitions: "{{ found.files | map(attribute='path') | map('regex_replace', '^', 'src: ') | map('from_yaml') }}"
    state: validated
"""

RETURN = r"""
definition:
  description: The definition with everything applied, migration and lock, in plain data. Defaults are left out.
  returned: for a single definition, unless O(state=absent)
  type: dict
  sample: {version: 3, images: {base_image: {name: "registry.example.com/ee-minimal:1.2"}}}
src:
  description: The file or folder that it is from, as it was given. Null where it was given inline.
  returned: as RV(definition)
  type: str
  sample: /srv/ee/network/execution-environment.yml
problems:
  description: What is wrong. The task fails if there is anything.
  returned: always
  type: list
  elements: dict
  contains: &finding
    path:
      description: The file, if it is from one.
      type: str
    line:
      description: The line, from 1.
      type: int
    column:
      description: The column, from 1.
      type: int
    key:
      description: The key path in the definition.
      type: str
    message:
      description: What is wrong there.
      type: str
    hint:
      description: How to mend it.
      type: str
  sample: []
advice:
  description: What is allowed, and likely to cost a build.
  returned: always
  type: list
  elements: dict
  contains: *finding
  sample:
    - path: /srv/ee/network/execution-environment.yml
      line: 4
      column: 11
      key: images.base_image.name
      message: "`registry.example.com/ee-minimal:latest` moves: what is built changes with it."
      hint: "Pin it: `name@sha256:…`, or use a lock."
changes:
  description: What migration and lock changed in the definition, and why.
  returned: for a single definition, unless O(state=absent)
  type: list
  elements: dict
  contains:
    key:
      description: The key path that it is about.
      type: str
    message:
      description: What changed.
      type: str
  sample: [{key: additional_build_steps.append, message: is now called append_final}]
containerfile:
  description: The text of the instruction file.
  returned: for a single definition, unless O(state=absent)
  type: str
  sample: "ARG EE_BASE_IMAGE=registry.example.com/ee-minimal:1.2\n…"
files:
  description: All files of the build context.
  returned: for a single definition, unless O(state=absent)
  type: list
  elements: dict
  contains:
    path:
      description: Path in the context.
      type: str
    mode:
      description: Permissions, octal.
      type: str
    size:
      description: Bytes; of a link, those of its target's name.
      type: int
  sample: [{path: _build/requirements.txt, mode: "0644", size: 12}]
build_key:
  description:
    - The build key without build arguments, as M(foundry.ee.ee_build) finds it.
    - It contains the digest of the base image, and of the builder image where there is one, so it is null unless the
      definition or O(lock) pins them.
  returned: for a single definition, unless O(state=absent)
  type: str
  sample: 8c5f0e5d8b5c1f5f3f8f5a1a2b7d9f0c1e2d3c4b5a69788796a5b4c3d2e1f001
backup_file:
  description: Where the previous content of O(dest) is.
  returned: for a single definition, when O(backup) and O(dest) was changed
  type: str
  sample: /srv/ee/old/execution-environment.yml.4242.2026-11-20@10:00:00~
definitions:
  description: One result for each definition.
  returned: when O(definitions)
  type: list
  elements: dict
  contains:
    changed:
      description: Whether anything was written for it.
      type: bool
    src:
      description: Its file.
      type: str
    definition:
      description: See RV(definition).
      type: dict
    advice:
      description: See RV(advice).
      type: list
      elements: dict
    changes:
      description: See RV(changes).
      type: list
      elements: dict
    containerfile:
      description: See RV(containerfile).
      type: str
    files:
      description: See RV(files).
      type: list
      elements: dict
    build_key:
      description: See RV(build_key).
      type: str
    backup_file:
      description: See RV(backup_file).
      type: str
  sample: []
"""

import functools
import os
import platform as host_platform
import tempfile
import typing as t
from pathlib import Path

from ansible.module_utils.basic import AnsibleModule, missing_required_lib

from ansible_collections.foundry.ee.plugins.module_utils._core import advice as advisors
from ansible_collections.foundry.ee.plugins.module_utils._core import context as contexts
from ansible_collections.foundry.ee.plugins.module_utils._core import definition as definitions
from ansible_collections.foundry.ee.plugins.module_utils._core import image_ref
from ansible_collections.foundry.ee.plugins.module_utils._core.containerfile import OWN, SCRIPTS, builder_of
from ansible_collections.foundry.ee.plugins.module_utils._core.errors import Invalid
from ansible_collections.foundry.ee.plugins.module_utils._core.model import Context, Definition, Finding, Place
from ansible_collections.foundry.ee.plugins.module_utils._core.yaml_source import LARGEST_BYTES, YAML_IMPORT_ERROR
from ansible_collections.foundry.ee.plugins.module_utils._definition import (
    FilePlan,
    Loaded,
    Source,
    as_results,
    load,
    plan_file,
    read,
    read_keyring,
    rendered,
    shortened,
    told,
)
from ansible_collections.foundry.ee.plugins.module_utils._run import converge

Params = t.Mapping[str, t.Any]

ONE: dict[str, dict[str, t.Any]] = {
    "src": {"type": "path"},
    "definition": {"type": "dict"},
    "fragments": {"type": "list", "elements": "dict"},
    "folder": {"type": "path"},
    "dest": {"type": "path"},
    "context": {"type": "path"},
    "lock": {"type": "path"},
    "lock_facts": {"type": "dict"},
}
ARGUMENTS: dict[str, dict[str, t.Any]] = {
    **ONE,
    "definitions": {
        "type": "list",
        "elements": "dict",
        "options": ONE,
        "mutually_exclusive": [("src", "definition", "fragments")],
        "required_by": {"lock_facts": "lock"},
    },
    "mode": {"type": "str"},
    "backup": {"type": "bool", "default": False},
    "version": {"type": "int", "choices": [3]},
    "migration": {"type": "str", "choices": ["keep", "adopt"], "default": "keep"},
    "output_filename": {"type": "str", "choices": ["Containerfile", "Dockerfile"], "default": "Containerfile"},
    "galaxy_keyring": {"type": "path"},
    "galaxy_required_valid_signature_count": {"type": "str"},
    "galaxy_ignore_signature_status_codes": {"type": "list", "elements": "str"},
    "platform": {"type": "str"},
    "warn": {"type": "bool", "default": True},
    "state": {"type": "str", "choices": ["present", "validated", "absent"], "default": "present"},
}
MACHINES = {"x86_64": "amd64", "aarch64": "arm64"}


class OnePlan(t.NamedTuple):
    """What happens for one definition. ``result`` is what is returned of it."""

    dest: FilePlan | None
    lock: FilePlan | None
    context: contexts.WritePlan | None
    result: dict[str, t.Any]
    advice: tuple[Finding, ...] = ()

    @property
    def changed(self) -> bool:
        return any(plan is not None and plan.changed for plan in (self.dest, self.lock, self.context))

    @property
    def diff(self) -> list[dict[str, str]]:
        """Only what changes: a hundred contexts that stay as they are need not cross the wire twice over."""
        files = [file_diff(plan) for plan in (self.dest, self.lock) if plan is not None and plan.changed]
        shown = self.context.diff if self.context is not None and self.context.changed else []
        return [*files, *({key: advisors.hidden(text) for key, text in part.items()} for part in shown)]


class Plan(t.NamedTuple):
    """The whole task. ``many`` tells whether ``definitions`` was given."""

    plans: tuple[OnePlan, ...]
    many: bool
    warn: bool

    @property
    def changed(self) -> bool:
        return any(plan.changed for plan in self.plans)

    @property
    def diff(self) -> list[dict[str, str]]:
        return [part for plan in self.plans for part in plan.diff]

    @property
    def result(self) -> dict[str, t.Any]:
        found = {"problems": [], "advice": as_results(finding for plan in self.plans for finding in plan.advice)}
        if not self.many:
            return {**self.plans[0].result, **found}
        each = [{**plan.result, "advice": as_results(plan.advice), "changed": plan.changed} for plan in self.plans]
        return {**found, "definitions": each}

    @property
    def warnings(self) -> list[str]:
        return [told(finding) for plan in self.plans for finding in plan.advice] if self.warn else []


def file_diff(plan: FilePlan) -> dict[str, str]:
    def shown(data: bytes | None, mode: int | None) -> str:
        text = advisors.hidden((data or b"").decode(errors="replace"))
        return text if plan.mode is None or mode is None else f"{text}# mode {mode:04o}\n"

    after_mode = plan.mode if plan.after is not None else None
    return {
        "before_header": str(plan.path),
        "after_header": str(plan.path),
        "before": shown(plan.before, plan.mode_before),
        "after": shown(plan.after, after_mode),
    }


# What shall be


def plan_all(params: Params) -> Plan:
    """Plan every definition. Raises Invalid with the problems of all of them."""
    many = params["definitions"] is not None
    wanted = [{**params, **one} for one in params["definitions"]] if many else [params]
    plans = all_of(*(functools.partial(plan_one, one) for one in wanted))
    return Plan(tuple(plans), many, params["warn"])


def together(refused: t.Sequence[Invalid]) -> Invalid:
    """Join the errors of several definitions."""
    details = {
        name: [finding for error in refused for finding in error.details.get(name, [])]
        for name in ("problems", "advice")
    }
    return Invalid("\n".join(str(error) for error in refused), details=details)


def plan_one(params: Params) -> OnePlan:
    if params["state"] == "absent":
        return plan_absent(params)
    source = Source(params["src"], params["definition"], params["fragments"], params["folder"])
    loaded, lock, keyring = all_of(
        lambda: load(source), lambda: plan_lock(params), lambda: read_keyring(params["galaxy_keyring"])
    )
    if params["version"] is not None:
        # Imported where they are asked for, here and below: see _definition.
        from ansible_collections.foundry.ee.plugins.module_utils._definition_parts import migrated

        loaded = migrated(loaded, adopt=params["migration"] == "adopt")
    effective = loaded
    if lock is not None:
        from ansible_collections.foundry.ee.plugins.module_utils._definition_parts import locked

        effective = locked(loaded, lock.after or b"", params["lock"])
    context = render(effective, source.name, keyring, params)
    advice = (*effective.advice, *on_files(context, effective))
    writes = params["state"] == "present"
    return OnePlan(
        dest=plan_dest(params, loaded) if writes and params["dest"] is not None else None,
        lock=lock if writes else None,
        context=contexts.plan_write(context, params["context"]) if writes and params["context"] is not None else None,
        result={
            "src": params["src"],
            "definition": definitions.to_mapping(effective.definition),
            "changes": [change.as_result() for change in effective.changes],
            "containerfile": context.text,
            "files": [file_result(file) for file in context.files],
            "build_key": build_key(context, effective.definition, params["platform"]),
        },
        advice=advice,
    )


def all_of(*readers: t.Callable[[], t.Any]) -> list[t.Any]:
    """Return what the readers do. Raises Invalid with the problems of all of them."""
    found: list[t.Any] = []
    refused: list[Invalid] = []
    for reader in readers:
        try:
            found.append(reader())
        except Invalid as error:
            refused.append(error)
    if refused:
        raise refused[0] if len(refused) == 1 else together(refused)
    return found


def plan_absent(params: Params) -> OnePlan:
    dest = None if params["dest"] is None else plan_file(dest_path(params["dest"]), None)
    context = None
    if params["context"] is not None:
        context = contexts.plan_remove(params["context"], params["output_filename"])
    return OnePlan(dest, None, context, {})


def plan_dest(params: Params, loaded: Loaded) -> FilePlan:
    text = loaded.text if loaded.text is not None else definitions.dump(loaded.definition).encode()
    return plan_file(dest_path(params["dest"]), text, octal(params["mode"]))


def dest_path(dest: str) -> Path:
    path = Path(dest)
    return path / definitions.DEFAULT_NAMES[0] if contexts.is_folder(path) else path


def octal(mode: str | None) -> int | None:
    """Return permission bits. Raises Invalid."""
    try:
        number = None if mode is None else int(mode, 8)
    except ValueError:
        number = -1
    if number is None or 0 <= number <= 0o7777:
        return number
    raise Invalid(f"`mode` is `{mode}`; expected an octal number.", hint='Write it in quotes, such as "0644".')


def plan_lock(params: Params) -> FilePlan | None:
    """Return what happens to the lock file; ``after`` is what it holds then. Raises Invalid."""
    if params["lock"] is None:
        return None
    path = Path(params["lock"])
    if params["lock_facts"] is not None:
        from ansible_collections.foundry.ee.plugins.module_utils._definition_parts import lock_text

        return plan_file(path, lock_text(params["lock_facts"]))
    if not contexts.kind_of(path):
        hint = "Give `lock_facts`, the result of ee_image_info for an image that was built, to make it."
        raise Invalid(f"The lock {shortened(str(path))} does not exist.", hint=hint)
    text = read(path)
    return FilePlan(path, text, text)


def render(loaded: Loaded, name: str, keyring: bytes | None, params: Params) -> Context:
    """Return the build context. Raises Invalid with all that is wrong with the files."""
    return rendered(
        loaded,
        name,
        engine_file=params["output_filename"],
        keyring=keyring,
        required_valid_signature_count=params["galaxy_required_valid_signature_count"],
        ignore_signature_status_codes=params["galaxy_ignore_signature_status_codes"] or (),
    )


def on_files(context: Context, loaded: Loaded) -> list[Finding]:
    """Return advice on the user's own files in a context."""
    own = {file.path: text_of(file.data or b"") for file in context.files if is_own(file.path)}
    found = [finding for path, text in own.items() for finding in advisors.on_file(path, text)]
    galaxy = loaded.definition.galaxy
    if galaxy is not None:
        files = [path[len("_build/") :] for path in own]
        told = advisors.on_galaxy(galaxy.file or "", own.get("_build/requirements.yml", ""), files)
        if galaxy.file is None:  # the lines are those of what we have written
            place = loaded.places.get("dependencies.galaxy", Place(key="dependencies.galaxy"))
            told = [finding._replace(place=place) for finding in told]
        found.extend(told)
    return found


def is_own(path: str) -> bool:
    return path.startswith("_build/") and not path.startswith((f"{SCRIPTS}/", f"{OWN}/"))


def text_of(data: bytes) -> str:
    """Return a file's text for advice on it; none of what is no text, or so large that every task would feel it."""
    if len(data) > LARGEST_BYTES or b"\0" in data[:8192]:
        return ""
    return data.decode(errors="replace")


def file_result(file: t.Any) -> dict[str, t.Any]:
    return {"path": file.path, "mode": f"{file.mode:04o}", "size": file.size}


def build_key(context: Context, definition: Definition, platform: str | None) -> str | None:
    """Return the key that ee_build finds without build arguments, None where a digest that it takes is not known."""
    base = definition.base_image
    digest = None if base is None else image_ref.digest_of(base.name)
    if digest is None:
        return None
    name = builder_of(definition, context.text)
    builder = None if name is None else image_ref.digest_of(name)
    if name is not None and builder is None:
        return None
    machine = host_platform.machine()
    platform = platform or f"linux/{MACHINES.get(machine, machine)}"
    return contexts.build_key(context, build_args={}, base_digest=digest, builder_digest=builder, platform=platform)


# Making it so


def apply(module: AnsibleModule, plan: Plan) -> dict[str, t.Any]:
    backups = [apply_one(module, one) for one in plan.plans]
    if not plan.many:
        return {} if backups[0] is None else {"backup_file": backups[0]}
    each = [
        result if backup is None else {**result, "backup_file": backup}
        for result, backup in zip(plan.result["definitions"], backups)
    ]
    return {"definitions": each}


def apply_one(module: AnsibleModule, plan: OnePlan) -> str | None:
    """Write what a plan says; return where the definition's backup is, if one was made. Raises Failed."""
    backup: str | None = None
    if plan.context is not None:
        contexts.write(plan.context)
    if plan.lock is not None and plan.lock.changed:
        write_file(module, plan.lock)
    if plan.dest is not None and plan.dest.changed:
        if module.params["backup"] and plan.dest.before is not None:
            backup = module.backup_local(str(plan.dest.path))
        write_file(module, plan.dest)
    return backup


def write_file(module: AnsibleModule, plan: FilePlan) -> None:
    """Replace a file as a whole, or take it away."""
    if plan.after is None:
        plan.path.unlink()
        return
    if plan.after != plan.before:
        plan.path.parent.mkdir(parents=True, exist_ok=True)
        handle, staged = tempfile.mkstemp(dir=module.tmpdir)
        with os.fdopen(handle, "wb") as file:
            file.write(plan.after)
        module.atomic_move(staged, str(plan.path))
    if plan.mode is not None:
        plan.path.chmod(plan.mode)


def main() -> None:
    module = AnsibleModule(
        ARGUMENTS,
        mutually_exclusive=[
            ("src", "definition", "fragments", "definitions"),
            *(("definitions", name) for name in ("folder", "dest", "context", "lock", "lock_facts")),
        ],
        required_if=[
            ("state", "present", ("src", "definition", "fragments", "definitions"), True),
            ("state", "validated", ("src", "definition", "fragments", "definitions"), True),
            ("state", "absent", ("dest", "context", "definitions"), True),
        ],
        required_by={
            "lock_facts": "lock",
            "galaxy_required_valid_signature_count": "galaxy_keyring",
            "galaxy_ignore_signature_status_codes": "galaxy_keyring",
        },
        supports_check_mode=True,
    )
    if YAML_IMPORT_ERROR is not None:
        module.fail_json(msg=missing_required_lib("PyYAML"), exception=YAML_IMPORT_ERROR)
    converge(module, plan=lambda: plan_all(module.params), apply=lambda plan: apply(module, plan))


if __name__ == "__main__":
    main()
