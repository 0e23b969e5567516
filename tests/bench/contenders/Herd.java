import java.io.IOException;
import java.net.InetAddress;
import java.util.ArrayList;
import java.util.List;

/** One server of the herd: what its threads share, how it begins and how it ends. */
final class Herd {
    static final int BACKLOG = 4096;
    private static final long ACCEPT_PAUSE_MS = 100;

    final Conf conf;
    final Clients clients = new Clients();
    final List<Link> links = new ArrayList<>();
    private final List<Thread> linkThreads = new ArrayList<>();

    private Herd(Conf conf) {
        this.conf = conf;
        conf.neighbours.forEach((name, address) ->
                links.add(new Link(name, address, conf, clients)));
    }

    /** What the command line asks for: -c FILE NAME. */
    static Herd fromArguments(String program, String[] args) {
        if (args.length != 3 || !args[0].equals("-c")) {
            throw fail(2, "usage: java " + program + " -c FILE NAME");
        }
        try {
            return new Herd(new Conf(args[1], args[2]));
        } catch (IOException e) {
            throw fail(2, args[1] + ": " + e.getMessage());
        }
    }

    private static volatile int status;

    static Error fail(int status, String why) {
        System.err.println(why);
        Herd.status = status;
        System.exit(status);
        return new AssertionError("unreachable");
    }

    /** It listens: from now on neighbours are told, and a signal ends it. */
    void begin() {
        for (Link link : links) {
            Thread thread = new Thread(link, "link");
            linkThreads.add(thread);
            thread.start();
        }
        Runtime.getRuntime().addShutdownHook(new Thread(this::end));
        System.out.println("serving on " + conf.address.getAddress().getHostAddress() + ":"
                + conf.address.getPort());
    }

    /** What was answered is handed over; a JVM left to itself would exit with 143. */
    private void end() {
        long deadline = System.nanoTime() + conf.stopTimeout;
        links.forEach(Link::close);
        try {
            for (Thread thread : linkThreads) {
                long left = deadline - System.nanoTime();
                thread.join(Math.max(1, left / 1_000_000));
            }
        } catch (InterruptedException e) {
            // then without
        }
        Runtime.getRuntime().halt(status);
    }

    /** No connection could be accepted, for want of descriptors say: it may pass. */
    static void acceptLater(IOException why) {
        System.err.println("cannot accept: " + why.getMessage());
        try {
            Thread.sleep(ACCEPT_PAUSE_MS);
        } catch (InterruptedException e) {
            // then sooner
        }
    }

    /** AT lines are taken from neighbours only. */
    boolean isNeighbour(InetAddress address) {
        return conf.neighbours.values().stream()
                .anyMatch(neighbour -> neighbour.getAddress().equals(address));
    }

    /** To the neighbour that the field names; or null. */
    Link linkTo(Line line, int field) {
        for (int i = 0; i < links.size(); i++) {
            if (line.fieldIs(field, links.get(i).name)) {
                return links.get(i);
            }
        }
        return null;
    }
}
