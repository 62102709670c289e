# Copyright (c) 2026 Foundry maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Options of everything that talks to Galaxy NG."""

from __future__ import annotations


class ModuleDocFragment:
    """Describes C(HUB_ARGUMENTS)."""

    DOCUMENTATION = r"""
options:
  hub_host:
    description:
      - Address of the hub, such as V(https://hub.example.com).
      - Behind a gateway the API's path is found by asking.
      - Default is the environment variable E(HUB_HOST), then E(AH_HOST). One of them is needed.
    type: str
  hub_username:
    description:
      - User at the hub.
      - Default is the environment variable E(HUB_USERNAME), then E(AH_USERNAME).
    type: str
  hub_password:
    description:
      - Password of O(hub_username).
      - Default is the environment variable E(HUB_PASSWORD), then E(AH_PASSWORD).
    type: str
  hub_token:
    description:
      - API token, in place of user and password.
      - It is far faster, since the hub hashes the password for each request.
      - Default is the environment variable E(HUB_TOKEN), then E(AH_API_TOKEN).
    type: str
  validate_certs:
    description: Whether to check the hub's certificate.
    type: bool
    default: true
requirements:
  - requests >= 2.31
notes:
  - No token is ever made. A hub keeps one for each user, and making one ends the one that is in use elsewhere.
  - A hub answers 403 to bad credentials and to missing rights alike. A task that fails so asks it who the user is, and
    returns in C(denied_for) either V(credentials) or V(rights).
"""
