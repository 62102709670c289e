# Copyright (c) 2026 Foundry maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which system packages a Python package probably needs. Guesses: a virtual environment does not record that.

Names are those of the RHEL and Debian families. Packages that come as wheels with all they need are not listed; what
is said to be for compiling is needed where there is no wheel for the image's Python, or never was one.
"""

from __future__ import annotations

import typing as t
from dataclasses import dataclass

_RPM_COMPILER = ("gcc", "python3-devel")
_DPKG_COMPILER = ("gcc", "libc6-dev", "python3-dev")


@dataclass(frozen=True)
class _Needs:
    """System packages to run and to compile, by family."""

    rpm: tuple[str, ...] = ()
    rpm_compile: tuple[str, ...] = ()
    dpkg: tuple[str, ...] = ()
    dpkg_compile: tuple[str, ...] = ()


def _compiled(rpm: str = "", rpm_compile: str = "", dpkg: str = "", dpkg_compile: str = "") -> _Needs:
    """Names separated by spaces, to which the compiler is added."""
    return _Needs(
        tuple(rpm.split()),
        (*_RPM_COMPILER, *rpm_compile.split()),
        tuple(dpkg.split()),
        (*_DPKG_COMPILER, *dpkg_compile.split()),
    )


_KERBEROS = _compiled("krb5-libs krb5-workstation", "krb5-devel", "libkrb5-3 krb5-user", "libkrb5-dev")
_NEEDS: dict[str, _Needs] = {
    "ansible-pylibssh": _compiled("libssh", "libssh-devel", "libssh-4", "libssh-dev"),
    "dbus-python": _compiled("dbus-libs", "dbus-devel glib2-devel", "libdbus-1-3", "libdbus-1-dev libglib2.0-dev"),
    "gssapi": _KERBEROS,
    "kerberos": _KERBEROS,
    "krbv": _KERBEROS,
    "libvirt-python": _compiled("libvirt-libs", "libvirt-devel pkgconf", "libvirt0", "libvirt-dev pkgconf"),
    "m2crypto": _compiled("openssl-libs", "openssl-devel swig", "openssl", "libssl-dev swig"),
    "mysqlclient": _compiled(
        "mariadb-connector-c", "mariadb-connector-c-devel pkgconf", "libmariadb3", "libmariadb-dev pkgconf"
    ),
    "netifaces": _compiled(),
    "ovirt-engine-sdk-python": _compiled(
        "libcurl libxml2",
        "libcurl-devel libxml2-devel openssl-devel",
        "libcurl4 libxml2",
        "libcurl4-openssl-dev libxml2-dev",
    ),
    "psycopg2": _compiled("libpq", "libpq-devel", "libpq5", "libpq-dev"),
    "pycrypto": _compiled("gmp", "gmp-devel", "libgmp10", "libgmp-dev"),
    "pycurl": _compiled("libcurl", "libcurl-devel openssl-devel", "libcurl4", "libcurl4-openssl-dev libssl-dev"),
    "pygobject": _compiled(
        "gobject-introspection",
        "gobject-introspection-devel cairo-devel",
        "libgirepository-1.0-1",
        "libgirepository1.0-dev",
    ),
    "pykerberos": _KERBEROS,
    "pyodbc": _compiled("unixODBC", "gcc-c++ unixODBC-devel", "unixodbc", "g++ unixodbc-dev"),
    "python-ldap": _compiled(
        "openldap", "openldap-devel cyrus-sasl-devel", "libldap-2.5-0", "libldap2-dev libsasl2-dev"
    ),
    "python-pam": _Needs(rpm=("pam-libs",), dpkg=("libpam0g",)),
    "requests-kerberos": _KERBEROS,
    "systemd-python": _compiled("systemd-libs", "systemd-devel pkgconf", "libsystemd0", "libsystemd-dev pkgconf"),
    "uwsgi": _compiled(),
    "xmlsec": _compiled(
        "xmlsec1 xmlsec1-openssl", "xmlsec1-devel libxml2-devel pkgconf", "libxmlsec1-openssl", "libxmlsec1-dev pkgconf"
    ),
}


@dataclass(frozen=True)
class Guess:
    """A line in bindep's format, with its reason as a comment in it."""

    package: str
    line: str

    def as_result(self) -> dict[str, str]:
        return {"package": self.package, "line": self.line}


def guess(packages: t.Iterable[str], *, from_vcs: bool = False) -> tuple[Guess, ...]:
    """Return the lines for these Python packages (normalised names), each system package once, sorted."""
    reasons: dict[tuple[str, str], list[str]] = {}
    for package in sorted(set(packages)):
        for system, profile in _wanted(_NEEDS.get(package, _Needs())):
            reasons.setdefault((system, profile), []).append(package)
    if from_vcs:
        for family in ("rpm", "dpkg"):
            reasons.setdefault(("git", f"compile platform:{family}"), []).append("requirements from git")
    return tuple(
        Guess(system, f"{system} [{profile}]  # a guess, for {', '.join(why)}")
        for (system, profile), why in sorted(reasons.items())
    )


def _wanted(needs: _Needs) -> t.Iterator[tuple[str, str]]:
    """Yield system packages and bindep profiles."""
    yield from ((name, "platform:rpm") for name in needs.rpm)
    yield from ((name, "compile platform:rpm") for name in needs.rpm_compile)
    yield from ((name, "platform:dpkg") for name in needs.dpkg)
    yield from ((name, "compile platform:dpkg") for name in needs.dpkg_compile)
