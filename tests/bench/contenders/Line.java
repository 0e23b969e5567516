import java.util.Arrays;

/**
 * One line and its fields, as places in somebody else's bytes: nothing is copied.
 * The same object is used for one line after another.
 */
final class Line {
    private static final int FIELDS_MAX = 8; // whose places are kept

    byte[] bytes;
    int from;
    int to; // where its LF is
    /** How many fields it has; more than FIELDS_MAX are just more. */
    int fields;
    final int[] fieldFrom = new int[FIELDS_MAX];
    final int[] fieldTo = new int[FIELDS_MAX];
    /** Where the last field ends. */
    int bodyTo;

    /** Takes the line that begins here apart. false: it has no LF yet. */
    boolean read(byte[] source, int start, int end) {
        bytes = source;
        from = start;
        fields = 0;
        int field = start;
        for (int at = start; at < end; at++) {
            byte b = source[at];
            if (b > ' ' || !isSpace(b)) {
                continue;
            }
            if (at > field) {
                if (fields < FIELDS_MAX) {
                    fieldFrom[fields] = field;
                    fieldTo[fields] = at;
                }
                fields++;
                bodyTo = at;
            }
            if (b == '\n') {
                to = at;
                return true;
            }
            field = at + 1;
        }
        return false;
    }

    /** Exactly these six; all else is part of a field. */
    private static boolean isSpace(byte b) {
        return b == ' ' || b >= '\t' && b <= '\r';
    }

    boolean isBlank() {
        return fields == 0;
    }

    boolean fieldIs(int field, byte[] text) {
        return Arrays.equals(bytes, fieldFrom[field], fieldTo[field], text, 0, text.length);
    }

    /** Adds a space and the field, for each of these fields. */
    void writeFields(int first, int last, Output out) {
        for (int field = first; field <= last; field++) {
            out.write(' ');
            out.write(bytes, fieldFrom[field], fieldTo[field]);
        }
    }

    /** Without the white space around it. */
    void writeBody(Output out) {
        out.write(bytes, fieldFrom[0], bodyTo);
    }
}
