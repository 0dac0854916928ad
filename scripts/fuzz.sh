#!/usr/bin/env bash
# Runs every fuzz target of the module, one after the other.
#
#   scripts/fuzz.sh [TIME]     how long each runs, 20s without
set -euo pipefail
cd "$(dirname "$0")/.."
time=${1:-20s}

found=0
while IFS=: read -r file target; do
	found=$((found + 1))
	echo "== $file $target"
	go test -run '^$' -fuzz "^$target\$" -fuzztime "$time" "./$(dirname "$file")"
done < <(find . -name '*_test.go' -not -path '*/node_modules/*' -printf '%P\n' | sort |
	xargs grep -oHP '^func \KFuzz\w+(?=\()')
echo "fuzz: $found targets, $time each"
[ "$found" -gt 0 ]
