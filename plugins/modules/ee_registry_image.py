#!/usr/bin/python
# Copyright (c) 2026 Foundry maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: ee_registry_image
short_description: Images in a container registry, as desired state
version_added: 0.1.0
author: Foundry maintainers (@foundry)
description:
  - Tags, moves, copies, promotes, joins and deletes images in any OCI registry, by digest.
  - It speaks the distribution API itself, so it needs no container engine and transfers nothing that is there already.
  - It also pushes from and pulls into the store of podman, docker or buildah, unless the image is there already.
  - Everything is decided from what the registry answers now. Check mode asks the same questions and writes nothing.
extends_documentation_fragment:
  - foundry.ee._attributes
  - foundry.ee._attributes.state
  - foundry.ee._registry
  - foundry.ee._connection
options:
  image:
    description:
      - The image that is to be there, or not.
      - C(registry.example.com/team/ee:1.0) is an image in a registry. With C(:1.0@sha256:…), the tag is to stand for
        exactly that digest.
      - C(oci:/srv/ee:1.0) is an image in an OCI layout directory, C(oci-archive:/srv/ee.tar:1.0) in one tar file, which
        then holds this image and no other.
      - C(podman:localhost/ee:1.0), C(docker:…) and C(buildah:…) are images in the store of that engine on the host.
      - Anything but a registry needs O(source).
      - Without a tag and without O(tags), it gets the tags of O(source); without a source, C(latest) is meant.
      - Either this or O(images) is needed.
    type: str
  images:
    description:
      - Several images, each with the options of the same name here. What one leaves out is what the task says.
      - All are planned before the first is touched, then they are worked on in parallel.
      - One that cannot be planned or fails does not keep the others from it. The task fails in the end, in check mode
        too, with the results of all.
      - Nothing is touched where two of them contradict each other, such as two sources for one tag.
    type: list
    elements: dict
    suboptions:
      image:
        description: See O(image).
        type: str
        required: true
      state:
        description: See O(state).
        type: str
        choices: [present, absent]
      tags:
        description: See O(tags).
        type: list
        elements: str
      tags_mode:
        description: See O(tags_mode).
        type: str
        choices: [add, exact]
      source:
        description: See O(source).
        type: str
      platforms:
        description: See O(platforms).
        type: list
        elements: str
      index_of:
        description: See O(index_of).
        type: list
        elements: str
      referrers:
        description: See O(referrers).
        type: bool
      remember_previous:
        description: See O(remember_previous).
        type: bool
      rollback:
        description: See O(rollback).
        type: bool
      delete_image:
        description: See O(delete_image).
        type: bool
  state:
    description:
      - With V(present), the image is there and its tags stand for it.
      - With V(absent), the named tags are gone. The image and its other tags stay, unless O(delete_image=true).
      - An image named by its digest alone is deleted, unless a tag still stands for it, or for an index that holds it.
    type: str
    choices: [present, absent]
    default: present
  tags:
    description: Further tags of the image.
    type: list
    elements: str
  tags_mode:
    description:
      - With V(add), other tags are left alone.
      - With V(exact), other tags that stand for this image are removed. The build key's tag (C(key-…)) and what
        O(remember_previous) wrote stay.
    type: str
    choices: [add, exact]
    default: add
  source:
    description:
      - Where the image comes from, written like O(image).
      - Blobs that the destination has are not sent. Between repositories of one registry nothing is sent at all.
      - A layout with a single image needs no tag.
      - An engine's image is compared with that in the registry by its id, the digest of its configuration. The engine
        packs its layers when it pushes, so that RV(digest) of a first push is known only afterwards.
    type: str
  platforms:
    description:
      - Take only these platforms of a multi-platform O(source), such as V(linux/amd64).
      - One platform gives its image, several give an index of them. By default all are taken and the digest stays.
    type: list
    elements: str
  index_of:
    description:
      - Join these images (in registries or layouts), one for each platform, into a multi-platform index.
      - They are copied where they are not in the repository yet. The same images give the same digest in any order.
    type: list
    elements: str
  referrers:
    description:
      - Also bring along what is attached to the image, such as signatures and SBOMs, by the referrers API, by the tag
        that stands in for it, or by the tags of cosign.
    type: bool
    default: false
  remember_previous:
    description:
      - A tag that moves leaves the digest it stood for under the tag with C(.previous) appended.
      - It is remembered in the registry itself, so that any machine can roll back, and so that no clean-up removes it.
    type: bool
    default: false
  rollback:
    description:
      - Let each tag stand for the image that it stood for before, as remembered by O(remember_previous).
      - What was remembered stays, so that a second run changes nothing. To go forward again, name the digest.
      - It takes neither a digest in O(image) nor O(tags_mode=exact), O(referrers) and O(remember_previous).
    type: bool
    default: false
  delete_image:
    description:
      - With O(state=absent), delete the image itself that O(image) names by tag or digest, with every tag that stands
        for it. It takes no O(tags).
      - An image that a tagged index holds is not deleted. The index has to go first.
    type: bool
    default: false
  source_username:
    description:
      - User at the registry of O(source), where that is another one than that of O(image).
      - O(username), O(password), O(token) and the client certificate go to the registry of O(image) only, or to that of
        O(source) where O(image) is a layout.
      - O(source_username), O(source_password) and O(source_token) are for one registry as well. Give O(authfile) where
        O(images) or O(index_of) come from several.
    type: str
  source_password:
    description: Password of O(source_username).
    type: str
  source_token:
    description: A bearer token for the registry of O(source), in place of user and password.
    type: str
  source_validate_certs:
    description: As O(validate_certs), for the registry of O(source). Default is that of O(validate_certs).
    type: bool
  source_ca_path:
    description: As O(ca_path), for the registry of O(source). Default is that of O(ca_path).
    type: path
  wait_timeout:
    description: Seconds that a Galaxy NG may take for each change that it makes in the background.
    type: float
    default: 120.0
    version_added: 0.2.0
notes:
  - Plain HTTP is spoken to loopback addresses, and with O(validate_certs=false) to others, if they do not speak TLS.
  - Galaxy NG is recognized. Tags and images are removed through its own API there, as the user of O(username) and
    O(password), or of O(authfile). It takes no O(token).
  - A registry that cannot remove a single tag (CNCF distribution before version 3) gets a passing manifest under it,
    which is then deleted. For that moment the tag stands for an empty image.
seealso:
  - module: foundry.ee.ee_build
  - module: foundry.ee.ee_registry_prune
"""

EXAMPLES = r"""
- name: Promote exactly what was tested, and remember what it replaces
  foundry.ee.ee_registry_image:
    image: hub.example.com/prod/ee:stable
    source: hub.example.com/test/ee@sha256:9f2c1e4b7a0d5c8e3f6b9a2d1c4e7f0a3b6d9c2e5f8a1b4d7c0e3f6a9b2d5c8e
    remember_previous: true

- name: Go back to the one before
  foundry.ee.ee_registry_image:
    image: hub.example.com/prod/ee:stable
    rollback: true

- name: The image has these tags and no others
  foundry.ee.ee_registry_image:
    image: hub.example.com/team/ee:1.4.2
    tags: ["1.4", "1", latest]
    tags_mode: exact

- name: Remove one tag, keep the image
  foundry.ee.ee_registry_image:
    image: hub.example.com/team/ee:testing
    state: absent

- name: Take an image with its signatures across the air gap, in one file
  foundry.ee.ee_registry_image:
    image: oci-archive:/media/usb/ee.tar
    source: registry.example.com/team/ee:1.4.2
    tags: ["1.4.2", latest]
    referrers: true

- name: On the other side
  foundry.ee.ee_registry_image:
    image: hub.internal.example.com/team/ee
    source: oci-archive:/media/usb/ee.tar
    referrers: true

- name: Join what the build hosts of two architectures pushed
  foundry.ee.ee_registry_image:
    image: hub.example.com/team/ee:1.5.0
    index_of:
      - hub.example.com/team/ee:1.5.0-amd64
      - hub.example.com/team/ee:1.5.0-arm64

- name: Push what was built here, unless it is there already
  foundry.ee.ee_registry_image:
    image: hub.example.com/web/ee:2.0
    source: podman:localhost/web/ee:2.0

- name: Have an image ready on every execution node
  foundry.ee.ee_registry_image:
    image: podman:hub.example.com/team/ee:1.5.0
    source: hub.example.com/team/ee:1.5.0

- name: Mirror many, with one login for each side
  foundry.ee.ee_registry_image:
    username: mirror
    password: "{{ hub_password }}"
    source_username: reader
    source_password: "{{ registry_password }}"
    images:
      - image: hub.example.com/mirror/minimal
        source: registry.example.com/ee/minimal:2.19
      - image: hub.example.com/mirror/supported
        source: registry.example.com/ee/supported:2.19
        platforms: [linux/amd64]
"""

RETURN = r"""
digest:
  description:
    - The digest of the image, of the index if it is one. A removed tag has none.
    - In check mode it is null where an engine would push, since it is not known yet.
  returned: when O(image) is given
  type: str
  sample: sha256:9f2c1e4b7a0d5c8e3f6b9a2d1c4e7f0a3b6d9c2e5f8a1b4d7c0e3f6a9b2d5c8e
tags:
  description:
    - What the tags that the task is about stand for now. With O(remember_previous=true), those of the memory as well.
    - Empty in check mode where an engine would push, since the digest is not known yet.
  returned: when O(image) is given
  type: dict
  sample: {"1.4.2": "sha256:9f2c…", "latest": "sha256:9f2c…"}
images:
  description: One result for each of O(images), in their order.
  returned: when O(images) is given
  type: list
  elements: dict
  contains:
    image:
      description: The image as it was given.
      type: str
    changed:
      description: Whether this one changed. V(false) for one that failed, though a part of it may have been done.
      type: bool
    digest:
      description: As RV(digest). Null for one that failed.
      type: str
    tags:
      description: As RV(tags). Empty for one that failed.
      type: dict
    requests:
      description: As RV(requests), of this one.
      type: int
    bytes_copied:
      description: As RV(bytes_copied), of this one.
      type: int
    msg:
      description: Why this one failed, where it did.
      type: str
    error:
      description: What a C(rescue) can decide on, where this one failed, such as its C(kind).
      type: dict
requests:
  description:
    - Requests that were sent to registries and their token services.
    - What is there already takes one for each tag. A token service takes two more, the first answer that sends us
      there and the token, which is for one repository. Galaxy NG also redirects each request for a tag, so that one tag
      takes four there and three tags take eight.
  returned: always
  type: int
  sample: 2
bytes_copied:
  description:
    - Bytes of blobs that were sent. Zero in check mode, and where the destination had everything.
    - What an engine pushes or pulls by itself is not counted.
  returned: always
  type: int
  sample: 0
"""

import typing as t

from ansible.module_utils.basic import AnsibleModule, missing_required_lib

from ansible_collections.foundry.ee.plugins.module_utils._arguments import REGISTRY_ARGUMENTS, suboptions
from ansible_collections.foundry.ee.plugins.module_utils._http import REQUESTS_IMPORT_ERROR
from ansible_collections.foundry.ee.plugins.module_utils._oci_images import Item, ItemPlan, Registries, plan_item
from ansible_collections.foundry.ee.plugins.module_utils._run import conclude, converge

ITEM: dict[str, dict[str, t.Any]] = {
    "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
    "tags": {"type": "list", "elements": "str"},
    "tags_mode": {"type": "str", "choices": ["add", "exact"], "default": "add"},
    "source": {"type": "str"},
    "platforms": {"type": "list", "elements": "str"},
    "index_of": {"type": "list", "elements": "str"},
    "referrers": {"type": "bool", "default": False},
    "remember_previous": {"type": "bool", "default": False},
    "rollback": {"type": "bool", "default": False},
    "delete_image": {"type": "bool", "default": False},
}
ARGUMENTS: dict[str, dict[str, t.Any]] = {
    **REGISTRY_ARGUMENTS,
    **ITEM,
    "image": {"type": "str"},
    "images": {
        "type": "list",
        "elements": "dict",
        "options": suboptions(ITEM, image={"type": "str", "required": True}),
    },
    "source_username": {"type": "str"},
    "source_password": {"type": "str", "no_log": True},
    "source_token": {"type": "str", "no_log": True},
    "source_validate_certs": {"type": "bool"},
    "source_ca_path": {"type": "path"},
    "wait_timeout": {"type": "float", "default": 120.0},
}


class Plan(t.NamedTuple):
    """The plan of one image, named by ``image``."""

    item: ItemPlan

    @property
    def changed(self) -> bool:
        return self.item.changed

    @property
    def diff(self) -> dict[str, t.Any]:
        return self.item.diff

    @property
    def warnings(self) -> t.Sequence[str]:
        return self.item.warnings

    @property
    def result(self) -> dict[str, t.Any]:
        return shown(self.item.result())


def plan(params: t.Mapping[str, t.Any], registries: Registries) -> Plan:
    return Plan(plan_item(Item.from_params(params), registries))


def apply(planned: Plan) -> dict[str, t.Any]:
    return shown(planned.item.result(planned.item.apply()))


def shown(result: t.Mapping[str, t.Any]) -> dict[str, t.Any]:
    """Return the module's result for its one image."""
    return {key: value for key, value in result.items() if key not in ("image", "changed")}


def main() -> None:
    module = AnsibleModule(
        ARGUMENTS,
        required_one_of=[("image", "images")],
        mutually_exclusive=[("image", "images"), ("username", "token"), ("source_username", "source_token")],
        required_by={"password": "username", "source_password": "source_username", "client_key": "client_cert"},
        supports_check_mode=True,
    )
    if REQUESTS_IMPORT_ERROR is not None:
        module.fail_json(msg=missing_required_lib("requests"), exception=REQUESTS_IMPORT_ERROR)
    registries = Registries(module.params, read_only=module.check_mode)
    if module.params["images"] is not None:
        # here, because most tasks name one image
        from ansible_collections.foundry.ee.plugins.module_utils._oci_many import apply_many, bring, foretell

        settle = foretell if module.check_mode else apply_many
        conclude(module, lambda: bring(module.params, registries, settle, module.warn))
    converge(module, plan=lambda: plan(module.params, registries), apply=apply)


if __name__ == "__main__":
    main()
