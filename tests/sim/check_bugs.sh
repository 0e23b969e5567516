#!/usr/bin/env bash
# Deliberate errors, each a patch in bugs/: the simulator has to find them all.
# A patch begins with what it breaks, and the seed that finds it. Where the code
# has changed so much that another seed does, that is said; --renew writes it
# down. The last line is "N passed, N failed".
set -euo pipefail

SEEDS=1-5000 # where the seed written down finds nothing
PATIENCE=120 # seconds

renew=false
if [ "${1-}" = --renew ]; then
	renew=true
	shift
fi
if [ $# -lt 3 ]; then
	echo "Usage: check_bugs.sh [--renew] SRCDIR libherd.a OBJECT..." >&2
	exit 2
fi
srcdir=$1 library=$2
shift 2
objects=("$@")

: "${CC:?the compiler}" "${CFLAGS?its flags}" "${LIBS?libraries}"

dir=$(mktemp -d "${TMPDIR:-/tmp}/herd-bugs.XXXXXX")
trap 'rm -rf "$dir"' EXIT
passed=0
failed=0

# Build the simulator with the files that the patch changes put before the
# library's.
build() {
	local file object
	local -a files changed=()
	rm -rf "$dir/tree"
	mkdir "$dir/tree"
	cp -R "$srcdir/src" "$srcdir/include" "$dir/tree"
	patch --batch --quiet --directory "$dir/tree" -p1 --fuzz=0 <"$1" || return 1
	mapfile -t files < <(sed -n 's,^+++ b/\([^[:space:]]*\).*,\1,p' "$1")
	for file in "${files[@]}"; do
		object=$dir/$(basename "$file" .c).o
		# shellcheck disable=SC2086 # flags are words
		$CC -D_GNU_SOURCE -I"$dir/tree/include" $CFLAGS \
			-c "$dir/tree/$file" -o "$object" || return 1
		changed+=("$object")
	done
	# shellcheck disable=SC2086
	$CC $CFLAGS ${LDFLAGS-} "${objects[@]}" "${changed[@]}" "$library" \
		$LIBS -o "$dir/sim"
}

# The first seed that fails, if one does.
find_seed() {
	local said status=0
	said=$(timeout "$PATIENCE" "$dir/sim" --seeds "$1" 2>&1) || status=$?
	[ $status -ne 0 ] || return 0
	said=$(sed -n 's/^seed \([0-9]*\)\( failed\|, at\).*/\1/p' <<<"$said" |
		head -n 1)
	echo "${said:-$1}"
}

for bug in "$srcdir"/tests/sim/bugs/*.patch; do
	name=$(basename "$bug" .patch)
	seed=$(sed -n 's/^Seed: //p' "$bug")
	if ! build "$bug"; then
		echo "$name: does not apply or compile"
		failed=$((failed + 1))
		continue
	fi
	found=$(find_seed "$seed")
	[ -n "$found" ] || found=$(find_seed "$SEEDS")
	if [ -z "$found" ]; then
		echo "$name: NOT FOUND"
		failed=$((failed + 1))
		continue
	fi
	passed=$((passed + 1))
	note=
	if [ "$found" != "$seed" ]; then
		note=" (and not seed $seed any more)"
		! $renew || sed -i "s/^Seed: .*/Seed: $found/" "$bug"
	fi
	echo "$name: found by seed $found$note"
done
echo "$passed passed, $failed failed"
[ $failed -eq 0 ]
