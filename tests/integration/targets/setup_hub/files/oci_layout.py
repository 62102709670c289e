# Copyright (c) 2026 Foundry maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Write small images into an OCI layout: oci_layout.py DIR TAG=SEED[+SEED...] ...

Each SEED makes one layer, the same for the same SEED and DIR, and unlike any other: a hub can lose blobs that two
repositories share, so tests share them only on purpose. Prints {TAG: digest} as JSON.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import pathlib
import sys
import tarfile

REF_NAME = "org.opencontainers.image.ref.name"


def main(folder: pathlib.Path, wanted: list[str]) -> None:
    blobs = folder / "blobs" / "sha256"
    blobs.mkdir(parents=True, exist_ok=True)
    (folder / "oci-layout").write_text('{"imageLayoutVersion": "1.0.0"}')

    def put(data: bytes, media_type: str) -> dict[str, object]:
        digest = hashlib.sha256(data).hexdigest()
        (blobs / digest).write_bytes(data)
        return {"mediaType": f"application/vnd.oci.image.{media_type}", "digest": f"sha256:{digest}", "size": len(data)}

    manifests = []
    for item in wanted:
        tag, _equals, seeds = item.partition("=")
        layers, diff_ids = [], []
        for seed in seeds.split("+"):
            text = f"{folder}:{seed}\n".encode() * 50
            buffer = io.BytesIO()
            with tarfile.open(fileobj=buffer, mode="w") as archive:
                member = tarfile.TarInfo(f"{seed}.txt")
                member.size = len(text)
                archive.addfile(member, io.BytesIO(text))
            diff_ids.append("sha256:" + hashlib.sha256(buffer.getvalue()).hexdigest())
            layers.append(put(gzip.compress(buffer.getvalue(), mtime=0), "layer.v1.tar+gzip"))
        config = {
            "architecture": "amd64",
            "os": "linux",
            "config": {"Labels": {"seeds": seeds, "folder": str(folder)}},
            "rootfs": {"type": "layers", "diff_ids": diff_ids},
        }
        manifest = {
            "schemaVersion": 2,
            "mediaType": "application/vnd.oci.image.manifest.v1+json",
            "config": put(json.dumps(config).encode(), "config.v1+json"),
            "layers": layers,
        }
        described = put(json.dumps(manifest).encode(), "manifest.v1+json")
        manifests.append({**described, "annotations": {REF_NAME: tag}})
    (folder / "index.json").write_text(json.dumps({"schemaVersion": 2, "manifests": manifests}))
    print(
        json.dumps({entry["annotations"]["org.opencontainers.image.ref.name"]: entry["digest"] for entry in manifests})
    )


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]), sys.argv[2:])
