#!/usr/bin/env bash
# Installs what the lab's tests drive: emulators, a cross compiler, sshd, a browser.
# Without root it says what is missing; the tests that need it then name themselves skipped.
set -euo pipefail
PACKAGES=(qemu-user-static gcc-aarch64-linux-gnu openssh-server iproute2 nftables chromium chromium-driver)
# The phone's onnxruntime comes from npm; a node of another source brings its own.
command -v npm >/dev/null || PACKAGES+=(npm)

# The accessibility checker that the browser's tests run in the pages; without npm they skip.
axe="${XDG_CACHE_HOME:-$HOME/.cache}/help-fleet/axe.min.js"
if [ ! -f "$axe" ] && command -v npm >/dev/null; then
    folder=$(mktemp -d)
    (cd "$folder" && npm pack --silent axe-core@4 >/dev/null && tar xzf axe-core-*.tgz) &&
        mkdir -p "$(dirname "$axe")" && cp "$folder/package/axe.min.js" "$axe" ||
        echo "axe-core cannot be fetched; the accessibility tests will skip." >&2
    rm -rf "$folder"
fi

missing=()
for package in "${PACKAGES[@]}"; do
    dpkg-query -W -f='${Status}' "$package" 2>/dev/null | grep -q "ok installed" || missing+=("$package")
done
[ ${#missing[@]} -eq 0 ] && exit 0
if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then
    echo "The lab lacks ${missing[*]}; as root on Debian this script installs them." >&2
    exit 0
fi
export DEBIAN_FRONTEND=noninteractive
apt-get update -qq
apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
