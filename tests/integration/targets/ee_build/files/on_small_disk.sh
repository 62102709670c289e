#!/bin/sh
# Copyright (c) 2026 Foundry maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Run a command with its state folder on a disk of 300 KB, which nobody else sees.
#   unshare --mount sh on_small_disk.sh COMMAND...
set -eu
mount -t tmpfs -o size=300k,mode=700 foundry-ee "$XDG_STATE_HOME"
exec "$@"
