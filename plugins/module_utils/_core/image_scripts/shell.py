# Copyright (c) 2026 Foundry maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The two files that must work without Python, as text: a module's payload can hold nothing but Python files."""

from __future__ import annotations

_HEAD = """#!/bin/sh
# Copyright (c) 2026 Foundry maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""

RUN = (
    _HEAD
    + r"""
# Run a helper of foundry.ee on $PYCMD, after installing the package $PYPKG (if given) that brings that interpreter.
set -eu
python=${PYCMD:-/usr/bin/python3}
if [ -n "${PYPKG:-}" ]; then
    manager=${PKGMGR:-}
    for name in dnf dnf5 microdnf yum apt-get zypper apk; do
        [ -n "$manager" ] || manager=$(command -v "$name") || manager=
    done
    # shellcheck disable=SC2086 # $PYPKG may name several packages
    case $manager in
    *apt-get | *apt)
        export DEBIAN_FRONTEND=noninteractive
        "$manager" -q update
        "$manager" -q install -y --no-install-recommends $PYPKG
        [ "${PKGMGR_PRESERVE_CACHE:-}" = always ] || { "$manager" clean; rm -rf /var/lib/apt/lists/*; }
        ;;
    *zypper)
        "$manager" --non-interactive install --no-recommends $PYPKG
        [ "${PKGMGR_PRESERVE_CACHE:-}" = always ] || "$manager" --non-interactive clean --all
        ;;
    *apk) "$manager" add --no-cache $PYPKG ;;
    "") echo "foundry.ee: this image has no package manager to install $PYPKG by" >&2; exit 1 ;;
    *)
        "$manager" install -y $PYPKG
        [ "${PKGMGR_PRESERVE_CACHE:-}" = always ] || "$manager" clean all
        ;;
    esac
fi
if ! command -v "$python" >/dev/null; then
    echo "foundry.ee: there is no $python in this image. Name the package that brings it in" \
        "dependencies.python_interpreter.package_system, or the path of another interpreter in" \
        "dependencies.python_interpreter.python_path." >&2
    exit 1
fi
PYTHONPATH=${0%/*/*} exec "$python" -m foundry_ee.steps "$@"
"""
)

ENTRYPOINT = (
    _HEAD
    + r"""
# Give the user of the container a name and a home it can write to, then run the command.
# EP_ON_ERROR: ignore, warn (default) or fail; EP_DEBUG_TRACE or EP_BASH_DEBUG: show every step.
[ -z "${EP_BASH_DEBUG:-}${EP_DEBUG_TRACE:-}" ] || set -x

complain() {
    case ${EP_ON_ERROR:-warn} in
    ignore) ;;
    fail) echo "entrypoint: $1" >&2; exit 1 ;;
    *) echo "entrypoint: $1" >&2 ;;
    esac
}

# Prints the field $2 of the line for the user id $1.
passwd_field() {
    [ -r /etc/passwd ] || return 1
    while IFS=: read -r name password uid gid gecos home shell; do
        [ "$uid" = "$1" ] || continue
        case $2 in name) echo "$name" ;; home) echo "$home" ;; esac
        return 0
    done </etc/passwd
    return 1
}

usable() {
    [ -n "$1" ] && [ "$1" != / ] || return 1
    [ -d "$1" ] || mkdir -p "$1" 2>/dev/null || return 1
    [ -w "$1" ] && [ -x "$1" ] || chmod u+rwx "$1" 2>/dev/null || return 1
    [ -w "$1" ] && [ -x "$1" ]
}

user=$(id -u)
if ! passwd_field "$user" name >/dev/null; then
    if [ -w /etc/passwd ]; then
        echo "user$user:x:$user:0:container user:/runner:/bin/bash" >>/etc/passwd ||
            complain "cannot extend /etc/passwd"
    else
        complain "user $user has no name: /etc/passwd is not writable"
    fi
fi

recorded=$(passwd_field "$user" home)
chosen=
for place in "$recorded" "${HOME:-}" /runner /tmp; do
    if usable "$place"; then
        chosen=$place
        break
    fi
done
if [ -z "$chosen" ]; then
    complain "no home that user $user can write to"
else
    export HOME="$chosen"
    if [ "$chosen" != "$recorded" ] && [ -n "$recorded" ] && [ -w /etc/passwd ]; then
        # Not `sed -i`: a new file beside /etc/passwd would need a writable /etc.
        changed=$(while IFS=: read -r name password uid gid gecos home shell; do
            [ "$uid" != "$user" ] || home=$chosen
            echo "$name:$password:$uid:$gid:$gecos:$home:$shell"
        done </etc/passwd) && printf '%s\n' "$changed" >/etc/passwd || complain "cannot write the home into /etc/passwd"
    fi
fi

exec "$@"
"""
)
