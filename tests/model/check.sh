#!/usr/bin/env bash
# Have spin look at every state of the model in herd.pml: see its head for what
# is shown and what is left out. Then have it look for errors put in on purpose,
# to see that it would tell.
#
# usage: check.sh [small|all]   small (default): what takes seconds; all: two
#                               minutes or so, and 600 MiB
set -euo pipefail

model=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)/herd.pml
size=${1-small}
memory=2000 # MiB, at most; then it fails

skip() {
	echo "skipped: $*"
	exit 77
}

case ${HERD_CFLAGS-} in
*-fsanitize=*) skip "nothing of herd runs here that a sanitizer could see" ;;
esac
command -v spin >/dev/null || skip "needs spin (Debian package spin)"

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"

passed=0
failed=0

# look COMPILER-LEVEL KIND OPTION...: what pan says is then in ./said.
look() {
	local level=$1 kind=$2
	local -a compile=(-DSAFETY) run=()
	shift 2

	if [ "$kind" = cycles ]; then
		compile=(-DNP)
		run=(-l)
	fi
	spin "${@/#/-D}" -a "$model" >said 2>&1 &&
		"${CC:-gcc}" "$level" -w "${compile[@]}" -DMEMLIM=$memory \
			-o pan pan.c >>said 2>&1 &&
		./pan "${run[@]}" -w22 >said 2>&1
}

say() { # ok|FAILED TEXT
	echo "$1: $2"
	if [ "$1" = ok ]; then
		passed=$((passed + 1))
	else
		failed=$((failed + 1))
		cat said
	fi
}

facts() {
	sed -nE 's/^ *([0-9.e+]+) states, stored.*/\1 states/p
		s/^ *([0-9.]+)\ttotal actual memory.*/\1 MiB/p
		s/^pan: elapsed time ([0-9.e+-]+) .*/\1 s/p' said |
		paste -sd , | sed 's/,/, /g'
}

# sound TEXT KIND OPTION...
sound() {
	local text=$1
	shift
	if look -O2 "$@" && grep -q 'errors: 0$' said &&
		! grep -qE 'not completed|too small' said; then
		say ok "$text: $(facts)"
	else
		say FAILED "$text"
	fi
}

# finds BUG WHAT KIND OPTION...: as an assertion, or as a cycle.
finds() {
	local bug=$1 what=$2
	shift 2
	if look -O0 "$@" "BUG_$bug" && grep -q "^pan:1: $what" said; then
		say ok "found BUG_$bug: $(grep -m 1 '^pan:1:' said)"
	else
		say FAILED "found no BUG_$bug"
	fi
}

quiet=(LOSSES=0 CRASHES=0)
chain=(LOSSES=2 CRASHES=0)
crash=(LOSSES=0 CRASHES=1 WIRE=1)

case $size in
all)
	sound "chain, new, two updates" \
		assertions COLD "${quiet[@]}"
	sound "chain, two updates, any server killed" \
		assertions "${crash[@]}"
	sound "chain, one update, middle killed, a link lost" \
		assertions UPDATES=1 LOSSES=1 CRASHES=1 VICTIM=1 WIRE=1
	sound "chain, three updates, two links lost" \
		assertions UPDATES=3 "${chain[@]}"
	sound "triangle, two updates, two links lost" \
		assertions TRIANGLE WIRE=1 "${chain[@]}"
	sound "triangle, one update, a server killed" \
		assertions TRIANGLE UPDATES=1 VICTIM=0 "${crash[@]}"
	sound "triangle, one update, a server killed: it ends" \
		cycles TRIANGLE UPDATES=1 VICTIM=0 "${crash[@]}"
	sound "chain, two updates, an end killed twice: it ends" \
		cycles LOSSES=0 CRASHES=2 VICTIM=0
	;;
small) ;;
*)
	echo "usage: check.sh [small|all]" >&2
	exit 2
	;;
esac
sound "chain, two updates, two links lost, lines too new" \
	assertions TOO_NEW WIRE=1 "${chain[@]}"
sound "chain, two clients, a link lost" \
	assertions CLIENTS=2 LOSSES=1 CRASHES=0
sound "chain, two updates, an end killed, lines too new" \
	assertions TOO_NEW LOSSES=0 CRASHES=1 VICTIM=0
sound "chain, two updates, two links lost: it ends" \
	cycles WIRE=1 "${chain[@]}"
sound "triangle, two updates, a link lost: it ends" \
	cycles TRIANGLE LOSSES=1 CRASHES=0

differ='assertion violated .*held'
finds NO_TIE "$differ" assertions "${chain[@]}"
finds LAST_WINS "$differ" assertions "${chain[@]}"
finds NO_REPAIR "$differ" assertions "${chain[@]}"
finds BOOKMARK_AFTER "$differ" assertions "${chain[@]}"
finds BOOKMARK_STAYS "$differ" assertions "${quiet[@]}"
finds LEFT_OUT_FORGOTTEN "$differ" assertions TOO_NEW WIRE=1 "${chain[@]}"
finds ECHO_IN_REPAIR "$differ" assertions UPDATES=1 VICTIM=1 "${crash[@]}"
finds SLOT_KEPT "assertion violated .*busy" assertions "${chain[@]}"
finds STALE_PASSED_ON "non-progress cycle" cycles TRIANGLE "${quiet[@]}"

echo "$passed passed, $failed failed"
[ $failed -eq 0 ]
