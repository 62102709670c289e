# Copyright (c) 2026 Foundry maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Options of everything that talks to a container registry."""

from __future__ import annotations


class ModuleDocFragment:
    """Describes C(REGISTRY_ARGUMENTS)."""

    DOCUMENTATION = r"""
options:
  username:
    description:
      - User at the registry.
      - Without it, the credentials come from O(authfile), or from the places where podman and docker keep theirs.
    type: str
  password:
    description: Password of O(username).
    type: str
  token:
    description: A bearer token for the registry, in place of user and password.
    type: str
  authfile:
    description:
      - File with credentials as C(podman login) or C(docker login) writes it.
      - Default is E(REGISTRY_AUTH_FILE), then C(${XDG_RUNTIME_DIR}/containers/auth.json),
        then C(~/.config/containers/auth.json), then C(~/.docker/config.json).
    type: path
  validate_certs:
    description:
      - Whether to check the server's certificate.
      - V(false) also allows plain HTTP, which is otherwise used for loopback addresses only.
    type: bool
    default: true
requirements:
  - requests >= 2.31
"""
