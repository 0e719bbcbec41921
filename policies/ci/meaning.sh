#!/bin/sh
# Says in Markdown what the policies mean now that meant something else in a commit: `meaning.sh COMMIT`.
# Fails if a policy cannot be read. To fail also where something becomes possible that was not, as a gate for an
# approval, add --widening-only to `diff` and let code 3 fail.
set -eu
base=$1
old=$(mktemp)
part=$(mktemp)
trap 'rm -f "$old" "$part"' EXIT
git rev-parse --quiet --verify "$base^{commit}" > /dev/null || {
    echo "there is no commit $base: the clone may be too shallow" >&2
    exit 1
}

for policy in policies/*.json; do
    case $policy in *.test.json) continue ;; esac
    if ! git cat-file -e "$base:$policy" 2>/dev/null; then
        printf '`%s` is new.\n\n' "$policy"
        continue
    fi
    git show "$base:$policy" > "$old"
    code=0
    mcp-policy diff --format markdown "$old" "$policy" > "$part" || code=$?
    case $code in
        0) ;;
        3)
            printf '`%s`\n\n' "$policy"
            cat "$part"
            printf '\n'
            ;;
        *) exit 1 ;;
    esac
done
git diff --name-only --diff-filter=D "$base" -- ':(glob)policies/*.json' | sed 's/.*/`&` is gone./'
echo "Other policies mean the same as before."
