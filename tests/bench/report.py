#!/usr/bin/env python3
"""What was measured, as text: for quick.sh and targets.sh.

    report.py FILE table ROW [BASE]       a line for each server
    report.py FILE ratio ROW A B FIGURE   A's figure by B's
    report.py FILE value ROW A FIGURE [FACTOR]

FILE is that of results.py. Told are the median and the range."""
import sys
from statistics import median

from results import ratios, read, text, values

COST = "server_cpu_us"
RATE = "requests_per_s"
DOUBTFUL = 0.1  # of all CPUs, used by others


def table(servers, base):
    others = [s for s in ("memcached", "redis") if s in servers]
    print(f"  {'':<14}{'server CPU us':>22}{'x ' + base:>22}"
          f"{'requests/s':>12}" + "".join(f"{'x ' + o:>13}" for o in others)
          + f"{'driver us':>11}{'other load':>12}")
    two = "{:.2f}".format
    for server in servers:
        xs = {f: values(servers, server, f) for f in
              (COST, RATE, "generator_cpu_us", "other_load")}
        print(f"  {server:<14}{text(xs[COST], '{:.3f}'.format):>22}"
              f"{text(ratios(servers, server, base, COST), two):>22}"
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
        print(text(ratios(servers, *rest), "{:.2f}".format))
    else:
        factor = float(rest[2]) if len(rest) > 2 else 1
        print(text([factor * x for x in values(servers, *rest[:2])]))


main(*sys.argv[1:])
