import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;

/**
 * One neighbour, and the thread that tells it what is new: on one lasting connection,
 * which is dialled again whenever it is lost. When it comes up the neighbour is first
 * told everything that is known, for nobody knows what it missed; then what is new,
 * as it comes. Behind an update stands a seventh field, who tells it, so that the
 * neighbour does not tell it back.
 *
 * What herdd does and this does not: bound the memory that a neighbour takes which
 * is connected and slow, and tell it only the newest of each client; tell an echo, a
 * line that another server has written anew, from news; compare what both have, rather than tell everything; ask
 * whether a silent neighbour lives; prove who one is by a secret.
 */
final class Link implements Runnable {
    private static final int BATCH = 64 * 1024; // bytes in one write
    private static final int CONNECT_MS = 5000;
    private static final int PAUSE_MIN_MS = 50;
    private static final int PAUSE_MAX_MS = 2000;

    final byte[] name;
    private final InetSocketAddress address;
    private final Conf conf;
    private final Clients clients;
    private final byte[] signature;
    private final Output output = new Output(2 * BATCH);

    // Under this object's lock:
    private Socket connection; // null: it is down
    private List<Sighting> news = new ArrayList<>();
    private boolean closing;

    Link(String name, InetSocketAddress address, Conf conf, Clients clients) {
        this.name = Output.bytesOf(name);
        this.address = address;
        this.conf = conf;
        this.clients = clients;
        signature = Output.bytesOf(" " + conf.name + "\n");
    }

    // From other threads:

    /** Never waits for the neighbour. */
    synchronized void tell(List<Sighting> learnt) {
        while (closing) {
            pause(0); // for the end: what neighbours do not hear is not answered
        }
        if (connection == null) {
            return; // it will hear everything
        }
        if (news.isEmpty()) {
            notifyAll();
        }
        news.addAll(learnt);
    }

    /** Has the thread end when all that was told has arrived; it may try once more. */
    synchronized void close() {
        closing = true;
        notifyAll();
    }

    private synchronized void lose(Socket socket) {
        if (connection == socket) {
            connection = null;
            notifyAll();
        }
    }

    // The thread itself:

    @Override
    public void run() {
        int pause = PAUSE_MIN_MS;
        for (;;) {
            boolean last = isClosing();
            try (Socket socket = new Socket()) {
                // Its address is how neighbours know who is one.
                socket.bind(new InetSocketAddress(conf.address.getAddress(), 0));
                socket.connect(address, CONNECT_MS);
                pause = PAUSE_MIN_MS;
                talk(socket);
                return;
            } catch (IOException e) {
                if (last) {
                    return;
                }
            }
            waitToDial(pause);
            pause = Math.min(2 * pause, PAUSE_MAX_MS);
        }
    }

    private synchronized boolean isClosing() {
        return closing;
    }

    private synchronized void waitToDial(int ms) {
        if (!closing) {
            pause(ms);
        }
    }

    /** Until the connection is lost, which is an exception, or this server ends. */
    private void talk(Socket socket) throws IOException {
        socket.setTcpNoDelay(true);
        OutputStream stream = socket.getOutputStream();
        output.clear();
        connect(socket);
        System.out.println("connected to " + new String(name, StandardCharsets.ISO_8859_1));
        Thread listener = new Thread(() -> listen(socket));
        listener.start();
        for (Sighting seen : clients.sightings()) {
            say(seen, stream);
        }
        flush(stream);
        List<Sighting> batch = new ArrayList<>();
        while ((batch = awaitNews(batch)) != null) {
            for (Sighting seen : batch) {
                say(seen, stream);
            }
            flush(stream);
        }
        socket.shutdownOutput();
        join(listener); // it ends when the neighbour has read everything
    }

    private synchronized void connect(Socket socket) {
        news.clear();
        connection = socket;
    }

    /** The next batch, for one that was said; null: that was all. */
    private synchronized List<Sighting> awaitNews(List<Sighting> said) throws IOException {
        while (news.isEmpty() && connection != null && !closing) {
            pause(0);
        }
        if (connection == null) {
            throw new IOException("lost");
        }
        if (news.isEmpty()) {
            return null;
        }
        List<Sighting> batch = news;
        said.clear();
        news = said;
        return batch;
    }

    private void say(Sighting seen, OutputStream stream) throws IOException {
        output.write(seen.line);
        output.write(signature);
        if (output.length() >= BATCH) {
            flush(stream);
        }
    }

    private void flush(OutputStream stream) throws IOException {
        stream.write(output.bytes(), 0, output.length());
        output.clear();
    }

    /** Updates are not answered; all there is to hear is the end. */
    private void listen(Socket socket) {
        byte[] dropped = new byte[1024];
        try {
            InputStream stream = socket.getInputStream();
            while (stream.read(dropped) >= 0) {
                continue;
            }
        } catch (IOException e) {
            // as good an end as any
        }
        lose(socket);
    }

    /** Releases the lock for as long, or until it is notified. */
    private void pause(long ms) {
        try {
            wait(ms);
        } catch (InterruptedException e) {
            throw new IllegalStateException("nobody interrupts", e);
        }
    }

    private static void join(Thread thread) {
        try {
            thread.join();
        } catch (InterruptedException e) {
            throw new IllegalStateException("nobody interrupts", e);
        }
    }
}
