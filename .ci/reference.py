"""Writes docs/reference.md: every method with its callers, messages and refusals. With --check, says whether it is current.

What is said comes from where it is true: proto/ with its comments, the table of roles, the table of HTTP routes, the reasons in
the source. Only what a reason means is written beside this file, in refusals.toml, and held against the source. Needs buf, whose
path is the last argument.
"""

import json
import pathlib
import re
import subprocess
import sys
import tomllib

ROOT = pathlib.Path(__file__).parent.parent
PAGE = ROOT / "docs" / "reference.md"

# Packages in the order a reader asks for them.
PACKAGES = ["hushwire.local.v1", "hushwire.compliance.v1", "hushwire.peer.v1", "hushwire.types.v1"]

# What each listener is for.
ABOUT = {
    "hushwire.local.v1": "Inside a member: the local listener.",
    "hushwire.compliance.v1": "For audit and statistics: the local listener.",
    "hushwire.peer.v1": "Between members' nodes: the peer listener. No field can hold a raw identifier.",
    "hushwire.types.v1": "What the others share, and the blobs of feed entries.",
}

HEAD = """# Reference of the interfaces

Every method, message and refusal. Made by `.ci/reference.py` from `proto/`, the tables of roles and of routes, and the reasons in the
source; `make lint` fails where it is not current. Over HTTP names are camelCase and 64-bit numbers are strings; the description in
OpenAPI is at `GET /v1/openapi.json`. How a checkout uses this stands in [guides/curl.md](guides/curl.md) and
[guides/python.md](guides/python.md).

A field marked *list* may be empty, one marked *optional* says whether it was given; any other field left out has the value 0, "" or
false. Every role may also ask gRPC's own health (`grpc.health.v1`, see [observability.md](observability.md)) and reflection.
"""

REFUSED = """A refusal is a gRPC status with `google.rpc.ErrorInfo` (domain `hushwire`, `reason` below), over HTTP a problem (RFC 9457) with the
members `code` and `reason`. Reasons are stable, texts are not. Beside them stand, where they apply, `BadRequest` (`violations`): the
field at fault; `RetryInfo` (`retryAfterMs`, `Retry-After`): when to come back; `QuotaFailure` (`quotas`): what is used up;
`PreconditionFailure`.

A field that breaks a rule is refused as `INVALID_ARGUMENT`, whose reason is the rule in upper case: `MISSING`, `TOO_MANY`,
`UNKNOWN_WORD`, `CARD_LUHN`, … and whose violation names the field, e.g. `identifiers[0].value`. In calls with many records one bad
record does not sink the others: it comes back in `refused`. A body over HTTP adds `NO_JSON`, `UNKNOWN_FIELD`, `REPEATED_KEY`, `WRONG_TYPE`.
"""

CODES = {
    "InvalidArgument": "INVALID_ARGUMENT", "Unauthenticated": "UNAUTHENTICATED", "PermissionDenied": "PERMISSION_DENIED",
    "NotFound": "NOT_FOUND", "AlreadyExists": "ALREADY_EXISTS", "FailedPrecondition": "FAILED_PRECONDITION", "Aborted": "ABORTED",
    "ResourceExhausted": "RESOURCE_EXHAUSTED", "QuotaExhausted": "RESOURCE_EXHAUSTED", "Unavailable": "UNAVAILABLE",
    "OutOfRange": "OUT_OF_RANGE", "DeadlineExceeded": "DEADLINE_EXCEEDED", "Unimplemented": "UNIMPLEMENTED", "Damaged": "DATA_LOSS",
}
STATUSES = {
    "NOT_FOUND": 404, "METHOD_NOT_ALLOWED": 405, "UNSUPPORTED_MEDIA_TYPE": 415, "PAYLOAD_TOO_LARGE": 413, "REQUEST_TIMEOUT": 408,
    "BAD_REQUEST": 400,
}


# Services whose calls do not wait for the store; what they refuse of its reasons is named in refusals.toml.
WITHOUT_STORE = ["ScreeningService", "ExchangeService"]


def named(text):
    """The methods a reason is told of by their names."""
    return text["on"] if isinstance(text["on"], list) else text.get("also", [])


def product(folder):
    """Every source file below a folder of src/, without its tests."""
    for path in sorted((ROOT / "src" / folder).rglob("*.rs")):
        yield path.read_text().split("#[cfg(test)]\nmod tests")[0]


def reasons():
    """Every reason a call is refused with, and its code."""
    found = {"DEADLINE_EXCEEDED": "DEADLINE_EXCEEDED", "UNKNOWN_METHOD": "UNIMPLEMENTED"}
    for text in [text for folder in ("io/grpc", "io/http", "io/exchange", "app/serve") for text in product(folder)]:
        for variant, reason in re.findall(r'Refusal::(\w+)\s*\{\s*reason: "([A-Z_]+)"', text):
            found[reason] = CODES[variant]
        for reason in re.findall(r'\bprecondition\("([A-Z_]+)"', text):
            found[reason] = "FAILED_PRECONDITION"
        for status, reason in re.findall(r'(?:Refused::Http|of_http)\(\s*StatusCode::(\w+),\s*"([A-Z_]+)"', text):
            found[reason] = f"HTTP {STATUSES[status]}"
        # A reason that is given in a way unknown here must not be left out unseen.
        for reason in re.findall(r'reason: "([A-Z_]+)"', text):
            assert reason in found, f"how {reason} is given is unknown to .ci/reference.py"
    return found


def explained():
    """What is written of each reason, held against the reasons there are."""
    codes, texts = reasons(), tomllib.loads((ROOT / ".ci" / "refusals.toml").read_text())
    if codes.keys() != texts.keys():
        sys.exit(f".ci/refusals.toml: missing {sorted(codes.keys() - texts.keys())}, superfluous {sorted(texts.keys() - codes.keys())}")
    return {reason: {"code": codes[reason], **text} for reason, text in texts.items()}


def roles():
    """Who may call each method, by its path."""
    text = (ROOT / "src/io/grpc/roles.rs").read_text()
    rows = re.findall(r'local\("/([^"]+)", &\[([^\]]+)\]\)', text)
    found = {path: ", ".join(role.removeprefix("Role::").lower() for role in listed.split(", ")) for path, listed in rows}
    found.update((path, "any member of the roster") for path in re.findall(r'Row \{ method: "/([^"]+)", callers: Callers::Peers', text))
    return found


def routes():
    """The HTTP paths of each method."""
    found = {}
    for verb, path, method in re.findall(r'(get|post)\("([^"]+)", "/([^"]+)"\)', (ROOT / "src/io/http/routes.rs").read_text()):
        found.setdefault(method, []).append(f"{verb.upper()} {path}")
    return found


def bounds():
    """The most elements of each list of a request, by the list's full name."""
    values = dict(re.findall(r"pub const (\w+): \w+ = ([\d_]+);", (ROOT / "src/base/limits.rs").read_text()))
    listed = re.findall(r'\("(hushwire[\w.]+)", limits::(\w+)\)', (ROOT / "src/io/http/bounds.rs").read_text())
    return {field: int(values[limit].replace("_", "")) for field, limit in listed}


def descriptors(buf):
    command = [buf, "build", str(ROOT / "proto"), "--as-file-descriptor-set", "-o", "-#format=json"]
    return json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)["file"]


def anchor(title):
    return re.sub(r"[^a-z0-9 _-]", "", title.lower()).replace(" ", "-")


def link(name):
    title = name.rsplit(".", 1)[1]
    return f"[{title}](#{anchor(title)})" if name.startswith("hushwire.") else f"`{name}`"


class File:
    """One file of the protocol with its comments."""

    def __init__(self, described):
        self.described = described
        locations = described["sourceCodeInfo"]["location"]
        self.comments = {tuple(at.get("path", [])): at.get("leadingComments", "") for at in locations}

    def said(self, *path):
        return " ".join(self.comments.get(path, "").split()).replace("|", "\\|")

    def numbered(self, kind):
        return enumerate(self.described.get(kind, []))


def type_of(field):
    name = field.get("typeName", "").lstrip(".")
    return link(name) if name else field["type"].removeprefix("TYPE_").lower()


def fields(file, number, message, full_name, most):
    rows = []
    for at, field in enumerate(message.get("field", [])):
        marks = ["list"] * (field["label"] == "LABEL_REPEATED") + ["optional"] * field.get("proto3Optional", False)
        limit = most.get(f"{full_name}.{field['name']}")
        marks = ", ".join(marks) + (f" of at most {limit:,}" if limit else "")
        rows.append(f"| {field['number']} | `{field['name']}` | {type_of(field)} | {marks} | {file.said(4, number, 2, at)} |")
    if not rows:
        return "No fields.\n"
    return "\n".join(["| tag | field | type | | what it is |", "|---|---|---|---|---|", *rows]) + "\n"


def method(file, service, place, at, described, refusals, table):
    path = f"{file.described['package']}.{service}/{described['name']}"
    stream = lambda side: "stream of " * described.get(side, False)
    own = [f"`{reason}`" for reason, text in refusals.items() if described["name"] in named(text)]
    groups = ["[any call](#any-call)"] + ["[the store](#any-call-that-needs-the-store)"] * (service not in WITHOUT_STORE)
    told = ", ".join([*own, *groups])
    rows = [
        ("path", f"`/{path}`"),
        ("HTTP", ", ".join(f"`{route}`" for route in table["routes"].get(path, [])) or "none"),
        ("callers", table["roles"][path]),
        ("request", stream("clientStreaming") + link(described["inputType"].lstrip("."))),
        ("response", stream("serverStreaming") + link(described["outputType"].lstrip("."))),
        ("refusals", told),
    ]
    lines = [f"### {described['name']}", "", file.said(6, place, 2, at), "", "| | |", "|---|---|"]
    return "\n".join(lines + [f"| {name} | {text} |" for name, text in rows]) + "\n"


def vocabulary(file, number, words):
    rows = [f"| {word.get('number', 0)} | `{word['name']}` | {file.said(5, number, 2, at)} |" for at, word in enumerate(words["value"])]
    return "\n".join([f"### {words['name']}", "", file.said(5, number), "", "| tag | word | what it says |", "|---|---|---|", *rows]) + "\n"


def refusal_table(refusals, on):
    rows = [f"| `{reason}` | {text['code']} | {text['means']} | {text['do']} |" for reason, text in refusals.items() if on(text["on"])]
    return "\n".join(["| reason | code | what it means | what to do |", "|---|---|---|---|", *rows]) + "\n"


def page(buf):
    files = [File(described) for described in descriptors(buf)]
    refusals = explained()
    table = {"roles": roles(), "routes": routes()}
    methods, messages = [], []
    known = set()
    for package in PACKAGES:
        messages.append(f"## Messages of {package}\n\n{ABOUT[package]}\n")
        for file in (file for file in files if file.described["package"] == package):
            for place, service in file.numbered("service"):
                methods.append(f"## {service['name']}\n\n{file.said(6, place)} Package `{package}`.\n")
                for at, described in enumerate(service["method"]):
                    known.add(described["name"])
                    methods.append(method(file, service["name"], place, at, described, refusals, table))
            for number, message in file.numbered("messageType"):
                text = fields(file, number, message, f"{package}.{message['name']}", bounds())
                messages.append(f"### {message['name']}\n\n{file.said(4, number)}\n\n{text}")
            messages.extend(vocabulary(file, number, words) for number, words in file.numbered("enumType"))
    for reason, text in refusals.items():
        if not known.issuperset(named(text)):
            sys.exit(f".ci/refusals.toml: {reason} names {sorted(set(named(text)) - known)}, which is no method")
    parts = [("Any call", "call"), ("Any call that needs the store", "store"), ("Requests over HTTP", "http")]
    refused = [f"## Refusals\n\n{REFUSED}"]
    refused += [f"### {title}\n\n" + refusal_table(refusals, lambda on, which=which: on == which) for title, which in parts]
    refused.append("### Of some methods\n\n" + refusal_table(refusals, lambda on: isinstance(on, list)))
    return "\n".join([HEAD, *methods, *refused, *messages])


def main():
    made = page(sys.argv[-1])
    if "--check" in sys.argv[1:]:
        if not PAGE.exists() or PAGE.read_text() != made:
            sys.exit(f"{PAGE.name} is not current: run python3 .ci/reference.py BUF")
    else:
        PAGE.write_text(made)


main()
