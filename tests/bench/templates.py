"""Documents whose figures are those of a report: in a template they stand in
braces.

    {value ROW SERVER FIGURE [FORM]}   the median
    {ratio ROW A B FIGURE [FORM]}      A's by B's: of their medians
    {spread ROW A B FIGURE [FORM]}     the same round by round: its median and range
    {holds ROW A B FIGURE WHAT}        nothing; but if A's by B's is not so, that
                                       is said and the document is not made.
                                       WHAT: less, more (than 1, by the median),
                                       always-less, always-more (by all rounds),
                                       about (1 is in the range of the rounds)
    {fact NAME}                        of the machine

of the model of what herds cost (report_herds.py):

    {cost DESIGN c|n|d}                microseconds
    {busy DESIGN SHAPE N U}            of a core, which U updates/s take of each
                                       of N servers
    {most DESIGN SHAPE N}              as many updates/s as they can take, with
                                       a core each

and of the simulation (scaling.tsv beside the results):

    {simulated COLUMN...}              a table

FORM is one of Python's, or k: thousands; ms: of microseconds; MB: of bytes."""
import csv
import os
import re
import sys
import textwrap
from statistics import median

import report_herds as herds
from results import number, ratios, text, values

FORMS = {"k": lambda x: f"{x / 1e3:,.0f}", "ms": lambda x: f"{x / 1e3:.3g}",
         "MB": lambda x: f"{x / 1e6:.0f}"}


def messages(shape, n):
    edges = {"tree": n - 1, "ring": n, "rings": 2 * n,
             "mesh": n * (n - 1) // 2}[shape]
    return 2 * edges - (n - 1)


def microseconds(report, design, shape, n):
    """CPU time for an update, of each of n servers on average."""
    c, news, none = herds.costs(report, design)
    return (c + news * (n - 1) + none * (messages(shape, n) - (n - 1))) / n


def two_digits(x):
    digits = f"{x:.2g}"
    return f"{float(digits):,.0f}" if abs(x) >= 10 else digits


def measured(report, what, row, words):
    servers = report.row(row)
    if what == "value":
        xs, rest = values(servers, *words[:2]), words[2:]
    elif what == "spread":
        xs, rest = ratios(servers, *words[:3]), words[3:]
    else:
        both = [values(servers, s, words[2]) for s in words[:2]]
        xs, rest = [median(both[0]) / median(both[1])] if all(both) else [], \
            words[3:]
    if not xs:
        sys.exit(f"{row}: no {' '.join(words)}: nothing is filled in")
    form = number
    if rest:
        form = FORMS.get(rest[0]) or f"{{:{rest[0]}}}".format
    return text(xs, form) if what == "spread" else form(median(xs))


HOLDS = {
    "less": lambda xs: median(xs) < 1,
    "more": lambda xs: median(xs) > 1,
    "always-less": lambda xs: max(xs) < 1,
    "always-more": lambda xs: min(xs) > 1,
    "about": lambda xs: min(xs) <= 1 <= max(xs),
}


def holds(report, row, a, b, figure, what):
    """What the text around it says is so in this run, too."""
    xs = ratios(report.row(row), a, b, figure)
    if not xs or not HOLDS[what](xs):
        sys.exit(f"{row}: {a} by {b}, {figure}: not {what} but {text(xs)}: "
                 "the text has to change")
    return ""


def simulated(report, columns):
    path = os.path.join(report.directory, "scaling.tsv")
    with open(path, encoding="utf-8") as lines:
        rows = list(csv.DictReader(lines, delimiter="\t"))
    return "\n".join(["| " + " | ".join(columns) + " |",
                      "|---" + "|---:" * (len(columns) - 1) + "|"]
                     + ["| " + " | ".join(row[c] for c in columns) + " |"
                        for row in rows])


def wrap(document):
    """Paragraphs and points of lists, anew: figures are shorter than their
    names. Tables, headings and what is indented stay as they are."""
    blocks = []
    for block in document.split("\n\n"):
        if block.lstrip("\n").startswith(("|", "#", "    ")):
            blocks.append(block)
            continue
        points = re.split(r"\n(?=\* |\d\. )", block)
        blocks.append("\n".join(wrap_point(point) for point in points))
    return "\n\n".join(blocks).rstrip("\n") + "\n"


def wrap_point(point):
    """Of a list, with its mark, or a paragraph, which may be indented."""
    indent, mark = re.match(r"\n*( *)(\* |\d\. |)", point).groups()
    return textwrap.fill(" ".join(point.split()), 79, initial_indent=indent,
                         subsequent_indent=indent + " " * len(mark),
                         break_long_words=False, break_on_hyphens=False)


def fill(report, template):
    def replace(match):
        what, *words = match[1].split()
        if what == "fact":
            return dict(report.facts)[" ".join(words)]
        if what == "cost":
            return f"{herds.costs(report, words[0])['cnd'.index(words[1])]:.2f}"
        if what in ("busy", "most"):
            design, shape, n = words[0], words[1], int(words[2])
            each = microseconds(report, design, shape, n)
            return two_digits(1e6 / each if what == "most"
                              else float(words[3]) * each / 1e6)
        if what == "simulated":
            return simulated(report, words)
        return measured(report, what, words[0], words[1:])

    template = re.sub(r"\s*\{holds ([^}]*)\}",
                      lambda match: holds(report, *match[1].split()), template)
    return wrap(re.sub(r"\{((?:value|ratio|spread|fact|cost|busy|most|simulated)"
                       r" [^}]*)\}", replace, template))
