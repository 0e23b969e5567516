import java.io.IOException;
import java.io.InputStream;
import java.net.ServerSocket;
import java.net.Socket;
import java.util.Arrays;

/** The herd with a thread for each connection. usage: java HerdThreads -c FILE NAME */
public final class HerdThreads {
    private static final int STACK = 128 * 1024; // bytes: thousands of them are no matter
    private static final int PAGE = 8 * 1024;
    private static final int DISCARD_MS = 1000;

    private final Socket socket;
    private final boolean isNeighbour;
    private final Answers answers;

    private HerdThreads(Herd herd, Socket socket) {
        this.socket = socket;
        isNeighbour = herd.isNeighbour(socket.getInetAddress());
        answers = new Answers(herd, PAGE);
    }

    public static void main(String[] args) {
        Herd herd = Herd.fromArguments("HerdThreads", args);
        try (ServerSocket listener = new ServerSocket()) {
            listener.setReuseAddress(true);
            listener.bind(herd.conf.address, Herd.BACKLOG);
            herd.begin();
            for (;;) {
                try {
                    HerdThreads client = new HerdThreads(herd, listener.accept());
                    new Thread(null, client::serve, "client", STACK).start();
                } catch (IOException e) {
                    Herd.acceptLater(e);
                }
            }
        } catch (IOException e) {
            Herd.fail(1, herd.conf.address + ": " + e.getMessage());
        }
    }

    private void serve() {
        try (socket) {
            socket.setTcpNoDelay(true);
            answerAll();
        } catch (IOException e) {
            // The client is gone.
        }
    }

    private void answerAll() throws IOException {
        InputStream stream = socket.getInputStream();
        byte[] page = new byte[PAGE];
        int end = 0; // of an unfinished line
        for (boolean ended = false; !ended; ) {
            if (end == page.length) {
                page = Arrays.copyOf(page, 2 * end);
            }
            int searched = end;
            int count = stream.read(page, end, page.length - end);
            if (count >= 0) {
                end += count;
            } else {
                page[end++] = '\n'; // a last line may have none
                ended = true;
            }
            int rest = answerLines(page, searched, end);
            if (rest < 0) {
                discard(stream);
                return;
            }
            end -= rest;
            System.arraycopy(page, rest, page, 0, end);
        }
    }

    /** Where an unfinished line begins; -1: the last answer was given. */
    private int answerLines(byte[] page, int searched, int end) throws IOException {
        int from;
        int next = 0;
        do {
            from = next;
            next = answers.take(page, from, searched, end, isNeighbour);
            Output output = answers.output;
            if (output.length() > 0) {
                socket.getOutputStream().write(output.bytes(), 0, output.length());
                output.clear();
            }
        } while (next > from);
        return next;
    }

    /** A socket closed with input unread would reset what was sent. */
    private void discard(InputStream stream) throws IOException {
        long deadline = System.nanoTime() + DISCARD_MS * 1_000_000L;
        byte[] dropped = new byte[PAGE];
        socket.shutdownOutput();
        for (long left; (left = deadline - System.nanoTime()) > 0; ) {
            socket.setSoTimeout((int) (left / 1_000_000) + 1);
            if (stream.read(dropped) < 0) {
                return;
            }
        }
    }
}
