# Nodes for a check, in a folder of its own that is removed at the end, when all that was started has ended. Sourced by checks that
# have set `hushwire`, by an absolute path, and what of the settings differs, `consortium` too where its name
# matters. Member, folder, log and ready file have one name: bank-a, bank-a/, bank-a.log, bank-a.ready.
folder="$(mktemp -d)"
consortium="${consortium:-check.example}"
declare -A pid=()
finish() {
    if [[ ${#pid[@]} -gt 0 ]]; then kill "${pid[@]}" 2> /dev/null && wait "${pid[@]}" || true; fi
    rm -rf "$folder"
}
trap finish EXIT
cd "$folder"

export HUSHWIRE_PASSPHRASE="${HUSHWIRE_PASSPHRASE:-only for this check}" HUSHWIRE_DANGER_QUICK_SEALING=true

fail() {
    echo "FAILED: $*" >&2
    tail -n 20 ./*.log >&2 2> /dev/null || true
    exit 1
}

quietly() { # command: what it says is shown where it fails
    "$@" > said 2>&1 || { cat said >&2; fail "$*"; }
}

port() { python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'; }

until_true() { # seconds, what is waited for, command
    for _ in $(seq $(($1 * 5))); do
        if "${@:3}" > /dev/null 2>&1; then return; fi
        sleep 0.2
    done
    fail "waited $1 s in vain: $2"
}

may_start() { # member, program where it is another one; fails where that ends instead
    rm -f "$1.ready"
    "${2:-$hushwire}" serve --config "$1/hushwire.toml" --ready-file "$1.ready" >> "$1.log" 2>&1 & pid[$1]=$!
    for _ in $(seq 600); do
        if [[ -e "$1.ready" ]]; then return; fi
        if ! kill -0 "${pid[$1]}" 2> /dev/null; then
            unset "pid[$1]"
            return 1
        fi
        sleep 0.1
    done
    fail "$1 is not ready after a minute"
}
start() { may_start "$@" || fail "$1 does not start"; }

listens() { # member, door
    sed -E 's/.*"'"$2"'":"([^"]*)".*/\1/' "$1.ready"
}

stop() { # member
    kill -TERM "${pid[$1]}"
    wait "${pid[$1]}" || fail "$1 did not stop in good order"
    unset "pid[$1]"
}

# One node that is a consortium of its own.
alone() { # member
    quietly "$hushwire" init --member "$1" --dir "$1" --consortium "$consortium" --local 127.0.0.1:0 --peer 127.0.0.1:0
    start "$1"
}

# Members of one consortium with one administrator, anna, whose key is anna.age. None is started.
found() { # members, each with its local address, peer address and the address others find it at where that differs
    local admin member local_at peer_at endpoint hash cards=()
    admin="$("$hushwire" key admin anna --consortium "$consortium" --out anna.age 2> said)"
    for member in "$@"; do
        IFS=, read -r member local_at peer_at endpoint <<< "$member"
        peer_at="${peer_at:-127.0.0.1:$(port)}"
        quietly "$hushwire" member keygen --dir "$member" --consortium "$consortium" --member "$member" \
            --local "${local_at:-127.0.0.1:$(port)}" --peer "$peer_at"
        quietly "$hushwire" member card --dir "$member" --name "$member" --endpoint "${endpoint:-$peer_at}" --out "$member.card"
        cards+=(--card "$member.card")
    done
    quietly "$hushwire" member genesis --consortium "$consortium" "${cards[@]}" --admin "$admin" --quorum 1 --out genesis
    quietly "$hushwire" member sign genesis/* --admin anna.age
    quietly "$hushwire" member invite --out invitation genesis/*
    hash="$("$hushwire" member roster genesis/roster-1.note --hash)"
    for member in "$@"; do
        quietly "$hushwire" member join invitation --dir "${member%%,*}" --genesis "$hash"
    done
}

certificates() { # member, roles
    for role in "${@:2}"; do quietly "$hushwire" cert issue "$role" desk --dir "$1"; done
}
