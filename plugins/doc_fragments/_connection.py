# Copyright (c) 2026 Foundry maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Options of every connection to a server, beside those of the fragment that names the server.

Where both describe an option, the fragment that a plugin names first wins.
"""

from __future__ import annotations


class ModuleDocFragment:
    """Describes what ``_arguments`` has for each kind of server."""

    DOCUMENTATION = r"""
options:
  ca_path:
    description: File with the certificates of the authorities to trust. Default are those of the system or of Python.
    type: path
  client_cert:
    description: Client certificate, with its key unless O(client_key) holds it.
    type: path
  client_key:
    description: Key of O(client_cert).
    type: path
  timeout:
    description: Seconds to wait for a connection, and for each part of an answer.
    type: float
    default: 30.0
"""
