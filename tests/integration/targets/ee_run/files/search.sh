#!/bin/sh
# Copyright (c) 2026 Foundry maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Print the files of this machine's disk, changed after MARKER, that hold one of the words; Ansible's own left aside.
#   search.sh MARKER WORD...
marker=$1
shift
patterns=$(mktemp)
trap 'rm -f "$patterns"' EXIT
printf '%s\n' "$@" >"$patterns"
# Only places on other file systems are named beside the root.
for place in / $(for other in /tmp /var/tmp /run /dev/shm "$HOME"; do mountpoint -q "$other" && echo "$other"; done); do
    find "$place" -xdev \( -path /proc -o -path /sys -o -path '*/.ansible/tmp' -o -path '*/htpasswd' \) -prune -o \
        -type f -newer "$marker" ! -path "$patterns" -print0 2>/dev/null
done | xargs -0r grep -lF -f "$patterns" -- 2>/dev/null | sort -u
