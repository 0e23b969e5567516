#!/usr/bin/env bash
# The programs are hardened: read off the ELF files, because a misspelt
# variable in configure.ac drops flags without a word.
set -euo pipefail

: "${HERDD:?the path of herdd}" "${HERDCTL:?the path of herdctl}"
: "${HERD_BENCH:?the path of herd-bench}"

case ${HERD_CFLAGS-} in
*-fsanitize=*)
	echo "built with sanitizers, which take the place of hardening"
	exit 77
	;;
esac

errors=0

# expect PROGRAM WHAT PATTERN COMMAND...: a line of its output matches.
expect() {
	local program=$1 what=$2 pattern=$3
	shift 3
	if "$@" 2>/dev/null | grep -E -- "$pattern" >/dev/null; then
		echo "$program: $what"
	else
		echo "$program: NO $what" >&2
		errors=$((errors + 1))
	fi
}

# What leaves no trace in the code must stand in what gcc notes about its
# flags for every file; without debug information there is no telling.
check_flag() {
	local producers
	producers=$(readelf --debug-dump=info "$1" 2>/dev/null |
		grep -E 'DW_AT_producer.*GNU C[0-9]') || return 0
	if grep -qv -e "$2" <<<"$producers"; then
		echo "$1: NO $2 in some files" >&2
		errors=$((errors + 1))
	fi
}

for program in "$HERDD" "$HERDCTL" "$HERD_BENCH" ${HERD_PLACES:+"$HERD_PLACES"}; do
	expect "$program" "position independent" 'Type:.*DYN' \
		readelf --file-header "$program"
	expect "$program" "read-only relocations" GNU_RELRO \
		readelf --program-headers --wide "$program"
	expect "$program" "immediate binding" 'BIND_NOW|FLAGS.*NOW' \
		readelf --dynamic --wide "$program"
	expect "$program" "stack not executable" 'GNU_STACK.* RW ' \
		readelf --program-headers --wide "$program"
	expect "$program" "stack protector" __stack_chk_fail \
		readelf --symbols --wide "$program"
	case ${HERD_CFLAGS-} in
	*-O0* | *-Og*) ;; # fortified functions need the optimiser
	*)
		expect "$program" "fortified functions" '__[a-z]+_chk@' \
			readelf --symbols --wide "$program"
		;;
	esac
	case $(uname -m) in
	x86_64)
		expect "$program" "indirect branch tracking" endbr64 \
			objdump --disassemble=main "$program"
		check_flag "$program" -fcf-protection
		check_flag "$program" -fstack-clash-protection
		;;
	esac
done
[ $errors -eq 0 ]
