import java.util.Arrays;
import java.util.concurrent.ConcurrentHashMap;

/** Where each client was last seen: what all threads share. */
final class Clients {
    private final ConcurrentHashMap<Id, Sighting> newest = new ConcurrentHashMap<>();

    /** The newest known; or null. */
    Sighting find(Id id) {
        return newest.get(id);
    }

    /** Keeps the line, as a copy, if it is newer: then it returns it; or else null. */
    Sighting learn(Id id, long stamp, byte[] bytes, int from, int to) {
        Sighting held = newest.get(id);
        if (held != null && stamp < held.stamp) {
            return null; // and nothing was allocated
        }
        Sighting seen = new Sighting(Arrays.copyOfRange(bytes, from, to), stamp);
        if (held == null) {
            held = newest.putIfAbsent(id.copy(), seen);
            if (held == null) {
                return seen;
            }
        }
        while (seen.isNewerThan(held)) {
            if (newest.replace(id, held, seen)) {
                return seen;
            }
            held = newest.get(id); // another thread came first
        }
        return null;
    }

    /** The newest of each client; of those that change meanwhile, either. */
    Iterable<Sighting> sightings() {
        return newest.values();
    }
}
