#!/usr/bin/python
# Copyright (c) 2026 Foundry maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Build an execution environment, unless it exists."""

from __future__ import annotations

DOCUMENTATION = r"""
module: ee_build
short_description: Build an execution environment, unless it exists
version_added: 0.1.0
author:
  - Foundry maintainers (@foundry)
description:
  - Builds an image from an execution environment definition with podman, docker or buildah, and pushes it if wanted.
  - Nothing is built twice. From the definition, its files, the build arguments, the base image's digest and the
    platform follows a build key. An image that carries it is looked for in the engine, then in the registry, and only
    then built.
  - The key is a label of the image, C(io.foundry.ee.build-key). A registry keeps the image also under the tag C(key-)
    and the key's first 32 digits, by which other hosts find it.
  - What is built on an image inherits its labels. So C(io.foundry.ee.content) says for which layers and settings the
    key was written; in any other image it does not count.
  - An image gets its names when it is complete and its check has passed. Whatever fails before, the image that had the
    name keeps it.
extends_documentation_fragment:
  - foundry.ee._attributes
  - foundry.ee._attributes.state
  - foundry.ee._engine
  - foundry.ee._registry
  - foundry.ee._connection
attributes:
  idempotent:
    support: partial
    details:
      - With O(rebuild=always) every run builds.
options:
  src:
    description:
      - The definition, a file on the host that builds, or a folder that holds one. Paths in it are relative to its
        folder.
    type: path
  definition:
    description:
      - The definition itself, in place of O(src).
    type: dict
  fragments:
    description:
      - Several definitions of version 3 that are merged, in place of O(src).
        See O(foundry.ee.ee_definition#module:fragments).
    type: list
    elements: dict
  folder:
    description:
      - The folder that paths in O(definition) and O(fragments) are relative to.
    type: path
  lock:
    description:
      - A lock file as M(foundry.ee.ee_definition) writes it. Base image, collections and Python packages are those that
        it names.
    type: path
  image:
    description:
      - The name of the image, such as V(registry.example.com/team/ee:1.2). Without a tag it is V(latest).
      - Default are the names in C(options.tags) of the definition, then V(localhost/ansible-execution-env:latest).
        With O(push=true) they must be of one repository.
    type: str
  builds:
    description:
      - Several builds, each with the options of the same name here. What one leaves out is what the task says.
      - All definitions are read first. Then one after the other is brought in order, so that a later one can build on
        the image of an earlier one. One that fails does not keep the others from it; the task fails in the end.
      - Engine and registry are asked for all of them over one connection each. That is much faster than a loop.
      - In check mode, the build key of an image is not known while the image that it is built on is still to be built.
    type: list
    elements: dict
    version_added: 0.2.0
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
      lock:
        description: See O(lock).
        type: path
      image:
        description: See O(image).
        type: str
      tags:
        description: See O(tags).
        type: list
        elements: str
      build_args:
        description: See O(build_args).
        type: dict
      rebuild:
        description: See O(rebuild).
        type: str
        choices: [changed, base_changed, never, always]
      base_policy:
        description: See O(base_policy).
        type: str
        choices: [pinned, newest]
      platform:
        description: See O(platform).
        type: str
      push:
        description: See O(push).
        type: bool
      push_tags:
        description: See O(push_tags).
        type: bool
      no_cache:
        description: See O(no_cache).
        type: bool
      squash:
        description: See O(squash).
        type: str
        choices: ['off', new, all]
      prune:
        description: See O(prune).
        type: bool
      policy:
        description: See O(policy).
        type: str
        choices: [ignore_all, system, signature_required]
      policy_keyring:
        description: See O(policy_keyring).
        type: path
      context:
        description: See O(context).
        type: path
      output_filename:
        description: See O(output_filename).
        type: str
        choices: [Containerfile, Dockerfile]
      galaxy_keyring:
        description: See O(galaxy_keyring).
        type: path
      galaxy_required_valid_signature_count:
        description: See O(galaxy_required_valid_signature_count).
        type: str
      galaxy_ignore_signature_status_codes:
        description: See O(galaxy_ignore_signature_status_codes).
        type: list
        elements: str
      timestamp:
        description: See O(timestamp).
        type: int
      secrets:
        description: See O(secrets).
        type: list
        elements: dict
        suboptions:
          id:
            description: See O(secrets[].id).
            type: str
            required: true
          src:
            description: See O(secrets[].src).
            type: path
          content:
            description: See O(secrets[].content).
            type: str
      extra_args:
        description: See O(extra_args).
        type: list
        elements: str
  tags:
    description:
      - Further tags for the image, beside that in O(image).
    type: list
    elements: str
    default: []
  build_args:
    description:
      - Build arguments, in place of the definition's. C(EE_BASE_IMAGE) is the base image.
      - They can be read in the image's history, so they are no place for secrets; see O(secrets).
    type: dict
    default: {}
  rebuild:
    description:
      - V(changed) builds where no image carries the build key.
      - V(base_changed) builds where the image was built on another digest of its base image than the registry has now,
        or where there is no image. Other changes wait.
      - V(never) builds only where there is no image of that name, whatever it was built from. The base image is not
        looked at then. With O(push=true), an image that this module did not build is refused.
      - V(always) builds.
    type: str
    choices: [changed, base_changed, never, always]
    default: changed
  base_policy:
    description:
      - Which base image is meant where the definition names no digest.
      - V(pinned) stays with the digest that the image at hand was built on, as long as that can be had. For a new image
        it is the registry's, or the engine's if the base image is in no registry, or that does not answer.
      - V(newest) asks the registry every time.
    type: str
    choices: [pinned, newest]
    default: pinned
  platform:
    description:
      - The platform to build for, such as V(linux/arm64). Default is that of the engine.
    type: str
  push:
    description:
      - Whether to bring the image into the registry that O(image) names, under its tags and that of its key.
      - What the registry has is not sent again.
      - It is the engine that sends. It takes user and password, and no O(token), which is for looking only.
    type: bool
    default: false
  push_tags:
    description:
      - Whether a push brings the tags of the image as well, and not only that of its key.
      - V(false) is for an image that becomes part of a multi-platform image, see
        O(foundry.ee.ee_registry_image#module:index_of).
    type: bool
    default: true
  no_cache:
    description:
      - Whether to leave the engine's layer cache alone when something is built.
    type: bool
    default: false
  squash:
    description:
      - V(new) makes one layer of all that the build adds, V(all) one of the base image as well.
      - Both count for the build key, C(squash) in RV(changed_inputs).
      - docker with buildx knows V(off) only.
    type: str
    choices: ['off', new, all]
    default: 'off'
  prune:
    description:
      - Whether to delete the image that had the name before, if it was built by this module and has no name any more.
      - Other images without a name are left alone.
    type: bool
    default: false
  policy:
    description:
      - Whose signatures the base image must have, for podman and buildah.
      - V(system) is the policy of the host that builds, V(signature_required) wants a good signature by a key in
        O(policy_keyring), V(ignore_all) wants none. But for the last, the base image is pulled for every build.
      - It does not count for the build key. An image that exists is not built again because of it.
    type: str
    choices: [ignore_all, system, signature_required]
  policy_keyring:
    description: A GnuPG keyring on the host that builds, for O(policy=signature_required).
    type: path
  context:
    description:
      - A folder to build in, which is kept. Files in it that an earlier build left and that are not wanted any more go.
      - Default is a private folder that is gone when the task ends.
    type: path
  output_filename:
    description: The name of the instruction file in the build context.
    type: str
    choices: [Containerfile, Dockerfile]
    default: Containerfile
  galaxy_keyring:
    description:
      - A GnuPG keyring on the host that builds, with the keys that sign collections.
      - Without it signatures are not checked.
    type: path
  galaxy_required_valid_signature_count:
    description:
      - How many signatures of a collection must be good, such as V(2), or V(all).
      - With a C(+) in front, as in V(+1), a collection without any signature is refused as well.
    type: str
  galaxy_ignore_signature_status_codes:
    description: Status codes of GnuPG that are no reason to refuse a signature, such as V(EXPKEYSIG).
    type: list
    elements: str
    default: []
  timestamp:
    description:
      - The image's time, in seconds since 1970. Layers and their files get it, too, as far as the engine can do that,
        so that equal builds give equal images.
      - Default is E(SOURCE_DATE_EPOCH), then the time of the last git commit of the definition's folder if that has no
        changes, then now.
    type: int
  secrets:
    description:
      - Files that steps of the build may read, and that come into no layer and no history.
      - They do not count for the build key. A new token makes no new image.
    type: list
    elements: dict
    default: []
    suboptions:
      id:
        description:
          - The secret's name.
          - V(ansible_cfg) (an C(ansible.cfg) with Galaxy servers and their tokens), V(galaxy_token) (a Galaxy token
            file), V(galaxy_env) (lines C(ANSIBLE_GALAXY_SERVER_NAME_TOKEN=value)), V(pip_conf), V(netrc) and
            V(ca_bundle) are given to the steps that need them.
          - Any other is for C(RUN --mount=type=secret,id=NAME) in the definition's own steps.
        type: str
        required: true
      src:
        description: A file on the host that builds.
        type: path
      content:
        description: The content, in place of O(secrets[].src).
        type: str
  extra_args:
    description:
      - Further arguments for the engine's build command, as they are.
      - They do not count for the build key. An image that exists is not built again because of them; give what changes
        the image to O(build_args), or set O(rebuild=always).
    type: list
    elements: str
    default: []
  progress:
    description:
      - Whether to show the build while it runs. The work is not affected.
      - V(auto) shows one line that changes, with the running step and its last line of output, if C(ansible-playbook)
        writes for people on a terminal. On a controller, in a pipe and with callbacks for programs it shows nothing.
      - V(plain) prints a line for each step, on whatever standard output is.
      - With C(async), C(no_log) and in check mode nothing is shown.
    type: str
    choices: [auto, plain, none]
    default: auto
  progress_file:
    description:
      - A file in which the module says how far it is, as a JSON object with C(step), C(steps), C(instruction) and
        C(line), until it ends.
      - Set by O(progress); of use by itself to who watches a build in another way.
    type: path
notes:
  - The output of a build goes to a file, see RV(log).
seealso:
  - module: foundry.ee.ee_definition
  - module: foundry.ee.ee_registry_image
"""

EXAMPLES = r"""
- name: Build and publish
  foundry.ee.ee_build:
    src: /srv/ee/network/execution-environment.yml
    image: registry.example.com/network/ee:1.4
    push: true
    username: builder
    password: "{{ registry_password }}"

- name: Build from variables, with a private index
  foundry.ee.ee_build:
    definition:
      version: 3
      images:
        base_image:
          name: registry.example.com/base/python:3.12
      dependencies:
        ansible_core:
          package_pip: ansible-core
        ansible_runner:
          package_pip: ansible-runner
        galaxy:
          collections:
            - name: ansible.netcommon
    image: localhost/network/ee:dev
    secrets:
      - id: pip_conf
        content: "{{ pip_conf }}"

- name: The company's base, and what is built on it
  foundry.ee.ee_build:
    push: true
    authfile: /etc/foundry/auth.json
    builds:
      - {src: /srv/ee/base, image: "registry.example.com/base/ee:3"}
      - {src: /srv/ee/web, image: "registry.example.com/web/ee:2.0"}
      - {src: /srv/ee/cloud, image: "registry.example.com/cloud/ee:2.0", tags: ["2"]}

- name: Once a week, build again if the base image has moved
  foundry.ee.ee_build:
    src: /srv/ee/network/execution-environment.yml
    image: registry.example.com/network/ee:1.4
    rebuild: base_changed
    push: true
"""

RETURN = r"""
action:
  description: What was done, or would be. C(tagged) if the engine had the image under another name.
  returned: when O(builds) is not given
  type: str
  sample: built
because:
  description: Why, in words.
  returned: when O(builds) is not given
  type: list
  elements: str
  sample: ["requirements.txt changed", "no image with build key 1d4f5c0a9b2e is in reach"]
image:
  description: The image's first name, as the engine knows it.
  returned: when O(builds) is not given
  type: str
  sample: registry.example.com/ee/network:1.4
image_id:
  description: The image's id in the engine.
  returned: as RV(action), unless something would be built or fetched in check mode
  type: str
  sample: sha256:df918bf8ac56b180af6adf816d6d54e1e09713f278b2dbdb6ccb4c9c03e3f7fb
digest:
  description:
    - The manifest's digest, as the registry has it if O(push=true), else as the engine has it.
    - Engines compress layers when they push, so the two may differ.
  returned: as RV(image_id)
  type: str
  sample: sha256:27d20217da327185ddd907d2889e0184a649725e1f7586a987722749399a4dac
build_key:
  description: The build key of the image. Null with O(rebuild=never) if it was built by something else.
  returned: when O(builds) is not given
  type: str
  sample: 1d4f5c0a9b2e3f7fb1d4f5c0a9b2e3f7fb1d4f5c0a9b2e3f7fb1d4f5c0a9b2e3
changed_inputs:
  description: What differs from the image at hand, by name, where that image says what it was built from.
  returned: when O(builds) is not given
  type: list
  elements: str
  sample: ["requirements.txt", "base image"]
base:
  description: The base image.
  returned: when O(builds) is not given
  type: dict
  contains:
    name:
      description: Its name.
      type: str
    digest:
      description: Its digest. Null where nothing is built and the image does not tell.
      type: str
    because:
      description: Why it is this digest.
      type: str
builder:
  description: The builder image, with the keys of RV(base).
  returned: when the build has one of its own, which definitions of version 1 and 2 may name
  type: dict
  version_added: 0.2.0
platform:
  description: The platform of the image.
  returned: when O(builds) is not given
  type: str
  sample: linux/amd64
log:
  description:
    - The file with the whole output of the build, on the host that built.
    - The next build of the same key replaces it.
  returned: when built, or when a build failed
  type: str
  sample: /root/.local/state/foundry-ee/log/1d4f5c0a9b2e3f7fb1d4f5c0a9b2e3f7.log
elapsed:
  description: How long building and checking took, in seconds.
  returned: when built
  type: float
  sample: 41.7
failed_step:
  description: The instruction that failed.
  returned: when a build failed
  type: str
tail:
  description: The last lines of the build's output.
  returned: when a build failed
  type: list
  elements: str
problems:
  description: What is wrong with the definition.
  returned: when the definition is refused
  type: list
  elements: dict
advice:
  description: What might be better in it.
  returned: as RV(problems)
  type: list
  elements: dict
builds:
  description: One result for each of O(builds), in their order, with the values that are described here.
  returned: when O(builds) is given, also when some failed
  type: list
  elements: dict
  version_added: 0.2.0
  contains:
    changed:
      description: Whether this one changed.
      type: bool
    action:
      description: As RV(action).
      type: str
    because:
      description: As RV(because).
      type: list
      elements: str
    image:
      description: As RV(image).
      type: str
    image_id:
      description: As RV(image_id).
      type: str
    digest:
      description: As RV(digest).
      type: str
    build_key:
      description: As RV(build_key).
      type: str
    changed_inputs:
      description: As RV(changed_inputs).
      type: list
      elements: str
    base:
      description: As RV(base).
      type: dict
    builder:
      description: As RV(builder).
      type: dict
    platform:
      description: As RV(platform).
      type: str
    log:
      description: As RV(log).
      type: str
    elapsed:
      description: As RV(elapsed).
      type: float
    failed_step:
      description: As RV(failed_step).
      type: str
    tail:
      description: As RV(tail).
      type: list
      elements: str
    problems:
      description: As RV(problems).
      type: list
      elements: dict
    advice:
      description: As RV(advice).
      type: list
      elements: dict
    msg:
      description: Why this one failed, where it did.
      type: str
    error:
      description: For a C(rescue), where it failed. C(kind), and C(status), C(method) and C(url) of a request.
      type: dict
requests:
  description: How many requests went to registries while planning.
  returned: success
  type: int
  sample: 2
"""

import contextlib
import re
import typing as t
from functools import partial
from pathlib import Path

from ansible.module_utils.basic import AnsibleModule, missing_required_lib

from ansible_collections.foundry.ee.plugins.module_utils import _http
from ansible_collections.foundry.ee.plugins.module_utils._arguments import (
    ENGINE_ARGUMENTS,
    REGISTRY_ARGUMENTS,
    each_of,
    suboptions,
)
from ansible_collections.foundry.ee.plugins.module_utils._build import Planner, Request
from ansible_collections.foundry.ee.plugins.module_utils._build_many import Builds, Job
from ansible_collections.foundry.ee.plugins.module_utils._build_work import Tools, carry_out
from ansible_collections.foundry.ee.plugins.module_utils._core import image_ref, policy
from ansible_collections.foundry.ee.plugins.module_utils._core.errors import EEError, Invalid
from ansible_collections.foundry.ee.plugins.module_utils._core.image_ref import ImageRef
from ansible_collections.foundry.ee.plugins.module_utils._core.model import Definition
from ansible_collections.foundry.ee.plugins.module_utils._definition import Loaded, Source, load, read
from ansible_collections.foundry.ee.plugins.module_utils._engine import LOCAL, Engine, Secret, open_engine
from ansible_collections.foundry.ee.plugins.module_utils._engine_access import Reach
from ansible_collections.foundry.ee.plugins.module_utils._interrupt import end_with_reader
from ansible_collections.foundry.ee.plugins.module_utils._oci import Registry, open_registry
from ansible_collections.foundry.ee.plugins.module_utils._progress_file import ProgressFile
from ansible_collections.foundry.ee.plugins.module_utils._run import converge, converge_each, fail
from ansible_collections.foundry.ee.plugins.module_utils._workspace import KeyLock, Workspace

BUILD: dict[str, dict[str, t.Any]] = {
    "src": {"type": "path"},
    "definition": {"type": "dict"},
    "fragments": {"type": "list", "elements": "dict"},
    "folder": {"type": "path"},
    "lock": {"type": "path"},
    "image": {"type": "str"},
    "tags": {"type": "list", "elements": "str", "default": []},
    "build_args": {"type": "dict", "default": {}},
    "rebuild": {"type": "str", "choices": ["changed", "base_changed", "never", "always"], "default": "changed"},
    "base_policy": {"type": "str", "choices": ["pinned", "newest"], "default": "pinned"},
    "platform": {"type": "str"},
    "push": {"type": "bool", "default": False},
    "push_tags": {"type": "bool", "default": True},
    "no_cache": {"type": "bool", "default": False},
    "squash": {"type": "str", "choices": ["off", "new", "all"], "default": "off"},
    "prune": {"type": "bool", "default": False},
    "policy": {"type": "str", "choices": ["ignore_all", "system", "signature_required"]},
    "policy_keyring": {"type": "path", "no_log": False},
    "context": {"type": "path"},
    "output_filename": {"type": "str", "choices": ["Containerfile", "Dockerfile"], "default": "Containerfile"},
    "galaxy_keyring": {"type": "path", "no_log": False},
    "galaxy_required_valid_signature_count": {"type": "str"},
    "galaxy_ignore_signature_status_codes": {"type": "list", "elements": "str", "default": []},
    "timestamp": {"type": "int"},
    "secrets": {
        "type": "list",
        "elements": "dict",
        "default": [],
        "no_log": False,
        "options": {
            "id": {"type": "str", "required": True},
            "src": {"type": "path"},
            "content": {"type": "str", "no_log": True},
        },
        "mutually_exclusive": [("src", "content")],
        "required_one_of": [("src", "content")],
    },
    "extra_args": {"type": "list", "elements": "str", "default": []},
}
_OWN = ("src", "definition", "fragments", "image", "context")  # what no two builds have in common
ONE_DEFINITION = ("src", "definition", "fragments")
ARGUMENTS: dict[str, dict[str, t.Any]] = {
    **ENGINE_ARGUMENTS,
    **REGISTRY_ARGUMENTS,
    **BUILD,
    "builds": {
        "type": "list",
        "elements": "dict",
        "options": suboptions(BUILD),
        "mutually_exclusive": [ONE_DEFINITION],
        "required_one_of": [ONE_DEFINITION],
    },
    "progress": {"type": "str", "choices": ["auto", "plain", "none"], "default": "auto"},
    "progress_file": {"type": "path"},
}
KNOWN_SECRETS = ("ansible_cfg", "galaxy_token", "galaxy_env", "pip_conf", "netrc", "ca_bundle")
_COUNT = re.compile(r"\+?([0-9]+|all)")
DEFAULT_NAME = "localhost/ansible-execution-env:latest"


def read_definition(params: t.Mapping[str, t.Any]) -> Loaded:
    """Return the definition with its folder, pinned if there is a lock. Raises Invalid with all its problems."""
    loaded = load(Source(params["src"], params["definition"], params["fragments"], params["folder"]))
    if params["lock"] is None:
        return loaded
    from ansible_collections.foundry.ee.plugins.module_utils._definition_parts import locked  # see _definition

    return locked(loaded, read(Path(params["lock"])), params["lock"])


def read_names(params: t.Mapping[str, t.Any], definition: Definition) -> tuple[ImageRef, ...]:
    """Return all names of the image. Raises Invalid."""
    written = [params["image"]] if params["image"] is not None else list(definition.options.tags or (DEFAULT_NAME,))
    names = [image_ref.parse(name) for name in written]
    for name in names:
        if name.pinned:
            raise Invalid(f"`{name}` names a digest, which nobody knows before the build.", hint="Give a tag.")
    if params["push"] and params["push_tags"] and len({name.name for name in names}) > 1:
        raise Invalid(
            f"`options.tags` names several repositories, {', '.join(sorted({name.name for name in names}))}, and a push"
            " brings the image into one.",
            hint="Set `image` to the one to push to, and copy it from there with `ee_registry_image`.",
        )
    names = [name.with_tag(name.reference) for name in names]
    return tuple(dict.fromkeys([*names, *(names[0].with_tag(tag) for tag in params["tags"])]))


def read_secrets(params: t.Mapping[str, t.Any], workspace: Workspace) -> tuple[Secret, ...]:
    """Return the secrets as files; what was given as text is in the workspace, for this task only."""
    secrets = []
    for number, item in enumerate(params["secrets"]):
        path = item["src"]
        if path is None:
            path = str(workspace.write(f"secrets/{number}", item["content"]))
        elif not Path(path).is_file():
            raise Invalid(f"The secret {item['id']} has no file {path}.")
        secrets.append(Secret(f"foundry_{item['id']}" if item["id"] in KNOWN_SECRETS else item["id"], path))
    return tuple(secrets)


def read_rendering(params: t.Mapping[str, t.Any]) -> dict[str, t.Any]:
    """Return what else the build context depends on. Raises Invalid."""
    path, count = params["galaxy_keyring"], params["galaxy_required_valid_signature_count"]
    codes = params["galaxy_ignore_signature_status_codes"]
    if path is None and (count is not None or codes):
        raise Invalid("Signatures are checked only with a keyring.", hint="Set `galaxy_keyring`.")
    if count is not None and not _COUNT.fullmatch(count):
        raise Invalid(
            f"`galaxy_required_valid_signature_count` is `{count}`.",
            hint="Expected a number or `all`, with or without `+`.",
        )
    try:
        keyring = None if path is None else Path(path).read_bytes()
    except OSError as error:
        raise Invalid(f"The keyring {path} cannot be read: {error.strerror}.") from error
    return {
        "engine_file": params["output_filename"],
        "keyring": keyring,
        "required_valid_signature_count": count,
        "ignore_signature_status_codes": codes,
    }


Open = t.Callable[[ImageRef], Registry]


def registry_of(name: ImageRef, push: bool, open_: Open) -> Registry | None:
    """Return the registry of an image, None for a name that belongs to the engine alone. Raises Invalid."""
    if name.registry is not None and name.registry != LOCAL:
        return open_(name)
    if push:
        raise Invalid(f"`{name}` names no registry to push to.", hint="Set `image` to `registry/namespace/name:tag`.")
    return None


def prepare(
    params: t.Mapping[str, t.Any], engine: Engine, workspace: Workspace, progress: ProgressFile, open_: Open
) -> Job:
    """Turn parameters into what plans and what works. Raises EEError."""
    loaded = read_definition(params)
    names = read_names(params, loaded.definition)
    policy.check(
        params["policy"],
        params["policy_keyring"],
        definition=loaded.definition,
        engine=engine.name,
        build_args=params["build_args"],
    )
    registry = registry_of(names[0], params["push"], open_)
    request = Request(
        definition=loaded.definition,
        folder=loaded.folder,
        from_files=params["src"] is not None or params["folder"] is not None,
        names=names,
        build_args={name: str(value) for name, value in params["build_args"].items()},
        platform=params["platform"],
        rebuild=params["rebuild"],
        base_policy=params["base_policy"],
        push=params["push"],
        push_tags=params["push_tags"],
        no_cache=params["no_cache"],
        squash=params["squash"],
        prune=params["prune"],
        timestamp=params["timestamp"],
        context=None if params["context"] is None else Path(params["context"]),
        policy=params["policy"],
        policy_keyring=None if params["policy_keyring"] is None else str(Path(params["policy_keyring"]).resolve()),
        rendering={**read_rendering(params), "places": loaded.places, "constraints": loaded.constraints},
        secrets=read_secrets(params, workspace),
        extra_args=tuple(params["extra_args"]),
        bearer=params["token"] is not None,
    )
    reach = Reach(params, names[0], registry, workspace, engine.name)
    planner = Planner(request, engine, registry, None, reach.registry_of)
    return Job(request, planner, Tools(engine, registry, workspace, reach, progress.tell))


def prepare_many(module: AnsibleModule, engine: Engine, workspace: Workspace, progress: ProgressFile) -> Builds:
    """Prepare every build, over connections that they share. What is wrong with one is told when its turn comes."""
    from ansible_collections.foundry.ee.plugins.module_utils._oci_images import Registries  # one build needs it not

    registries = Registries(module.params, read_only=module.check_mode)
    jobs: list[Job | EEError] = []
    for number, given in enumerate(each_of(module.params, "builds")):
        try:
            part = workspace.part(f"build-{number}")
            open_ = partial(registries.open, main=True)
            jobs.append(prepare(given, engine, part, progress, open_))
        except EEError as error:
            jobs.append(error)
    return Builds(jobs, engine, check=module.check_mode)


def label_of(given: t.Mapping[str, t.Any]) -> str:
    """Return what one of many builds is called in messages."""
    return str(given["image"] or given["src"] or "a build without `image`")


def main() -> None:
    module = AnsibleModule(
        ARGUMENTS,
        mutually_exclusive=[ONE_DEFINITION, *((name, "builds") for name in _OWN)],
        required_one_of=[(*ONE_DEFINITION, "builds")],
        required_by={"password": ["username"]},
        supports_check_mode=True,
    )
    if _http.REQUESTS_IMPORT_ERROR is not None:
        module.fail_json(msg=missing_required_lib("requests"), exception=_http.REQUESTS_IMPORT_ERROR)
    end_with_reader()
    params = module.params
    with contextlib.ExitStack() as stack:
        try:
            engine = open_engine(params["engine"], connection=params["connection"])
            workspace = stack.enter_context(Workspace(engine.clear))
            progress = stack.enter_context(ProgressFile(params["progress_file"]))
            engine.task = workspace.name
            if params["builds"] is not None:
                builds = prepare_many(module, engine, workspace, progress)
                labels = [label_of(given) for given in params["builds"]]
                converge_each(module, "builds", labels, builds.plans, builds.apply, builds.totals)
            open_ = partial(open_registry, options=params, read_only=module.check_mode)
            job = prepare(params, engine, workspace, progress, open_)
        except EEError as error:
            fail(module, error)
        if not module.check_mode:
            job.planner.lock = stack.enter_context(KeyLock())
        converge(module, plan=job.planner.plan, apply=lambda plan: carry_out(job.request, plan, job.tools))


if __name__ == "__main__":
    main()
