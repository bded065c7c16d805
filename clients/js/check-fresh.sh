#!/bin/sh
# Builds the client anew and compares it with the committed dist: fails if somebody changed src and forgot to build.
set -eu
cd "$(dirname "$0")"
[ -d node_modules ] || npm ci --ignore-scripts
fresh=$(mktemp -d)
trap 'rm -rf "$fresh"' EXIT
npx --no-install tsc -p tsconfig.json --outDir "$fresh"
if ! diff -r "$fresh" dist >/dev/null; then
	diff -rq "$fresh" dist || true
	echo "clients/js/dist is stale: run 'npm ci && npm run build' in clients/js and commit the result" >&2
	exit 1
fi
echo "clients/js/dist is fresh"
