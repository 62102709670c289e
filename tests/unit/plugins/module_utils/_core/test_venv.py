# Copyright (c) 2026 Foundry maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a real controller printed, and the kinds of lines that ``pip freeze`` knows."""

from __future__ import annotations

import pathlib

import pytest

from ansible_collections.foundry.ee.plugins.module_utils._core import venv
from ansible_collections.foundry.ee.plugins.module_utils._core.errors import Failed, NotFound

RECORDED = pathlib.Path(__file__).parents[4] / "fixtures" / "custom_venvs"
VENV = "/srv/controller/venvs/ansible29"


def recorded(name):
    return (RECORDED / f"{name}.stdout").read_text()


@pytest.mark.parametrize("name", ["list", "list_q"])
def test_list(name):
    assert venv.parse_list(recorded(name)) == [
        "/srv/controller/venvs/ansible29",
        "/srv/controller/venvs/broken",
        "/srv/controller/venvs/empty-one",
    ]


def test_no_environments():
    assert venv.parse_list(recorded("list_none_q")) == []


@pytest.mark.parametrize("name", ["assoc", "assoc_q"])
def test_associations(name):
    assert venv.parse_associations(recorded(name), VENV) == {
        "inventory_sources": [{"id": 11, "name": "Legacy Source"}],
        "job_templates": [{"id": 9, "name": 'Legacy "JT": ünïcode, #1'}, {"id": 10, "name": "Second JT"}],
        "organizations": [{"id": 2, "name": "Legacy Org"}],
        "projects": [{"id": 8, "name": "Legacy Project"}],
    }


def test_no_associations():
    assert not any(venv.parse_associations(recorded("assoc_q_empty"), VENV).values())


@pytest.mark.parametrize("text", ["- 1\n- 2\n", "organizations: [x]", "organizations: [{id: 1}]", "a: [", "text"])
def test_associations_that_are_none(text):
    with pytest.raises(Failed):
        venv.parse_associations(text, VENV)


@pytest.mark.parametrize("name", ["export", "export_q"])
def test_export(name):
    packages = venv.parse_export(recorded(name), VENV)
    assert {package.name: package.version for package in packages} == {
        "certifi": "2026.10.18",
        "charset-normalizer": "3.5.2",
        "idna": "3.20",
        "jmespath": "1.1.0",
        "netaddr": "0.9.0",
        "requests": "2.31.0",
        "urllib3": "2.8.0",
    }
    assert all(package.kind == "pinned" and package.requirement == package.source for package in packages)


def test_an_empty_or_broken_environment_has_nothing():
    assert venv.parse_export(recorded("export_q_empty"), VENV) == ()


@pytest.mark.parametrize("name", ["export_wrong_path", "export_slash"])
def test_a_wrong_path_is_told_although_the_command_succeeded(name):
    with pytest.raises(NotFound, match="/srv/controller/venvs/ansible29, "):
        venv.parse_export(recorded(name), "/nowhere")


def test_associations_of_a_wrong_path():
    with pytest.raises(NotFound):
        venv.parse_associations(recorded("assoc_wrong"), "/nowhere")


def test_odd_lines_of_a_real_export():
    editable, local, pinned = venv.parse_export(recorded("export_q_odd"), VENV)
    assert (editable.name, editable.kind, editable.requirement) == ("edpkg", "local", None)
    assert (local.name, local.kind, local.requirement) == ("locpkg", "local", None)
    assert (pinned.name, pinned.requirement) == ("six", "six==1.17.0")


SHA = "0b3c1a7e4f5d6c7b8a9f0e1d2c3b4a5968778695"
LINES = [
    # line, name, kind, requirement
    ("Requests==2.31.0", "requests", "pinned", "Requests==2.31.0"),
    ("zope.interface==6.0", "zope-interface", "pinned", "zope.interface==6.0"),
    ("legacy===2004d", "legacy", "pinned", "legacy===2004d"),
    ("pywinrm[kerberos]==0.4.3", "pywinrm", "pinned", "pywinrm[kerberos]==0.4.3"),
    ("netaddr==0.9.0 ; python_version >= '3.6'", "netaddr", "pinned", "netaddr==0.9.0 ; python_version >= '3.6'"),
    ("netaddr==0.9.0  # of network team", "netaddr", "pinned", "netaddr==0.9.0"),
    ("netaddr>=0.9,<1", "netaddr", "unpinned", "netaddr>=0.9,<1"),
    ("netaddr", "netaddr", "unpinned", "netaddr"),
    (f"lib @ git+https://git.example.com/a/lib.git@{SHA}", "lib", "vcs", f"lib @ git+https://git.example.com/a/lib.git@{SHA}"),
    (
        f"-e git+https://git.example.com/a/my_lib.git@{SHA}#egg=my_lib&subdirectory=python",
        "my-lib",
        "vcs",
        f"my-lib @ git+https://git.example.com/a/my_lib.git@{SHA}#subdirectory=python",
    ),
    (f"-e git+ssh://git@git.example.com/a/lib@{SHA}#egg=lib", "lib", "vcs", f"lib @ git+ssh://git@git.example.com/a/lib@{SHA}"),
    (
        f"-e git+git@git.example.com:a/my_lib.git@{SHA}#egg=my_lib&subdirectory=python",
        "my-lib",
        "vcs",
        f"my-lib @ git+ssh://git@git.example.com/a/my_lib.git@{SHA}#subdirectory=python",
    ),
    (f"-e git@git.example.com:/a/lib@{SHA}#egg=lib", "lib", "vcs", f"lib @ git+ssh://git@git.example.com/a/lib@{SHA}"),
    (f"git+git@git.example.com:a/lib@{SHA}#egg=lib", "lib", "vcs", f"lib @ git+ssh://git@git.example.com/a/lib@{SHA}"),
    ("-e /srv/a@b:c", "/srv/a@b:c", "local", None),
    ("lib @ https://example.com/lib-1.0.tar.gz#sha256=ab12", "lib", "url", "lib @ https://example.com/lib-1.0.tar.gz#sha256=ab12"),
    ("https://example.com/lib-1.0.tar.gz", "https://example.com/lib-1.0.tar.gz", "url", "https://example.com/lib-1.0.tar.gz"),
    ("lib @ file:///srv/lib-1.0-py3-none-any.whl#sha256=ab12", "lib", "local", None),
    ("/srv/lib-1.0-py3-none-any.whl", "/srv/lib-1.0-py3-none-any.whl", "local", None),
    ("-e /srv/lib", "/srv/lib", "local", None),
    (f"-e git+file:///srv/lib@{SHA}#egg=lib", "lib", "local", None),
    ("-i https://pypi.example.com", "-i https://pypi.example.com", "option", None),
    ("-r more.txt", "-r more.txt", "option", None),
    ("DEPRECATION: Python 2.7 will", "DEPRECATION: Python 2.7 will", "unknown", None),
]  # fmt: skip


@pytest.mark.parametrize(("line", "name", "kind", "requirement"), LINES)
def test_lines(line, name, kind, requirement):
    package = venv.parse_requirement(line)
    assert (package.name, package.kind, package.requirement) == (name, kind, requirement)
    assert package.source == line
    assert requirement is not None or package.note


def test_hashes_are_left_out_and_told():
    text = "netaddr==0.9.0 \\\n    --hash=sha256:aa \\\n    --hash=sha256:bb\nsix==1.17.0\n"
    netaddr, six = venv.parse_freeze(text)
    assert (netaddr.requirement, six.requirement) == ("netaddr==0.9.0", "six==1.17.0")
    assert "hash" in str(netaddr.note)
    assert six.note is None


def test_logins_in_urls_go_nowhere():
    package = venv.parse_requirement(f"lib @ git+https://me:s3cret@git.example.com/lib@{SHA}")
    assert package.requirement == f"lib @ git+https://git.example.com/lib@{SHA}"
    assert "s3cret" not in str(package.as_result())
    assert "netrc" in str(package.note)


SECRETIVE = [
    # line, requirement
    ("--extra-index-url https://me:s3cret@example.com/simple", None),
    ("--index-url=https://s3cret@example.com/simple", None),
    ("--extra-index-url https://me:s3@cret@example.com/simple", None),
    ("-f https://example.com/list?access_token=s3cret&x=1", None),
    ("--proxy me:s3cret@proxy.example.com:3128", None),
    ("-e git+file://me:s3cret@host/srv/lib", None),
    ("lib @ file://me:s3cret@host/srv/lib.whl", None),
    ("file://me:s3cret@host/srv/lib.whl", None),
    ("WARNING: cannot reach https://me:s3cret@example.com/simple", None),
    (f"-e git+ssh://git:s3cret@example.com/lib@{SHA}#egg=lib", f"lib @ git+ssh://git@example.com/lib@{SHA}"),
    (f"lib @ git+https://s3cret@example.com/lib@{SHA}", f"lib @ git+https://example.com/lib@{SHA}"),
    ("lib @ https://example.com/lib.zip?private_token=s3cret&job=1", "lib @ https://example.com/lib.zip?job=1"),
    ("six==1.16.0  # from https://me:s3cret@example.com/simple", "six==1.16.0"),
    ("six==1.16.0 --hash=sha256:aa  # https://me:s3cret@example.com", "six==1.16.0"),
    ("six>=1 --index-url https://me:s3cret@example.com/", "six>=1 --index-url https://example.com/"),
]


@pytest.mark.parametrize(("line", "requirement"), SECRETIVE)
def test_logins_are_not_even_shown(line, requirement):
    package = venv.parse_requirement(line)
    assert "s3" not in str(package.as_result())
    assert "example.com" in package.source or "host" in package.source
    assert package.requirement == requirement


def test_the_user_of_ssh_is_part_of_the_address():
    assert venv.hidden("git+ssh://git:s3cret@example.com/lib@abc") == "git+ssh://git@example.com/lib@abc"
    assert venv.hidden("-e git@example.com:lib.git@abc#egg=lib") == "-e git@example.com:lib.git@abc#egg=lib"
    package = venv.parse_requirement("-e git+ssh://git:s3cret@example.com/lib@abc#egg=lib")
    assert "password is left out" in str(package.note)
    assert "netrc" not in str(package.note)


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("-r more.txt", "packages in that file are missing"),
        ("-rmore.txt", "packages in that file are missing"),
        ("--requirement=more.txt", "packages in that file are missing"),
        ("-c pins.txt", "versions in that file"),
        ("--constraint pins.txt", "versions in that file"),
        ("--require-hashes", "pip_conf"),
        ("-i https://pypi.example.com", "pip_conf"),
    ],
)
def test_what_is_lost_with_an_option(line, words):
    assert words in str(venv.parse_requirement(line).note)


def test_what_installs_packages_is_no_package():
    assert (
        venv.parse_freeze("pip==21.0\nsetuptools==58.0\nwheel==0.37\npkg-resources==0.0.0\nsix==1.17.0\n")[0].name
        == "six"
    )


DIRECT = [
    (None, "lib==1.0"),
    (
        {"url": "https://example.com/lib.zip", "dir_info": None, "archive_info": None},
        "lib @ https://example.com/lib.zip",
    ),
    ({"url": "file:///srv/lib", "dir_info": {"editable": True}}, None),
    ({"url": "file:///srv/lib", "dir_info": {}}, None),
    (
        {"url": "https://example.com/lib.tar.gz", "archive_info": {"hash": "sha256=ab12"}},
        "lib @ https://example.com/lib.tar.gz#sha256=ab12",
    ),
    (
        {
            "url": "https://git.example.com/lib",
            "vcs_info": {"vcs": "git", "commit_id": SHA, "requested_revision": "main"},
            "subdirectory": "python",
        },
        f"lib @ git+https://git.example.com/lib@{SHA}#subdirectory=python",
    ),
]


@pytest.mark.parametrize(("direct_url", "requirement"), DIRECT)
def test_packages_from_their_files(direct_url, requirement):
    package = venv.from_files("lib", "1.0", direct_url)
    assert package.name == "lib"
    assert package.requirement == requirement


@pytest.mark.parametrize(
    ("cfg", "libraries", "version"),
    [
        ("home = /usr/bin\nversion = 3.8.10\n", ["python3.8"], "3.8.10"),
        ("home = /usr/bin\nversion_info = 3.9.2.final.0\n", [], "3.9.2"),
        (None, ["python2.7"], "2.7"),
        (None, ["python3.6", "python3.11"], "3.11"),
        (None, [], None),
    ],
)
def test_the_version_of_python(cfg, libraries, version):
    assert venv.version_of_python(cfg, libraries) == version


@pytest.mark.parametrize("line", ["x @ https://[y/a.whl", "git+https://u:pw@[::zz]/a@v#egg=q", "-e git+ssh://git@[h/x"])
def test_an_address_that_cannot_be_read(line):
    (package,) = venv.parse_freeze(line)
    assert package.kind == "unknown"
    assert "not understood" in str(package.note)
    assert "pw" not in str(package)
