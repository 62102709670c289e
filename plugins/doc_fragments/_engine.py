# Copyright (c) 2026 Foundry maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The option that chooses a container engine."""

from __future__ import annotations


class ModuleDocFragment:
    """Describes C(ENGINE_ARGUMENTS)."""

    DOCUMENTATION = r"""
options:
  engine:
    description:
      - The container engine to use.
      - V(auto) takes the first that is installed, of podman, docker and buildah.
    type: str
    choices: [auto, podman, docker, buildah]
    default: auto
  connection:
    description:
      - A remote engine, as the engine itself knows it. For podman the name of a connection
        (C(podman system connection)) or an address such as
        V(ssh://core@build.example.com/run/user/1000/podman/podman.sock), for docker the name of a context or an
        address. buildah has none.
      - Without it the engine's own settings hold, such as E(CONTAINER_HOST) and E(DOCKER_HOST).
    type: str
"""
