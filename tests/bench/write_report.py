#!/usr/bin/env python3
"""The report of bench.sh: tables and plots of what it measured.

    write_report.py DIRECTORY              report.md and its plots
    write_report.py DIRECTORY essence FILE the table of what matters most, put
                                           between two marks in FILE
    write_report.py DIRECTORY fill FILE    FILE on standard output, what is in
                                           braces replaced by figures: see
                                           templates.py
"""
import os
import re
import sys
from statistics import median

import plots
import report_herds as herds
import report_servers as servers
import templates
from document import ARRIVAL, BUSY, COST, RATE, TWO, Report, bar_rows
from results import values


def opening(report):
    report.say("# What herd costs, and what others do: a report",
               "Written by `make bench`; see "
               "[how to read it](#how-it-was-measured).")
    report.table(("machine", ""), [(name, value) for name, value
                                   in report.facts])


def method(report):
    report.say(
        "## How it was measured",
        "Nearly all of it is made by herd-bench(1), the same driver for every "
        "server, over the loopback interface of one machine. Unless said "
        "otherwise there are 64 connections, 10,000 clients, all requests are "
        "updates of 70 bytes (IAMAT; `set` of memcached and redis, as long), "
        "servers are pinned to CPU 0 and the driver to CPU 1. "
        "*P* requests are under way on each connection. Every round measures "
        "all servers in turn, another one first; for pipelines and for the "
        "second core, those that need no warming up are new processes in each "
        "round. Tables show the median of the rounds and their range. Ratios "
        "are made round by round, and the median of ratios need not be the "
        "ratio of the medians.",
        "* **CPU** is the server's own CPU time for a request, user and "
        "system. It says more than a rate: a rate is also the driver's.\n"
        "* A rate with a star was measured while the driver's thread was busy "
        f"for more than {BUSY:.0%} of its time: the server may be capable of "
        "more.\n"
        "* **floor** answers IAMAT with as little work as is possible and "
        "knows nobody. **echo** sends back what it gets. The floor is meant "
        "as a lower bound; where a server seems cheaper, that is noise.\n"
        "* **herd** is measured in its two designs, `threaded` (one worker "
        "here, as it has one CPU) and `single`, with `log.messages` off, "
        "which is on by default: `make bench-targets` tells what it costs.\n"
        "* **memcached** and **redis** are no herds: they store 35 and 23 "
        "bytes under a key. They stand for what the best servers of small "
        "requests cost. redis neither writes to disk nor forks here; "
        "memcached is told to take as many requests of a connection at a time "
        "as are there (-R).\n"
        "* **asyncio**, **node** and **java** are whole herds in these "
        "languages (tests/bench/contenders): IAMAT, AT, flooding. The "
        "project's tests of the protocol pass against them, but for those "
        "that tests/contenders_test.sh names. asyncio-protocol takes all "
        "lines of a read at once, asyncio-streams is a coroutine for each "
        "connection, asyncio-uvloop is the former on another event loop; "
        "java-threads has a thread for each connection, java-nio a selector "
        "for each CPU, both with the parallel collector, which took them "
        "least CPU time. All ran for some seconds before anything was "
        "counted; in the first rounds the compilers of Java and Node.js may "
        "have been at work yet.")


PARTS = {"p": "pipelines", "open": "offered load", "connect": "connecting",
         "idle": "memory", "clients": "memory", "million": "memory",
         "cores": "a second core", "any": "nothing pinned",
         "hops": "herds by size", "load": "herds by size",
         "five": "herds of five"}


def disturbed(report):
    """Of each part, how many measurements had company, in words."""
    parts = {}
    for name, row in report.rows.items():
        part = PARTS.get(re.match("[a-z]+", name)[0])
        loads = [x for s in row for x in values(row, s, "other_load")]
        if part:
            parts.setdefault(part, []).extend(loads)
    return ", ".join(f"{part} {sum(x > 0.05 for x in loads)} of {len(loads)}"
                     for part, loads in parts.items())


def caveats(report):
    report.say(
        "## What this cannot tell",
        "* Two CPUs are not sixteen: a factor from one to two says little of "
        "what sixteen would do, whatever it is.\n"
        "* Loopback is no network: there is no card, no loss, no distance, "
        "and the kernel's work for sending and for receiving falls on the "
        "CPU of the sender.\n"
        "* Absolute rates and times are this machine's on that day. Another "
        "processor, kernel or hypervisor shifts the share of the kernel, and "
        "with it every ratio between a cheap server and a dear one.\n"
        "* herd, memcached and redis speak different protocols and do "
        "different work.\n"
        "* Unless they are new in each round, two processes of the same "
        "program may differ; why was not found.\n"
        "* The servers in other languages are readable programs of 300 to "
        "1,300 lines, not the best that is possible there.\n"
        "* Measured while more than 5 % of the machine's CPU time went to "
        f"programs that are not part of it: of {disturbed(report)}.")


MARKS = ("<!-- what make bench-record writes -->", "<!-- until here -->")


def at_least(row, server):
    """A name: the driver could not ask it for more."""
    busy = values(row, server, "generator_busy")
    return f"{server}, at least" if busy and median(busy) > BUSY else server


def essence_plot(report):
    p16 = report.row("p16")
    rows = [(at_least(p16, server), rate, colour) for server, rate, colour
            in bar_rows(p16, RATE) if server != "echo"]
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
         "per client", "a herd of five: updates/s", "at the far end after, µs"),
        [(s, *(middle(xs, form) for xs, form in (
            (values(p1, s, COST), "{:.1f}".format),
            (values(p16, s, COST), TWO),
            (own_memory(idle, s, "connection"), whole),
            (own_memory(clients, s, "client"), whole),
            ([round(x, -3) for x in herds.taken(load, s)], whole),
            (values(times, s, ARRIVAL), whole)))) for s in p16 if s != "echo"])
    return "\n".join(report.lines)


def own_memory(servers, server, of):
    """Virtual machines take it ahead of need: the heap says nothing. Threads'
    stacks are not of it."""
    if server in ("java-nio", "node") or \
            (server == "java-threads" and of == "client"):
        return []
    return values(servers, server, f"server_memory_per_{of}_bytes")


def middle(xs, form):
    return form(median(xs)) if xs else "–"


def put_essence(report, path):
    with open(path, encoding="utf-8") as lines:
        before, rest = lines.read().split(MARKS[0], 1)
    after = rest.split(MARKS[1], 1)[1]
    with open(path, "w", encoding="utf-8") as out:
        out.write(f"{before}{MARKS[0]}\n\n{essence(report)}\n{MARKS[1]}{after}")


def write(report):
    opening(report)
    essence_plot(report)
    servers.tell(report)
    herds.tell(report)
    method(report)
    caveats(report)
    if not plots.available():
        report.say("Without plots: the package gnuplot-nox is not installed.")
    path = os.path.join(report.directory, "report.md")
    with open(path, "w", encoding="utf-8") as out:
        out.write("\n".join(report.lines).rstrip() + "\n")
    print(f"bench: the report is {path}")


def main(directory, what=None, path=None):
    report = Report(directory)
    if what == "essence":
        put_essence(report, path)
    elif what == "fill":
        with open(path, encoding="utf-8") as lines:
            sys.stdout.write(templates.fill(report, lines.read()))
    else:
        write(report)


main(*sys.argv[1:])
