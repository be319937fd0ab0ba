#!/usr/bin/env bash
# Makes the image as its recipe says and runs the compose file of three members, in a container engine of its own that lives as long
# as this check: .ci/compose.sh HUSHWIRE ENGINE COMPOSE
# ENGINE is the folder into which Debian's packages docker.io, containerd, runc and busybox-static were unpacked, COMPOSE the
# command of that name. Needs root, iptables and cargo.
#
# Two things stand in for what comes from registries of images, which are not asked: for the image the program is built in, a shell
# and a `cargo` that hands out HUSHWIRE; for the one it runs in, this machine's C library. Whether the real cargo would find
# all it needs among the files that the recipe takes is checked beside it.
set -euo pipefail
if [[ "${HUSHWIRE_APART:-}" != yes ]]; then
    # Networks, mounts and processes of the engine are nobody else's and end with it.
    HUSHWIRE_APART=yes exec unshare --mount --net --pid --fork --kill-child --mount-proc "$0" "$@"
fi
hushwire="$(realpath "$1")"
engine="$(realpath "$2")"
compose="$(realpath --no-symlinks "$3")"
here="$(realpath "$(dirname "$0")")"
source="$(realpath "$here/..")"
. "$here/node.sh"
export PATH="$engine/usr/sbin:$engine/usr/bin:$PATH" DOCKER_HOST="unix://$folder/engine.socket" DOCKER_CONFIG="$folder" DOCKER_BUILDKIT=1
ip link set lo up
mount -t tmpfs tmpfs /run
groups="$(basename "$folder")"
finish_groups() {
    finish
    # What limits the containers is the whole machine's, and is left empty.
    find /sys/fs/cgroup -depth -type d -path "*/$groups*" -exec rmdir {} + 2> /dev/null || true
}
trap finish_groups EXIT
dockerd --host "$DOCKER_HOST" --data-root "$folder/images" --exec-root "$folder/engine" --pidfile "$folder/engine.pid" \
    --cgroup-parent "/$groups" --log-level error > engine.said 2>&1 & pid[engine]=$!
(until_true 60 "the engine" docker version) || { cat engine.said >&2; exit 1; }

# What the two base images have that the recipe and the program need, and no more.
mkdir -p build-in/bin run-in/lib64 run-in/lib/x86_64-linux-gnu run-in/tmp
cp "$engine/bin/busybox" build-in/bin/
for command in sh mkdir cp; do ln -s busybox build-in/bin/$command; done
strip -o build-in/built "$hushwire"
cat > build-in/bin/cargo << 'CARGO'
#!/bin/sh
[ "$*" = "build --release --locked --bin hushwire" ] || { echo "cargo stands in for one build, not for: $*"; exit 1; }
mkdir -p target/release && cp /built target/release/hushwire
CARGO
chmod +x build-in/bin/cargo
cp /lib64/ld-linux-x86-64.so.2 run-in/lib64/
cp /lib/x86_64-linux-gnu/lib{c.so.6,m.so.6,gcc_s.so.1} run-in/lib/x86_64-linux-gnu/
stand_in() { # image, folder
    tar -C "$2" -c . | quietly docker import --change "ENV PATH=/usr/local/bin:/bin" - "$1"
}
mapfile -t bases < <(sed -nE 's/^FROM ([^ ]+).*/\1/p' "$source/deploy/container/Dockerfile")
[[ ${#bases[@]} -eq 2 ]] || fail "the recipe begins with ${bases[*]}: two images are stood in for"
stand_in "${bases[0]}" build-in
stand_in "${bases[1]}" run-in

recipe=(-f "$source/deploy/container/Dockerfile" "$source")
quietly docker build --target build --output type=local,dest=built "${recipe[@]}"
# All that this build was made of, as cargo wrote it down, and all that the manifest names.
sed -E 's/^[^:]*: //; s/ /\n/g' "$hushwire.d" | sed "s|^$source/||" | grep -v '^target/' > needed
[[ "$(wc -l < needed)" -gt 300 ]] || fail "cargo's account of the build is not beside it: $hushwire.d"
while read -r file; do [[ -e "built/src/$file" ]] || echo "$file"; done < needed > missing
[[ ! -s missing ]] || fail "the recipe does not take what the build needs: $(cat missing)"
quietly cargo metadata --offline --locked --no-deps --format-version 1 --manifest-path built/src/Cargo.toml
quietly docker build -t hushwire "${recipe[@]}"
echo "the image: $(docker image inspect hushwire --format '{{.Config.User}} {{.Config.Entrypoint}} {{.Config.Cmd}}'), made of $(wc -l < needed) files"

# The members, as the compose file says they are founded.
mkdir container
cp "$source/deploy/container/compose.yaml" container/
members=(bank-a bank-b shop)
found bank-a,127.0.0.1:7440,127.0.0.1:7441,bank-a:7441 bank-b,127.0.0.1:7440,127.0.0.1:7441,bank-b:7441 \
    shop,127.0.0.1:7440,127.0.0.1:7441,shop:7441
mkdir container/members
for member in "${members[@]}"; do
    certificates "$member" publisher screener operator
    mv "$member" container/members/
    echo "$HUSHWIRE_PASSPHRASE" > "container/members/$member.passphrase"
done
chown -R 65532:65532 container/members
unset HUSHWIRE_PASSPHRASE HUSHWIRE_DANGER_QUICK_SEALING
together() { "$compose" -f container/compose.yaml "$@"; }
quietly together config --quiet
together up --detach --wait --wait-timeout 120 > said 2>&1 || { cat said >&2; together logs >&2; fail "the members do not come up in health"; }

# Bank A's desk publishes from within its container, the shop's checkout asks from the host.
printf 'kind,value,typology,severity,confidence,grounds\ndevice,composed-device-0001,F1012,high,90,own-confirmed\n' > case.csv
quietly together exec --no-TTY bank-a hushwire publish - --config /var/lib/hushwire/hushwire.toml < case.csv
challenged() {
    "$hushwire" screen --identifier device=- --json --endpoint 127.0.0.1:7460 --identity container/members/shop/certs/screener-desk \
        <<< composed-device-0001 | grep -q '"challenge"'
}
until_true 30 "the shop to believe what bank A published" challenged
quietly together stop
ended="$(docker ps --all --format '{{.Names}} {{.Status}}')"
[[ "$(grep -c 'Exited (0)' <<< "$ended")" -eq 3 ]] || fail "not all stopped in good order: $ended"
echo "the compose file: ${#members[@]} members in health, what one published another stops, all stopped in good order"
