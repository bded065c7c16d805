#!/bin/sh
# Builds the page anew and compares it with the committed dist: fails if somebody changed src and forgot to build.
set -eu
cd "$(dirname "$0")"
[ -d node_modules ] || npm ci --ignore-scripts
fresh=$(mktemp -d)
trap 'rm -rf "$fresh"' EXIT
npx --no-install tsc --noEmit -p src/tsconfig.json
node build.mjs "$fresh"
if ! diff -r "$fresh" dist >/dev/null; then
	diff -rq "$fresh" dist || true
	echo "fanout/console/dist is stale: run 'npm ci && npm run build' in fanout/console and commit the result" >&2
	exit 1
fi
echo "fanout/console/dist is fresh"
