#!/bin/sh
# Builds the module of the last commit in two new folders, and compares the results and the images. A difference is a
# failure. The second build also has another home of cargo.
set -eu
cd "$(dirname "$0")/.."

target=wasm32-wasip1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# Builds below the folder $1. The folders of dependencies are linked, so that nothing is downloaded twice.
build() {
    mkdir -p "$1/home" "$1/source"
    home=${CARGO_HOME:-$HOME/.cargo}
    for part in registry git config.toml; do
        if [ -e "$home/$part" ]; then ln -s "$home/$part" "$1/home/$part"; fi
    done
    git archive HEAD | tar -x -C "$1/source"
    (
        cd "$1/source"
        if [ "$2" = own-home ]; then export CARGO_HOME="$1/home"; fi
        export CARGO_TARGET_DIR="$1/target"
        cargo build --quiet --release --locked --target "$target" -p mcp-policy-filter \
            --config "$(release/paths.sh "$target")"
    )
    module="$1/target/$target/release/mcp_policy_filter.wasm"
    cp "$module" "$work/$2.wasm"
    rm -rf "$1"
}

# Prints the digest of the image of a module.
image() {
    said=$(python3 release/layout.py module "$work/$1.wasm" "$work/$1")
    echo "${said##*: }"
}

build "$work/one" same-home
build "$work/another/folder/with/a/longer/name" own-home

if ! cmp "$work/same-home.wasm" "$work/own-home.wasm"; then
    echo "reproduce: the two modules differ" >&2
    exit 1
fi
first=$(image same-home)
second=$(image own-home)
if [ "$first" != "$second" ]; then
    echo "reproduce: the two images differ" >&2
    exit 1
fi
rustc --version
echo "module sha256:$(sha256sum "$work/own-home.wasm" | cut -d ' ' -f 1)"
echo "image  $second"
