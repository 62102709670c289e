# Copyright (c) 2026 Foundry maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import typing as t

from hypothesis import HealthCheck, settings

from ansible_collections.foundry.ee.tests.unit import agreement, goldens

# The same examples everywhere, and no clock: what passes here passes on a slow or busy machine as well.
settings.register_profile("repeatable", derandomize=True, deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("repeatable")


def pytest_terminal_summary(terminalreporter: t.Any) -> None:
    """Show, also in a quiet run, how far we agree with what was recorded."""
    for line in (*goldens.summary(), *agreement.summary()):
        terminalreporter.write_line(line)
