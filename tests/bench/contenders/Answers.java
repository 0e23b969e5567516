import java.time.Instant;

/**
 * Reads lines and answers them; knows nothing of sockets. Each thread that serves
 * clients has one, whose parts are used for one line after another, so that a line
 * costs no more objects than stay in the map.
 */
final class Answers {
    /** As much output leaves before more lines are answered. */
    private static final int ROOM = 256 * 1024;
    private static final int UPDATE_MAX = 128 * 1024; // bytes of an AT line
    private static final int SHOWN = 128; // bytes of a line that is too long

    private static final byte[] IAMAT = Output.bytesOf("IAMAT");
    private static final byte[] WHATSAT = Output.bytesOf("WHATSAT");
    private static final byte[] AT = Output.bytesOf("AT");
    private static final byte[] INVALID = Output.bytesOf("? ");
    private static final byte[] NO_PLACES = Output.bytesOf("\n{\n"
            + "   \"html_attributions\" : [],\n"
            + "   \"results\" : [],\n"
            + "   \"status\" : \"ZERO_RESULTS\"\n"
            + "}\n\n");
    private static final byte[] NO_PROVIDER = Output.bytesOf("\n{\n"
            + "   \"error_message\" : \"This server has no places provider.\",\n"
            + "   \"html_attributions\" : [],\n"
            + "   \"results\" : [],\n"
            + "   \"status\" : \"UNKNOWN_ERROR\"\n"
            + "}\n\n");

    private static final int RADIUS_MAX = 50; // km
    private static final int BOUND_MAX = 20;

    /** What is to be sent, and then cleared. */
    final Output output;

    private final Herd herd;
    private final News news;
    private final byte[] name;
    private final Line line = new Line();
    private final Id id = new Id();
    private final Output update = new Output(256);

    Answers(Herd herd, int room) {
        this.herd = herd;
        news = new News(herd.links);
        name = Output.bytesOf(herd.conf.name);
        output = new Output(room);
    }

    /**
     * Answers the lines in bytes[from..end), the first of which is known to have no
     * LF before `searched`. Returns where the first one begins that has no LF yet, or
     * is not answered for lack of room; -1: a line was too long, and its answer is
     * the last.
     */
    int take(byte[] bytes, int from, int searched, int end, boolean fromNeighbour) {
        int next = from;
        boolean more = searched <= from || hasLf(bytes, searched, end);
        long now = more ? now() : 0;
        while (more && output.length() < ROOM && (more = line.read(bytes, next, end))) {
            if (isTooLong(bytes, next, line.to, fromNeighbour)) {
                break;
            }
            if (!line.isBlank()) {
                answer(now, fromNeighbour);
            }
            next = line.to + 1;
        }
        // What is answered is told to the neighbours first: see Link.close.
        news.tell();
        int to = more ? line.to : end;
        if (output.length() < ROOM && isTooLong(bytes, next, to, fromNeighbour)) {
            answerInvalid(bytes, next, next + SHOWN);
            return -1;
        }
        return next;
    }

    private static long now() {
        Instant now = Instant.now(); // to the nanosecond
        return now.getEpochSecond() * Numbers.SECOND + now.getNano();
    }

    private static boolean hasLf(byte[] bytes, int from, int to) {
        for (int at = from; at < to; at++) {
            if (bytes[at] == '\n') {
                return true;
            }
        }
        return false;
    }

    /** Updates may be longer: they have more fields than the IAMAT had. */
    private boolean isTooLong(byte[] bytes, int from, int to, boolean fromNeighbour) {
        int length = to - from;
        return length > herd.conf.lineMax && (length > UPDATE_MAX || !fromNeighbour
                || bytes[from] != 'A' || bytes[from + 1] != 'T' || bytes[from + 2] != ' ');
    }

    private void answer(long now, boolean fromNeighbour) {
        boolean valid;
        if (line.fieldIs(0, IAMAT)) {
            valid = answerIamat(now);
        } else if (line.fieldIs(0, WHATSAT)) {
            valid = answerWhatsat();
        } else {
            valid = fromNeighbour && line.fieldIs(0, AT) && takeUpdate();
        }
        if (!valid) {
            answerInvalid(line.bytes, line.fieldFrom[0], line.bodyTo);
        }
    }

    private void answerInvalid(byte[] bytes, int from, int to) {
        output.write(INVALID);
        output.write(bytes, from, to);
        output.write('\n');
    }

    /** IAMAT ID LOCATION STAMP; false: it is none. */
    private boolean answerIamat(long now) {
        if (line.fields != 4 || !isLocation(2)) {
            return false;
        }
        long stamp = nanoseconds(3);
        long clockAhead = herd.conf.clockAhead;
        if (stamp < 0 || clockAhead > 0 && stamp - now > clockAhead) {
            return false;
        }
        int from = output.length();
        output.write(AT);
        output.write(' ');
        output.write(name);
        output.write(' ');
        Numbers.writeDifference(now - stamp, output);
        line.writeFields(1, 3, output);
        learn(1, stamp, output, from, null);
        output.write('\n');
        return true;
    }

    /** WHATSAT ID RADIUS BOUND; false: it is none, or of a client not heard of. */
    private boolean answerWhatsat() {
        if (line.fields != 4 || !isWithin(2, RADIUS_MAX) || !isWithin(3, BOUND_MAX)
                || hasPoint(3)) {
            return false;
        }
        Sighting seen = herd.clients.find(idOf(1));
        if (seen == null) {
            return false;
        }
        output.write(seen.line);
        output.write(isZero(2) || isZero(3) ? NO_PLACES : NO_PROVIDER);
        return true;
    }

    /** AT SERVER DIFFERENCE ID LOCATION STAMP [SENDER]; false: it is none. */
    private boolean takeUpdate() {
        if (line.fields < 6 || !isDifference(2) || !isLocation(4)) {
            return false;
        }
        long stamp = nanoseconds(5);
        if (stamp < 0) {
            return false;
        }
        update.clear();
        update.write(AT);
        line.writeFields(1, 5, update);
        learn(3, stamp, update, 0, line.fields > 6 ? herd.linkTo(line, 6) : null);
        return true;
    }

    /** The AT line that ends the bytes; nobody tells it to the one that sent it. */
    private void learn(int idField, long stamp, Output at, int from, Link sender) {
        Sighting seen =
                herd.clients.learn(idOf(idField), stamp, at.bytes(), from, at.length());
        if (seen != null) {
            news.add(seen, sender);
        }
    }

    // Of the fields of the line at hand:

    private Id idOf(int field) {
        id.pointAt(line.bytes, line.fieldFrom[field], line.fieldTo[field]);
        return id;
    }

    private long nanoseconds(int field) {
        return Numbers.nanoseconds(line.bytes, line.fieldFrom[field], line.fieldTo[field]);
    }

    private boolean isLocation(int field) {
        return Numbers.isLocation(line.bytes, line.fieldFrom[field], line.fieldTo[field]);
    }

    private boolean isDifference(int field) {
        return Numbers.isDifference(line.bytes, line.fieldFrom[field], line.fieldTo[field]);
    }

    private boolean isWithin(int field, int max) {
        int to = line.fieldTo[field];
        return Numbers.endOfDecimal(line.bytes, line.fieldFrom[field], to, max) == to;
    }

    private boolean isZero(int field) {
        return Numbers.isZero(line.bytes, line.fieldFrom[field], line.fieldTo[field]);
    }

    private boolean hasPoint(int field) {
        for (int at = line.fieldFrom[field]; at < line.fieldTo[field]; at++) {
            if (line.bytes[at] == '.') {
                return true;
            }
        }
        return false;
    }
}
