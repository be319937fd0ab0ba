"""Shows each operation the certificate of a role that may call it, as its description names them: a refusal of everybody would test
nothing. Read by Schemathesis (SCHEMATHESIS_HOOKS)."""

import os
import re

import schemathesis

CERTIFICATES = os.environ["HUSHWIRE_CERTIFICATES"]


@schemathesis.hook
def before_call(context, case, kwargs):
    roles = re.match(r"Roles: ([a-z, ]+)\.", case.operation.definition.raw.get("description", ""))
    # The description itself is everybody's.
    role = roles[1].split(", ")[0] if roles else "operator"
    folder = f"{CERTIFICATES}/{role}-desk"
    kwargs["cert"] = (f"{folder}/cert.pem", f"{folder}/key.pem")
