#!/usr/bin/env python3
"""Writes the built-in typology table from MITRE's STIX bundle of the Fight Fraud Framework (F3).

    deploy/typology/make_table.py f3-stix-v1.1.json > deploy/typology/f3-v1.1.tsv

One line an attack pattern, `id<TAB>name`, sorted by id; a sub-technique's name follows its parent's after a colon.
"""

import json
import sys


def main() -> None:
    with open(sys.argv[1], encoding="utf-8") as bundle:
        objects = json.load(bundle)["objects"]
    rows = {}
    for pattern in objects:
        if pattern["type"] != "attack-pattern" or pattern.get("revoked") or pattern.get("x_mitre_deprecated"):
            continue
        for reference in pattern["external_references"]:
            if reference.get("source_name") == "mitre-f3":
                rows[reference["external_id"]] = " ".join(pattern["name"].split())
    print("# MITRE Fight Fraud Framework (F3) v1.1: typology id, name. Made by make_table.py; Apache-2.0, (c) The MITRE Corporation.")
    for identifier in sorted(rows):
        print(f"{identifier}\t{rows[identifier]}")


if __name__ == "__main__":
    main()
