import java.io.IOException;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;

/** What one server has to know of herd.conf. */
final class Conf {
    private static final Pattern COMMENT = Pattern.compile(
            "(\"(?:\\\\.|[^\"\\\\])*\")|#[^\n]*|//[^\n]*|/\\*.*?\\*/", Pattern.DOTALL);
    private static final Pattern GROUP = Pattern.compile("\\{([^{}]*)\\}");
    private static final Pattern STRING = Pattern.compile("\"([^\"]*)\"");

    final String name;
    final InetSocketAddress address;
    /** By name. */
    final Map<String, InetSocketAddress> neighbours = new LinkedHashMap<>();
    final int lineMax; // bytes
    final long clockAhead; // ns; 0: off
    final long stopTimeout; // ns

    Conf(String file, String name) throws IOException {
        String text = COMMENT.matcher(read(file)).replaceAll("$1");
        Map<String, InetSocketAddress> addresses = new LinkedHashMap<>();
        Set<List<String>> edges = new LinkedHashSet<>();
        Matcher group = GROUP.matcher(text);
        while (group.find()) {
            readServer(group.group(1), addresses, edges);
        }
        this.name = name;
        this.address = addresses.get(name);
        if (address == null) {
            throw new IOException("no server is called " + name);
        }
        for (String other : addresses.keySet()) {
            if (edges.contains(List.of(name, other)) || edges.contains(List.of(other, name))) {
                neighbours.put(other, addresses.get(other));
            }
        }
        lineMax = (int) number(text, "line", 65536);
        clockAhead = (long) (number(text, "clock_ahead", 0) * Numbers.SECOND);
        stopTimeout = (long) (number(text, "stop_timeout", 2) * Numbers.SECOND);
    }

    private static String read(String file) throws IOException {
        try {
            return Files.readString(Path.of(file), StandardCharsets.ISO_8859_1);
        } catch (NoSuchFileException e) {
            throw new IOException("no such file");
        }
    }

    /** If it is a server's group. */
    private static void readServer(String group, Map<String, InetSocketAddress> addresses,
            Set<List<String>> edges) throws IOException {
        String name = value(group, "name", "\"([^\"]*)\"", null);
        String port = value(group, "port", "(\\d{1,5})\\b", null);
        if (name == null || port == null) {
            return;
        }
        String host = value(group, "host", "\"([^\"]*)\"", "127.0.0.1");
        addresses.put(name, new InetSocketAddress(host, Integer.parseInt(port)));
        if (addresses.get(name).isUnresolved()) {
            throw new IOException(host + ": no such host");
        }
        String talksTo = value(group, "talks_to", "[\\[(]([^\\])]*)[\\])]", "");
        edges.addAll(STRING.matcher(talksTo).results()
                .map(other -> List.of(name, other.group(1))).collect(Collectors.toList()));
    }

    private static double number(String text, String option, double otherwise) {
        String digits = value(text, option, "(\\d+(?:\\.\\d*)?)", null);
        return digits == null ? otherwise : Double.parseDouble(digits);
    }

    private static String value(String text, String option, String form, String otherwise) {
        Matcher m = Pattern.compile("\\b" + option + "\\s*[=:]\\s*" + form).matcher(text);
        return m.find() ? m.group(1) : otherwise;
    }
}
