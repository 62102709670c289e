# Copyright (c) 2026 Foundry maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Sphinx configuration of the documentation site; a build needs no network."""

from __future__ import annotations

import pathlib
import zlib

project = "foundry.ee"
author = "Foundry maintainers"
project_copyright = author
title = html_title = html_short_title = project
extensions = ["sphinx.ext.intersphinx", "sphinx_antsibull_ext"]
html_theme = "sphinx_ansible_theme"
pygments_style = "ansible"
highlight_language = "YAML+Jinja"
html_use_smartypants = True
html_use_modindex = False
html_use_index = False
html_copy_source = False
default_role = "any"

# Generated pages refer to these labels of the Ansible documentation.
# Their inventory is made here, so that a build does not ask the network for the real one.
ANSIBLE_DOCS = "https://docs.ansible.com/projects/ansible/latest/"
ANSIBLE_LABELS = {
    "action_plugins": "plugins/action.html",
    "ansible_configuration_settings": "reference_appendices/config.html",
    "common_return_values": "reference_appendices/common_return_values.html",
}
INVENTORY_HEADER = """\
# Sphinx inventory version 2
# Project: ansible
# Version: latest
# The remainder of this file is compressed using zlib.
"""
inventory = pathlib.Path(__file__).with_name("ansible.inv")
lines = [f"{label} std:label -1 {page}#{label.replace('_', '-')} {label}\n" for label, page in ANSIBLE_LABELS.items()]
inventory.write_bytes(INVENTORY_HEADER.encode() + zlib.compress("".join(lines).encode()))
intersphinx_mapping = {"ansible": (ANSIBLE_DOCS, str(inventory))}
