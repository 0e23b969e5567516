import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.SelectionKey;
import java.nio.channels.Selector;
import java.nio.channels.SocketChannel;
import java.util.ArrayDeque;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;

/** A thread, its selector, and what the connections it serves use one after another. */
final class NioWorker implements Runnable {
    private static final int UNFINISHED_MAX = 128 * 1024; // and what is not answered yet
    static final int READ_MAX = 64 * 1024;

    final Selector selector = Selector.open();
    final ByteBuffer page = ByteBuffer.allocate(UNFINISHED_MAX + READ_MAX + 1);
    final Answers answers;
    final Herd herd;
    private final Queue<SocketChannel> newcomers = new ConcurrentLinkedQueue<>();
    private final ArrayDeque<NioClient> leaving = new ArrayDeque<>(); // the first one first

    NioWorker(Herd herd) throws IOException {
        this.herd = herd;
        answers = new Answers(herd, READ_MAX);
    }

    /** From the acceptor. */
    void adopt(SocketChannel channel) {
        newcomers.add(channel);
        selector.wakeup();
    }

    /** Closes it after a while, unless it is closed earlier. */
    void leaves(NioClient client) {
        leaving.add(client);
    }

    @Override
    public void run() {
        for (;;) {
            try {
                selector.select(NioWorker::serve, msToNextEnd());
            } catch (IOException e) {
                throw Herd.fail(1, "selector: " + e.getMessage());
            }
            SocketChannel channel;
            while ((channel = newcomers.poll()) != null) {
                begin(channel);
            }
            while (!leaving.isEmpty() && leaving.peek().msToEnd() <= 0) {
                leaving.poll().close();
            }
        }
    }

    private static void serve(SelectionKey key) {
        ((NioClient) key.attachment()).serve();
    }

    /** 0: nothing is to end. */
    private long msToNextEnd() {
        return leaving.isEmpty() ? 0 : Math.max(1, leaving.peek().msToEnd());
    }

    private void begin(SocketChannel channel) {
        try {
            NioClient.begin(channel, this);
        } catch (IOException e) {
            // It is gone already.
        }
    }
}
