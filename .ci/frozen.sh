#!/usr/bin/env bash
# Writes a small store of today's formats, with something of every kind in it: .ci/frozen.sh HUSHWIRE OUT.backup
# Every release adds one to tests/vectors, and every later build must read them all (tests/store/frozen.rs). Takes eleven minutes:
# the store is compacted ten minutes after a start.
set -euo pipefail
hushwire="$(realpath "$1")"
out="$(realpath --canonicalize-missing "$2")"
folder="$(mktemp -d)"
nodes=()
finish() {
    kill "${nodes[@]}" 2> /dev/null && wait || true
    rm -rf "$folder"
}
trap finish EXIT
cp "$hushwire" "$folder/hushwire"
cd "$folder"
PATH="$folder:$PATH"

# Stands in tests/store/frozen.rs too: it guards nothing.
export HUSHWIRE_PASSPHRASE="frozen, and no secret" HUSHWIRE_DANGER_QUICK_SEALING=true HUSHWIRE__FEED__WINDOW_MS=20
port() { python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'; }
wait_for() { # words, command
    for _ in $(seq 600); do
        if "${@:2}" 2> /dev/null | grep -q -- "$1"; then return; fi
        sleep 0.2
    done
    echo "waited in vain for: $1" >&2
    tail -n 20 ./*.log >&2
    exit 1
}
start() { # member
    rm -f "$1.ready"
    hushwire serve --config "$1/hushwire.toml" --ready-file "$1.ready" >> "$1.log" 2>&1 & nodes+=($!)
    wait_for local cat "$1.ready"
}

admin="$(hushwire key admin anna --consortium frozen.example --out anna.age)"
for member in bank-a bank-b; do
    peer="$(port)"
    hushwire member keygen --dir $member --consortium frozen.example --member $member \
        --local "127.0.0.1:$(port)" --peer "127.0.0.1:$peer" > /dev/null
    hushwire member card --dir $member --name $member --endpoint "127.0.0.1:$peer" --out $member.card > /dev/null
done
hushwire member genesis --consortium frozen.example --card bank-a.card --card bank-b.card --admin "$admin" --quorum 1 --out genesis
hushwire member sign genesis/* --admin anna.age
hushwire member invite --out invitation genesis/*
for member in bank-a bank-b; do
    hushwire member join invitation --dir $member --genesis "$(hushwire member roster genesis/roster-1.note --hash)"
    for role in publisher screener auditor operator; do hushwire cert issue $role desk --dir $member > /dev/null; done
done
hushwire cert issue publisher ben --dir bank-a > /dev/null
start bank-a
start bank-b
wait_for ready hushwire status --config bank-a/hushwire.toml

a=(--config bank-a/hushwire.toml)
case_of() { # file, member, devices
    echo "kind,value,typology,severity,confidence,grounds" > cases.csv
    for device in "${@:2}"; do echo "device,$device,F1012,high,90,own-confirmed" >> cases.csv; done
    hushwire publish cases.csv --config "$1/hushwire.toml"
}
case_of bank-a frozen-device-kept frozen-device-retracted frozen-device-erased
case_of bank-b frozen-device-of-another frozen-device-kept
wait_for 'believed   5' hushwire status "${a[@]}"
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
kill -HUP "${nodes[@]}"
wait_for 'roster     version 2' hushwire status "${a[@]}"
wait_for 'cosigned by one other' hushwire status "${a[@]}"
kill "${nodes[0]}"; wait "${nodes[0]}" || true
start bank-a
wait_for ready hushwire status "${a[@]}"
echo "waiting for the compaction that follows ten minutes after a start"
for _ in $(seq 800); do
    if compgen -G 'bank-a/journal/*-00000001.segment' > /dev/null; then break; fi
    sleep 1
done
compgen -G 'bank-a/journal/*-00000001.segment' > /dev/null
case_of bank-a frozen-device-after
wait_for 'pending    0' hushwire status "${a[@]}"
hushwire backup "$out" "${a[@]}" --json
hushwire restore "$out" --check
