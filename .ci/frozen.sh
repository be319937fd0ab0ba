#!/usr/bin/env bash
# Writes a small store of today's formats, with something of every kind in it: .ci/frozen.sh HUSHWIRE OUT.backup
# Every release adds one to tests/vectors, and every later build must read them all (tests/store/frozen.rs). Takes eleven minutes:
# the store is compacted ten minutes after a start.
set -euo pipefail
hushwire="$(realpath "$1")"
out="$(realpath --canonicalize-missing "$2")"
# Both stand in tests/store/frozen.rs too; the passphrase guards nothing.
consortium=frozen.example
export HUSHWIRE_PASSPHRASE="frozen, and no secret" HUSHWIRE__FEED__WINDOW_MS=20
. "$(dirname "$0")/node.sh"
# A copy: what is built beside this must not change under it.
cp "$hushwire" hushwire
hushwire="$folder/hushwire" PATH="$folder:$PATH"
until_told() { # words, command
    told() { "${@:2}" | grep -q -- "$1"; }
    until_true 120 "$1" told "$@"
}

found bank-a bank-b
for member in bank-a bank-b; do certificates $member publisher screener auditor operator; done
quietly hushwire cert issue publisher ben --dir bank-a
start bank-a
start bank-b
until_told ready hushwire status --config bank-a/hushwire.toml

a=(--config bank-a/hushwire.toml)
case_of() { # file, member, devices
    echo "kind,value,typology,severity,confidence,grounds" > cases.csv
    for device in "${@:2}"; do echo "device,$device,F1012,high,90,own-confirmed" >> cases.csv; done
    hushwire publish cases.csv --config "$1/hushwire.toml"
}
case_of bank-a frozen-device-kept frozen-device-retracted frozen-device-erased
case_of bank-b frozen-device-of-another frozen-device-kept
until_told 'believed   5' hushwire status "${a[@]}"
echo frozen-device-retracted | hushwire retract --identifier device=- --reason false-positive "${a[@]}"
id="$(echo frozen-device-erased | hushwire erase ask --reason data-subject --identifier device=- "${a[@]}" \
    --identity bank-a/certs/publisher-desk | grep -o '[0-9a-f]\{16,\}' | head -n 1)"
hushwire erase confirm "$id" "${a[@]}" --identity bank-a/certs/publisher-ben
echo frozen-device-blocked | hushwire list add block device=- --reason own-fraud "${a[@]}"
for device in frozen-device-kept frozen-device-blocked frozen-device-unknown; do
    echo $device | hushwire screen --identifier device=- "${a[@]}"
done
hushwire stats release --id frozen "${a[@]}"
hushwire member propose --dir bank-a --renew-days 300 --out renewal > /dev/null
hushwire member sign renewal/* --admin anna.age
for member in bank-a bank-b; do hushwire member apply --dir $member renewal/*; done
kill -HUP "${pid[@]}"
until_told 'roster     version 2' hushwire status "${a[@]}"
until_told 'cosigned by one other' hushwire status "${a[@]}"
stop bank-a
start bank-a
until_told ready hushwire status "${a[@]}"
echo "waiting for the compaction that follows ten minutes after a start"
until_true 800 "a compacted journal" compgen -G 'bank-a/journal/*-00000001.segment'
case_of bank-a frozen-device-after
until_told 'pending    0' hushwire status "${a[@]}"
hushwire backup "$out" "${a[@]}" --json
hushwire restore "$out" --check
