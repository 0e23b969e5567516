import java.math.BigDecimal;
import java.math.RoundingMode;
import java.nio.charset.StandardCharsets;
import java.util.regex.Pattern;

/**
 * The numbers of the protocol, read from bytes and written to them: no String on
 * the way, and times are whole nanoseconds, which a double would round.
 */
final class Numbers {
    static final long SECOND = 1_000_000_000L;

    /** What a neighbour of another make may write: neither NaN nor hexadecimal. */
    private static final Pattern DECIMAL =
            Pattern.compile("[+-]?[0-9]+(\\.[0-9]*)?([eE][+-]?[0-9]+)?");
    private static final int DECIMALS = 9;

    private Numbers() {}

    private static boolean isDigit(byte b) {
        return b >= '0' && b <= '9';
    }

    private static boolean isSign(byte b) {
        return b == '+' || b == '-';
    }

    /** Seconds, digits with an optional fraction, as nanoseconds; or -1. */
    static long nanoseconds(byte[] bytes, int from, int to) {
        long seconds = 0;
        int at = from;
        for (; at < to && isDigit(bytes[at]); at++) {
            seconds = seconds * 10 + bytes[at] - '0';
            if (seconds > Long.MAX_VALUE / SECOND) {
                return -1;
            }
        }
        if (at == from) {
            return -1;
        }
        long fraction = 0;
        if (at < to && bytes[at] == '.') {
            at++;
            for (int i = 0; i < DECIMALS; i++) {
                boolean more = at < to && isDigit(bytes[at]);
                fraction = fraction * 10 + (more ? bytes[at++] - '0' : 0);
            }
            while (at < to && isDigit(bytes[at])) {
                at++; // does not count
            }
        }
        // More than a long holds comes out negative, and invalid.
        return at == to ? Math.max(seconds * SECOND + fraction, -1) : -1;
    }

    /** Where the decimal that begins here ends; -1 if it is none or above max. */
    static int endOfDecimal(byte[] bytes, int from, int to, int max) {
        int whole = 0;
        int at = from;
        for (; at < to && isDigit(bytes[at]); at++) {
            whole = Math.min(whole * 10 + bytes[at] - '0', max + 1);
        }
        if (at == from || whole > max) {
            return -1;
        }
        if (at < to && bytes[at] == '.') {
            for (at++; at < to && isDigit(bytes[at]); at++) {
                if (whole == max && bytes[at] != '0') {
                    return -1;
                }
            }
        }
        return at;
    }

    /** Of a decimal. */
    static boolean isZero(byte[] bytes, int from, int to) {
        for (int at = from; at < to; at++) {
            if (bytes[at] != '0' && bytes[at] != '.') {
                return false;
            }
        }
        return true;
    }

    /** ISO 6709: two signed decimals run together, and perhaps a slash. */
    static boolean isLocation(byte[] bytes, int from, int to) {
        int at = endOfDegrees(bytes, from, to, 90);
        if (at >= 0) {
            at = endOfDegrees(bytes, at, to, 180);
        }
        return at == to || at >= 0 && at == to - 1 && bytes[at] == '/';
    }

    private static int endOfDegrees(byte[] bytes, int from, int to, int max) {
        boolean signed = from < to && isSign(bytes[from]);
        return signed ? endOfDecimal(bytes, from + 1, to, max) : -1;
    }

    /** Whether a difference is written as a server of ours writes it. */
    static boolean isOwnDifference(byte[] bytes, int from, int to) {
        int point = to - DECIMALS - 1;
        return point > from + 1 && isSign(bytes[from]) && bytes[point] == '.'
                && nanoseconds(bytes, from + 1, to) >= 0;
    }

    static boolean isDifference(byte[] bytes, int from, int to) {
        return isOwnDifference(bytes, from, to)
                || DECIMAL.matcher(latin1(bytes, from, to)).matches();
    }

    /** Any difference in nanoseconds, cut off at what a long holds. */
    static long difference(byte[] bytes, int from, int to) {
        if (isOwnDifference(bytes, from, to)) {
            long ns = nanoseconds(bytes, from + 1, to);
            return bytes[from] == '-' ? -ns : ns;
        }
        try {
            BigDecimal ns = new BigDecimal(latin1(bytes, from, to)).scaleByPowerOfTen(9);
            // Compared first: 1e999999999 would be a number of a billion digits.
            if (ns.abs().compareTo(BigDecimal.ONE) < 0) {
                return 0;
            }
            if (ns.abs().compareTo(BigDecimal.valueOf(Long.MAX_VALUE)) > 0) {
                return ns.signum() > 0 ? Long.MAX_VALUE : Long.MIN_VALUE;
            }
            return ns.setScale(0, RoundingMode.DOWN).longValue();
        } catch (ArithmeticException | NumberFormatException e) {
            return Long.MAX_VALUE; // an exponent beyond all measure
        }
    }

    private static String latin1(byte[] bytes, int from, int to) {
        return new String(bytes, from, to - from, StandardCharsets.ISO_8859_1);
    }

    /** Sign, seconds, and exactly nine decimals. */
    static void writeDifference(long ns, Output out) {
        out.write(ns < 0 ? '-' : '+');
        long magnitude = Math.abs(ns); // a clock is not 292 years behind
        writeDigits(magnitude / SECOND, digitsOf(magnitude / SECOND), out);
        out.write('.');
        writeDigits(magnitude % SECOND, DECIMALS, out);
    }

    private static int digitsOf(long number) {
        int digits = 1;
        for (; number >= 10; number /= 10) {
            digits++;
        }
        return digits;
    }

    private static void writeDigits(long number, int digits, Output out) {
        int at = out.skip(digits) + digits;
        for (; digits > 0; digits--, number /= 10) {
            out.bytes()[--at] = (byte) ('0' + number % 10);
        }
    }
}
