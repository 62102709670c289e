# Copyright (c) 2026 Foundry maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the plans for one record of a server have in common."""

from __future__ import annotations

import typing as t


class RecordPlan:
    """A plan that knows its record ``before`` and ``after`` as it is shown, None where there is none."""

    before: dict[str, t.Any] | None
    after: dict[str, t.Any] | None

    @property
    def changed(self) -> bool:
        return self.before != self.after

    @property
    def diff(self) -> dict[str, t.Any]:
        return {"before": self.before or {}, "after": self.after or {}}
