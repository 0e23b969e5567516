"""The report on one server: rates, CPU time, latency, memory, cores."""
import re
from statistics import median

import plots
from document import (BUSY, COST, P50, P99, RATE, THREE, TWO, bar_rows, series)
from results import number, ratios, spread, text, values

DEPTHS = (1, 4, 16, 64)
HEAP = ("java-nio", "node")
LOADS = (("idle", "none"), ("steady", "steady"), ("busy", "full"))  # WHATSATs
BEHIND_US = 5e3  # median of those who do not keep up with a rate


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
    report.say("## How long clients wait, by offered load",
               "Updates come at random moments at this rate, whatever the "
               "server does, on 64 connections; a time is from the moment at "
               "which an update was to be sent. A server is left out from "
               f"where half of them took more than {BEHIND_US / 1e3:.0f} ms: "
               "it does not keep up, and is not asked for more. A ~ is before "
               "a 99th percentile that says more of the driver than of the "
               "server: the driver itself was late by more than half of it. "
               "Where the floor's median rises, all others contain that of "
               "the driver, too.")
    for name, figure, what in (("latency.svg", P99, "99th percentile"),
                               ("latency_median.svg", P50, "median")):
        report.plot(name, f"Latency by offered load, {what}", plots.lines,
                    f"Latency, {what}", "updates per second asked for",
                    "microseconds",
                    series(report, rates, "open{}".format, figure, keeps_up),
                    x_ticks=rates)
    servers = list(report.row(f"open{rates[0]}"))
    report.say("Median and 99th percentile, microseconds (each the median of "
               "the rounds; their ranges are in the plots):")
    report.table(("server", *map(plots.short, rates)),
                 [(s, *(waits(report.row(f"open{r}"), s) for r in rates))
                  for s in servers])


def keeps_up(servers, server):
    return median(values(servers, server, P50)) < BEHIND_US


def waits(servers, server):
    half = values(servers, server, P50)
    if not half:
        return "–"
    if not keeps_up(servers, server):
        return "behind"
    last = median(values(servers, server, P99))
    late = median(values(servers, server, "generator_late_p99_us"))
    doubt = "~" if late > last / 2 else ""
    return f"{number(median(half))}, {doubt}{number(last)}"


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
               "buffers) grew by: for each of 5,000 connections that never "
               "say anything, and for each of a million clients (ids of 20 "
               "bytes), of which the server ends up with all. A million is "
               "just below 2^20, where tables that double are nearly full. "
               "Measured once. *At rest* is before all that, after "
               "the loads above, in MB; Java's heap is of its default size. "
               "The floor knows no clients. For Java and Node.js there is a – "
               "where the heap says nothing: it grows in large steps, ahead "
               "of need, and had room already; java-threads' connections "
               "are mostly stacks, which are not of the heap.")
    report.plot("memory_connection.svg", "Memory of an idle connection",
                plots.bars, "Memory of an idle connection", "bytes",
                [r for r in bar_rows(idle, per_connection,
                                     [s for s in idle if s not in HEAP])
                 if r[1].median > 0], log=True)
    report.plot("memory_client.svg", "Memory of a client", plots.bars,
                "Memory of a client, of a million", "bytes",
                bar_rows(clients, per_client,
                         [s for s in clients if s not in HEAP
                          and s != "java-threads"]))
    at_rest, total = "server_memory_before_bytes", "server_memory_bytes"
    report.table(("server", "at rest", "bytes per idle connection",
                  "bytes per client", "MB with a million clients",
                  "CPU µs per update, a million clients, P=16"),
                 [(s, text([x / 1e6 for x in values(idle, s, at_rest)],
                           "{:.1f}".format),
                   "–" if s in HEAP else
                   text(values(idle, s, per_connection), "{:.0f}".format),
                   "–" if s in HEAP or s == "java-threads" else
                   text(values(clients, s, per_client), "{:.0f}".format),
                   text([x / 1e6 for x in values(clients, s, total)],
                        "{:.0f}".format),
                   text(values(report.row("million"), s, COST), THREE))
                  for s in idle])


def doubling(report, server, depth):
    """The floor in both of its ways is compared with the same one."""
    one = "floor" if server == "floor-by-turns" else server
    return ratios(report.row(f"cores{depth}"), f"{server}-two", f"{one}-one",
                  RATE)


def two_cores(report):
    pairs = list(dict.fromkeys(
        s.rsplit("-", 1)[0] for s in report.row("cores16")))
    if pairs:
        report.say("## A second core",
                   "One worker and one driver thread share CPU 0, with 64 "
                   "connections; beside that, two and two share both CPUs, "
                   "with 128. The ideal is 2, and more is noise. The driver's "
                   "threads are pinned, and herd and the floor serve a "
                   "connection on the CPU where its packets come from, so "
                   "that none of them crosses; floor-by-turns serves them in "
                   "turn, as memcached and Java do.")
        doubled = [(p, spread(doubling(report, p, 16)),
                    plots.colour_of("herd-threaded" if p == "herd" else p))
                   for p in pairs]
        report.plot("cores.svg", "Updates per second on two cores by those on "
                    "one", plots.bars, "Updates/s on two cores by those on "
                    "one, P=16", "times", [d for d in doubled if d[1]])
        report.table(("server", "two cores × one, P=1", "two cores × one, P=16",
                      "updates/s on two, P=16"),
                     [(p, *(text(doubling(report, p, d), TWO)
                            for d in (1, 16)),
                       text(values(report.row("cores16"), p + "-two", RATE),
                            "{:,.0f}".format)) for p in pairs])
    servers = report.row("any16")
    if servers:
        report.say("### Nothing pinned by hand",
                   "Server and two driver threads on both CPUs, as the "
                   "scheduler likes; but herd-threaded pins its two workers "
                   "itself. The driver needs as much CPU as a fast server, so "
                   "this is no measure of what a second core is worth: it is "
                   "what one sees on such a machine.")
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
               "One IAMAT every millisecond, while the same server is sent "
               "WHATSATs, each for five places within 10 km. The provider "
               "(herd-places, on the same machine) answers after 100 ms with "
               "up to 20, and herdd cuts them. *Steady* are 2,000 a second, "
               "whatever the server does, which is the same load for both "
               "designs. *Full* are 1,000 under way: each that is answered "
               "is followed by another one, so that who answers sooner is "
               "asked more. herdd, the provider and the driver share both "
               "CPUs; only the workers of "
               "the threaded design are pinned, by herdd itself. Another "
               "server on the same machine, single-threaded both times, has "
               "the same IAMATs but no WHATSATs: what it is later by than "
               "without them is for want of CPU. Nobody waits for an answer "
               "before the next IAMAT is sent. Made by tests/bench/whatsat. "
               "Microseconds:")
    report.plot("mixed.svg", "IAMAT beside heavy WHATSATs", plots.bars,
                "IAMAT alone, and beside WHATSATs", "microseconds "
                "(logarithmic)",
                [(f"{s}, {name}: {part}", found, plots.colour_of(s))
                 for part in ("p50", "p99") for load, name in LOADS
                 for s in servers if (found := spread(
                     values(servers, s, f"{load}-asked-{part}")))], log=True)
    report.table(("design", "load", "WHATSATs/s", "p50", "p99",
                  "another server: p50", "p99"),
                 [(s, name, text(values(servers, s, f"{load}-rate")),
                   *(text(values(servers, s, f"{load}-{where}-{part}"))
                     for where in ("asked", "other")
                     for part in ("p50", "p99")))
                  for load, name in LOADS for s in servers])


def tell(report):
    pipelines(report)
    offered(report)
    connecting(report)
    memory(report)
    two_cores(report)
    mixed(report)
