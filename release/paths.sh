#!/bin/sh
# Prints a setting for `cargo --config`: with it, a build for the target $1 contains no path of this machine, so that
# two checkouts in different folders give the same bytes.
#
# Cargo's own setting, `trim-paths`, is not stable yet. A setting in .cargo/config.toml cannot name the folder that it is in.
set -eu
cd "$(dirname "$0")/.."

remap() { printf '"--remap-path-prefix=%s=%s"' "$1" "$2"; }

commit=$(rustc -vV | sed -n 's/^commit-hash: //p')
printf 'target.%s.rustflags=[%s,%s,%s]\n' "$1" \
    "$(remap "${CARGO_HOME:-$HOME/.cargo}" /cargo)" \
    "$(remap "$PWD" /build)" \
    "$(remap "$(rustc --print sysroot)/lib/rustlib/src/rust" "/rustc/$commit")"
