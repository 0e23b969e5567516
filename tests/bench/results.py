"""What was measured: results.tsv of the benchmarks, and its statistics.

The file has a line for each measurement: ROW, SERVER, ROUND and what herd-bench
said, as JSON, with tabs between them. FIGURE is a name in that,
"latency.p99_us" one in a group. Ratios are made round by round, so that the
machine's moods hit both sides."""
import json
from collections import namedtuple
from statistics import median

Spread = namedtuple("Spread", "median low high")


def read(path):
    """{row: {server: {round: found}}}, all in the order of the file."""
    rows = {}
    with open(path, encoding="utf-8") as lines:
        for line in lines:
            row, server, number, found = line.rstrip("\n").split("\t")
            servers = rows.setdefault(row, {})
            servers.setdefault(server, {})[number] = json.loads(found)
    return rows


def pick(found, figure):
    """A figure of one measurement; None: it has none. A name may have dots of
    its own, as in "server_thread_cpu_us.worker 0"."""
    for key in figure.split("."):
        found = found.get(key) if found else None
    return found


def values(servers, server, figure):
    found = [pick(f, figure) for f in servers.get(server, {}).values()]
    return [x for x in found if x is not None]


def ratios(servers, a, b, figure):
    """A's by B's, of the rounds that both have."""
    result = []
    for number, found in servers.get(a, {}).items():
        x = pick(found, figure)
        y = pick(servers.get(b, {}).get(number), figure)
        if x is not None and y:
            result.append(x / y)
    return result


def spread(xs):
    """None: there are none."""
    return Spread(median(xs), min(xs), max(xs)) if xs else None


def number(x):
    """As people write it: three or four digits."""
    return f"{x:.0f}" if abs(x) >= 1000 else f"{x:.4g}"


def text(xs, form=number):
    """The median and, of more than one, the range."""
    if not xs:
        return "–"
    if len(xs) == 1:
        return form(xs[0])
    return f"{form(median(xs))} ({form(min(xs))} to {form(max(xs))})"
