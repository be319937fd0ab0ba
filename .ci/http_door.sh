#!/usr/bin/env bash
# Asks the HTTP door of a real node what its description allows, and what it does not: .ci/http_door.sh HUSHWIRE SCHEMATHESIS
# The node must answer as described, and nothing may be an error of its own.
set -euo pipefail
hushwire="$(realpath "$1")"
schemathesis="$(realpath --no-symlinks "$2")"
checks="$(realpath "$(dirname "$0")/checks")"
folder="$(mktemp -d)"
node=""
finish() {
    if [[ -n "$node" ]]; then kill "$node" && wait "$node" || true; fi
    rm -rf "$folder"
}
trap finish EXIT
cd "$folder"

export HUSHWIRE_PASSPHRASE="only for this check" HUSHWIRE_DANGER_QUICK_SEALING=true HUSHWIRE__SCREENING__SANDBOX=true
"$hushwire" init --member check --dir node --consortium check.example --local 127.0.0.1:0 --peer 127.0.0.1:0 > /dev/null
"$hushwire" cert issue analyst desk --dir node > /dev/null
"$hushwire" serve --config node/hushwire.toml --ready-file ready > log 2>&1 & node=$!
for _ in $(seq 600); do
    if [[ -e ready ]]; then break; fi
    kill -0 "$node" 2> /dev/null || { cat log; exit 1; }
    sleep 0.1
done
address="$(sed -E 's/.*"local":"([^"]*)".*/\1/' ready)"
"$hushwire" openapi > openapi.json
cp "$checks"/http_door.{py,toml} .

HUSHWIRE_CERTIFICATES="$folder/node/certs" "$schemathesis" --config-file http_door.toml run openapi.json \
    --url "https://$address" --tls-verify node/certs/auditor-desk/ca.pem > said 2>&1 || { cat said; tail -n 20 log; exit 1; }
kill -0 "$node"
# A run that tried nothing would be green too.
tried="$(sed -nE 's/^ +Tested: ([0-9]+)$/\1/p' said)"
described="$(grep -o '"operationId"' openapi.json | wc -l)"
[[ "$tried" == "$described" ]] || { cat said; echo "tried $tried of $described operations"; exit 1; }
echo "the HTTP door: $tried operations tried, $(sed -nE 's/^ +([0-9]+ generated).*/\1/p' said)"
