# Copyright (c) 2026 Foundry maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The errors this collection raises on purpose. Everything else is a bug and shows its traceback."""

from __future__ import annotations

import typing as t

from ansible_collections.foundry.ee.plugins.module_utils._core import payload

payload.compile_once()  # here, because everything of ours imports this before most else


class EEError(Exception):
    """A failure told to the user: what failed, where, and how to mend it.

    ``kind``, ``status`` (HTTP), ``method`` and ``url`` let a ``rescue`` decide without parsing prose.
    """

    kind: t.ClassVar[str] = "failed"

    def __init__(
        self,
        message: str,
        *,
        hint: str | None = None,
        status: int | None = None,
        method: str | None = None,
        url: str | None = None,
        details: t.Mapping[str, t.Any] | None = None,
    ) -> None:
        super().__init__(message if hint is None else f"{message} {hint}")
        self.status = status
        self.method = method
        self.url = url
        self.details: dict[str, t.Any] = dict(details or {})

    def as_result(self) -> dict[str, t.Any]:
        """Return the ``error`` value of a failed module, without empty keys."""
        known = {"kind": self.kind, "status": self.status, "method": self.method, "url": self.url}
        return {key: value for key, value in known.items() if value is not None}


class Invalid(EEError):
    """The input is wrong: the user can mend it without touching a server."""

    kind = "invalid"


class Denied(EEError):
    """The server knows us, or does not want to, and refuses."""

    kind = "denied"


class NotFound(EEError):
    """What was asked for is not there."""

    kind = "not_found"


class Conflict(EEError):
    """The state of the other side does not allow it now."""

    kind = "conflict"


class Unreachable(EEError):
    """No answer, or none that can be used."""

    kind = "unreachable"


class Failed(EEError):
    """A command or a server's task was carried out and ended in failure."""

    kind = "failed"
