#!/usr/bin/env bash
# fuzz.sh SECONDS MODULE...: run each module's fuzzer that long under clang's
# libFuzzer. Works in ./fuzz/<module>/: new inputs go to corpus/ there, and
# what crashes to crash-*; add it to the tree's tests/fuzz/corpus/<module>/.
set -euo pipefail
top=$(cd "$(dirname "$0")/../.." && pwd)

seconds=$1
shift
for module; do
	mkdir -p "fuzz/$module/corpus"
	(
		cd "fuzz/$module"
		sources=()
		for source in "$top"/src/*/*.c "$top"/src/*/*/*.c; do
			case $source in
			*/src/server/herdd.c | */src/tools/* | */src/gazetteer/* | \
				*/src/bench/*) ;;
			*) sources+=("$source") ;;
			esac
		done
		# shellcheck disable=SC2046 # pkg-config prints words
		clang -std=c11 -D_GNU_SOURCE -O1 -g -pthread -I"$top/include" \
			-DPACKAGE_VERSION='"fuzz"' -fsanitize=fuzzer,address,undefined \
			-fno-sanitize-recover=all -o fuzzer \
			"$top/tests/fuzz/fuzz_$module.c" "${sources[@]}" \
			$(pkg-config --cflags --libs libconfig libxxhash \
				libcurl libcrypto json-c)
		echo "fuzzing $module for $seconds s"
		./fuzzer -max_total_time="$seconds" -print_final_stats=1 \
			corpus "$top/tests/fuzz/corpus/$module"
	)
done
