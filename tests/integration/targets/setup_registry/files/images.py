# Copyright (c) 2026 Foundry maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Make images in an OCI layout, without any of the code under test: images.py DIR JSON

JSON is a list of images, each with ``tag``, ``seed`` (which decides every byte) and, if wanted, ``layers`` (2),
``size`` of a layer in bytes (2000), ``architecture``, ``created``, ``labels``, ``index`` (a list of such images without
tags), and ``attach`` (an artifact type: the image gets a referrer of it). Prints {tag: digest} as JSON.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import pathlib
import random
import sys
import tarfile

REF_NAME = "org.opencontainers.image.ref.name"
OCI = "application/vnd.oci.image."


class Layout:
    def __init__(self, folder: pathlib.Path) -> None:
        self.folder = folder
        (folder / "blobs" / "sha256").mkdir(parents=True, exist_ok=True)
        (folder / "oci-layout").write_text('{"imageLayoutVersion": "1.0.0"}')

    def put(self, data: bytes, kind: str) -> dict:
        digest = hashlib.sha256(data).hexdigest()
        (self.folder / "blobs" / "sha256" / digest).write_bytes(data)
        return {"mediaType": OCI + kind, "digest": f"sha256:{digest}", "size": len(data)}

    def put_json(self, content: dict, kind: str) -> dict:
        return self.put(json.dumps(content).encode(), kind)

    def layer(self, seed: str, size: int) -> tuple[dict, str]:
        data = random.Random(seed).randbytes(size)  # noqa: S311 - the same bytes for the same seed
        buffer = io.BytesIO()
        with tarfile.open(fileobj=buffer, mode="w") as archive:
            member = tarfile.TarInfo(f"{seed}.bin")
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
        plain = buffer.getvalue()
        packed = gzip.compress(plain, compresslevel=1, mtime=0)
        return self.put(packed, "layer.v1.tar+gzip"), "sha256:" + hashlib.sha256(plain).hexdigest()

    def image(self, spec: dict) -> dict:
        if "index" in spec:
            return self.index(spec["index"])
        layers = [self.layer(f"{spec['seed']}-{n}", spec.get("size", 2000)) for n in range(spec.get("layers", 2))]
        config = {
            "architecture": spec.get("architecture", "amd64"),
            "os": "linux",
            "created": spec.get("created", "2026-01-01T00:00:00Z"),
            "config": {"Labels": spec.get("labels", {})},
            "rootfs": {"type": "layers", "diff_ids": [diff_id for _layer, diff_id in layers]},
        }
        content = {"schemaVersion": 2, "mediaType": OCI + "manifest.v1+json"}
        content["config"] = self.put_json(config, "config.v1+json")
        content["layers"] = [layer for layer, _diff_id in layers]
        return self.put_json(content, "manifest.v1+json")

    def index(self, specs: list[dict]) -> dict:
        children = [
            {**self.image(spec), "platform": {"os": "linux", "architecture": spec.get("architecture", "amd64")}}
            for spec in specs
        ]
        content = {"schemaVersion": 2, "mediaType": OCI + "index.v1+json", "manifests": children}
        return self.put_json(content, "index.v1+json")

    def attach(self, subject: dict, kind: str) -> dict:
        content = {"schemaVersion": 2, "mediaType": OCI + "manifest.v1+json", "artifactType": kind, "subject": subject}
        content["config"] = {**self.put(b"{}", "x"), "mediaType": "application/vnd.oci.empty.v1+json"}
        content["layers"] = [{**self.put(f"about {subject['digest']}".encode(), "x"), "mediaType": kind}]
        return {**self.put_json(content, "manifest.v1+json"), "artifactType": kind}


def main(folder: pathlib.Path, specs: list[dict]) -> None:
    layout = Layout(folder)
    entries, digests = [], {}
    for spec in specs:
        made = layout.image(spec)
        digests[spec["tag"]] = made["digest"]
        entries.append({**made, "annotations": {REF_NAME: spec["tag"]}})
        if "attach" in spec:
            entries.append(layout.attach(made, spec["attach"]))
    content = {"schemaVersion": 2, "mediaType": OCI + "index.v1+json", "manifests": entries}
    (folder / "index.json").write_text(json.dumps(content))
    print(json.dumps(digests))


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]), json.loads(sys.argv[2]))
