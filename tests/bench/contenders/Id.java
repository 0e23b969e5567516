import java.util.Arrays;

/**
 * A client's id, a key of the map. One is made for each client; to look one up,
 * one of them is pointed at the id as it stands in the line.
 */
final class Id implements Comparable<Id> {
    private byte[] bytes;
    private int from;
    private int to;
    private int hash;

    void pointAt(byte[] source, int start, int end) {
        bytes = source;
        from = start;
        to = end;
        hash = 0;
        for (int at = start; at < end; at++) {
            hash = 31 * hash + source[at];
        }
    }

    Id copy() {
        Id copy = new Id();
        copy.bytes = Arrays.copyOfRange(bytes, from, to);
        copy.to = to - from;
        copy.hash = hash;
        return copy;
    }

    @Override
    public int hashCode() {
        return hash;
    }

    @Override
    public boolean equals(Object other) {
        return other instanceof Id && ((Id) other).hash == hash && compareTo((Id) other) == 0;
    }

    /** The map wants an order where many ids have the same hash, if on purpose. */
    @Override
    public int compareTo(Id other) {
        return Arrays.compareUnsigned(bytes, from, to, other.bytes, other.from, other.to);
    }
}
