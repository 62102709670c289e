# Copyright (c) 2026 Foundry maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which base images a build may use: the three container policies, and the policy file that podman and buildah read.

The file's format: containers-policy.json(5).
"""

from __future__ import annotations

import json
import typing as t

from ansible_collections.foundry.ee.plugins.module_utils._core.errors import Invalid
from ansible_collections.foundry.ee.plugins.module_utils._core.model import Definition, Image

Policy = t.Literal["ignore_all", "system", "signature_required"]
POLICIES: tuple[Policy, ...] = ("ignore_all", "system", "signature_required")
FILE = "policy.json"
_IMAGE_ARGS = ("EE_BASE_IMAGE", "EE_BUILDER_IMAGE")


def check(
    policy: Policy | None,
    keyring: str | None,
    *,
    definition: Definition,
    engine: str,
    build_args: t.Collection[str] = (),
) -> None:
    """Refuse what a policy cannot go with. ``keyring`` is a path, ``build_args`` the names given. Raises Invalid."""
    if policy is None:
        if keyring is not None:
            raise Invalid("A container keyring is given, and no container policy.", hint=_WITH_KEYRING)
        return
    if definition.version == 1:
        raise Invalid("A container policy needs `images`, which version 1 has not.", hint="Migrate to `version: 3`.")
    if engine == "docker":
        raise Invalid("docker knows no container policies.", hint="Build with podman or buildah, or leave it out.")
    for name in _IMAGE_ARGS:
        if name in build_args:
            raise Invalid(
                f"With a container policy the build argument {name} is not allowed: it would go around the policy.",
                hint="Name the image in `images` of the definition.",
            )
    if policy == "signature_required" and keyring is None:
        raise Invalid("The policy `signature_required` needs a keyring to check signatures with.", hint=_WITH_KEYRING)
    if policy != "signature_required" and keyring is not None:
        raise Invalid(f"The policy `{policy}` checks no signatures, and takes no keyring.", hint=_WITH_KEYRING)


_WITH_KEYRING = "Keyring and the policy `signature_required` go together."


def pulls_always(policy: Policy | None) -> bool:
    """Tell whether the base must be pulled even if it is there: only then are its signatures looked at."""
    return policy in ("system", "signature_required")


def document(policy: Policy | None, keyring: str | None, definition: Definition) -> str | None:
    """Return the text of the policy file, None where the system's is to count. ``keyring`` is an absolute path."""
    if policy is None or policy == "system":
        return None
    if policy == "ignore_all":
        return _text({"default": [{"type": "insecureAcceptAnything"}]})
    images = [image for image in (definition.base_image, definition.builder_image) if image is not None]
    signed = {image.name: [_signed(image, keyring or "")] for image in images}
    return _text({"default": [{"type": "reject"}], "transports": {"docker": signed}})


def _signed(image: Image, keyring: str) -> dict[str, t.Any]:
    """A mirror's image is signed under the name that it had first."""
    name = image.signature_original_name or image.name
    return {
        "type": "signedBy",
        "keyType": "GPGKeys",
        "keyPath": keyring,
        "signedIdentity": {"type": "exactReference", "dockerReference": name},
    }


def _text(data: t.Any) -> str:
    return json.dumps(data, indent=2, sort_keys=True) + "\n"
