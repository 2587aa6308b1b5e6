"""Write a lock as CycloneDX 1.6 JSON: `python tools/sbom.py requirements/viewer.txt`.

Names, versions and the hashes of all files that may be installed come from the lock, licences from
the metadata of what is installed here. The same lock gives the same bytes.
"""

import json
import re
import sys
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, metadata
from pathlib import Path
from typing import Any, Final
from uuid import NAMESPACE_URL, uuid5

ROOT: Final = Path(__file__).parents[1]
ENTRY: Final = re.compile(r"^([a-z0-9._-]+)==([^\s;\\]+)(?: *; *([^\\\n]+?))? *\\?$", re.MULTILINE)
HASH: Final = re.compile(r"--hash=sha256:([0-9a-f]{64})")


def sbom(lock: str) -> dict[str, Any]:
    """Give the bill of materials of a lock file's text."""
    components = list(_components(lock))
    content = json.dumps(components, sort_keys=True)
    return {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "serialNumber": f"urn:uuid:{uuid5(NAMESPACE_URL, content)}",
        "version": 1,
        "metadata": {
            "component": {
                "type": "application",
                "bom-ref": "opp-mri",
                "name": "opp-mri",
                "version": metadata("opp-mri")["Version"],
                "licenses": _licences("opp-mri"),
            }
        },
        "components": components,
        "dependencies": [
            {"ref": "opp-mri", "dependsOn": [component["bom-ref"] for component in components]}
        ],
    }


def _components(lock: str) -> Iterator[dict[str, Any]]:
    entries = list(ENTRY.finditer(lock))
    ends = [entry.start() for entry in entries[1:]] + [len(lock)]
    for entry, end in zip(entries, ends, strict=True):
        name, version, marker = entry.groups()
        purl = f"pkg:pypi/{name}@{version}"
        component: dict[str, Any] = {
            "type": "library",
            "bom-ref": purl,
            "name": name,
            "version": version,
            "purl": purl,
            "licenses": _licences(name),
            "properties": [
                {"name": "opp-mri:sha256-of-a-distribution", "value": digest}
                for digest in HASH.findall(lock, entry.end(), end)
            ],
        }
        if marker:
            component["properties"].append({"name": "opp-mri:installed-where", "value": marker})
        yield component


def _licences(name: str) -> list[dict[str, Any]]:
    """Give the licence as declared; empty where this system does not install the package."""
    try:
        package_metadata = metadata(name)
    except PackageNotFoundError:
        return []
    if expression := package_metadata.get("License-Expression"):
        return [{"expression": expression}]
    titles = [
        text.rpartition(" :: ")[2]
        for text in package_metadata.get_all("Classifier") or []
        if text.startswith("License ::")
    ]
    titles = titles or [(package_metadata.get("License") or "").split("\n")[0]]
    return [{"license": {"name": title}} for title in titles if title]


if __name__ == "__main__":
    path = Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "requirements" / "viewer.txt"
    print(json.dumps(sbom(path.read_text(encoding="utf-8")), indent=1, ensure_ascii=False))
