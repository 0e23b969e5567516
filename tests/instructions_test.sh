#!/usr/bin/env bash
# What the code does for a request: instructions, which callgrind counts, the same
# on every run and whatever else the machine does. They are held against what is
# written down for this compiler and C library in bench/instructions.txt, and may
# be TOLERANCE percent more. On the way: not one allocation per request.
#
# usage: instructions_test.sh [--record]   write down what is counted now
#
# Another compiler, other flags or a sanitizer: the requests are made, and not
# counted.
set -euo pipefail

: "${TOP_SRCDIR:?the sources}" "${HERD_HOT_PATH:?the program of requests}"
: "${CC:?the compiler}" "${CFLAGS?its flags}"

TOLERANCE=3
cases=(
	"threaded iamat 16" "threaded iamat 1" "threaded at 16" "threaded flood 16"
	"threaded whatsat 16"
	"single iamat 16" "single iamat 1" "single at 16" "single flood 16"
	"single whatsat 16"
)
book=$TOP_SRCDIR/tests/bench/instructions.txt
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

case $($CC -dM -E -x c /dev/null) in
*__clang__*) compiler="clang $($CC -dumpversion)" ;;
*) compiler="gcc $($CC -dumpfullversion)" ;;
esac
library=$(getconf GNU_LIBC_VERSION 2>/dev/null || echo "another libc")
machine="$compiler, $library, $(uname -m), $CFLAGS"

run_only() {
	local case
	for case in "${cases[@]}"; do
		# shellcheck disable=SC2086  # words
		"$HERD_HOT_PATH" $case >/dev/null ||
			{ echo "this failed: hot_path $case" >&2; exit 1; }
	done
	echo "skipped: $*; nothing was allocated for any request"
	exit 77
}

# count CASE: prints instructions per request.
count() {
	local requests total
	# shellcheck disable=SC2086  # words
	requests=$(valgrind -q --tool=callgrind --callgrind-out-file="$work/out" \
		--collect-atstart=no --toggle-collect=counted_round \
		"$HERD_HOT_PATH" $1 2>"$work/said") ||
		{ cat "$work/said" >&2; echo "this failed: hot_path $1" >&2; return 1; }
	total=$(sed -n 's/^totals: //p' "$work/out")
	[ "${total:-0}" -gt 0 ] ||
		{ echo "callgrind counted nothing of hot_path $1" >&2; return 1; }
	awk -v t="$total" -v r="$requests" 'BEGIN { printf "%.1f\n", t / r }'
}

# What is written down for a case on this machine; nothing: not known.
recorded() {
	awk -v machine="[$machine]" -v wanted="$1" '
		/^\[/ { here = $0 == machine }
		here && $1 " " $2 " " $3 == wanted { print $4 }' "$book"
}

record() {
	local case now
	awk -v machine="[$machine]" '
		/^\[/ { here = $0 == machine }
		!here' "$book" >"$work/book"
	echo "[$machine]" >>"$work/book"
	for case in "${cases[@]}"; do
		now=$(count "$case")
		echo "$case $now" | tee -a "$work/book"
	done
	cp "$work/book" "$book"
}

case ${HERD_CFLAGS-} in
*-fsanitize=*) run_only "a sanitizer is at work" ;;
esac
command -v valgrind >/dev/null || run_only "needs valgrind (Debian package valgrind)"
if [ "${1-}" = --record ]; then
	record
	exit 0
fi
[ -n "$(recorded "${cases[0]}")" ] ||
	run_only "no figures for [$machine] (make record-instructions)"

status=0
printf '%-22s %10s %10s\n' "instructions a request" now "written down"
for case in "${cases[@]}"; do
	now=$(count "$case")
	was=$(recorded "$case")
	verdict=$(awk -v now="$now" -v was="$was" -v t="$TOLERANCE" 'BEGIN {
		if (was == "" || now > was * (1 + t / 100))
			print "DEARER"
		else if (now < was * (1 - t / 100))
			print "cheaper: write it down (make record-instructions)"
	}')
	printf '%-22s %10s %10s %s\n' "$case" "$now" "$was" "$verdict"
	[ "$verdict" != DEARER ] || status=1
done
exit $status
