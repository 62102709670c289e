# Copyright (c) 2026 Foundry maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Make imports from Ansible's payload half as expensive.

A module reaches its host as a zip archive of sources, and Python compiles what it imports from one twice: zipimport's
``get_filename``, by which a module's spec is made, compiles the source to learn the name, and ``exec_module`` compiles
it again to run it. For ee_definition that was 50 ms of processor time in every task.
Source: CPython's Lib/zipimport.py, ``_get_module_code``; the same from 3.9 to 3.14.
"""

from __future__ import annotations

import functools
import zipimport

_NAME = "_get_module_code"  # private to zipimport: where it is not there, nothing is lost but time


def compile_once() -> None:
    """Let zipimport keep what it compiles from now on, for as long as this process lives, if we came by it."""
    compiled = getattr(zipimport, _NAME, None)
    if compiled is not None and isinstance(globals().get("__loader__"), zipimport.zipimporter):
        setattr(zipimport, _NAME, functools.lru_cache(maxsize=None)(compiled))
