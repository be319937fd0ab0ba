#!/usr/bin/env bash
# A real Prometheus reads a real node: .ci/monitoring.sh HUSHWIRE PROMETHEUS PROMTOOL
# The page must be well made, every panel of the dashboard must show something, and every alert must be computable and quiet.
set -euo pipefail
hushwire="$(realpath "$1")"
prometheus="$(realpath "$2")"
promtool="$(realpath "$3")"
here="$(realpath "$(dirname "$0")")"
export HUSHWIRE__METRICS__LISTEN=127.0.0.1:0 HUSHWIRE__CONSOLE__LISTEN=127.0.0.1:0
. "$here/node.sh"
# A candidate is asked, so that what is counted of it can be seen.
"$hushwire" policy default > candidate.toml
# What is published counts at once, so that an order of a moment before becomes a late match.
HUSHWIRE__POLICY__CANDIDATE="$(realpath candidate.toml)" HUSHWIRE__FEED__WINDOW_MS=0 alone check
address="$(listens check metrics)"
console="https://$(listens check console)"
# The first look at the node comes with the first second.
seen() { curl --silent --fail "http://$address/metrics" --output page && grep -q '^hushwire_seen_timestamp_seconds ' page; }
until_true 10 "a look at the node" seen
"$promtool" check metrics < page
curl --silent --fail --output /dev/null "http://$address/livez"
echo "the page of a running node: $(grep -c '^# TYPE' page) metrics, no complaint"

cat > prometheus.yml << YAML
global: {scrape_interval: 1s, evaluation_interval: 1s}
rule_files: ["$here/../deploy/prometheus/alerts.yaml"]
scrape_configs:
  - job_name: hushwire
    static_configs: [{targets: ["$address"]}]
YAML
listen="127.0.0.1:$(port)"
"$prometheus" --config.file=prometheus.yml --storage.tsdb.path=samples --web.listen-address="$listen" > prometheus.log 2>&1 & pid[prometheus]=$!
at() { "$here/queries.py" "http://$listen" "$@"; }
until_true 30 "samples of the node" at --scraped

# Some of everything, again and again: a rate is of what changes between two scrapes.
own=(--config check/hushwire.toml --endpoint "$(listens check local)")
printf 'kind,value,typology,severity,confidence,grounds\ndevice,monitored-device-0001,F1012,high,90,own-confirmed\n' > case.csv
# The order of each turn is flagged once, and cleared once.
late() { curl --silent --fail "http://$address/metrics" | awk -v turn="$1" '/^hushwire_late_matches_total / {exit !($2 >= 2 * turn - 1)}'; }
# A page, a try to sign in that is wrong, and one that no page of the console sent.
browser() { curl --silent --cacert check/tls/local-ca.pem --output /dev/null --write-out '%{http_code}' "$@"; }
browse() {
    local form=(--data 'name=nobody&password=nothing&code=000000' "$console/sign-in") status
    status="$(browser "$console/sign-in") $(browser --header 'sec-fetch-site: same-origin' "${form[@]}") $(browser "${form[@]}")"
    [[ "$status" == "200 403 403" ]] || fail "the console answered $status"
}
traffic() {
    local turn=0
    while true; do
        turn=$((turn + 1))
        # Passes, and is flagged afterwards.
        quietly "$hushwire" screen --identifier device=- "${own[@]}" <<< monitored-device-0001
        quietly "$hushwire" publish case.csv --again "turn-$turn" "${own[@]}"
        until_true 10 "a late match" late "$turn"
        quietly "$hushwire" screen --identifier device=- "${own[@]}" <<< monitored-device-0001
        quietly "$hushwire" retract --identifier device=- --reason false-positive "${own[@]}" <<< monitored-device-0001
        browse
        # An auditor may not publish.
        if "$hushwire" publish case.csv "${own[@]}" --identity check/certs/auditor-desk > said 2>&1; then fail "what must be refused was not"; fi
    done
}
traffic & pid[traffic]=$!
at --dashboard "$here/../deploy/grafana/hushwire.json"
kill -0 "${pid[check]}" "${pid[prometheus]}" "${pid[traffic]}" || fail "not all of it ran to the end"
