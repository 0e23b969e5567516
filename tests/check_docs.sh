#!/usr/bin/env bash
# The table of options (src/conf/conf_table.c) against what people read: every
# option has its entry in herd.conf(5) and its line in the sample etc/herd.conf,
# and the defaults stated there are those of the table. What the log may say
# (include/herd/log_events.def) is in herdd(8).
set -euo pipefail
cd "${TOP_SRCDIR:-${srcdir:-$(dirname "$0")/..}}"

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
errors=0

complain() {
	echo "$1" >&2
	errors=$((errors + 1))
}

# Each prints "option default" lines, sorted; "-" is no default. Numbers come
# in one spelling (2.0 is 2), texts without their quotes.
normalise='
function normal(v) {
	gsub(/"/, "", v)
	return v ~ /^[0-9]+(\.[0-9]*)?$/ ? v + 0 : v
}'

list_table() {
	awk "$normalise"'
	function flush() {
		if (name == "")
			return
		if (value == "" && numeric && !required)
			value = 0
		print name, value == "" ? "-" : value
	}
	/^[ \t]*\.name = / {
		flush()
		split($0, part, "\"")
		name = part[2]
		value = ""
		numeric = required = 0
	}
	/\.type = CONF_(BOOL|WHOLE|SECONDS),/ { numeric = 1 }
	/\.required = true/ { required = 1 }
	/^[ \t]*\.(number|text) = / {
		sub(/^[^=]*= /, "")
		sub(/,$/, "")
		value = normal($0)
	}
	END { flush() }' src/conf/conf_table.c | sort
}

# One line per option: its first. One that is commented out has no default.
list_sample() {
	awk "$normalise"'
	/^[a-z_]+ = [{(]$/ { group = $1 "."; print $1, "-" }
	/^[)}];$/ { group = "" }
	match($0, /^[ \t]*(# )?[a-z_]+ = [^{(]*;$/) {
		off = /^[ \t]*# /
		sub(/^[ \t]*(# )?/, "")
		name = group $1
		sub(/^[^=]*= /, "")
		sub(/;$/, "")
		if (!(name in seen))
			print name, off ? "-" : normal($0)
		seen[name] = 1
	}' etc/herd.conf | sort
}

list_manual() {
	awk "$normalise"'
	function flush() {
		if (name == "")
			return
		value = "-"
		if (match(text, /; default [^ ]+/)) {
			value = substr(text, RSTART + 10, RLENGTH - 10)
			sub(/\.$/, "", value)
		}
		print name, value == "none" ? "-" : normal(value)
	}
	/^\.(It|El|Sh|Ss)/ { flush(); name = "" }
	/^\.It Ic / { name = $3; text = ""; next }
	{ sub(/^\.[A-Z][a-z] /, ""); text = text " " $0 }
	' etc/herd.conf.5 | sort
}

# compare FILE LIST: every option of the table is there, with its default.
compare() {
	local file=$1 list=$2 option expected stated
	while read -r option expected; do
		stated=$(awk -v o="$option" '$1 == o { print $2; exit }' "$list")
		if [ -z "$stated" ]; then
			complain "$file does not mention $option"
		elif [ "$expected" != - ] && [ "$stated" != "$expected" ]; then
			complain "$file: $option is $stated, its default $expected"
		elif [ "$expected" = - ] && [ "$stated" != - ] &&
			[[ $option != servers.* ]]; then
			complain "$file: $option is $stated, but has no default"
		fi
	done <"$work/table"
	while read -r option _; do
		awk -v o="$option" '$1 == o || index($1, o ".") == 1 { f = 1 }
			END { exit !f }' "$work/table" ||
			complain "$file: there is no option $option"
	done <"$list"
}

# Each event begins with words of its own, up to the first fact.
compare_events() {
	local words
	while IFS= read -r words; do
		grep -qF ".Li $words" src/server/herdd.8 ||
			complain "src/server/herdd.8 has no event \"$words\""
	done <"$work/events"
}

list_table >"$work/table"
grep -o '"[a-z][^%"]*[^%" ]' include/herd/log_events.def | tr -d '"' |
	sort -u >"$work/events"
list_sample >"$work/sample"
list_manual >"$work/manual"
count=$(wc -l <"$work/table")
# The table is read as text: make sure that this still works.
[ "$count" -eq "$(grep -c '\.help = ' src/conf/conf_table.c)" ] ||
	complain "src/conf/conf_table.c: $count options read, not all"
[ "$count" -gt 0 ] || complain "src/conf/conf_table.c: no options read"
[ "$(wc -l <"$work/events")" -gt 20 ] ||
	complain "include/herd/log_events.def: too few events read"

compare etc/herd.conf "$work/sample"
compare etc/herd.conf.5 "$work/manual"
compare_events
[ $errors -eq 0 ] || exit 1
echo "$count options, all in the sample and in herd.conf(5)"
