import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.StandardSocketOptions;
import java.nio.ByteBuffer;
import java.nio.channels.SelectionKey;
import java.nio.channels.SocketChannel;
import java.util.Arrays;

/**
 * One connection. Between its events it has no more than an unfinished line, and
 * what its client does not take yet: until that has left nothing is read.
 */
final class NioClient {
    private static final byte[] NOTHING = new byte[0];
    private static final long DISCARD_MS = 1000;

    private final SocketChannel channel;
    private final NioWorker worker;
    private final boolean isNeighbour;
    private SelectionKey key;
    private byte[] rest = NOTHING; // of what was read; whole lines only if some is unwritten
    private ByteBuffer unwritten; // or null
    private boolean ended; // there is no more to read
    private boolean discarding; // and nothing more to say
    private long endsAt; // ns; of one that discards

    private NioClient(SocketChannel channel, NioWorker worker) throws IOException {
        this.channel = channel;
        this.worker = worker;
        InetSocketAddress remote = (InetSocketAddress) channel.getRemoteAddress();
        isNeighbour = worker.herd.isNeighbour(remote.getAddress());
    }

    static void begin(SocketChannel channel, NioWorker worker) throws IOException {
        channel.configureBlocking(false);
        channel.setOption(StandardSocketOptions.TCP_NODELAY, true);
        NioClient client = new NioClient(channel, worker);
        client.key = channel.register(worker.selector, SelectionKey.OP_READ, client);
    }

    /** It can be read or written, whichever was waited for. */
    void serve() {
        try {
            if (unwritten != null) {
                writeOn();
            } else if (discarding) {
                discard();
            } else {
                read();
            }
        } catch (IOException e) {
            close();
        }
    }

    private void read() throws IOException {
        int searched = rest.length;
        ByteBuffer page = worker.page.clear().put(rest);
        page.limit(searched + NioWorker.READ_MAX);
        ended = channel.read(page) < 0;
        if (ended) {
            page.put((byte) '\n'); // a last line may have none
        }
        answer(page, searched);
    }

    private void answer(ByteBuffer page, int searched) throws IOException {
        Answers answers = worker.answers;
        int end = page.position();
        int from;
        int next = 0;
        do {
            from = next;
            next = answers.take(page.array(), from, searched, end, isNeighbour);
            write(answers.output);
        } while (next > from && unwritten == null);
        if (next < 0) {
            discarding = true;
            next = end;
        }
        rest = next == end ? NOTHING : Arrays.copyOfRange(page.array(), next, end);
        settle();
    }

    private void write(Output output) throws IOException {
        if (output.length() == 0) {
            return;
        }
        ByteBuffer bytes = ByteBuffer.wrap(output.bytes(), 0, output.length());
        channel.write(bytes);
        if (bytes.hasRemaining()) {
            unwritten = ByteBuffer.wrap(
                    Arrays.copyOfRange(output.bytes(), bytes.position(), bytes.limit()));
        }
        output.clear();
    }

    private void writeOn() throws IOException {
        channel.write(unwritten);
        if (!unwritten.hasRemaining()) {
            unwritten = null;
            answer(worker.page.clear().put(rest), 0);
        }
    }

    /** What is waited for next. */
    private void settle() throws IOException {
        if (unwritten != null) {
            key.interestOps(SelectionKey.OP_WRITE);
        } else if (ended) {
            close();
        } else {
            if (discarding) {
                channel.shutdownOutput();
                endsAt = System.nanoTime() + DISCARD_MS * 1_000_000;
                worker.leaves(this);
            }
            if (key.interestOps() != SelectionKey.OP_READ) {
                key.interestOps(SelectionKey.OP_READ);
            }
        }
    }

    /** A socket closed with input unread would reset what was sent. */
    private void discard() throws IOException {
        if (channel.read(worker.page.clear()) < 0) {
            close();
        }
    }

    long msToEnd() {
        return (endsAt - System.nanoTime()) / 1_000_000;
    }

    void close() {
        try {
            channel.close();
        } catch (IOException e) {
            // It is closed all the same.
        }
    }
}
