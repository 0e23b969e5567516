"""The report on herds: how long floods take, and what they cost."""
from statistics import median

import plots
from document import ARRIVAL, TWO
from results import pick, spread, text, values

SIZES = (1, 2, 5, 10, 20)
TOPOLOGIES = ("chain", "ring", "star", "mesh")
DESIGNS = ("herd-threaded", "herd-single")


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
               "on the two CPUs of this machine, with nothing pinned "
               "(herd-threaded has one worker).")
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
               "other for one update: at the slow rate above, where floods "
               "seldom meet, and under load. An update needs at least one for "
               "each server but the first. *Updates/s* is as many as the herd "
               "takes from 64 connections with 16 under way each, the time "
               "until all servers hold the same included; *CPU* is that of "
               "all servers together for one update. *Overtaken* are those "
               "that a newer one of the same client (there are 50,000) "
               "overtook on the way and that are not flooded to the end: work "
               "that a herd spares itself, so look at it before comparing. "
               "All servers share two CPUs with the driver, nothing pinned.")
    sizes_plots(report)
    report.table(
        ("herd", "servers", "least messages", "messages", *(
            f"{d}: {what}" for d in ("threaded", "single") for what in
            ("messages under load", "overtaken", "updates/s", "CPU µs"))),
        [(t, str(n), str(n - 1),
          text(values(report.row(f"hops-{t}-{n}"), DESIGNS[0],
                      "messages_per_update")),
          *(cell for d in DESIGNS
            for cell in loaded(report.row(f"load-{t}-{n}"), d)))
         for t, n in herds(report)])


def loaded(row, design):
    return (text(values(row, design, "messages_per_update")),
            percent(overtaken(row, design)),
            text(values(row, design, "updates_per_s_until_all_agree"),
                 "{:,.0f}".format),
            text(values(row, design, "cpu_us_per_update")))


def overtaken(row, server):
    """Of the updates, the part that was superseded: of each round."""
    return [late / all_of_them for late, all_of_them in
            zip(values(row, server, "superseded"),
                values(row, server, "updates"))]


def percent(parts):
    return text([100 * x for x in parts], "{:.0f} %".format)


# --- a model of what they cost -------------------------------------------------------

def solve(a, b):
    """Gauss, for the few unknowns that there are."""
    n = len(b)
    rows = [row[:] + [y] for row, y in zip(a, b)]
    for i in range(n):
        pivot = max(range(i, n), key=lambda r: abs(rows[r][i]))
        rows[i], rows[pivot] = rows[pivot], rows[i]
        for r in range(n):
            if r != i:
                factor = rows[r][i] / rows[i][i]
                rows[r] = [x - factor * y for x, y in zip(rows[r], rows[i])]
    return [rows[i][n] / rows[i][i] for i in range(n)]


def fit(points):
    """Least squares of the relative error: [(factors, value)] to the costs."""
    scaled = [([x / y for x in xs], 1.0) for xs, y in points]
    n = len(points[0][0])
    return solve([[sum(xs[i] * xs[j] for xs, _ in scaled) for j in range(n)]
                  for i in range(n)],
                 [sum(xs[i] * y for xs, y in scaled) for i in range(n)])


def model_points(report, design):
    """Of each herd: once for the update, for each server that learns it, and
    for each message that is no news."""
    points = []
    for t, n in herds(report):
        row = report.row(f"load-{t}-{n}")
        cpu = values(row, design, "cpu_us_per_update")
        messages = values(row, design, "messages_per_update") or \
            ([0] if n == 1 else [])
        if cpu and messages:
            news = (n - 1) * (1 - median(overtaken(row, design)))
            stale = max(0, median(messages) - news)
            points.append(((t, n), ([1, news, stale], median(cpu))))
    return points


def model(report):
    if not all(len(model_points(report, d)) > 3 for d in DESIGNS):
        return
    report.say("### A model of that",
               "The CPU time of all servers for an update, as a sum: *c* for "
               "the server that hears it from a client, *n* for each of the "
               "others, to whom it is news, and *d* for each message that is "
               "none; what was overtaken is news to nobody. Fitted to the "
               "table above, microseconds:")
    report.table(("design", "c", "n", "d"),
                 [(d, *map(TWO, costs(report, d))) for d in DESIGNS])
    report.say("And how far it is from what was measured, percent:")
    points = {d: dict(model_points(report, d)) for d in DESIGNS}
    report.table(("herd", "servers", *DESIGNS),
                 [(t, str(n), *(off(points[d].get((t, n)), costs(report, d))
                                for d in DESIGNS)) for t, n in herds(report)])


def costs(report, design):
    """c, n and d."""
    return fit([point for _, point in model_points(report, design)])


def off(point, each):
    if not point:
        return "–"
    factors, measured = point
    predicted = sum(x * c for x, c in zip(factors, each))
    return f"{100 * (predicted / measured - 1):+.0f}"


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
               "*time* is at 200 updates a second. Nothing is pinned; "
               "herd-threaded has one worker. *Overtaken* is explained above. "
               "herd's links also ask whether the other lives, and compare "
               "digests after a loss; the others say everything again on "
               "connecting. What waits for a slow neighbour is the newest of "
               "each client in herd, Python and Node.js, and all of it in "
               "Java.")
    report.plot("languages.svg", "Updates per second of a herd of five",
                plots.bars, "Updates/s that a herd of five takes", "updates/s",
                [(s, found, plots.colour_of(s)) for s in servers
                 if (found := spread(taken(servers, s)))])
    report.table(("herd", "updates/s", "× herd-threaded", "overtaken",
                  "CPU µs of all five per update", "time: p50 µs", "p99"),
                 [(s, text(taken(servers, s), "{:,.0f}".format),
                   text(taken_ratios(servers, s, "herd-threaded"), TWO),
                   percent(overtaken(servers, s)),
                   text(values(servers, s, "cpu_us_per_update")),
                   *(text(values(report.row("five-hops"), s, f)) for f in
                     (ARRIVAL, "flood_latency.p99_us"))) for s in servers])


TAKEN = ("updates_per_s_until_all_agree", "updates_per_s_until_all_arrived")


def taken(servers, server):
    return [x for f in TAKEN for x in values(servers, server, f)]


def taken_ratios(servers, a, b):
    rounds = [r for r in servers[a] if r in servers.get(b, {})]
    pairs = [(either(servers[a][r]), either(servers[b][r])) for r in rounds]
    return [x / y for x, y in pairs if x is not None and y]


def either(found):
    return next((x for f in TAKEN if (x := pick(found, f)) is not None), None)


def tell(report):
    hops(report)
    sizes(report)
    model(report)
    languages(report)
