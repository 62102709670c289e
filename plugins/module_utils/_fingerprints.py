# Copyright (c) 2026 Foundry maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A file of fingerprints of secrets, for servers that take secrets and never tell them."""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import hmac
import json
import os
import pathlib
import tempfile
import typing as t

from ansible_collections.foundry.ee.plugins.module_utils._core.errors import Invalid

ROUNDS = 200_000  # about 0.1 s a secret: guessing a weak one from its fingerprint shall be slow
SALT_BYTES = 16


class Fingerprints:
    """Fingerprints by name. Without a ``path`` nothing is known, and nothing kept."""

    def __init__(self, path: str | None) -> None:
        self._path = None if path is None else pathlib.Path(path)

    def same(self, name: str, secret: str) -> bool | None:
        """Return whether ``secret`` was sent last; None if no file is kept. Raises Invalid."""
        if self._path is None:
            return None
        known = self._read(self._path).get(name)
        return known is not None and _matches(known, secret)

    def remember(self, sent: t.Mapping[str, str | None]) -> None:
        """Keep what was sent; None was cleared. Raises Invalid."""
        if sent:
            self._change(
                lambda known: {
                    **{name: value for name, value in known.items() if name not in sent},
                    **{name: fingerprint(value) for name, value in sent.items() if value is not None},
                }
            )

    def forget(self, prefix: str) -> None:
        """Forget every name that begins so. Raises Invalid."""
        self._change(lambda known: {name: value for name, value in known.items() if not name.startswith(prefix)})

    def _change(self, change: t.Callable[[dict[str, str]], dict[str, str]]) -> None:
        if self._path is None:
            return
        try:
            with _locked(self._path.parent):
                before = self._read(self._path)
                after = change(before)
                if after != before:
                    _write(self._path, after)
        except OSError as error:
            raise Invalid(
                f"Cannot write `fingerprints`, {self._path}: {error.strerror}.",
                hint="The hub has the secrets; they are sent again next time. Its folder must exist and be writable.",
            ) from error

    def _read(self, path: pathlib.Path) -> dict[str, str]:
        try:
            known = json.loads(path.read_text(encoding="utf-8"))["fingerprints"]
            return {str(name): str(value) for name, value in known.items()}
        except FileNotFoundError:
            return {}
        except OSError as error:
            raise Invalid(f"Cannot read `fingerprints`, {path}: {error.strerror}.") from error
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise Invalid(f"`fingerprints`, {path}, was not written by us.", hint="Give another path.") from error


def fingerprint(secret: str) -> str:
    """Return a new fingerprint: method, rounds, salt, hash."""
    salt = os.urandom(SALT_BYTES).hex()
    return f"pbkdf2-sha256:{ROUNDS}:{salt}:{_hash(secret, salt, ROUNDS)}"


def _matches(known: str, secret: str) -> bool:
    method, _colon, rest = known.partition(":")
    rounds, _colon, rest = rest.partition(":")
    salt, _colon, digest = rest.partition(":")
    if method != "pbkdf2-sha256" or not rounds.isdigit():
        return False
    return hmac.compare_digest(_hash(secret, salt, int(rounds)), digest)


def _hash(secret: str, salt: str, rounds: int) -> str:
    return hashlib.pbkdf2_hmac("sha256", secret.encode(), salt.encode(), rounds).hex()


@contextlib.contextmanager
def _locked(folder: pathlib.Path) -> t.Iterator[None]:
    """Hold the folder: tasks of several hosts may be delegated to one and change the file at the same time."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def _write(path: pathlib.Path, known: t.Mapping[str, str]) -> None:
    handle, temporary = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)  # for the owner only
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            json.dump({"fingerprints": known}, file, indent=1, sort_keys=True)
            file.write("\n")
        pathlib.Path(temporary).replace(path)
    except BaseException:
        pathlib.Path(temporary).unlink()
        raise
