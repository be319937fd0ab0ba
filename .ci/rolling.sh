#!/usr/bin/env bash
# A rolling upgrade, and one step back: .ci/rolling.sh NEW [OLD]
# Three members run the OLD program; one after the other is stopped and started as NEW while cases are published and orders
# screened; then one goes back to OLD. Throughout, every order put to a member that is not being replaced must be answered, and at
# the end every member must believe every case that was acknowledged, in feeds of one root.
#
# Without OLD it is built from the newest tag before this commit (or from $HUSHWIRE_RELEASE), where there is one: dependencies are
# taken from this build, so that costs one crate. Where there is none, NEW rolls against itself, and that is said.
#
# A release that stores anything in a new way cannot be gone back from: there the step back must be refused, and leave the store to
# NEW.
set -euo pipefail
new="$(realpath "$1")"
old=""
if [[ $# -gt 1 ]]; then old="$(realpath "$2")"; fi
here="$(realpath "$(dirname "$0")")"
export HUSHWIRE__FEED__WINDOW_MS=50
. "$here/node.sh"
jobs=()
finish_jobs() {
    touch "$folder/stop"
    if [[ ${#jobs[@]} -gt 0 ]]; then wait "${jobs[@]}" 2> /dev/null || true; fi
    finish
}
trap finish_jobs EXIT
cd "$here/.."
# Copies: what is built beside this check must not change under it.
cp "$new" "$folder/new"
release="${HUSHWIRE_RELEASE:-$(git describe --tags --abbrev=0 HEAD^ 2> /dev/null || true)}"
if [[ -n "$old" ]]; then
    cp "$old" "$folder/old"
elif [[ -n "$release" ]]; then
    source="target/released/${release//\//-}"
    rm -rf "$source" && mkdir -p "$source"
    git archive "$release" | tar -x -C "$source"
    # In a target folder of its own: in a shared one cargo takes parts of the release for parts of this build, as both are one
    # package of one version to it. It begins with the dependencies that are built already.
    mkdir -p "$source/target/debug"
    (cd target/debug && tar -c --exclude='*hushwire*' .fingerprint build deps/*.{d,rlib,rmeta,so}) | tar -x -C "$source/target/debug"
    cargo build --locked --quiet --manifest-path "$source/Cargo.toml" --target-dir "$source/target"
    cp "$source/target/debug/hushwire" "$folder/old"
    echo "rolling from $release to this build"
else
    cp "$new" "$folder/old"
    echo "NOTE: no release is tagged before this commit, so this build rolls against itself: that shows the procedure, and nothing about formats"
fi
cd "$folder"

hushwire="$folder/old" # founds the consortium
members=(bank-a bank-b shop)
status() { ./new status --json --config "$1/hushwire.toml" 2> /dev/null; }
until_status() { # member, filter of its status
    holds() { status "$1" | jq -e "$2"; }
    until_true 60 "$1: $2" holds "$@"
}
until_connected() { until_status "$1" '.state == "ready" and all(.peers[]; .state == "connected")'; } # member
replace() { # member, program
    local runs="$2"
    touch "away-$1"
    stop "$1"
    if ! may_start "$1" "$folder/$2"; then
        [[ "$2" == old ]] && tail -n 3 "$1.log" | grep -q 'the store has format version' || fail "$1 does not start as $2"
        echo "NOTE: the old program refuses the store of the new one"
        runs=new
        start "$1" "$folder/new"
    fi
    until_connected "$1"
    rm "away-$1"
    echo "$1 runs the $runs program: $(wc -l < acknowledged) cases acknowledged, $(wc -l < answered) orders answered so far"
}

found "${members[@]}"
for member in "${members[@]}"; do
    certificates "$member" publisher screener operator
    start "$member"
done
for member in "${members[@]}"; do until_connected "$member"; done

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
    flowed() { (($(wc -l < acknowledged) >= cases && $(wc -l < answered) >= orders)); }
    until_true 60 "cases and orders flow" flowed
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
    until_status "$member" ".pending == 0 and .believed >= $cases and all(.feeds[]; .quarantined | not) and .alarms == []"
    { echo "device"; cat acknowledged; } > orders.csv
    stopped="$(./new screen orders.csv --map device=device --json --config "$member/hushwire.toml" 2> /dev/null \
        | jq -r .decision | grep -c -x challenge || true)"
    [[ "$stopped" == "$cases" ]] || fail "$member stops $stopped of $cases acknowledged cases"
done
roots() { status "$1" | jq -c '[.feeds[] | {origin, size, root}] | sort_by(.origin)'; }
same_roots() { [[ "$(roots bank-a)" == "$(roots bank-b)" && "$(roots bank-b)" == "$(roots shop)" ]]; }
until_true 20 "feeds of one root" same_roots
echo "rolled through: $cases cases acknowledged and believed everywhere, $(wc -l < answered) orders answered, none unanswered"
