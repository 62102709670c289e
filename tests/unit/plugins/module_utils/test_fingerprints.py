# Copyright (c) 2026 Foundry maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest

from ansible_collections.foundry.ee.plugins.module_utils._core.errors import Invalid
from ansible_collections.foundry.ee.plugins.module_utils._fingerprints import Fingerprints, fingerprint


def test_remember_and_forget(tmp_path):
    path = tmp_path / "f.json"
    Fingerprints(str(path)).remember({"1.password": "s3cret", "1.username": None, "2.password": "other"})
    again = Fingerprints(str(path))
    assert again.same("1.password", "s3cret") is True
    assert again.same("1.password", "s3cret ") is False
    assert again.same("1.username", "u") is False, "never sent"
    assert "s3cret" not in path.read_text()
    assert path.stat().st_mode & 0o777 == 0o600
    again.forget("1.")
    assert again.same("1.password", "s3cret") is False
    assert again.same("2.password", "other") is True
    assert [entry.name for entry in tmp_path.iterdir()] == ["f.json"]


def test_each_has_its_salt():
    assert fingerprint("x") != fingerprint("x")


def test_no_file_knows_nothing():
    none = Fingerprints(None)
    none.remember({"a": "b"})
    assert none.same("a", "b") is None


def test_refused(tmp_path):
    with pytest.raises(Invalid, match="Cannot write"):
        Fingerprints(str(tmp_path / "nowhere" / "f")).remember({"a": "b"})
    broken = tmp_path / "broken"
    for text in ("{", "[]", '{"fingerprints": 1}'):
        broken.write_text(text)
        with pytest.raises(Invalid, match="not written by us"):
            Fingerprints(str(broken)).same("a", "b")
    with pytest.raises(Invalid, match="Cannot read"):
        Fingerprints(str(tmp_path)).same("a", "b")
