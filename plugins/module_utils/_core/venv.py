# Copyright (c) 2026 Foundry maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Custom virtual environments of an old controller: what its commands print, and what ``pip freeze`` prints.

The commands are those of AWX up to 24.6. They end with exit code 0 also for a path that they do not know, and tell that
on standard output.
"""

from __future__ import annotations

import re
import typing as t
from dataclasses import dataclass, field
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from ansible_collections.foundry.ee.plugins.module_utils._core import yaml_source
from ansible_collections.foundry.ee.plugins.module_utils._core.errors import Failed, NotFound
from ansible_collections.foundry.ee.plugins.module_utils._core.requirements import python_name

Kind = t.Literal["pinned", "unpinned", "vcs", "url", "local", "option", "unknown"]
KINDS_OF_USERS = ("inventory_sources", "job_templates", "organizations", "projects")
UsedBy = dict[str, list[dict[str, t.Any]]]

_WRONG_PATH = "# Incorrect path"
# The advice that the commands print after the answer, unless they are told -q.
_TIP = re.compile(r"^(?:- (?:To|Run) |awx-manage )")
_VCS = ("git+", "hg+", "svn+", "bzr+")
_PIN = re.compile(r"(?P<name>[A-Za-z0-9][A-Za-z0-9._-]*)(?:\[[^\]]*\])?\s*={2,3}\s*(?P<version>[^\s;,*]+)\s*(?:;.*)?")
_NAMED = re.compile(r"(?P<name>[A-Za-z0-9][A-Za-z0-9._-]*)(?:\[[^\]]*\])?\s*@\s*(?P<url>\S+)\s*(?:;.*)?")
_LOOSE = re.compile(r"(?P<name>[A-Za-z0-9][A-Za-z0-9._-]*)(?:\[[^\]]*\])?\s*(?:(?:[<>=!~]=?|===).*)?(?:;.*)?")
_HASH = re.compile(r"\s+--hash[= ]\S+")
# The short address that old versions of pip print for git over ssh, ``git+git@host:group/lib.git@commit``.
_SHORT_SSH = re.compile(r"(?:(?P<vcs>git|hg|svn|bzr)\+)?(?P<host>[^\s/:@]+@[^\s/:@]+):/?(?P<path>[^\s:]+)")
_LOGIN = re.compile(r"(?P<scheme>[A-Za-z][A-Za-z0-9+.-]*)://(?P<login>[^/\s]*)@")
# The same without a scheme, as pip takes it for a proxy.
_BARE_LOGIN = re.compile(r"(?<![^\s=\"'])[^\s/:@=]+:[^\s/@]+@")
_SECRET_VALUE = re.compile(
    r"(?P<name>[?&][^=&\s#]*(?:token|secret|passw|key|auth|sig|credential)[^=&\s#]*=)[^&\s#]+", re.IGNORECASE
)
_NO_LOGIN = "its login is left out: give the build a secret netrc"
# What belongs to every environment and to none; the last is a bug of Debian's pip.
_TOOLS = frozenset({"pip", "setuptools", "wheel", "distribute", "pkg-resources"})


@dataclass(frozen=True)
class Package:
    """One package of an environment.

    ``requirement`` is the line for the execution environment, None if there can be none; ``note`` says what was done
    to it, or why there is none. ``source`` is the line as it was found, but for logins in it.
    """

    name: str
    kind: Kind
    source: str
    version: str | None = None
    requirement: str | None = None
    note: str | None = None

    def as_result(self) -> dict[str, t.Any]:
        return dict(self.__dict__)


@dataclass(frozen=True)
class Environment:
    """A virtual environment. ``python`` is its version or None, ``read_from`` says how its packages became known."""

    path: str
    packages: tuple[Package, ...]
    read_from: str
    python: str | None = None
    used_by: UsedBy = field(default_factory=lambda: {kind: [] for kind in KINDS_OF_USERS})

    def as_result(self) -> dict[str, t.Any]:
        return {**self.__dict__, "packages": [package.as_result() for package in self.packages]}

    def find(self, *names: str) -> Package | None:
        """Return the first package of these names (normalised)."""
        return next((package for name in names for package in self.packages if package.name == name), None)


# What the controller's commands print


def parse_list(text: str) -> list[str]:
    """Return the paths that ``awx-manage list_custom_venvs`` prints, sorted; quiet or not."""
    lines = (line.strip() for line in _answer(text))
    return sorted({line for line in lines if line.startswith("/")})


def parse_associations(text: str, path: str) -> UsedBy:
    """Return what ``awx-manage custom_venv_associations`` prints: kind → ``id`` and ``name`` of each user."""
    _check_path(text, path)
    source = yaml_source.read("\n".join(_answer(text)))
    if source.problems:
        raise Failed(f"The associations of {path} cannot be read as YAML: {source.problems[0].message}")
    found = (yaml_source.plain(source.root) if source.root is not None else None) or {}
    if not isinstance(found, dict):
        raise Failed(f"The associations of {path} are no mapping: {str(found)[:200]!r}.")
    return {kind: [_user(one, path) for one in found.get(kind) or []] for kind in KINDS_OF_USERS}


def _user(one: t.Any, path: str) -> dict[str, t.Any]:
    if isinstance(one, dict) and str(one.get("id", "")).isdigit() and "name" in one:
        return {"id": int(one["id"]), "name": str(one["name"])}
    raise Failed(f"The associations of {path} hold {str(one)[:200]!r}: expected `id` and `name`.")


def parse_export(text: str, path: str) -> tuple[Package, ...]:
    """Return the packages that ``awx-manage export_custom_venv`` (or ``pip freeze``) prints."""
    _check_path(text, path)
    return parse_freeze("\n".join(_answer(text)))


def _check_path(text: str, path: str) -> None:
    if text.lstrip().startswith(_WRONG_PATH):
        known = ", ".join(parse_list(text.partition(":")[2])) or "none"
        raise NotFound(f"The controller knows no virtual environment {path}.", hint=f"It knows: {known}.")


def _answer(text: str) -> list[str]:
    """Return the lines of an answer without the advice."""
    return [line for line in text.splitlines() if not _TIP.match(line)]


# What pip prints


def parse_freeze(text: str) -> tuple[Package, ...]:
    """Return the packages of ``pip freeze``, or of a requirements file, without pip's own."""
    packages = []
    comment = ""
    for line in re.sub(r"\\\r?\n", " ", text).splitlines():
        stripped = line.strip()
        if stripped.startswith("#"):
            comment = stripped
        elif stripped:
            packages.append(parse_requirement(stripped, comment))
            comment = ""
    return without_tools(packages)


def without_tools(packages: t.Iterable[Package]) -> tuple[Package, ...]:
    """Return the packages without those that install packages."""
    return tuple(package for package in packages if package.name not in _TOOLS)


def parse_requirement(line: str, comment: str = "") -> Package:
    """Return the package of one line; ``comment`` is the line before it, in which pip names what has no name."""
    text = re.sub(r"\s+#.*$", "", line).strip()
    without_hash = _HASH.sub("", text)
    if without_hash != text:
        package = parse_requirement(without_hash, comment)
        return _noted(package, line, "its hash is left out: pip wants hashes for all packages or none")
    if re.match(r"(?:-e|--editable)[ =]", text):
        return _located(_commented_name(comment), re.split(r"[ =]", text, maxsplit=1)[1].strip(), line, editable=True)
    if text.startswith("-"):
        return Package(hidden(text), "option", hidden(line), note=_note_on_option(text))
    if text.startswith(_VCS):
        return _located(None, text, line, editable=False)
    match = _NAMED.fullmatch(text)
    if match is not None:
        return _located(match["name"], match["url"], line, editable=False)
    if "://" in text.partition(" ")[0] or text.startswith(("/", "./", "../")):
        return _located(None, text, line, editable=False)
    match = _PIN.fullmatch(text)
    if match is not None:
        return Package(python_name(match["name"]), "pinned", hidden(line), match["version"], text)
    match = _LOOSE.fullmatch(text)
    if match is not None:
        return Package(
            python_name(match["name"]), "unpinned", hidden(line), None, hidden(text), "no version was recorded"
        )
    return _not_understood(text)


def _not_understood(line: str) -> Package:
    return Package(hidden(line), "unknown", hidden(line), note="this line is not understood")


def _note_on_option(text: str) -> str:
    if re.match(r"-r|--requirement\b", text):
        return "the packages in that file are missing here: read them in place of this line"
    if re.match(r"-c|--constraint\b", text):
        return "the versions in that file are not known here: give them to the packages that this list has"
    return "an option for pip, no package; builds get such by the secret pip_conf"


def _noted(package: Package, line: str, note: str) -> Package:
    notes = "; ".join(one for one in (package.note, note) if one)
    return Package(package.name, package.kind, hidden(line), package.version, package.requirement, notes)


def _commented_name(comment: str) -> str | None:
    """Return the name in ``# Editable install with no version control (name==0.1)``."""
    match = re.search(r"\(([A-Za-z0-9][A-Za-z0-9._-]*)(?:==[^)]*)?\)", comment)
    return match[1] if match else None


def _located(name: str | None, url: str, line: str, *, editable: bool) -> Package:
    """Return a package that comes from a place, not from an index."""
    url, written_out = _written_out(url)
    scheme = url.partition("://")[0]
    try:
        fragment = dict(parse_qsl(urlsplit(url).fragment))
    except ValueError:  # brackets that hold no IPv6 address
        return _not_understood(line)
    name = name or fragment.get("egg", "").partition("[")[0] or None
    shown = python_name(name) if name else hidden(url)
    if "://" not in url or scheme == "file" or scheme.endswith("+file"):
        kind = "an editable installation" if editable else "an installation"
        return Package(shown, "local", hidden(line), note=f"{kind} from a directory or file of the controller's host")
    clean, secret = _without_login(url)
    egg = urlencode([(key, value) for key, value in fragment.items() if key != "egg"], safe="/:=")
    clean = urlunsplit((*urlsplit(clean)[:4], egg))
    requirement = f"{python_name(name)} @ {clean}" if name else clean
    notes = ["it is no longer editable"] if editable else []
    notes += ["its short address is written out as one of ssh"] if written_out else []
    if secret:
        notes.append("its password is left out" if _is_ssh(scheme) else _NO_LOGIN)
    notes += ["the build needs a way to log in by ssh"] if "+ssh://" in url else []
    kind_of: Kind = "vcs" if url.startswith(_VCS) else "url"
    return Package(shown, kind_of, hidden(line), None, requirement, "; ".join(notes) or None)


def _written_out(url: str) -> tuple[str, bool]:
    """Return ``git+git@host:path`` as ``git+ssh://git@host/path``, anything else as it is; and whether it was that."""
    match = _SHORT_SSH.fullmatch(url)
    if match is None:
        return url, False
    return f"{match['vcs'] or 'git'}+ssh://{match['host']}/{match['path']}", True


def _is_ssh(scheme: str) -> bool:
    return scheme.lower().endswith(("ssh", "sftp"))


def _without_login(url: str) -> tuple[str, bool]:
    """Return a URL without what is secret in it, and whether there was anything: user and password, or a token.

    With ssh the user stays, who is part of the address (``git@``).
    """
    parts = urlsplit(url)
    login, _at, host = parts.netloc.rpartition("@")
    kept = f"{login.partition(':')[0]}@" if login and _is_ssh(parts.scheme) else ""
    query = "&".join(one for one in parts.query.split("&") if not _SECRET_VALUE.fullmatch(f"?{one}"))
    clean = parts._replace(netloc=kept + host, query=query)
    return urlunsplit(clean), clean != parts


def hidden(text: str) -> str:
    """Return a text fit to be shown: without the logins and tokens of the URLs in it."""
    text = _LOGIN.sub(lambda match: f"{match['scheme']}://{_shown_login(match['scheme'], match['login'])}", text)
    return _SECRET_VALUE.sub(r"\g<name>…", _BARE_LOGIN.sub("", text))


def _shown_login(scheme: str, login: str) -> str:
    return f"{login.partition(':')[0]}@" if _is_ssh(scheme) else ""


# What the files of an environment say


def from_files(
    name: str, version: str, direct_url: t.Mapping[str, t.Any] | None, editable: str | None = None
) -> Package:
    """Return a package as ``pip freeze`` would tell it, from its metadata.

    ``direct_url`` is the content of ``direct_url.json`` (PEP 610); ``editable`` the directory in an ``egg-link``.
    """
    if editable is not None:
        return parse_requirement(f"-e {editable}", f"# ({name}=={version})")
    if direct_url is None:
        return parse_requirement(f"{name}=={version}")
    url = str(direct_url.get("url", ""))
    if (direct_url.get("dir_info") or {}).get("editable"):
        return parse_requirement(f"-e {url}", f"# ({name}=={version})")
    vcs = direct_url.get("vcs_info")
    if vcs:
        url = f"{vcs.get('vcs')}+{url}@{vcs.get('commit_id')}"
    digest = str((direct_url.get("archive_info") or {}).get("hash", ""))
    fragments = [digest] if digest and not vcs else []
    fragments += [f"subdirectory={direct_url['subdirectory']}"] if direct_url.get("subdirectory") else []
    return parse_requirement(f"{name} @ {url}" + (f"#{'&'.join(fragments)}" if fragments else ""))


def version_of_python(cfg: str | None, libraries: t.Iterable[str]) -> str | None:
    """Return an environment's Python version from its ``pyvenv.cfg``, else from the names in its ``lib``."""
    match = re.search(r"^version(?:_info)?\s*=\s*(\d+\.\d+(?:\.\d+)?)", cfg or "", re.MULTILINE)
    if match is not None:
        return match[1]
    found = [match[1] for match in (re.fullmatch(r"python(\d\.\d+)", name) for name in libraries) if match]
    return max(found, key=lambda one: [int(part) for part in one.split(".")], default=None)
