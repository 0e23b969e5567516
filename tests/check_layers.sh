#!/usr/bin/env bash
# Includes point downward only: every #include "herd/..." of src/ and
# include/herd/ is held against the order of the folders in layers.txt.
set -euo pipefail
cd "${TOP_SRCDIR:-$(dirname "$0")/..}"

declare -A rank=()  # folder -> its place from the top
declare -A owner=() # header -> its folder
errors=0

complain() {
	echo "$*" >&2
	errors=$((errors + 1))
}

# Folders inside a folder are on its layer.
folder_of() {
	local path=${1#src/}
	echo "${path%%/*}"
}

read_layers() {
	local folder headers header
	while read -r folder headers; do
		case $folder in '' | '#'*) continue ;; esac
		rank[$folder]=${#rank[@]}
		for header in $headers; do
			owner[$header]=$folder
		done
	done <tests/layers.txt
}

read_modules() {
	local source folder header
	for source in src/*/*.c src/*/*/*.c; do
		folder=$(folder_of "$source")
		[ -n "${rank[$folder]-}" ] ||
			complain "src/$folder is not in tests/layers.txt"
		header=$(basename "$source" .c).h
		[ -e "include/herd/$header" ] || continue
		[ "${owner[$header]-$folder}" = "$folder" ] ||
			complain "$header belongs to ${owner[$header]} and $folder"
		owner[$header]=$folder
	done
	for header in include/herd/*; do
		[ -n "${owner[$(basename "$header")]-}" ] ||
			complain "$header: no src/*/$(basename "$header" .h).c," \
				"and not in tests/layers.txt"
	done
}

# check_file FILE FOLDER
check_file() {
	local file=$1 folder=$2 line included target
	while IFS=: read -r line included; do
		included=${included#*\"}
		included=${included%%\"*}
		case $included in
		herd/*) target=${owner[${included#herd/}]-} ;;
		*/*) target= ;;
		*) target=$folder ;; # a header private to the folder
		esac
		if [ -z "$target" ]; then
			complain "$file:$line: \"$included\" belongs to no folder"
		elif [ "${rank[$target]}" -lt "${rank[$folder]}" ]; then
			complain "$file:$line: $folder must not include" \
				"\"$included\", which lies above it in $target"
		fi
	done < <(grep -nE '^[[:space:]]*#[[:space:]]*include[[:space:]]*"' \
		"$file" || true)
}

read_layers
read_modules
[ $errors -eq 0 ] || exit 1

for file in src/*/*.[ch] src/*/*/*.[ch]; do
	check_file "$file" "$(folder_of "$file")"
done
for file in include/herd/*; do
	check_file "$file" "${owner[$(basename "$file")]}"
done
[ $errors -eq 0 ] || exit 1
echo "every include points downward"
