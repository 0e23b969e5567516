#!/usr/bin/env bash
# Static analysis of the programs (not of their tests): gcc -fanalyzer,
# clang-tidy, cppcheck. Each runs whatever the one before found.
set -euo pipefail
cd "$(dirname "$0")/.."

flags=(-std=c11 -D_GNU_SOURCE -DPACKAGE_VERSION='"analyze"'
	-DHERD_DEFAULT_CONF='"herd.conf"' -DHERD_DATA_DIR='"data"' -Iinclude)
checks='clang-analyzer-*,bugprone-*,concurrency-*,performance-*'
# Left out: what is a matter of taste, what does not exist here (memcpy_s), what
# messages are for (pointers in an intptr_t), and what clang 14 gets wrong
# (va_list handed on, texts that carry their length).
checks+=',-bugprone-easily-swappable-parameters'
checks+=',-bugprone-implicit-widening-of-multiplication-result'
checks+=',-bugprone-not-null-terminated-result'
checks+=',-bugprone-sizeof-expression'
checks+=',-bugprone-suspicious-string-compare'
checks+=',-clang-analyzer-optin.performance.Padding'
checks+=',-clang-analyzer-security.insecureAPI.DeprecatedOrUnsafeBufferHandling'
checks+=',-clang-analyzer-valist.Uninitialized'
checks+=',-concurrency-mt-unsafe'
checks+=',-performance-no-int-to-ptr'

status=0
# Young in gcc 12 and sometimes wrong: to be read, it fails nothing.
for source in src/*/*.c src/*/*/*.c; do
	gcc "${flags[@]}" -O2 -fanalyzer -c -o /dev/null "$source" || status=1
done
clang-tidy --quiet --warnings-as-errors='*' --checks="$checks" src/*/*.c src/*/*/*.c -- \
	"${flags[@]}" || status=1
cppcheck --quiet --std=c11 --error-exitcode=1 --inline-suppr \
	--enable=warning,performance,portability -D_GNU_SOURCE \
	'-DCURL_IGNORE_DEPRECATION(statements)=statements' -Iinclude src ||
	status=1
exit $status
