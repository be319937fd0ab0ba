#!/usr/bin/env bash
# A rolling upgrade, and one step back: .ci/rolling.sh NEW [OLD]
# Three members run the OLD program; one after the other is stopped and started as NEW while cases are published and orders
# screened; then one goes back to OLD. Throughout, every order put to a member that is not being replaced must be answered, and at
# the end every member must believe every case that was acknowledged, in feeds of one root.
#
# Without OLD it is built from the newest tag (or from $HUSHWIRE_RELEASE), where there is one: dependencies come from the same
# target folder, so that costs one crate. Where there is none, NEW rolls against itself, and that is said.
set -euo pipefail
new="$(realpath "$1")"
old=""
if [[ $# -gt 1 ]]; then old="$(realpath "$2")"; fi
cd "$(dirname "$0")/.."
folder="$(mktemp -d)"
declare -A pid
jobs=()
finish() {
    touch "$folder/stop"
    if [[ ${#jobs[@]} -gt 0 ]]; then wait "${jobs[@]}" 2> /dev/null || true; fi
    if [[ ${#pid[@]} -gt 0 ]]; then kill "${pid[@]}" 2> /dev/null && wait || true; fi
    rm -rf "$folder"
}
trap finish EXIT
# Copies: what is built beside this check must not change under it.
cp "$new" "$folder/new"
release="${HUSHWIRE_RELEASE:-$(git describe --tags --abbrev=0 2> /dev/null || true)}"
if [[ -n "$old" ]]; then
    cp "$old" "$folder/old"
elif [[ -n "$release" ]]; then
    source="target/released/${release//\//-}"
    rm -rf "$source" && mkdir -p "$source"
    git archive "$release" | tar -x -C "$source"
    cargo build --locked --quiet --manifest-path "$source/Cargo.toml" --target-dir target
    cp target/debug/hushwire "$folder/old"
    # Not into the file of that name, which cargo keeps as the release's.
    cp --remove-destination "$folder/new" target/debug/hushwire
    echo "rolling from $release to this build"
else
    cp "$new" "$folder/old"
    echo "NOTE: no release is tagged yet, so this build rolls against itself: that shows the procedure, and nothing about formats"
fi
cd "$folder"

export HUSHWIRE_PASSPHRASE="only for this check" HUSHWIRE_DANGER_QUICK_SEALING=true HUSHWIRE__FEED__WINDOW_MS=50
members=(bank-a bank-b shop)
fail() {
    echo "FAILED: $*" >&2
    tail -n 5 ./*.log >&2
    exit 1
}
port() { python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'; }
status() { ./new status --json --config "$1/hushwire.toml" 2> /dev/null; }
wait_for() { # member, filter of its status
    for _ in $(seq 300); do
        if status "$1" | jq -e "$2" > /dev/null; then return; fi
        sleep 0.2
    done
    fail "$1 never came to: $2"
}
start() { # member, program
    rm -f "$1.ready"
    "./$2" serve --config "$1/hushwire.toml" --ready-file "$1.ready" >> "$1.log" 2>&1 & pid[$1]=$!
    for _ in $(seq 300); do
        if [[ -e "$1.ready" ]]; then break; fi
        kill -0 "${pid[$1]}" 2> /dev/null || fail "$1 does not start as $2"
        sleep 0.1
    done
    wait_for "$1" '.state == "ready" and all(.peers[]; .state == "connected")'
    rm -f "away-$1"
}
replace() { # member, program
    touch "away-$1"
    kill -TERM "${pid[$1]}"
    wait "${pid[$1]}" || fail "$1 did not stop in good order"
    start "$1" "$2"
    echo "$1 runs the $2 program: $(wc -l < acknowledged) cases acknowledged, $(wc -l < answered) orders answered so far"
}

admin="$(./old key admin anna --consortium rolling.example --out anna.age 2> /dev/null)"
cards=()
for member in "${members[@]}"; do
    peer="$(port)"
    ./old member keygen --dir "$member" --consortium rolling.example --member "$member" \
        --local "127.0.0.1:$(port)" --peer "127.0.0.1:$peer" > founding.log 2>&1
    ./old member card --dir "$member" --name "$member" --endpoint "127.0.0.1:$peer" --out "$member.card" >> founding.log 2>&1
    cards+=(--card "$member.card")
done
./old member genesis --consortium rolling.example "${cards[@]}" --admin "$admin" --quorum 1 --out genesis >> founding.log 2>&1
./old member sign genesis/* --admin anna.age >> founding.log 2>&1
./old member invite --out invitation genesis/* >> founding.log 2>&1
hash="$(./old member roster genesis/roster-1.note --hash)"
for member in "${members[@]}"; do
    ./old member join invitation --dir "$member" --genesis "$hash" >> founding.log 2>&1
    for role in publisher screener operator; do ./old cert issue $role desk --dir "$member" >> founding.log 2>&1; done
done
for member in "${members[@]}"; do
    rm -f "$member.ready"
    ./old serve --config "$member/hushwire.toml" --ready-file "$member.ready" >> "$member.log" 2>&1 & pid[$member]=$!
done
for member in "${members[@]}"; do wait_for "$member" '.state == "ready" and all(.peers[]; .state == "connected")'; done

touch acknowledged answered
publish() {
    for ((number = 0; ; number++)); do
        for member in bank-a bank-b; do
            if [[ -e stop ]]; then return; fi
            device="rolling-$member-$number"
            printf 'kind,value,typology,severity,confidence,grounds\ndevice,%s,F1012,high,90,own-confirmed\n' "$device" > "case-$member.csv"
            # Only what was answered counts: a member that is away takes no cases.
            if ./new publish "case-$member.csv" --config "$member/hushwire.toml" > publish.log 2>&1; then
                echo "$device" >> acknowledged
            fi
        done
    done
}
screen() {
    while [[ ! -e stop ]]; do
        for member in "${members[@]}"; do
            away=$([[ -e "away-$member" ]] && echo yes || echo no)
            if echo rolling-device-unknown | ./new screen --identifier device=- --config "$member/hushwire.toml" > screen.log 2>&1; then
                echo "$member" >> answered
            elif [[ "$away" == no && ! -e "away-$member" ]]; then
                { echo "$member"; cat screen.log; } >> unanswered
            fi
        done
    done
}
publish & jobs+=($!)
screen & jobs+=($!)
# At least so many more of each before the next step.
flow() {
    local cases orders
    cases=$(($(wc -l < acknowledged) + 4)) orders=$(($(wc -l < answered) + 6))
    for _ in $(seq 600); do
        if (($(wc -l < acknowledged) >= cases && $(wc -l < answered) >= orders)); then return; fi
        sleep 0.1
    done
    fail "cases and orders do not flow"
}
flow
for member in "${members[@]}"; do
    replace "$member" new
    flow
done
replace bank-b old
flow
touch stop
wait "${jobs[@]}"
if [[ -e unanswered ]]; then fail "not answered: $(cat unanswered)"; fi

cases="$(wc -l < acknowledged)"
for member in "${members[@]}"; do
    wait_for "$member" ".pending == 0 and .believed >= $cases and all(.feeds[]; .quarantined | not) and .alarms == []"
    { echo "device"; cat acknowledged; } > orders.csv
    stopped="$(./new screen orders.csv --map device=device --json --config "$member/hushwire.toml" 2> /dev/null \
        | jq -r .decision | grep -c -x challenge || true)"
    [[ "$stopped" == "$cases" ]] || fail "$member stops $stopped of $cases acknowledged cases"
done
roots() { status "$1" | jq -c '[.feeds[] | {origin, size, root}] | sort_by(.origin)'; }
for _ in $(seq 100); do
    if [[ "$(roots bank-a)" == "$(roots bank-b)" && "$(roots bank-b)" == "$(roots shop)" ]]; then break; fi
    sleep 0.2
done
[[ "$(roots bank-a)" == "$(roots bank-b)" && "$(roots bank-b)" == "$(roots shop)" ]] || fail "the members hold different feeds"
echo "rolled through: $cases cases acknowledged and believed everywhere, $(wc -l < answered) orders answered, none unanswered"
