# Copyright (c) 2026 Foundry maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Lines of pip's requirements files."""

from __future__ import annotations

from ansible_collections.foundry.ee.plugins.module_utils._core.image_scripts import pip_lists


def test_lines_and_includes():
    assert list(pip_lists.logical_lines("a \\\n  b\n# c\n\nd # e\nf#g\n")) == ["a    b", "d", "f#g"]
    assert pip_lists.included("-r x") == pip_lists.included("--requirement=x") == ("x", "requirement")
    assert pip_lists.included("-cx") == pip_lists.included("--constraint x") == ("x", "constraint")
    assert pip_lists.included("-e x")[0] is None
    assert pip_lists.included("--requirementx")[0] is None
