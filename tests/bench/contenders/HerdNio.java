import java.io.IOException;
import java.net.StandardSocketOptions;
import java.nio.channels.ServerSocketChannel;

/**
 * The herd with a selector and a thread for each processor, among which an acceptor
 * deals connections out. usage: java HerdNio -c FILE NAME
 */
public final class HerdNio {
    private HerdNio() {}

    public static void main(String[] args) {
        Herd herd = Herd.fromArguments("HerdNio", args);
        try (ServerSocketChannel listener = ServerSocketChannel.open()) {
            listener.setOption(StandardSocketOptions.SO_REUSEADDR, true);
            listener.bind(herd.conf.address, Herd.BACKLOG);
            NioWorker[] workers = new NioWorker[Runtime.getRuntime().availableProcessors()];
            for (int i = 0; i < workers.length; i++) {
                workers[i] = new NioWorker(herd);
                new Thread(workers[i], "worker").start();
            }
            herd.begin();
            for (int i = 0;; i++) {
                try {
                    workers[i % workers.length].adopt(listener.accept());
                } catch (IOException e) {
                    Herd.acceptLater(e);
                }
            }
        } catch (IOException e) {
            Herd.fail(1, herd.conf.address + ": " + e.getMessage());
        }
    }
}
