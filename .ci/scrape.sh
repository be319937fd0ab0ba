#!/usr/bin/env bash
# Checks the page that monitoring reads of a real node: .ci/scrape.sh HUSHWIRE PROMTOOL
set -euo pipefail
hushwire="$(realpath "$1")"
promtool="$(realpath "$2")"
here="$(realpath "$(dirname "$0")")"
export HUSHWIRE__METRICS__LISTEN=127.0.0.1:0
. "$here/node.sh"
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
