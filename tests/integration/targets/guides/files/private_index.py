# Copyright (c) 2026 Foundry maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A package index with HTTPS and a login, and one package: private_index.py FOLDER PORT USER PASSWORD

FOLDER has server.pem and server.key; requests go to index.log in it, and the index ends when the folder is gone.
"""

from __future__ import annotations

import base64
import http.server
import io
import pathlib
import ssl
import sys
import threading
import zipfile

NAME = "guide_private"
WHEEL = f"{NAME}-1.0-py3-none-any.whl"
ABOUT = f"{NAME}-1.0.dist-info"
FILES = {
    f"{NAME}.py": "",
    f"{ABOUT}/METADATA": f"Metadata-Version: 2.1\nName: {NAME}\nVersion: 1.0\n",
    f"{ABOUT}/WHEEL": "Wheel-Version: 1.0\nGenerator: foundry.ee\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
}


def wheel() -> bytes:
    data = io.BytesIO()
    record = f"{ABOUT}/RECORD"
    with zipfile.ZipFile(data, "w") as archive:
        for name, text in {**FILES, record: "".join(f"{name},,\n" for name in [*FILES, record])}.items():
            archive.writestr(name, text)
    return data.getvalue()


PAGES = {"/simple/guide-private/": f'<a href="/{WHEEL}">{WHEEL}</a>'.encode(), f"/{WHEEL}": wheel()}


class Index(http.server.BaseHTTPRequestHandler):
    login = ""
    log = pathlib.Path()

    def do_GET(self) -> None:
        allowed = self.headers.get("Authorization") == self.login
        body = PAGES.get(self.path) if allowed else b""
        status = 401 if not allowed else 404 if body is None else 200
        with self.log.open("a", encoding="utf-8") as log:
            log.write(f"{status} {self.path}\n")
        self.send_response(status)
        if not allowed:
            self.send_header("WWW-Authenticate", 'Basic realm="index"')
        self.send_header("Content-Type", "application/octet-stream" if self.path.endswith(".whl") else "text/html")
        self.send_header("Content-Length", str(len(body or b"")))
        self.end_headers()
        self.wfile.write(body or b"")

    def log_message(self, *_arguments: object) -> None:
        """Nobody reads what goes to standard error."""


def main(folder: pathlib.Path, port: int, user: str, password: str) -> None:
    Index.login = "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()
    Index.log = folder / "index.log"
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "server.pem", folder / "server.key")
    with http.server.ThreadingHTTPServer(("127.0.0.1", port), Index) as server:
        server.socket = context.wrap_socket(server.socket, server_side=True)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        Index.log.touch()
        while Index.log.exists():
            threading.Event().wait(1)


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3], sys.argv[4])
