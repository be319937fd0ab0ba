# A node alone for a check of one of its doors, in a folder of its own that is removed at the end. Sourced by checks that have set
# `hushwire`, by an absolute path, and what of its settings differs; leaves them in that folder, with the node's `ready` file.
folder="$(mktemp -d)"
node=""
finish() {
    if [[ -n "$node" ]]; then kill "$node" && wait "$node" || true; fi
    rm -rf "$folder"
}
trap finish EXIT
cd "$folder"

export HUSHWIRE_PASSPHRASE="only for this check" HUSHWIRE_DANGER_QUICK_SEALING=true
"$hushwire" init --member check --dir node --consortium check.example --local 127.0.0.1:0 --peer 127.0.0.1:0 > /dev/null
"$hushwire" cert issue analyst desk --dir node > /dev/null
"$hushwire" serve --config node/hushwire.toml --ready-file ready > log 2>&1 & node=$!
for _ in $(seq 600); do
    if [[ -e ready ]]; then break; fi
    kill -0 "$node" 2> /dev/null || { cat log; exit 1; }
    sleep 0.1
done
