#!/usr/bin/env bash
# Asks the HTTP door of a real node what its description allows, and what it does not: .ci/http_door.sh HUSHWIRE SCHEMATHESIS
# The node must answer as described, and nothing may be an error of its own.
set -euo pipefail
hushwire="$(realpath "$1")"
schemathesis="$(realpath --no-symlinks "$2")"
here="$(realpath "$(dirname "$0")")"
export HUSHWIRE__SCREENING__SANDBOX=true
. "$here/node.sh"
alone check
certificates check analyst
address="$(listens check local)"
"$hushwire" openapi > openapi.json
cp "$here"/checks/http_door.{py,toml} .

HUSHWIRE_CERTIFICATES="$folder/check/certs" "$schemathesis" --config-file http_door.toml run openapi.json \
    --url "https://$address" --tls-verify check/certs/auditor-desk/ca.pem > said 2>&1 || { cat said; tail -n 20 check.log; exit 1; }
kill -0 "${pid[check]}"
# A run that tried nothing would be green too.
tried="$(sed -nE 's/^ +Tested: ([0-9]+)$/\1/p' said)"
described="$(grep -o '"operationId"' openapi.json | wc -l)"
[[ "$tried" == "$described" ]] || { cat said; echo "tried $tried of $described operations"; exit 1; }
echo "the HTTP door: $tried operations tried, $(sed -nE 's/^ +([0-9]+ generated).*/\1/p' said)"
