#!/usr/bin/env bash
# The demo, run to its end, and run with --keep until Ctrl-C: it says what it is
# meant to show, exits with 0 and leaves nothing behind.
# Runs in a build folder.
set -euo pipefail
set -m # Ctrl-C goes to the demo alone

: "${TOP_SRCDIR:?the sources}"
[ -n "${HERD_PLACES-}" ] || { echo "skipped: built without herd-places"; exit 77; }

export TMPDIR
TMPDIR=$(mktemp -d)
said=$TMPDIR/said
trap 'rm -rf "$TMPDIR"' EXIT

fail() {
	cat "$said" >&2
	echo "FAILED: $*" >&2
	exit 1
}

demo() {
	bash "$TOP_SRCDIR/src/tools/demo.sh" "$TOP_SRCDIR/data/places.tsv" "$@" \
		</dev/null >"$said" 2>&1
}

# Servers of the demo that run: they are told their file by its path. (The
# brackets keep grep from finding itself.)
count_servers() {
	grep -la "^./herdd.*$TMPDIR/[h]erd-demo" /proc/[0-9]*/cmdline \
		2>/dev/null | wc -l
}

check_said() {
	grep -qE -- "$1" "$said" || fail "nothing like: $1"
}

check_nothing_left() {
	[ -z "$(ls -d "$TMPDIR"/herd-demo.* 2>/dev/null)" ] ||
		fail "files are left"
	[ "$(count_servers)" -eq 0 ] || fail "servers are left"
}

demo || fail "status $?"
check_said '^AT Goloman \+0\.[0-9]{9} kiwi \+34\.068930-118\.445127 [0-9.]+$'
check_said '^1  Bel Air +1\.6 km  locality  Bel Air, California, US$'
check_said '^         "name" : "Bel Air",$'
check_said '^   "status" : "OK"$'
check_said '^\? WHERE IS kiwi$'
[ "$(grep -c '^AT Goloman' "$said")" -eq 3 ] || fail "not three AT lines"
[ "$(grep '^AT Goloman' "$said" | sort -u | wc -l)" -eq 1 ] ||
	fail "the AT lines differ"
check_nothing_left

demo --keep &
for ((try = 0; try < 600; try++)); do
	! grep -q 'Ctrl-C ends it all' "$said" || break
	sleep 0.1
done
check_said 'Ctrl-C ends it all'
[ "$(count_servers)" -eq 5 ] || fail "not five servers are left running"
line=$(grep -E '^ +\./herdctl .* iamat' "$said")
bash -c "$line" | grep -q '^AT Hands' || fail "the line to paste does not work"
kill -INT -- -$!
wait $! || fail "status $? after Ctrl-C"
check_nothing_left
echo "all well"
