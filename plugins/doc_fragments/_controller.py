# Copyright (c) 2026 Foundry maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Options of everything that talks to a controller."""

from __future__ import annotations


class ModuleDocFragment:
    """Describes C(CONTROLLER_ARGUMENTS)."""

    DOCUMENTATION = r"""
options:
  controller_host:
    description:
      - Address of the controller, such as V(https://controller.example.com).
      - Behind a gateway the API's path is found by asking, or given as in V(https://gateway.example.com/api/controller).
      - Default is the environment variable E(CONTROLLER_HOST), then E(TOWER_HOST). One of them is needed.
    type: str
  controller_username:
    description:
      - User at the controller.
      - Default is the environment variable E(CONTROLLER_USERNAME), then E(TOWER_USERNAME).
    type: str
  controller_password:
    description:
      - Password of O(controller_username).
      - Default is the environment variable E(CONTROLLER_PASSWORD), then E(TOWER_PASSWORD).
    type: str
  controller_oauthtoken:
    description:
      - OAuth token, in place of user and password.
      - Default is the environment variable E(CONTROLLER_OAUTH_TOKEN), then E(TOWER_OAUTH_TOKEN).
    type: str
  validate_certs:
    description:
      - Whether to check the controller's certificate.
      - Default is the environment variable E(CONTROLLER_VERIFY_SSL), then E(TOWER_VERIFY_SSL).
    type: bool
    default: true
  timeout:
    description:
      - Seconds to wait for a connection, and for each part of an answer.
      - Default is the environment variable E(CONTROLLER_REQUEST_TIMEOUT).
    type: float
    default: 30.0
requirements:
  - requests >= 2.31
"""

    # The same for a plugin that can do without a controller, and reads the environment variables itself.
    PLUGIN = r"""
options:
  controller_host:
    description:
      - Address of the controller, such as V(https://controller.example.com).
      - Behind a gateway the API's path is found by asking, or given as in V(https://gateway.example.com/api/controller).
    type: str
    env:
      - name: CONTROLLER_HOST
      - name: TOWER_HOST
  controller_username:
    description: User at the controller.
    type: str
    env:
      - name: CONTROLLER_USERNAME
      - name: TOWER_USERNAME
  controller_password:
    description: Password of O(controller_username).
    type: str
    env:
      - name: CONTROLLER_PASSWORD
      - name: TOWER_PASSWORD
  controller_oauthtoken:
    description: OAuth token, in place of user and password.
    type: str
    env:
      - name: CONTROLLER_OAUTH_TOKEN
      - name: TOWER_OAUTH_TOKEN
  validate_certs:
    description: Whether to check the controller's certificate.
    type: bool
    default: true
    env:
      - name: CONTROLLER_VERIFY_SSL
      - name: TOWER_VERIFY_SSL
  timeout:
    description: Seconds to wait for a connection, and for each part of an answer.
    type: float
    default: 30.0
    env:
      - name: CONTROLLER_REQUEST_TIMEOUT
requirements:
  - requests >= 2.31 (for a controller)
"""
