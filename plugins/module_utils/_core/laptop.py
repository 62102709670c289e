# Copyright (c) 2026 Foundry maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The execution environment of a laptop: ansible-navigator's settings file, ansible-runner's ``env/settings``."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass, replace

from ansible_collections.foundry.ee.plugins.module_utils._core import image_ref, settings_file
from ansible_collections.foundry.ee.plugins.module_utils._core.errors import Conflict, Invalid, NotFound

NAVIGATOR_IMAGE = ("ansible-navigator", "execution-environment", "image")
NAVIGATOR_ENABLED = ("ansible-navigator", "execution-environment", "enabled")
RUNNER_IMAGE = ("container_image",)
RUNNER_ISOLATION = ("process_isolation",)  # without it ansible-runner does not look at the image
RUNNER_EXECUTABLE = ("process_isolation_executable",)
ENGINES = ("podman", "docker")
SUFFIXES = (".yml", ".yaml", ".json")  # as ansible-navigator looks for them; two of them are an error there
_ONLY_CONTROLLER = ("defaults", "scope", "name", "organization", "inventory", "workflow", "template")


def check_options(params: t.Mapping[str, t.Any]) -> None:
    """Refuse options that have no meaning on a laptop, and a text that is no image reference. Raises Invalid."""
    for option in _ONLY_CONTROLLER:
        if params.get(option) is not None:
            raise Invalid(f"`{option}` is for a controller; `target: {params['target']}` has one place only.")
    if params["environment"].strip():
        image_ref.parse(params["environment"].strip())


def find(
    target: str,
    given: str | None,
    home: str,
    is_folder: t.Callable[[str], bool],
    exists: t.Callable[[str], bool],
) -> str:
    """Return the file to write. Raises NotFound without a project, Conflict where ansible-navigator would find two."""
    if target == "runner":
        if not is_folder(str(given)):
            raise NotFound(f"There is no folder {given}.", hint="`path` is the project's folder, which holds `env`.")
        return f"{str(given).rstrip('/')}/env/settings"
    if given is not None and not is_folder(given):
        return given
    stem = f"{home}/.ansible-navigator" if given is None else f"{given.rstrip('/')}/ansible-navigator"
    found = [stem + suffix for suffix in SUFFIXES if exists(stem + suffix)]
    if len(found) > 1:
        raise Conflict(
            f"ansible-navigator accepts one settings file in a folder, and there are {', '.join(found)}.",
            hint="Delete all but one, or give the `path` of one.",
        )
    return found[0] if found else stem + SUFFIXES[0]


@dataclass(frozen=True)
class Place:
    target: str
    path: str


@dataclass(frozen=True)
class File:
    """A settings file of a target; ``text`` is None where there is none."""

    target: str
    text: str | None
    warnings: tuple[str, ...] = ()

    def image(self, where: str) -> str | None:
        """Return the image that is set. Raises Invalid."""
        keys = NAVIGATOR_IMAGE if self.target == "navigator" else RUNNER_IMAGE
        image = settings_file.get(settings_file.read(self.text or "", where), keys)
        return None if image is None else str(image)

    def side(self, place: Place) -> dict[str, t.Any]:
        image = self.image(place.path)
        environment = None if image is None else {"id": None, "name": None, "image": image}
        return {"scope": self.target, "name": place.path, "within": None, "environment": environment}

    def with_image(self, image: str, where: str) -> File:
        """Return the file with an image set, or cleared if it is empty. Raises Invalid."""
        text = self.text or ""
        if self.target == "navigator":
            edited = settings_file.edit(text, NAVIGATOR_IMAGE, image or None, where)
            return self._changed(edited, self._navigator_warnings(edited, image, where))
        if image:
            edited = settings_file.edit(text, RUNNER_IMAGE, image, where)
            edited = settings_file.edit(edited, RUNNER_ISOLATION, True, where)
        else:
            edited = settings_file.edit(text, RUNNER_IMAGE, None, where)
            edited = edited if edited == text else settings_file.edit(edited, RUNNER_ISOLATION, None, where)
        return self._changed(edited, self._runner_warnings(edited, image, where))

    def _changed(self, edited: str, warnings: tuple[str, ...]) -> File:
        unmade = self.text is None and edited == ""
        return replace(self, text=None if unmade else edited, warnings=warnings)

    @staticmethod
    def _navigator_warnings(text: str, image: str, where: str) -> tuple[str, ...]:
        if image and settings_file.get(settings_file.read(text, where), NAVIGATOR_ENABLED) is False:
            return (f"{where} has `enabled: false`: ansible-navigator does not use the image.",)
        return ()

    @staticmethod
    def _runner_warnings(text: str, image: str, where: str) -> tuple[str, ...]:
        executable = settings_file.get(settings_file.read(text, where), RUNNER_EXECUTABLE)
        if image and executable is not None and str(executable).rpartition("/")[2] not in ENGINES:
            return (f"{where} isolates by `{executable}`, which is no container engine and does not use the image.",)
        return ()
