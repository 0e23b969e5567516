# Macros of herd's configure.ac.

# HERD_FLAGS(VARIABLE, FLAGS)
# Append to VARIABLE those of FLAGS that compiler and linker take without a
# word, given the flags already in it.
AC_DEFUN([HERD_FLAGS], [
for herd_flag in $2; do
	AC_MSG_CHECKING([whether $CC takes $herd_flag])
	herd_saved_CFLAGS=$CFLAGS
	CFLAGS="$CFLAGS $$1 $herd_flag -Werror"
	AC_LINK_IFELSE(
		[AC_LANG_PROGRAM([[#include <stdio.h>]], [[puts("herd");]])],
		[herd_taken=yes], [herd_taken=no])
	CFLAGS=$herd_saved_CFLAGS
	AC_MSG_RESULT([$herd_taken])
	AS_IF([test $herd_taken = yes], [AS_VAR_APPEND([$1], [" $herd_flag"])])
done
])

# HERD_PACKAGE(VARIABLE, MODULE, DEBIAN-PACKAGE, PURPOSE)
# Set VARIABLE_CFLAGS and VARIABLE_LIBS for a pkg-config MODULE, or stop and
# say what to install.
AC_DEFUN([HERD_PACKAGE], [
PKG_CHECK_MODULES([$1], [$2], [],
	[AC_MSG_ERROR([m4_bpatsubst([$2], [ .*]) not found: install $3 ($4)])])
])

# HERD_SYSTEMD_DIR(VARIABLE, WHAT, FALLBACK)
# Set and substitute VARIABLE, the folder for systemd's WHAT: that of option
# --with-VARIABLE ("no" leaves them out), the one that pkg-config knows by this
# name, or FALLBACK under the prefix.
AC_DEFUN([HERD_SYSTEMD_DIR], [
AC_ARG_WITH([$1],
	[AS_HELP_STRING([--with-$1=DIR],
		[folder for systemd's $2; no: leave them out])],
	[], [with_$1=yes])
AC_MSG_CHECKING([where systemd's $2 go])
AS_CASE([$with_$1],
	[yes], [
		$1=`$PKG_CONFIG --variable=$1 systemd 2>/dev/null`
		AS_IF([test -z "$$1"], [$1='${prefix}/$3'])
	],
	[no | /* | '${'*], [$1=$with_$1],
	[AC_MSG_ERROR([--with-$1=$with_$1: not an absolute path])])
AC_MSG_RESULT([$$1])
AC_SUBST([$1])
])
