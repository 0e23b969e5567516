"""Plots of the report: lines and bars, drawn by gnuplot as SVG.

A point is a Spread (see results.py): its median is drawn, its range as a
whisker."""
import shutil
import subprocess

# One look for each server in all plots: colour, dashes, shape of its points.
LOOKS = {
    "floor": ("#9e9e9e", 2, 1),
    "echo": ("#c8c8c8", 3, 2),
    "herd-threaded": ("#c62828", 1, 7),
    "herd-single": ("#ef8a1d", 1, 5),
    "memcached": ("#2e7d32", 1, 9),
    "memcached -t2": ("#81c784", 1, 11),
    "redis": ("#00838f", 1, 13),
    "java-nio": ("#4527a0", 4, 6),
    "java-threads": ("#9575cd", 4, 4),
    "node": ("#558b2f", 4, 8),
    "asyncio-protocol": ("#1565c0", 5, 10),
    "asyncio-uvloop": ("#26a6d1", 5, 12),
    "asyncio-streams": ("#90caf9", 5, 14),
}
PLAIN = ("#616161", 1, 7)
SERIES = ("#c62828", "#ef8a1d", "#1565c0", "#2e7d32", "#4527a0")


def available():
    return shutil.which("gnuplot") is not None


def draw(path, title, size, script):
    head = [
        f'set terminal svg size {size} font "sans-serif,13" background "white"',
        f'set output "{path}"',
        f'set title "{title}" font ",15"',
        "set grid ytics lc rgb '#e0e0e0'",
        "set border 3 lc rgb '#606060'",
        "set tics nomirror",
    ]
    subprocess.run(["gnuplot"], input="\n".join(head + script) + "\n",
                   text=True, check=True)


def block(name, rows):
    return [f"${name} << END", *rows, "END"]


def lines(path, title, x_label, y_label, series, x_ticks=None):
    """series: {label: [(x, Spread), ...]}; both axes are logarithmic."""
    script, parts = [], []
    known = [label for label in LOOKS if label in series]
    for i, label in enumerate(known or series):
        points = series[label]
        colour, dash, shape = LOOKS.get(label, (SERIES[i % len(SERIES)], 1, 7))
        script += block(f"d{i}", [f"{x} {y.median} {y.low} {y.high}"
                                  for x, y in points])
        width = 2.5 if label.startswith("herd") else 1.5
        look = (f"lc rgb '{colour}' dt {dash} lw {width} pt {shape} ps 0.7")
        parts.append(f"$d{i} using 1:2:3:4 with yerrorlines {look} "
                     f"title '{label}'")
    ticks = x_ticks or sorted({x for p in series.values() for x, _ in p})
    script += [
        "set key outside right top reverse Left",
        "set logscale xy",
        "set xtics (" + ", ".join(f"'{short(x)}' {x}" for x in ticks) + ")",
        f'set xlabel "{x_label}"',
        f'set ylabel "{y_label} (logarithmic)"',
        "set tics textcolor rgb '#404040'",
        "set format y '%.0s%c'",
        f"set xrange [{ticks[0] / 1.15}:{ticks[-1] * 1.15}]",
        "plot " + ", \\\n ".join(parts),
    ]
    draw(path, title, "860,440", script)


def bars(path, title, x_label, rows, form=None, log=False):
    """rows: [(label, Spread, colour)]; bars lie, the first is on top. On a
    logarithmic axis a bar's length says nothing: there they are points."""
    data = [f'{len(rows) - i} {y.median} {y.low} {y.high} "{label}" '
            f'{int(colour[1:], 16)} "{(form or short)(y.median)}"'
            for i, (label, y, colour) in enumerate(rows)]
    most = max(y.high for _, y, _ in rows)
    least = min(y.low for _, y, _ in rows)
    start = least / 1.5 if log else 0
    script = block("d", data) + [
        "unset key",
        "set grid noytics",
        "set grid xtics lc rgb '#e0e0e0'",
        "set style fill solid 0.9 noborder",
        "set logscale x" if log else "",
        f"set xrange [{start}:{most * (4 if log else 1.15)}]",
        f"set yrange [0.3:{len(rows) + 0.7}]",
        "set ytics scale 0",
        f'set xlabel "{x_label}"',
        "set tics textcolor rgb '#404040'",
        "set format x " + ("'%.0s%c'" if log else "'%.1s%c'"
                           if most > 100 else "'%g'"),
        "plot " + (
            "$d using 2:1:6 with points pt 7 ps 1.3 lc rgb variable, \\\n"
            if log else
            f"$d using ({start}):1:({start}):2:($1-0.36):($1+0.36):6:"
            "ytic(5) with boxxyerror lc rgb variable, \\\n") +
        "$d using 2:1:3:4:ytic(5) with xerrorbars lc rgb '#404040' pt 0, "
        "\\\n$d using 4:1:7 with labels left offset 0.8,0 font ',11'",
    ]
    draw(path, title, f"860,{90 + 26 * len(rows)}", script)


def colour_of(server):
    return LOOKS.get(server, PLAIN)[0]


def short(x):
    """1500000 is 1.5M."""
    for unit, suffix in ((1e6, "M"), (1e3, "k")):
        if abs(x) >= unit:
            return f"{x / unit:.3g}{suffix}"
    return f"{x:.3g}"
