#!/bin/sh
# Collects the files of a release in target/dist: the module, the programs, a list of the packages in each of them
# (CycloneDX), the digests of the images, and the SHA-256 of every other file. `make dist` builds them first.
set -eu
cd "$(dirname "$0")/.."

module=wasm32-wasip1
program=x86_64-unknown-linux-musl
dist=target/dist

release/toolchain.sh --required >/dev/null
rm -rf "$dist"
mkdir -p "$dist"
cp "target/$module/release/mcp_policy_filter.wasm" "$dist/"
for name in mcp-approvals mcp-policy; do
    cp "target/$program/release/$name" "$dist/$name-$program"
done

# Without a time, each list would have a random number and the time of now.
SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct)}
export SOURCE_DATE_EPOCH

# The tool writes beside every Cargo.toml of the workspace.
packages() {
    cargo cyclonedx --quiet --format json --spec-version 1.5 --target "$2"
    sed "s|file://$PWD|file:///build|g" "src/$3/$1.cdx.json" >"$dist/$1.cdx.json"
    find src tests -name '*.cdx.json' -exec rm {} +
}
packages mcp-policy-filter "$module" filter
packages mcp-approvals "$program" mcp-approvals
packages mcp-policy "$program" mcp-policy

for name in mcp-policy-filter mcp-approvals mcp-policy; do
    digest=$(sed -n 's/.*"digest": "\(sha256:[0-9a-f]*\)".*/\1/p' "target/image/$name/index.json")
    test -n "$digest"
    echo "$digest $name"
done >"$dist/images.txt"

cd "$dist"
sha256sum -- * >../SHA256SUMS
mv ../SHA256SUMS .
cat SHA256SUMS images.txt
