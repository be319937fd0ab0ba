"""What Schemathesis cannot read in the description of the HTTP door. Loaded through http_door.toml."""

import os
import re

import schemathesis
from schemathesis.core.failures import AcceptedNegativeData

CERTIFICATES = os.environ["HUSHWIRE_CERTIFICATES"]


@schemathesis.hook
def before_call(context, case, kwargs):
    """Every operation is asked with the certificate of a role that may ask it: a refusal of everybody would test nothing."""
    roles = re.match(r"Roles: ([a-z, ]+)\.", case.operation.definition.raw.get("description", ""))
    # The description itself is everybody's.
    role = roles[1].split(", ")[0] if roles else "screener"
    folder = f"{CERTIFICATES}/{role}-desk"
    kwargs["cert"] = (f"{folder}/cert.pem", f"{folder}/key.pem")


def vocabularies(schemas):
    """The names of the fields that hold a word of a vocabulary."""
    for schema in schemas.values():
        for name, field in schema.get("properties", {}).items():
            reference = field.get("items", field).get("$ref", "")
            if "enum" in schemas.get(reference.rpartition("/")[2], {}):
                yield name


def is_lenient(value, name, words):
    """Whether proto3's JSON mapping takes what no schema says: null for not given, and the number of a word."""
    if isinstance(value, dict):
        return any(is_lenient(inner, name, words) for name, inner in value.items())
    if isinstance(value, list):
        return any(is_lenient(inner, name, words) for inner in value)
    return value is None or (isinstance(value, int) and name in words)


@schemathesis.hook
def filter_failure(context, failure, case, response):
    """Taking a body for the reasons above is no mistake."""
    words = set(vocabularies(case.operation.schema.raw_schema["components"]["schemas"]))
    return not (isinstance(failure, AcceptedNegativeData) and is_lenient(case.body, "", words))
