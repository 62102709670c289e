# Copyright (c) 2026 Foundry maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Attributes that every module declares."""

from __future__ import annotations


class ModuleDocFragment:
    """Descriptions of the attributes, and sets for kinds of modules."""

    DOCUMENTATION = r"""
options: {}
attributes:
  check_mode:
    description: Can run in C(check_mode) and return changed status prediction without modifying target.
  diff_mode:
    description: Returns details on what has changed, or would change in C(check_mode), when in diff mode.
  idempotent:
    description: >-
      When run twice in a row outside check mode, with the same arguments, the second
      invocation changes nothing.
  platform:
    description: Target OS/families that can be operated against.
    platforms: posix
"""

    # A module that brings something into a state.
    STATE = r"""
options: {}
attributes:
  check_mode:
    support: full
  diff_mode:
    support: full
  idempotent:
    support: full
  platform:
    support: full
"""

    # A module that takes the hub's options from module_defaults.
    HUB = r"""
options: {}
attributes:
  action_group:
    description: >-
      Use C(group/foundry.ee.hub) in C(module_defaults) to set defaults for all of these modules.
    support: full
    membership:
      - foundry.ee.all
      - foundry.ee.hub
"""

    # A module that takes the controller's options from module_defaults.
    CONTROLLER = r"""
options: {}
attributes:
  action_group:
    description: >-
      Use C(group/foundry.ee.controller) in C(module_defaults) to set defaults for all of these modules.
    support: full
    membership:
      - foundry.ee.all
      - foundry.ee.controller
"""

    # A module that only reads.
    INFO = r"""
options: {}
attributes:
  check_mode:
    support: full
    details:
      - This action does not modify state.
  diff_mode:
    support: N/A
    details:
      - This action does not modify state.
  idempotent:
    support: N/A
    details:
      - This action does not modify state.
  platform:
    support: full
"""
