"""What the sections of the report share: where it is written, and how."""
import os
import subprocess
from statistics import median

import plots
from results import Spread, number, read, spread, text, values

COST = "server_cpu_us"
RATE = "requests_per_s"
P50 = "latency.p50_us"
P99 = "latency.p99_us"
ARRIVAL = "flood_latency.p50_us"
TWO = "{:.2f}".format
THREE = "{:.3f}".format
BUSY = 0.9  # of the driver's thread: a rate may be its own


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
        try:
            draw(os.path.join(self.directory, name), *args, **options)
        except subprocess.CalledProcessError:
            self.say(f"({name} could not be drawn.)")
            return
        self.say(f"![{alt}]({name})")


def read_facts(path):
    with open(path, encoding="utf-8") as lines:
        return [line.rstrip("\n").split("\t", 1) for line in lines]


def series(report, xs, row_of, figure, keep=lambda servers, server: True):
    """{server: [(x, Spread)]} over the rows that belong to xs."""
    result = {}
    for x in xs:
        for server in report.row(row_of(x)):
            found = spread(values(report.row(row_of(x)), server, figure))
            if found and keep(report.row(row_of(x)), server):
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
