# Copyright (c) 2026 Foundry maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Tell an engine how to reach a registry: credentials and certificates as private files, never as arguments."""

from __future__ import annotations

import base64
import json
import os
import typing as t
from pathlib import Path

from ansible_collections.foundry.ee.plugins.module_utils._core.errors import Failed, Invalid
from ansible_collections.foundry.ee.plugins.module_utils._core.image_ref import ImageRef
from ansible_collections.foundry.ee.plugins.module_utils._engine import LOCAL, Access
from ansible_collections.foundry.ee.plugins.module_utils._oci import Registry, open_registry
from ansible_collections.foundry.ee.plugins.module_utils._oci_auth import default_files, is_there
from ansible_collections.foundry.ee.plugins.module_utils._workspace import Workspace


class Reach:
    """Reaches the image's registry and that of the base image, by our own client and by the engine.

    The options' user is for the image's registry alone; ``options`` are those of ``foundry.ee._registry``.
    """

    def __init__(
        self,
        options: t.Mapping[str, t.Any],
        image: ImageRef,
        registry: Registry | None,
        workspace: Workspace,
        engine: str,
    ) -> None:
        self._engine = engine
        self._options = options
        self._image = image
        self._registry = registry
        self._workspace = workspace

    def registry_of(self, ref: ImageRef) -> Registry:
        """Return a client for the registry of any image. It only reads."""
        if self._registry is not None and ref.registry == self._image.registry:
            return self._registry
        stranger = {"username": None, "password": None, "token": None}
        return open_registry(ref, {**self._options, **stranger}, read_only=True)

    def engine_access(self, ref: ImageRef) -> Access:
        """Return what the engine needs to reach the registry of ``ref``. The base image may need it as well."""
        if ref.registry is None or ref.registry == LOCAL:
            return Access(authfile=self._authfile())
        encrypted = self.registry_of(ref).wire.base_url.startswith("https:")
        return Access(
            authfile=self._authfile(),
            cert_dir=_cert_dir(self._options, self._workspace),
            tls_verify=encrypted and self._options["validate_certs"],
        )

    def _authfile(self) -> str | None:
        options, image = self._options, self._image
        has_user = options.get("username") is not None and image.registry is not None
        if not has_user and (options.get("authfile") is None or self._engine != "docker"):
            return options.get("authfile")
        known = _known_auth(options.get("authfile"))
        docker = self._engine == "docker"
        if has_user:
            content = merged_auth(known, image, options["username"], options.get("password") or "", docker=docker)
        else:
            content = dict(known[0])
        if docker:
            return self._docker_config(content)
        return str(self._workspace.write("auth.json", json.dumps(content)))

    def _docker_config(self, content: t.Mapping[str, t.Any]) -> str:
        """Return docker's settings with these credentials. It reads one folder, with contexts and plugins in it."""
        home = Path(os.environ.get("DOCKER_CONFIG") or Path.home() / ".docker")
        usual = _load(home / "config.json") if (home / "config.json").is_file() else {}
        # A named file takes the place of all other credentials; a helper would go before it.
        without = {} if self._options.get("authfile") is None else {"credHelpers": {}, "credsStore": ""}
        path = self._workspace.write("docker/config.json", json.dumps({**usual, **without, **content}))
        for entry in home.iterdir() if home.is_dir() else ():
            place = path.parent / entry.name
            if not place.is_symlink() and not place.exists():
                place.symlink_to(entry)
        return str(path)


def _known_auth(authfile: str | None) -> list[t.Any]:
    """Return the contents of the credentials files that the engine would read, the most important first.

    Raises Invalid if the one that is named is not there.
    """
    if authfile is None:
        return [_load(path) for path in default_files(os.environ) if is_there(path)]
    if not is_there(Path(authfile)):
        raise Invalid(f"The credentials file {authfile} (`authfile`) is not there.", hint="Mend the path, or log in.")
    return [_load(Path(authfile))]


def _load(path: Path) -> t.Any:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise Failed(f"The credentials file {path} cannot be read: {error.strerror}.") from error
    except ValueError as error:
        raise Invalid(f"The credentials file {path} is no JSON.") from error
    if not isinstance(content, dict):
        raise Invalid(f"The credentials file {path} is no JSON object.")
    return content


def merged_auth(
    known: t.Sequence[t.Any], image: ImageRef, username: str, password: str, *, docker: bool = False
) -> dict[str, t.Any]:
    """Return the content of a credentials file: what is known, with ours for the registry of ``image`` on top.

    The base image may come from another registry, so what is known stays. A key with a path wins over the registry's
    (containers-auth.json(5)), so ours stands under both. docker asks the helper of ``credsStore`` for every registry
    but those of ``credHelpers``; an empty helper there sends it to the file
    (github.com/docker/cli, ``cli/config/configfile/file.go``, ``getConfiguredCredentialStore``).
    """
    merged: dict[str, dict[str, t.Any]] = {"auths": {}, "credHelpers": {}}
    for content in reversed(known):
        for section, entries in merged.items():
            entries.update(content.get(section) or {})
    entry = {"auth": base64.b64encode(f"{username}:{password}".encode()).decode()}
    for key in (str(image.registry), image.name):
        merged["auths"][key] = entry
        merged["credHelpers"].pop(key, None)
    if docker:
        merged["credHelpers"][str(image.registry)] = ""
    return merged


def _cert_dir(options: t.Mapping[str, t.Any], workspace: Workspace) -> str | None:
    """Lay out certificates as containers-certs.d(5) wants them."""
    files = {"ca.crt": options.get("ca_path")}
    if options.get("client_cert") is not None:
        files["client.cert"] = options["client_cert"]
        files["client.key"] = options.get("client_key") or options["client_cert"]
    wanted = {name: path for name, path in files.items() if path is not None}
    for name, path in wanted.items():
        try:
            workspace.write(f"certs/{name}", Path(path).read_bytes())
        except OSError as error:
            raise Invalid(f"The certificate {path} cannot be read: {error.strerror}.") from error
    return str(workspace.folder("certs")) if wanted else None
