#!/usr/bin/env bash
# The servers in other languages that herd is compared with (bench/contenders)
# do what herdd does, where they claim to: programs of the integration suite are
# run with a contender in herdd's place, and c_plain with contenders beside
# herdds.
#
# usage: contenders_test.sh [KIND [PROGRAM]...]   in a build folder
#
# KIND: one of those that bench/contenders/run.sh knows, or "all": those below.
# What is not installed is skipped.
set -euo pipefail

: "${TOP_SRCDIR:?the sources}" "${HERDD:?the daemon}"

kinds="asyncio-protocol asyncio-streams asyncio-uvloop node java-threads java-nio"

# Unless PROGRAM says otherwise: those about lines and clients, which take a
# second each. HERD_CONTENDERS=whole (make check-contenders): those about herds,
# too. Kinds of one language differ in how they serve, not in how they flood.
programs_of() { # KIND
	local programs="b_protocol b_lines b_any"
	case $1.${HERD_CONTENDERS-} in
	asyncio-uvloop.*) programs="b_lines b_any" ;;
	asyncio-streams.* | java-threads.*) ;;
	*.whole) programs+=" c_flood c_plain" ;;
	asyncio-protocol.*) programs+=" c_plain" ;;
	esac
	echo "$programs"
}

# What is not claimed: by whom (a pattern), program, test, and why.
unclaimed() {
	cat <<-'END'
	*  c_flood  floods_end  counts messages in logs, which contenders do not keep
	asyncio-*  c_flood  stopped_and_restarted  nothing is handed over at a server's end
	asyncio-*  c_flood  sigterm_hands_over_what_it_knows  the same
	asyncio-*  c_flood  sigterm_waits_for_a_slow_neighbour  the same
	*  c_flood  designs_may_be_mixed  they have one design
	*  c_plain  plain_herdds_do_not_echo  is about herdds alone
	asyncio-streams  b_lines  many_in_one_segment  answers are written one by one
	END
}

# The tests of a program that a contender does not claim.
skipped() { # KIND PROGRAM
	local pattern program test
	unclaimed | while read -r pattern program test _; do
		# shellcheck disable=SC2053  # a pattern
		if [[ $program = "$2" && $1 = $pattern ]]; then
			printf '%s ' "$test"
		fi
	done
}

run_one() { # KIND PROGRAM
	local out=$work/$1.$2 status=0
	export HERD_DESIGNS=threaded HERD_SKIP
	HERD_SKIP=$(skipped "$1" "$2")
	if [ "$2" = c_plain ]; then
		export HERD_OTHER=$work/$1
	else
		export HERD_UNLISTEN=1 HERDD=$work/$1
	fi
	"tests/integration/$2" > "$out" 2>&1 || status=$?
	[ "$status" -eq 0 ] || echo "this failed: $2 of $1, status $status" >> "$out"
}

# Runs the program of its kind; what it says on standard output, that it serves,
# the tests find where they look for it: NAME.log beside FILE.
write_wrapper() { # KIND
	cat > "$work/$1" <<-END
	#!/bin/bash
	exec "$TOP_SRCDIR/tests/bench/contenders/run.sh" $1 "\$@" \\
		>> "\${2%/*}/\$3.log"
	END
	chmod +x "$work/$1"
}

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export HERD_CLASSES=$work/classes

case ${HERD_CFLAGS-} in
*-fsanitize=*) echo "skipped: contenders are nothing to sanitize"; exit 77 ;;
esac

[ "${1-all}" = all ] || kinds=$1
jobs=()
for kind in $kinds; do
	status=0
	"$TOP_SRCDIR/tests/bench/contenders/run.sh" --has "$kind" || status=$?
	case $status in
	0) ;;
	1) continue ;; # not installed, it says
	*) exit 1 ;;
	esac
	write_wrapper "$kind"
	named=${*:2}
	for program in ${named:-$(programs_of "$kind")}; do
		jobs+=("$kind $program")
	done
done
[ ${#jobs[@]} -gt 0 ] || { echo "skipped: none is installed"; exit 77; }

running=0
for job in "${jobs[@]}"; do
	if [ "$running" -ge "$(nproc)" ]; then
		wait -n
		running=$((running - 1))
	fi
	# shellcheck disable=SC2086  # words
	run_one $job &
	running=$((running + 1))
done
wait

failures=0
for job in "${jobs[@]}"; do
	out=$work/${job/ /.}
	echo "--- $job"
	cat "$out"
	! grep -q '^this failed' "$out" || failures=$((failures + 1))
done
for job in "${jobs[@]}"; do
	cat "$work/${job/ /.}"
done | awk -v failures="$failures" -v FS='[^0-9]+' '
	/^[0-9]+%: Checks: / { all += $2; bad += $3 + $4 }
	END {
		if (bad < failures) # died before it could say how many
			all += failures - bad
		bad = bad < failures ? failures : bad
		printf "%d passed, %d failed\n", all - bad, bad
	}'
[ "$failures" -eq 0 ]
