"""Writes docs/third-parties.md: what is linked into the program, under which licence. With --check, says whether it is current."""

import json
import pathlib
import subprocess
import sys

PAGE = pathlib.Path(__file__).parent.parent / "docs" / "third-parties.md"

HEAD = """# Notices of third parties

What is linked into `hushwire`, from `Cargo.lock`; tools of tests and builds are not. Each package's licence text comes with its source
(`cargo vendor` fetches all of it). Made by `.ci/third_parties.py`; `make lint` fails where it is not current.

| package | version | licence |
|---|---|---|
"""


def linked():
    """Packages reachable from the program by ordinary dependencies, for Linux on x86-64."""
    command = ["cargo", "metadata", "--locked", "--format-version", "1", "--filter-platform", "x86_64-unknown-linux-gnu"]
    metadata = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    nodes = {node["id"]: node for node in metadata["resolve"]["nodes"]}
    packages = {package["id"]: package for package in metadata["packages"]}
    waiting, found = [metadata["resolve"]["root"]], set()
    while waiting:
        for dependency in nodes[waiting.pop()]["deps"]:
            is_linked = any(kind["kind"] is None for kind in dependency["dep_kinds"])
            macro = any("proc-macro" in target["kind"] for target in packages[dependency["pkg"]]["targets"])
            if is_linked and not macro and dependency["pkg"] not in found:
                found.add(dependency["pkg"])
                waiting.append(dependency["pkg"])
    return sorted((packages[one]["name"], packages[one]["version"], packages[one]["license"] or "see its source") for one in found)


def main():
    page = HEAD + "".join(f"| {name} | {version} | {licence} |\n" for name, version, licence in linked())
    if "--check" in sys.argv[1:]:
        if not PAGE.exists() or PAGE.read_text() != page:
            sys.exit(f"{PAGE.name} is not current: run python3 .ci/third_parties.py")
    else:
        PAGE.write_text(page)


main()
