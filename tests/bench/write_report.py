#!/usr/bin/env python3
"""The report of bench.sh: tables and plots of what it measured.

    write_report.py DIRECTORY              report.md and its plots
    write_report.py DIRECTORY essence FILE the table of what matters most, put
                                           between two marks in FILE
    write_report.py DIRECTORY fill FILE    FILE on standard output, what is in
                                           braces replaced by figures:

    {value ROW SERVER FIGURE [FORM]}       the median
    {range ROW SERVER FIGURE [FORM]}       the lowest to the highest
    {ratio ROW A B FIGURE [FORM]}          A's by B's: the median
    {spread ROW A B FIGURE [FORM]}         the same, and its range
    {more ROW A B FIGURE}                  how many percent more A's is than B's
    {fact NAME}                            of the machine

FORM is one of Python's, or k: thousands; ms: of microseconds; least: two
digits."""
import os
import re
import sys
from statistics import median

import plots
from results import Spread, number, pick, ratios, read, spread, text, values

COST = "server_cpu_us"
RATE = "requests_per_s"
P50 = "latency.p50_us"
P99 = "latency.p99_us"
ARRIVAL = "flood_latency.p50_us"
DEPTHS = (1, 4, 16, 64)
SIZES = (1, 2, 5, 10, 20)
TOPOLOGIES = ("chain", "ring", "star", "mesh")
DESIGNS = ("herd-threaded", "herd-single")
BUSY = 0.97     # of the driver's thread: a rate may be its own
BEHIND_US = 5e3 # median of those who do not keep up with a rate
TWO = "{:.2f}".format
THREE = "{:.3f}".format


class Report:
    def __init__(self, directory):
        self.directory = directory
        self.rows = read(os.path.join(directory, "results.tsv"))
        self.facts = read_facts(os.path.join(directory, "machine.tsv"))
        self.lines = []

    def row(self, name):
        return self.rows.get(name, {})

    def say(self, *paragraphs):
        for paragraph in paragraphs:
            self.lines += [paragraph, ""]

    def table(self, head, rows):
        self.lines.append("| " + " | ".join(head) + " |")
        self.lines.append("|---" + "|---:" * (len(head) - 1) + "|")
        self.lines += ["| " + " | ".join(row) + " |" for row in rows]
        self.lines.append("")

    def plot(self, name, alt, draw, *args, **options):
        """Drawn by plots.lines or plots.bars, if there is anything to draw."""
        if not args[-1] or not plots.available():
            return
        draw(os.path.join(self.directory, name), *args, **options)
        self.say(f"![{alt}]({name})")


def read_facts(path):
    with open(path, encoding="utf-8") as lines:
        return [line.rstrip("\n").split("\t", 1) for line in lines]


def series(report, xs, row_of, figure, keep=lambda found: True):
    """{server: [(x, Spread)]} over the rows that belong to xs."""
    result = {}
    for x in xs:
        for server in report.row(row_of(x)):
            found = spread(values(report.row(row_of(x)), server, figure))
            if found and keep(found):
                result.setdefault(server, []).append((x, found))
    return result


def bar_rows(servers, figure, names=None, scale=1):
    rows = []
    for server in names or servers:
        found = spread(values(servers, server, figure))
        if found:
            rows.append((server, Spread(*(scale * x for x in found)),
                         plots.colour_of(server)))
    return rows


# --- sections -----------------------------------------------------------------

def opening(report):
    report.say("# What herd costs, and what others do: a report",
               "Written by `make bench`; see "
               "[how to read it](#how-it-was-measured).")
    report.table(("machine", ""), [(name, value) for name, value
                                   in report.facts])


def method(report):
    report.say(
        "## How it was measured",
        "All of it is made by herd-bench(1), the same driver for every "
        "server, over the loopback interface of one machine. Unless said "
        "otherwise there are 64 connections, 10,000 clients, all requests are "
        "updates of 70 bytes (IAMAT; `set` of memcached and redis with as "
        "many bytes), servers are pinned to CPU 0 and the driver to CPU 1. "
        "*P* requests are under way on each connection. Every round measures "
        "all servers in turn; tables show the median of the rounds and their "
        "range, and ratios are made round by round.",
        "* **CPU** is the server's own CPU time for a request, user and "
        "system. It says more than a rate: a rate is also the driver's.\n"
        "* A rate with a star was measured while the driver's thread was busy "
        f"for more than {BUSY:.0%} of its time: the server may be capable of "
        "more.\n"
        "* **floor** answers IAMAT with as little work as is possible and "
        "knows nobody. **echo** sends back what it gets. No server of this "
        "protocol can be cheaper than the floor.\n"
        "* **herd** is measured in its two designs, `threaded` (one worker "
        "here, as it has one CPU) and `single`, with `log.messages` off.\n"
        "* **memcached** and **redis** are no herds: they store 35 bytes under "
        "a key. They stand for what the best servers of small requests cost. "
        "redis neither writes to disk nor forks here.\n"
        "* **asyncio**, **node** and **java** are whole herds in these "
        "languages (tests/bench/contenders): IAMAT, AT, flooding. The "
        "project's tests of the protocol pass against them, but for those "
        "that tests/contenders_test.sh names. asyncio-protocol takes all "
        "lines of a read at once, asyncio-streams is a coroutine for each "
        "connection, asyncio-uvloop is the former on another event loop; "
        "java-threads has a thread for each connection, java-nio a selector "
        "for each CPU. They ran for some seconds before anything was counted.",
        "What this cannot tell: see the end.")


def one_core(report):
    for depth in (1, 16):
        servers = report.row(f"p{depth}")
        if not servers:
            continue
        report.say(f"### {depth} under way on each connection")
        report.table(
            ("server", "updates/s", "CPU µs", "CPU × floor",
             "CPU × herd-threaded", "rate × herd-threaded"),
            [(server, rate(servers, server),
              text(values(servers, server, COST), THREE),
              text(ratios(servers, server, "floor", COST), TWO),
              text(ratios(servers, server, "herd-threaded", COST), TWO),
              text(ratios(servers, server, "herd-threaded", RATE), TWO))
             for server in servers])


def rate(servers, server):
    busy = values(servers, server, "generator_busy")
    star = "*" if busy and median(busy) > BUSY else ""
    return text(values(servers, server, RATE), "{:,.0f}".format) + star


def pipelines(report):
    if not report.row("p1"):
        return
    report.say("## One server on one core")
    essence_plot(report)
    report.plot("throughput.svg", "Updates per second by depth of pipeline",
                plots.lines, "Updates per second", "under way on each of 64 "
                "connections", "updates/s",
                series(report, DEPTHS, "p{}".format, RATE), x_ticks=DEPTHS)
    report.plot("cpu.svg", "CPU per update by depth of pipeline", plots.lines,
                "The server's CPU time for an update", "under way on each of "
                "64 connections", "microseconds",
                series(report, DEPTHS, "p{}".format, COST), x_ticks=DEPTHS)
    one_core(report)
    report.say("### CPU µs for an update at all depths")
    report.table(("server", *(f"P={d}" for d in DEPTHS)),
                 [(server, *(text(values(report.row(f"p{d}"), server, COST),
                                  THREE) for d in DEPTHS))
                  for server in report.row("p1")])


def offered(report):
    rates = sorted(int(row[4:]) for row in report.rows
                   if re.fullmatch(r"open\d+", row))
    if not rates:
        return
    keeps_up = lambda found: found.median < BEHIND_US
    report.say("## How long clients wait, by offered load",
               "Updates come at random moments at this rate, whatever the "
               "server does, on 64 connections; a time is from the moment at "
               "which an update was to be sent. A server is left out from "
               f"where half of them took more than {BEHIND_US / 1e3:.0f} ms: "
               "it does not keep up.")
    for name, figure, what in (("latency.svg", P99, "99th percentile"),
                               ("latency_median.svg", P50, "median")):
        report.plot(name, f"Latency by offered load, {what}", plots.lines,
                    f"Latency, {what}", "updates per second asked for",
                    "microseconds",
                    series(report, rates, "open{}".format, figure, keeps_up),
                    x_ticks=rates)
    servers = list(report.row(f"open{rates[0]}"))
    report.say("Median and 99th percentile, microseconds (medians of the "
               "rounds):")
    report.table(("server", *map(plots.short, rates)),
                 [(s, *(waits(report.row(f"open{r}"), s) for r in rates))
                  for s in servers])
    late = [values(report.row(f"open{r}"), s, "generator_late_p99_us")
            for r in rates for s in ("floor",)]
    report.say("Of that the driver's own lateness, 99th percentile, at the "
               "same rates: " + ", ".join(text(xs[:1]) if len(xs) < 2 else
                                          number(median(xs)) for xs in late)
               + ".")


def waits(servers, server):
    half = values(servers, server, P50)
    if not half:
        return "–"
    if median(half) >= BEHIND_US:
        return "behind"
    return f"{number(median(half))}, " \
           f"{number(median(values(servers, server, P99)))}"


def connecting(report):
    servers = report.row("connect")
    if not servers:
        return
    report.say("## Connect, one update, close")
    report.table(("server", "connections/s", "CPU µs",
                  "rate × herd-threaded"),
                 [(s, rate(servers, s), text(values(servers, s, COST)),
                   text(ratios(servers, s, "herd-threaded", RATE), TWO))
                  for s in servers])


def memory(report):
    idle, clients = report.row("idle"), report.row("clients")
    per_connection = "server_memory_per_connection_bytes"
    per_client = "server_memory_per_client_bytes"
    if not idle:
        return
    report.say("## Memory",
               "What the server's own memory (RssAnon, not the kernel's "
               "buffers) grew by: for each of 5,000 idle connections, and for "
               "each of a million clients (ids of 20 bytes), of which the "
               "server ends up with all. Virtual machines take memory in "
               "large steps and ahead of need, so theirs are what they took, "
               "not what they needed. The floor knows no clients.")
    report.plot("memory_connection.svg", "Memory of an idle connection",
                plots.bars, "Memory of an idle connection", "bytes",
                [r for r in bar_rows(idle, per_connection)
                 if r[1].median > 0], log=True)
    report.plot("memory_client.svg", "Memory of a client", plots.bars,
                "Memory of a client, of a million", "bytes",
                bar_rows(clients, per_client))
    report.table(("server", "bytes per idle connection", "bytes per client",
                  "CPU µs per update, a million clients, P=16"),
                 [(s, text(values(idle, s, per_connection), "{:.0f}".format),
                   text(values(clients, s, per_client), "{:.0f}".format),
                   text(values(report.row("million"), s, COST), THREE))
                  for s in idle])


def two_cores(report):
    pairs = list(dict.fromkeys(
        s.rsplit("-", 1)[0] for s in report.row("cores16")))
    if pairs:
        report.say("## A second core",
                   "One worker and one driver thread on CPU 0, beside two and "
                   "two on both CPUs: the ideal is 2. herd and the floor serve "
                   "a connection on the CPU where its packets come from.")
        doubled = [(p, spread(ratios(report.row("cores16"), p + "-two",
                                     p + "-one", RATE)),
                    plots.colour_of("herd-threaded" if p == "herd" else p))
                   for p in pairs]
        report.plot("cores.svg", "Updates per second on two cores by those on "
                    "one", plots.bars, "Updates/s on two cores by those on "
                    "one, P=16", "times", [d for d in doubled if d[1]])
        report.table(("server", "two cores × one, P=1", "two cores × one, P=16",
                      "updates/s on two, P=16"),
                     [(p, *(text(ratios(report.row(f"cores{d}"), p + "-two",
                                        p + "-one", RATE), TWO)
                            for d in (1, 16)),
                       text(values(report.row("cores16"), p + "-two", RATE),
                            "{:,.0f}".format)) for p in pairs])
    servers = report.row("any16")
    if servers:
        report.say("### Nothing pinned by hand",
                   "Server and two driver threads on both CPUs, as the "
                   "scheduler likes. The driver needs as much CPU as a fast "
                   "server, so this is no measure of what a second core is "
                   "worth: it is what one sees on such a machine.")
        report.table(("server", "updates/s, P=1", "× herd-single",
                      "updates/s, P=16", "× herd-single"),
                     [(s, *(cell for d in (1, 16) for cell in
                            (rate(report.row(f"any{d}"), s),
                             text(ratios(report.row(f"any{d}"), s,
                                         "herd-single", RATE), TWO))))
                      for s in servers])


def mixed(report):
    servers = report.row("mixed")
    if not servers:
        return
    report.say("## Heavy questions beside updates",
               "One IAMAT every millisecond, while the same server has 1,000 "
               "WHATSATs under way, each for 20 places, whose provider "
               "(herd-places, on the same machine) answers after 100 ms: its "
               "JSON is cut and passed on. Both CPUs are shared by herdd, the "
               "provider and the driver, and are busy. Microseconds until the "
               "IAMAT is answered:")
    head = ("design", "idle: p50", "p99", "busy: p50", "p99",
            "another server, same machine: p50", "p99", "WHATSATs/s meanwhile")
    keys = ("idle-asked-p50", "idle-asked-p99", "busy-asked-p50",
            "busy-asked-p99", "busy-other-p50", "busy-other-p99", "busy-rate")
    report.plot("mixed.svg", "IAMAT beside heavy WHATSATs", plots.bars,
                "IAMAT, 99th percentile", "microseconds",
                [(f"{s}, {k.split('-')[0]}", spread(values(servers, s, k)),
                  plots.colour_of(s)) for k in ("idle-asked-p99",
                                                "busy-asked-p99")
                 for s in servers], log=True)
    report.table(head, [(s, *(text(values(servers, s, k)) for k in keys))
                        for s in servers])


# --- herds ----------------------------------------------------------------------

def edges(topology, n):
    return {"chain": n - 1, "ring": n, "star": n - 1,
            "mesh": n * (n - 1) // 2}[topology]


def herds(report):
    return [(t, n) for t in TOPOLOGIES for n in SIZES
            if f"hops-{t}-{n}" in report.rows]


def hops(report):
    if not report.row("hops-chain-1"):
        return
    report.say("## Floods: time",
               "200 updates a second at one server, and how long each takes "
               "to the other end of a chain; the driver is there in the place "
               "of a server, and its link is one of the hops. All servers run "
               "on the two CPUs of this machine, with nothing pinned.")
    by_design = {d: [(n, found) for n in SIZES if (found := spread(
        values(report.row(f"hops-chain-{n}"), d, ARRIVAL)))] for d in DESIGNS}
    report.plot("hops.svg", "Time of a flood by hops", plots.lines,
                "Time of an update, median", "hops", "microseconds", by_design,
                x_ticks=SIZES)


def sizes(report):
    if not herds(report):
        return
    report.table(
        ("herd", "servers", "edges", "hops", "threaded: p50 µs", "p99",
         "single: p50 µs", "p99"),
        [(t, str(n), str(edges(t, n)),
          text(values(report.row(f"hops-{t}-{n}"), DESIGNS[0], "hops")[:1]),
          *(text(values(report.row(f"hops-{t}-{n}"), d, f)) for d in DESIGNS
            for f in (ARRIVAL, "flood_latency.p99_us")))
         for t, n in herds(report)])
    report.say("## Floods: messages and rate",
               "*Messages* are the AT lines that the servers send to each "
               "other for one update: at the slow rate above, where floods do "
               "not meet, and under load. An update needs at least one for "
               "each server but the first. *Updates/s* is as many as the herd "
               "takes from 64 connections with 16 under way each, the time "
               "until all servers hold the same included; *CPU* is that of "
               "all servers together for one update. All of them share two "
               "CPUs with the driver.")
    sizes_plots(report)
    report.table(
        ("herd", "servers", "least messages", "messages", "under load",
         "threaded: updates/s", "CPU µs", "single: updates/s", "CPU µs"),
        [(t, str(n), str(n - 1),
          text(values(report.row(f"hops-{t}-{n}"), DESIGNS[0],
                      "messages_per_update")),
          text(values(report.row(f"load-{t}-{n}"), DESIGNS[0],
                      "messages_per_update")),
          *(text(values(report.row(f"load-{t}-{n}"), d, f)) for d in DESIGNS
            for f in ("updates_per_s_until_all_agree", "cpu_us_per_update")))
         for t, n in herds(report)])


def sizes_plots(report):
    for name, title, row, figure, unit in (
            ("messages.svg", "Messages for an update, slow rate", "hops",
             "messages_per_update", "AT lines"),
            ("convergence.svg", "Updates per second until all agree", "load",
             "updates_per_s_until_all_agree", "updates/s"),
            ("arrival.svg", "Time of an update to the farthest, median",
             "hops", ARRIVAL, "microseconds")):
        by_topology = {t: [(n, found) for n in SIZES if n > 1 and (
            found := spread(values(
                report.row(f"{row}-{'chain' if n == 2 else t}-{n}"),
                DESIGNS[0], figure)))] for t in TOPOLOGIES}
        report.plot(name, title, plots.lines, f"{title}: herd-threaded",
                    "servers", unit,
                    {t: p for t, p in by_topology.items() if p},
                    x_ticks=SIZES[1:])


def languages(report):
    servers = report.row("five-load")
    if not servers:
        return
    report.say("## The herd of five, in each language",
               "The default herd: Goloman talks with Hands, Holiday and "
               "Wilkes, Hands with Wilkes, Holiday with Welsh and Wilkes. "
               "Updates go to Goloman; the driver is Welsh's neighbour, three "
               "hops away. *Updates/s* is as many as the five take until the "
               "last has arrived there (herd: until all five hold the same); "
               "*time* is at 200 updates a second. herd's links ask for "
               "liveness, catch up after losses and are bounded in memory; "
               "those of the others do none of that.")
    report.plot("languages.svg", "Updates per second of a herd of five",
                plots.bars, "Updates/s that a herd of five takes", "updates/s",
                [(s, found, plots.colour_of(s)) for s in servers
                 if (found := spread(taken(servers, s)))])
    report.table(("herd", "updates/s", "× herd-threaded",
                  "CPU µs of all five per update", "time: p50 µs", "p99"),
                 [(s, text(taken(servers, s), "{:,.0f}".format),
                   text(taken_ratios(servers, s, "herd-threaded"), TWO),
                   text(values(servers, s, "cpu_us_per_update")),
                   *(text(values(report.row("five-hops"), s, f)) for f in
                     (ARRIVAL, "flood_latency.p99_us"))) for s in servers])


TAKEN = ("updates_per_s_until_all_agree", "updates_per_s_until_all_arrived")


def taken(servers, server):
    return [x for f in TAKEN for x in values(servers, server, f)]


def taken_ratios(servers, a, b):
    rounds = [r for r in servers[a] if r in servers.get(b, {})]
    first = lambda found: next(x for f in TAKEN
                               if (x := pick(found, f)) is not None)
    return [first(servers[a][r]) / first(servers[b][r]) for r in rounds]


# --- what matters most -----------------------------------------------------------------

MARKS = ("<!-- what make bench-record writes -->", "<!-- until here -->")


def essence_plot(report):
    rows = bar_rows(report.row("p16"), RATE)
    rows = [r for r in rows if r[0] != "echo"]
    rows.sort(key=lambda r: -r[1].median)
    report.plot("essence.svg", "Updates per second on one core", plots.bars,
                "Updates per second on one core, 16 under way on each of 64 "
                "connections", "updates/s", rows)


def essence(report):
    """One line for each server; of herds, what five of them do, too."""
    p1, p16, idle, clients, load, times = map(report.row, (
        "p1", "p16", "idle", "clients", "five-load", "five-hops"))
    whole = "{:,.0f}".format
    report.lines = []
    report.table(
        ("server", "CPU µs per update, P=1", "P=16", "bytes per connection",
         "per client", "a herd of five: updates/s", "update there after, µs"),
        [(s, *(middle(xs, form) for xs, form in (
            (values(p1, s, COST), "{:.1f}".format),
            (values(p16, s, COST), TWO),
            (values(idle, s, "server_memory_per_connection_bytes"), whole),
            (values(clients, s, "server_memory_per_client_bytes"), whole),
            (taken(load, s), whole),
            (values(times, s, ARRIVAL), whole)))) for s in p16 if s != "echo"])
    return "\n".join(report.lines)


def middle(xs, form):
    return form(median(xs)) if xs else "–"


def put_essence(report, path):
    with open(path, encoding="utf-8") as lines:
        before, rest = lines.read().split(MARKS[0], 1)
    after = rest.split(MARKS[1], 1)[1]
    with open(path, "w", encoding="utf-8") as out:
        out.write(f"{before}{MARKS[0]}\n\n{essence(report)}{MARKS[1]}{after}")


# --- the end ----------------------------------------------------------------------

def caveats(report):
    loads = [x for servers in report.rows.values() for s in servers
             for x in values(servers, s, "other_load")]
    doubtful = sum(x > 0.05 for x in loads)
    report.say(
        "## What this cannot tell",
        "* Two CPUs are not sixteen: one doubling says that nothing is shared "
        "that two cores would fight over, and no more.\n"
        "* Loopback is no network: there is no card, no loss, no distance, "
        "and the kernel's work for sending and for receiving falls on the "
        "CPU of the sender.\n"
        "* Absolute rates and times are this machine's on that day. Another "
        "processor, kernel or hypervisor shifts the share of the kernel, and "
        "with it every ratio between a cheap server and a dear one.\n"
        "* herd, memcached and redis speak different protocols and do "
        "different work; the driver's part differs little.\n"
        "* The servers in other languages are readable programs of a few "
        "hundred lines, not the best that is possible there.\n"
        "* Measured while more than 5 % of the machine's CPU time went to "
        f"programs that are not part of it: {doubtful} of {len(loads)} "
        "measurements.")


def write(report):
    opening(report)
    pipelines(report)
    offered(report)
    connecting(report)
    memory(report)
    two_cores(report)
    mixed(report)
    hops(report)
    sizes(report)
    languages(report)
    method(report)
    caveats(report)
    if not plots.available():
        report.say("Without plots: the package gnuplot-nox is not installed.")
    path = os.path.join(report.directory, "report.md")
    with open(path, "w", encoding="utf-8") as out:
        out.write("\n".join(report.lines).rstrip() + "\n")
    print(f"bench: the report is {path}")


# --- templates ----------------------------------------------------------------------

FORMS = {"k": lambda x: f"{x / 1e3:,.0f}",
         "ms": lambda x: f"{x / 1e3:.3g}",
         "M": lambda x: f"{x / 1e6:.2f}",
         "least": lambda x: f"{x:.2g}"}


def fill(report, template):
    def form_of(words, count):
        name = words[count] if len(words) > count else None
        return FORMS.get(name) or (f"{{:{name}}}".format if name else number)

    def replace(match):
        what, *words = match[1].split()
        if what == "fact":
            return next(v for k, v in report.facts if k == " ".join(words))
        servers = report.rows[words[0]]
        if what in ("value", "range"):
            xs = values(servers, *words[1:3])
            form = form_of(words, 3)
        else:
            xs = ratios(servers, *words[1:4])
            form = form_of(words, 4)
        if what == "range":
            return f"{form(min(xs))} to {form(max(xs))}"
        if what == "spread":
            return text(xs, form)
        if what == "more":
            return f"{100 * (median(xs) - 1):.0f}"
        return form(median(xs))

    return re.sub(r"\{((?:value|range|ratio|spread|more|fact) [^}]*)\}",
                  replace, template)


def main(directory, what=None, path=None):
    report = Report(directory)
    if what == "essence":
        put_essence(report, path)
    elif what == "fill":
        with open(path, encoding="utf-8") as lines:
            sys.stdout.write(fill(report, lines.read()))
    else:
        write(report)


main(*sys.argv[1:])
