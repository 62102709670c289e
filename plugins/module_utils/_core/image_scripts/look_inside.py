# Copyright (c) 2026 Foundry maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Say what an image holds. Runs inside it, on the interpreter that ansible uses there; reads, and changes nothing.

Prints one line: ``MARK`` and JSON. What cannot be read is left out; a list that cannot be asked for is null.
"""

from __future__ import annotations

import json
import os
import platform
import shutil
import subprocess
import sys
import typing as t
from importlib import metadata
from pathlib import Path

MARK = "foundry.ee-facts:"
_SHARED = Path("/usr/share/ansible")
_LICENSES = "License ::"


def python_packages() -> list[dict[str, t.Any]]:
    """Return the distributions of this interpreter; of one name, the first on the path counts."""
    found: dict[str, dict[str, t.Any]] = {}
    for distribution in metadata.distributions():
        fields = distribution.metadata
        name = fields["Name"]
        if name and name.lower() not in found:
            found[name.lower()] = {"name": name, "version": distribution.version, "license": _license(fields)}
    return sorted(found.values(), key=lambda package: str(package["name"]).lower())


def _license(fields: t.Any) -> str | None:
    """Return the licence as the package words it: an SPDX expression, its classifiers, or a short text."""
    expression = fields.get("License-Expression")
    if expression:
        return str(expression)
    classified = [text.rpartition("::")[2].strip() for text in fields.get_all("Classifier") or () if _LICENSES in text]
    text = fields.get("License") or ""
    return " AND ".join(classified) or (text if 0 < len(text) < 80 and "\n" not in text and text != "UNKNOWN" else None)


def collections() -> list[dict[str, t.Any]]:
    """Return the collections on the default and configured paths, and those of the ``ansible`` package."""
    found: dict[str, dict[str, t.Any]] = {}
    configured = os.environ.get("ANSIBLE_COLLECTIONS_PATH") or os.environ.get("ANSIBLE_COLLECTIONS_PATHS") or ""
    homes = [Path(text) for text in configured.split(":") if text]
    homes += [Path.home() / ".ansible" / "collections", _SHARED / "collections", *map(Path, sys.path)]
    for home in homes:
        for manifest in sorted(home.glob("ansible_collections/*/*/MANIFEST.json")):
            info = _json(manifest).get("collection_info") or {}
            name = f"{manifest.parent.parent.name}.{manifest.parent.name}"  # its place, by which ansible finds it
            entry = {"name": name, "version": str(info.get("version") or "unknown"), "path": str(manifest.parent)}
            found.setdefault(name, {**entry, "license": " AND ".join(info.get("license") or ()) or None})
        for recipe in sorted(home.glob("ansible_collections/*/*/galaxy.yml")):
            name = f"{recipe.parent.parent.name}.{recipe.parent.name}"
            entry = {"name": name, "version": _version_line(recipe), "path": str(recipe.parent)}
            found.setdefault(name, {**entry, "license": None})
    return sorted(found.values(), key=lambda collection: str(collection["name"]))


def _json(path: Path) -> dict[str, t.Any]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}


def _version_line(path: Path) -> str:
    """Return the value of a line ``version: …``. There may be no YAML reader in the image."""
    try:
        lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return "unknown"
    for line in lines:
        key, colon, value = line.strip().partition(":")
        if colon and key == "version":
            return value.split(" #")[0].strip().strip("\"'") or "unknown"
    return "unknown"


def roles() -> list[dict[str, t.Any]]:
    """Return the roles that ansible-galaxy installed."""
    homes = (Path.home() / ".ansible" / "roles", _SHARED / "roles", Path("/etc/ansible/roles"))
    found: dict[str, dict[str, t.Any]] = {}
    for home in homes:
        for note in sorted(home.glob("*/meta/.galaxy_install_info")):
            role = note.parent.parent
            found.setdefault(role.name, {"name": role.name, "version": _version_line(note), "path": str(role)})
    return sorted(found.values(), key=lambda role: str(role["name"]))


def system_packages() -> dict[str, t.Any] | None:
    """Return the OS packages with ``type`` (rpm, deb, apk), None where no package manager is known."""
    if shutil.which("dpkg-query"):
        form = "${Package}\\t${Version}\\t${Architecture}\\t${db:Status-Status}\\n"
        rows = _rows(["dpkg-query", "-W", "-f", form])
        return _packages("deb", [row[:3] for row in rows if row[3:] == ["installed"]])
    if shutil.which("rpm"):
        form = "%{NAME}\\t%{EPOCHNUM}:%{VERSION}-%{RELEASE}\\t%{ARCH}\\t%{LICENSE}\\n"
        rows = _rows(["rpm", "-qa", "--qf", form])
        return _packages(
            "rpm", [[row[0], row[1].removeprefix("0:"), *row[2:]] for row in rows if row[0] != "gpg-pubkey"]
        )
    if Path("/lib/apk/db/installed").exists():
        return _packages("apk", _apk_rows(Path("/lib/apk/db/installed").read_text(encoding="utf-8", errors="replace")))
    return None


def _rows(command: list[str]) -> list[list[str]]:
    done = subprocess.run(command, capture_output=True, text=True, check=False, env={**os.environ, "LC_ALL": "C"})
    return [line.split("\t") for line in done.stdout.splitlines() if line.count("\t") >= 2]


def _apk_rows(text: str) -> list[list[str]]:
    """Read apk's database: blocks of ``X:value`` lines, ended by an empty one."""
    blocks = [dict(line.split(":", 1) for line in block.splitlines() if ":" in line) for block in text.split("\n\n")]
    return [[b["P"], b["V"], b.get("A", ""), b.get("L", "")] for b in blocks if "P" in b and "V" in b]


def _packages(kind: str, rows: list[list[str]]) -> dict[str, t.Any]:
    names = ("name", "version", "arch", "license")
    return {"type": kind, "packages": [dict(zip(names, row)) for row in sorted(rows)]}


def os_release() -> dict[str, str]:
    """Return /etc/os-release (os-release(5))."""
    values = {}
    for place in (Path("/etc/os-release"), Path("/usr/lib/os-release")):
        if place.exists():
            for line in place.read_text(encoding="utf-8", errors="replace").splitlines():
                key, equals, value = line.partition("=")
                if equals and not key.startswith("#"):
                    values[key] = value.strip("\"'")
            break
    return values


def main() -> None:
    facts = {
        "python": {"version": platform.python_version(), "executable": sys.executable},
        "python_packages": python_packages(),
        "collections": collections(),
        "roles": roles(),
        "system_packages": system_packages(),
        "os": os_release(),
    }
    sys.stdout.write(f"{MARK}{json.dumps(facts, sort_keys=True)}\n")


if __name__ == "__main__":
    main()
