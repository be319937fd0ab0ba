#!/usr/bin/env bash
# Checks the page that monitoring reads of a real node: .ci/scrape.sh HUSHWIRE PROMTOOL
set -euo pipefail
hushwire="$(realpath "$1")"
promtool="$(realpath "$2")"
folder="$(mktemp -d)"
node=""
finish() {
    if [[ -n "$node" ]]; then kill "$node" && wait "$node" || true; fi
    rm -rf "$folder"
}
trap finish EXIT
cd "$folder"

export HUSHWIRE_PASSPHRASE="only for this check" HUSHWIRE_DANGER_QUICK_SEALING=true
export HUSHWIRE__METRICS__LISTEN=127.0.0.1:0
"$hushwire" init --member check --dir node --consortium check.example --local 127.0.0.1:0 --peer 127.0.0.1:0 > /dev/null
"$hushwire" serve --config node/hushwire.toml --ready-file ready > log 2>&1 & node=$!
for _ in $(seq 600); do
    if [[ -e ready ]]; then break; fi
    kill -0 "$node" 2> /dev/null || { cat log; exit 1; }
    sleep 0.1
done
address="$(sed -E 's/.*"metrics":"([^"]*)".*/\1/' ready)"
# The first look at the node comes with the first second.
for _ in $(seq 100); do
    curl --silent --fail "http://$address/metrics" > page
    if grep -q '^hushwire_seen_timestamp_seconds ' page; then break; fi
    sleep 0.1
done
grep -q '^hushwire_seen_timestamp_seconds ' page
"$promtool" check metrics < page
curl --silent --fail --output /dev/null "http://$address/livez"
echo "the page of a running node: $(grep -c '^# TYPE' page) metrics, no complaint"
