#!/usr/bin/env python3
"""What was measured, as tables: for quick.sh and targets.sh.

    report.py FILE table ROW [BASE]       a line for each server
    report.py FILE ratio ROW A B FIGURE   A's figure by B's
    report.py FILE value ROW A FIGURE [FACTOR]

FILE has a line for each measurement: ROW, SERVER, ROUND and what herd-bench
said, as JSON, with tabs between them. FIGURE is a name in that, "latency.p99_us"
one in a group. Ratios are made round by round, so that the machine's moods hit
both sides; told are the median and the range."""
import json
import sys
from statistics import median

COST = "server_cpu_us"
RATE = "requests_per_s"
DOUBTFUL = 0.1  # of all CPUs, used by others


def read(path):
    rows = {}
    with open(path, encoding="utf-8") as lines:
        for line in lines:
            row, server, number, found = line.rstrip("\n").split("\t")
            servers = rows.setdefault(row, {})
            servers.setdefault(server, {})[number] = json.loads(found)
    return rows


def pick(found, figure):
    for key in figure.split("."):
        found = found.get(key) if found else None
    return found


def values(servers, server, figure):
    found = [pick(f, figure) for f in servers.get(server, {}).values()]
    return [x for x in found if x is not None]


def ratios(servers, a, b, figure):
    """Of the rounds that both have."""
    result = []
    for number, found in servers.get(a, {}).items():
        x = pick(found, figure)
        y = pick(servers.get(b, {}).get(number), figure)
        if x is not None and y:
            result.append(x / y)
    return result


def number(x):
    return f"{x:.0f}" if abs(x) >= 1000 else f"{x:.4g}"


def spread(xs, form=number):
    if not xs:
        return "-"
    if len(xs) == 1:
        return form(xs[0])
    return f"{form(median(xs))} ({form(min(xs))} to {form(max(xs))})"


def table(servers, base):
    others = [s for s in ("memcached", "redis") if s in servers]
    print(f"  {'':<14}{'server CPU us':>22}{'x ' + base:>22}"
          f"{'requests/s':>12}" + "".join(f"{'x ' + o:>13}" for o in others)
          + f"{'driver us':>11}{'other load':>12}")
    two = "{:.2f}".format
    for server in servers:
        xs = {f: values(servers, server, f) for f in
              (COST, RATE, "generator_cpu_us", "other_load")}
        print(f"  {server:<14}{spread(xs[COST], '{:.3f}'.format):>22}"
              f"{spread(ratios(servers, server, base, COST), two):>22}"
              f"{median(xs[RATE]):>12.0f}"
              + "".join(f"{median(r) if r else 0:>13.2f}" for r in
                        (ratios(servers, server, o, RATE) for o in others))
              + f"{median(xs['generator_cpu_us']):>11.3f}"
              f"{100 * median(xs['other_load']):>10.0f} %")
    loads = [x for s in servers for x in values(servers, s, "other_load")]
    if median(loads) > DOUBTFUL:
        print("  Other programs kept this machine busy: little of this holds.")


def main(path, what, row, *rest):
    servers = read(path).get(row, {})
    if what == "table":
        table(servers, rest[0] if rest else "floor")
    elif what == "ratio":
        print(spread(ratios(servers, *rest), "{:.2f}".format))
    else:
        factor = float(rest[2]) if len(rest) > 2 else 1
        print(spread([factor * x for x in values(servers, *rest[:2])]))


main(*sys.argv[1:])
