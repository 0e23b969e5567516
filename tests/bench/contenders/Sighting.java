import java.util.Arrays;

/** Where a client was seen: an AT line of six fields, single-spaced, without LF. */
final class Sighting {
    final byte[] line;
    final long stamp; // ns

    Sighting(byte[] line, long stamp) {
        this.line = line;
        this.stamp = stamp;
    }

    /**
     * Every server has to choose the same of two sightings, whatever the order in
     * which it hears of them: the later stamp; else the difference in our own form;
     * else the smaller difference; else the smaller line.
     */
    boolean isNewerThan(Sighting other) {
        if (stamp != other.stamp) {
            return stamp > other.stamp;
        }
        if (Arrays.equals(line, other.line)) {
            return false; // by far the most frequent: heard of from two neighbours
        }
        int at = differenceFrom(line);
        int otherAt = differenceFrom(other.line);
        boolean own = Numbers.isOwnDifference(line, at, fieldTo(line, at));
        boolean otherOwn =
                Numbers.isOwnDifference(other.line, otherAt, fieldTo(other.line, otherAt));
        if (own != otherOwn) {
            return own;
        }
        long difference = Numbers.difference(line, at, fieldTo(line, at));
        long otherDifference =
                Numbers.difference(other.line, otherAt, fieldTo(other.line, otherAt));
        if (difference != otherDifference) {
            return difference < otherDifference;
        }
        return Arrays.compareUnsigned(line, other.line) < 0;
    }

    /** Behind AT and the server. */
    private static int differenceFrom(byte[] line) {
        return fieldTo(line, "AT ".length()) + 1;
    }

    private static int fieldTo(byte[] line, int from) {
        int to = from;
        while (line[to] != ' ') {
            to++;
        }
        return to;
    }
}
