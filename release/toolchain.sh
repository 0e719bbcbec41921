#!/bin/sh
# Prints the version of Rust that releases are built with. With `--required`, it fails if another one is in use.
set -eu
cd "$(dirname "$0")"

version=$(sed -n 's/^channel = "\(.*\)"$/\1/p' rust-toolchain.toml)
cd ..
if [ "${1:-}" = --required ]; then
    case "$(rustc --version)" in
    "rustc $version "*) ;;
    *)
        echo "release: releases are built with Rust $version, but this is $(rustc --version)." \
            "Install it with \`(cd release && rustup toolchain install)\`, and set RUSTUP_TOOLCHAIN=$version" >&2
        exit 1
        ;;
    esac
fi
echo "$version"
