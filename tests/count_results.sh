#!/usr/bin/env bash
# Sum up what `make check` left in the given build folders. The last line is
# "N passed, N failed": single tests of the Check programs, and one for every
# other test. A folder without results did not build: that is one failure.
set -euo pipefail

# One line per test: its result and the path of its log.
list_results() {
	local folder trs
	local -a found
	for folder in "$@"; do
		mapfile -t found < <(find "$folder" -name '*.trs' 2>/dev/null | sort)
		[ ${#found[@]} -gt 0 ] || echo "NONE $folder"
		for trs in "${found[@]}"; do
			echo "$(sed -n 's/^:test-result: *//p' "$trs" | tail -n 1)" \
				"${trs%.trs}.log"
		done
	done
}

list_results "$@" | awk '
{
	result = $1
	log_file = substr($0, length(result) + 2)
	counted = bad = 0
	if (result == "NONE") {
		print "no results: " log_file
		failed++
		next
	}
	while ((getline line < log_file) > 0)
		if (match(line, /^[0-9]+%: Checks: [0-9]+, Failures: [0-9]+, Errors: [0-9]+$/)) {
			split(line, n, /[^0-9]+/)
			counted += n[2]
			bad += n[3] + n[4]
		}
	close(log_file)
	if (result == "SKIP") {
		print "skipped: " log_file
		next
	}
	if (result == "PASS" && counted == 0)
		counted = 1
	if (result != "PASS" && bad == 0) {
		counted++
		bad = 1
	}
	if (bad > 0)
		print "failed: " log_file
	passed += counted - bad
	failed += bad
}
END { printf "%d passed, %d failed\n", passed, failed }'
