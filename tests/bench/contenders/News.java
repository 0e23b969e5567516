import java.util.ArrayList;
import java.util.List;

/** What one thread learnt from one read, and to whom it is to be told, in one go. */
final class News {
    private final List<Link> links;
    private final List<List<Sighting>> pending = new ArrayList<>(); // one for each link

    News(List<Link> links) {
        this.links = links;
        links.forEach(link -> pending.add(new ArrayList<>()));
    }

    void add(Sighting seen, Link sender) {
        for (int i = 0; i < links.size(); i++) {
            if (links.get(i) != sender) {
                pending.get(i).add(seen);
            }
        }
    }

    void tell() {
        for (int i = 0; i < links.size(); i++) {
            if (!pending.get(i).isEmpty()) {
                links.get(i).tell(pending.get(i));
                pending.get(i).clear();
            }
        }
    }
}
