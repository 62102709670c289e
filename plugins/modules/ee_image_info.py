#!/usr/bin/python
# Copyright (c) 2026 Foundry maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Tell what is in an image."""

from __future__ import annotations

DOCUMENTATION = r"""
module: ee_image_info
short_description: Tell what is in an image
version_added: 0.1.0
author:
  - Foundry maintainers (@foundry)
description:
  - Tells what an execution environment holds, ansible-core, ansible-runner, collections, Python and OS packages, and
    what it was built from.
  - An image that M(foundry.ee.ee_build) built says most of it in its labels. These can be read in a registry without
    fetching the image. For the rest a container of the image is started, without network, once for each image.
  - Makes a bill of materials, and tells how two images differ.
extends_documentation_fragment:
  - foundry.ee._attributes
  - foundry.ee._attributes.info
  - foundry.ee._engine
  - foundry.ee._registry
  - foundry.ee._connection
options:
  image:
    description:
      - The image, by name, such as V(registry.example.com/team/ee:1.2), with or without a digest, or by its id in the
        engine.
    type: str
    required: true
  source:
    description:
      - Where to look for it. V(auto) looks in the engine, then in the registry.
    type: str
    choices: [auto, engine, registry]
    default: auto
  platform:
    description:
      - Which image of a multi-platform image in a registry is meant. Default is V(linux/amd64), then the first.
      - An image in the engine that is for another platform is not taken.
    type: str
  inside:
    description:
      - Whether to look inside.
      - V(auto) does so if the labels do not tell collections and Python packages, and the image is in the engine, and
        for O(sbom).
      - V(always) does so in any case. An image that is only in a registry is fetched for it, and deleted again.
      - V(never) returns null for what the labels do not tell.
    type: str
    choices: [auto, always, never]
    default: auto
  sbom:
    description:
      - A bill of materials to return, as CycloneDX 1.6 or SPDX 2.3.
    type: str
    choices: [cyclonedx, spdx]
  compare_to:
    description:
      - Another image, to which O(image) is compared. It is looked for in the same way.
      - O(username), O(password), O(token) and O(client_cert) are for the registry of O(image) only. For another one the
        credentials come from O(authfile).
    type: str
notes:
  - A look inside needs a shell and Python 3.9 or later in the image.
seealso:
  - module: foundry.ee.ee_build
  - module: foundry.ee.ee_definition
"""

EXAMPLES = r"""
- name: What does the published image hold?
  foundry.ee.ee_image_info:
    image: registry.example.com/network/ee:1.4
    source: registry
  register: info

- name: It still has the collection
  ansible.builtin.assert:
    that: info.collections['ansible.netcommon'] is version('6.0.0', '>=')

- name: What would an update change?
  foundry.ee.ee_image_info:
    image: localhost/network/ee:dev
    compare_to: registry.example.com/network/ee:1.4
  register: update

- name: Show it
  ansible.builtin.debug:
    var: update.difference.lines

- name: Make a bill of materials
  foundry.ee.ee_image_info:
    image: registry.example.com/network/ee:1.4
    sbom: cyclonedx
  register: bill

- name: Hand it out
  ansible.builtin.copy:
    content: "{{ bill.sbom | to_nice_json }}"
    dest: /srv/sbom/network-1.4.cdx.json
    mode: "0644"
"""

RETURN = r"""
image:
  description: The image's name in full.
  returned: success
  type: str
  sample: registry.example.com/ee/network:1.4
source:
  description: Where it was found, V(engine) or V(registry).
  returned: success
  type: str
  sample: registry
image_id:
  description: The digest of its configuration, which is its id in podman and buildah.
  returned: success
  type: str
  sample: sha256:df918bf8ac56b180af6adf816d6d54e1e09713f278b2dbdb6ccb4c9c03e3f7fb
digest:
  description: The digest of its manifest, or of the index that it is part of.
  returned: success
  type: str
  sample: sha256:27d20217da327185ddd907d2889e0184a649725e1f7586a987722749399a4dac
platform:
  description: The platform of the image that was looked at.
  returned: success
  type: str
  sample: linux/amd64
platforms:
  description: All platforms that there are.
  returned: success
  type: list
  elements: str
  sample: [linux/amd64, linux/arm64]
created:
  description: When it was made.
  returned: success
  type: str
  sample: "2026-11-20T09:48:55Z"
size:
  description: Its size in bytes, in the engine unpacked, in a registry compressed. Null where the engine does not tell.
  returned: success
  type: int
  sample: 275000000
user:
  description: The user that its containers run as. Empty for root.
  returned: success
  type: str
  sample: "1000"
labels:
  description: Its labels, with those that it has from the image that it was built on.
  returned: success
  type: dict
  sample: {"ansible-execution-environment": "true"}
build_key:
  description: Its build key, if M(foundry.ee.ee_build) built it.
  returned: success
  type: str
  sample: 1d4f5c0a9b2e3f7fb1d4f5c0a9b2e3f7fb1d4f5c0a9b2e3f7fb1d4f5c0a9b2e3
base:
  description: The image that it was built on, with C(name) and C(digest), each null where it is not known.
  returned: success
  type: dict
  sample: {"name": "registry.example.com/base/python:3.12", "digest": "sha256:..."}
inside:
  description: Whether what follows comes from a look inside, now or earlier, and not from labels.
  returned: success
  type: bool
ansible_core:
  description: The version of ansible-core. Null where there is none, or it is not known.
  returned: success
  type: str
  sample: 2.19.14
ansible_runner:
  description: The version of ansible-runner. Null where there is none, or it is not known.
  returned: success
  type: str
  sample: 2.4.3
python:
  description: The Python interpreter that ansible uses, with C(version) and C(executable). Null without a look inside.
  returned: success
  type: dict
  sample: {"version": "3.11.2", "executable": "/usr/bin/python3"}
collections:
  description: Collections and their versions. Null where they are not known.
  returned: success
  type: dict
  sample: {"ansible.netcommon": "8.1.0"}
python_packages:
  description: Python packages and their versions. Null where they are not known.
  returned: success
  type: dict
  sample: {"ansible-core": "2.19.14"}
roles:
  description: Roles and their versions. Null without a look inside.
  returned: success
  type: dict
  sample: {}
system_packages:
  description: OS packages (rpm, deb or apk) and their versions. Null without a look inside.
  returned: success
  type: dict
  sample: {"git": "1:2.39.5-0+deb12u2"}
os:
  description: What C(/etc/os-release) says. Null without a look inside.
  returned: success
  type: dict
  sample: {"ID": "debian", "VERSION_ID": "12"}
sbom:
  description: The bill of materials.
  returned: with O(sbom)
  type: dict
difference:
  description: How O(image) differs from O(compare_to), as far as the same is known of both.
  returned: with O(compare_to)
  type: dict
  contains:
    same:
      description: Whether nothing differs.
      type: bool
    lines:
      description: The differences, in words.
      type: list
      elements: str
      sample: ["Python package six 1.16.0 -> 1.17.0"]
    not_compared:
      description: Kinds that are not known of both.
      type: list
      elements: str
      sample: [roles]
    collections:
      description: C(added) and C(removed) map names to versions, C(changed) to C(before) and C(after).
      type: dict
    python_packages:
      description: As RV(difference.collections).
      type: dict
    roles:
      description: As RV(difference.collections).
      type: dict
    system_packages:
      description: As RV(difference.collections).
      type: dict
requests:
  description: How many requests went to registries.
  returned: success
  type: int
  sample: 2
"""

import contextlib
import typing as t
from dataclasses import dataclass

from ansible.module_utils.basic import AnsibleModule, missing_required_lib

from ansible_collections.foundry.ee.plugins.module_utils import _http
from ansible_collections.foundry.ee.plugins.module_utils._arguments import ENGINE_ARGUMENTS, REGISTRY_ARGUMENTS
from ansible_collections.foundry.ee.plugins.module_utils._core import image_ref, inventory, sbom
from ansible_collections.foundry.ee.plugins.module_utils._core.build_plan import Record
from ansible_collections.foundry.ee.plugins.module_utils._core.errors import Invalid, NotFound
from ansible_collections.foundry.ee.plugins.module_utils._core.image_ref import ImageRef
from ansible_collections.foundry.ee.plugins.module_utils._core.inventory import Contents
from ansible_collections.foundry.ee.plugins.module_utils._core.manifest import Platform
from ansible_collections.foundry.ee.plugins.module_utils._engine import LOCAL, Engine, open_engine
from ansible_collections.foundry.ee.plugins.module_utils._engine_access import Reach
from ansible_collections.foundry.ee.plugins.module_utils._image_facts import (
    Seen,
    in_engine,
    in_registry,
    is_id,
    look,
    look_from_afar,
)
from ansible_collections.foundry.ee.plugins.module_utils._oci import Registry, open_registry
from ansible_collections.foundry.ee.plugins.module_utils._run import report
from ansible_collections.foundry.ee.plugins.module_utils._workspace import Workspace

ARGUMENTS: dict[str, dict[str, t.Any]] = {
    **ENGINE_ARGUMENTS,
    **REGISTRY_ARGUMENTS,
    "image": {"type": "str", "required": True},
    "source": {"type": "str", "choices": ["auto", "engine", "registry"], "default": "auto"},
    "platform": {"type": "str"},
    "inside": {"type": "str", "choices": ["auto", "always", "never"], "default": "auto"},
    "sbom": {"type": "str", "choices": ["cyclonedx", "spdx"]},
    "compare_to": {"type": "str"},
}
MAKERS = {"cyclonedx": sbom.cyclonedx, "spdx": sbom.spdx}
VERSION = "0.2.0"  # of this collection, as bills of materials name it
STRANGER = dict.fromkeys(("username", "password", "token", "client_cert", "client_key"))


@dataclass(frozen=True)
class Looker:
    """Looks at images as the parameters say. There may be no engine, if all that is wanted is in the registry."""

    params: t.Mapping[str, t.Any]
    engine: Engine | None
    workspace: Workspace
    registries: dict[str, Registry]

    def see(self, text: str) -> Seen:
        """Return an image's record. Raises NotFound."""
        source = self.params["source"]
        if source != "registry" and self.engine is not None:
            found = in_engine(self.engine, text)
            if found is not None and self._is_wanted(found):
                return found
        if source != "engine":
            ref = image_ref.parse(text)
            if ref.registry not in (None, LOCAL):
                found = in_registry(self._registry(ref), ref, self.params["platform"])
                if found is not None:
                    return found
        where = {"engine": "in the engine", "registry": "in its registry"}.get(source, "in the engine or its registry")
        platform = "" if self.params["platform"] is None else f" for {self.params['platform']}"
        raise NotFound(
            f"There is no image {text}{platform} {where}.", hint="Is the name right, registry and tag included?"
        )

    def _is_wanted(self, found: Seen) -> bool:
        """Say whether an image of the engine is for the platform that is asked for."""
        wanted = self.params["platform"]
        return wanted is None or Platform.parse(wanted).covers(Platform.parse(found.platform or wanted))

    def _registry(self, ref: ImageRef) -> Registry:
        known = self.registries.get(str(ref.registry))
        if known is None:
            known = open_registry(ref, self._options(ref), read_only=True)
            self.registries[str(ref.registry)] = known
        return known

    def _options(self, ref: ImageRef) -> dict[str, t.Any]:
        """Return how a registry is reached: the user is that of the registry of ``image``, which may be an id."""
        text = self.params["image"]
        own = None if is_id(text) else image_ref.parse(text).registry
        return {**self.params, **(STRANGER if ref.registry != own else {})}

    def contents(self, seen: Seen) -> Contents:
        """Return what is in an image, by labels if they suffice."""
        told = inventory.from_labels(seen.own_labels)
        inside = self.params["inside"]
        if self.params["sbom"] is not None and inside == "auto":
            inside = "always"
        known = told.collections is not None and told.python_packages is not None
        if inside == "never" or (inside == "auto" and (known or seen.where == "registry")):
            return told
        if self.engine is None:
            raise Invalid("A look inside needs a container engine.", hint="Install podman, or set `inside: never`.")
        if seen.where == "engine":
            return inventory.from_facts(look(self.engine, seen.id, seen.reference))
        ref = image_ref.parse(seen.reference)
        reach = Reach(self._options(ref), ref, self._registry(ref), self.workspace, self.engine.name)
        return inventory.from_facts(look_from_afar(self.engine, seen, reach, self.params["platform"]))


def described(seen: Seen, contents: Contents) -> dict[str, t.Any]:
    """Return what is told of one image."""
    record = Record.of(seen.own_labels)
    facts = contents.facts
    return {
        "image": seen.reference,
        "source": seen.where,
        "image_id": seen.id,
        "digest": seen.digest,
        "platform": seen.platform,
        "platforms": list(seen.platforms),
        "created": seen.created,
        "size": seen.size,
        "user": seen.config.get("User") or "",
        "labels": dict(seen.labels),
        "build_key": record.key,
        "base": {"name": record.base_name, "digest": record.base_digest},
        "inside": bool(facts),
        "ansible_core": contents.python_package("ansible-core"),
        "ansible_runner": contents.python_package("ansible-runner"),
        "python": facts.get("python"),
        "os": facts.get("os"),
        **{kind: contents.of(kind) for kind in inventory.KINDS},
    }


def differences(before: Contents, after: Contents) -> dict[str, t.Any]:
    """Return how one image differs from another."""
    found = inventory.compare(before, after)
    compared = {difference.kind: difference.as_result() for difference in found}
    lines = [line for difference in found for line in difference.lines]
    left = [kind for kind in inventory.KINDS if kind not in compared]
    return {"same": not lines, "lines": lines, "not_compared": left, **compared}


def bill(kind: str, seen: Seen, contents: Contents) -> dict[str, t.Any]:
    """Return a bill of materials. Raises Invalid."""
    if not contents.facts:
        raise Invalid("A bill of materials needs a look inside.", hint="Leave `inside: never` out.")
    name = ImageRef(seen.id.rpartition(":")[2]) if "/" not in seen.reference else image_ref.parse(seen.reference)
    image = sbom.Image(name, seen.digest or seen.id, sbom.moment(seen.created))
    return MAKERS[kind](image, contents.facts, VERSION)


def run(looker: Looker) -> dict[str, t.Any]:
    params = looker.params
    seen = looker.see(params["image"])
    contents = looker.contents(seen)
    result = described(seen, contents)
    if params["sbom"] is not None:
        result["sbom"] = bill(params["sbom"], seen, contents)
    if params["compare_to"] is not None:
        result["difference"] = differences(looker.contents(looker.see(params["compare_to"])), contents)
    result["requests"] = sum(registry.requests for registry in looker.registries.values())
    return result


def usable_engine(params: t.Mapping[str, t.Any]) -> Engine | None:
    """Return the engine; None where none is installed, and none need be."""
    try:
        return open_engine(params["engine"], connection=params["connection"])
    except NotFound:
        if params["source"] != "registry":
            raise
        return None


def main() -> None:
    module = AnsibleModule(ARGUMENTS, required_by={"password": ["username"]}, supports_check_mode=True)
    if _http.REQUESTS_IMPORT_ERROR is not None:
        module.fail_json(msg=missing_required_lib("requests"), exception=_http.REQUESTS_IMPORT_ERROR)
    with contextlib.ExitStack() as stack:

        def all_of_it() -> dict[str, t.Any]:
            engine = usable_engine(module.params)
            workspace = stack.enter_context(Workspace(engine.clear if engine is not None else None))
            if engine is not None:
                engine.task = workspace.name
            return run(Looker(module.params, engine, workspace, {}))

        report(module, all_of_it)


if __name__ == "__main__":
    main()
