import java.nio.charset.StandardCharsets;
import java.util.Arrays;

/** Bytes that collect until they leave in one write; it has room for any number. */
final class Output {
    private byte[] bytes;
    private int length;

    Output(int room) {
        bytes = new byte[room];
    }

    byte[] bytes() {
        return bytes;
    }

    int length() {
        return length;
    }

    void clear() {
        length = 0;
    }

    /** Makes room for so many bytes; where they begin. */
    int skip(int count) {
        int at = length;
        if (count > bytes.length - length) {
            bytes = Arrays.copyOf(bytes, Math.max(2 * bytes.length, length + count));
        }
        length += count;
        return at;
    }

    void write(char c) {
        int at = skip(1);
        bytes[at] = (byte) c;
    }

    void write(byte[] source, int from, int to) {
        int at = skip(to - from);
        System.arraycopy(source, from, bytes, at, to - from);
    }

    void write(byte[] source) {
        write(source, 0, source.length);
    }

    static byte[] bytesOf(String text) {
        return text.getBytes(StandardCharsets.ISO_8859_1);
    }
}
