"""Draws `docs/performance.svg` from the tables of `docs/performance.md`: `python -m bench.peers.plot`.

For each size of body it has CPU time for a call, in Envoy and in the service beside it, and latencies at a fixed rate. The
colours and the background follow the reader's preference for light or dark, so the plot can be read on every page.
"""

import matplotlib

matplotlib.use("svg")

from matplotlib import pyplot

from . import page
from .rows import PASS_THROUGH, ROWS, SIZES

# Each colour stands for a variable of the style sheet, with its values for light and dark.
COLOURS = {
    "paper": ("#fdfdfe", "#ffffff", "#0d1117"),
    "ink": ("#010203", "#1f2328", "#e6edf3"),
    "faint": ("#c0c1c2", "#d1d9e0", "#3d444d"),
    "bare": ("#8a8b8c", "#8c959f", "#7d8590"),
    "filter": ("#0a69da", "#0969da", "#4493f8"),
    "beside": ("#d1570a", "#d1570b", "#f0883e"),
}
MARK = {name: mark for name, (mark, _, _) in COLOURS.items()}

CPU, LATENCY = "CPU for a call, in µs", "latency, in ms: p50 to p99"
BARS = {
    "bare": "Envoy alone",
    "filter": "added in Envoy",
    "beside": "in the service beside Envoy",
}
SETTINGS = {
    "svg.fonttype": "none",
    "svg.hashsalt": "performance",
    "font.family": ["sans-serif"],
    "font.sans-serif": ["Helvetica", "Arial", "DejaVu Sans"],
    "font.size": 9,
    "text.color": MARK["ink"],
    "axes.edgecolor": MARK["faint"],
    "axes.labelcolor": MARK["ink"],
    "axes.facecolor": MARK["paper"],
    "figure.facecolor": MARK["paper"],
    "savefig.facecolor": MARK["paper"],
    "xtick.color": MARK["ink"],
    "ytick.color": MARK["ink"],
    "grid.color": MARK["faint"],
    "axes.spines.top": False,
    "axes.spines.right": False,
}


def draw(found: dict) -> pyplot.Figure:
    """Draw a row of two charts for each size of body; `found` is what `page.read` returns."""
    figure, axes = pyplot.subplots(len(SIZES), 2, figsize=(9.6, 2.3 * len(SIZES)), layout="constrained")
    for size, (left, right) in zip(SIZES, axes, strict=True):
        rows = {row: found[size.words, row] for row in ROWS}
        processor_time(left, rows)
        latencies(right, rows)
        left.set_title(f"body of {size.words}", loc="left", weight="bold", fontsize=9)
        right.set_title(f"{size.rate:,} calls a second", loc="left", fontsize=9)
        for axis in (left, right):
            axis.set_yticks(range(len(ROWS)), list(ROWS) if axis is left else [""] * len(ROWS))
            axis.set_ylim(len(ROWS) - 0.5, -0.5)
            axis.xaxis.set_major_formatter("{x:,.6g}")
            axis.set_axisbelow(True)
            axis.grid(axis="x", linewidth=0.5)
            axis.tick_params(length=0)
    axes[-1][0].set_xlabel(CPU)
    axes[-1][1].set_xlabel(LATENCY)
    handles, labels = axes[0][0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper center", ncols=len(BARS), frameon=False)
    return figure


def processor_time(axis: pyplot.Axes, rows: dict) -> None:
    """Stack what Envoy takes without a filter, what the filter adds, and what the service takes."""
    envoy, service = page.HEAD[1], page.HEAD[3]
    bare = page.number(rows[PASS_THROUGH][envoy])
    parts = {name: [] for name in BARS}
    for row, cells in rows.items():
        total = page.number(cells[envoy])
        parts["bare"].append(min(bare, total))
        parts["filter"].append(max(total - bare, 0) if row != PASS_THROUGH else 0)
        parts["beside"].append(page.number(cells.get(service, "0")))
    left = [0.0] * len(rows)
    for name, widths in parts.items():
        axis.barh(range(len(rows)), widths, left=left, color=MARK[name], label=BARS[name], height=0.72)
        left = [start + width for start, width in zip(left, widths, strict=True)]
    for at, end in enumerate(left):
        labelled(axis, end, at, page.shown(end))
    axis.set_xlim(0, max(left) * 1.12)


def latencies(axis: pyplot.Axes, rows: dict) -> None:
    """Draw a line from the median to the 99th percentile of each row."""
    for at, cells in enumerate(rows.values()):
        p50, p99 = page.number(cells[page.HEAD[6]]), page.number(cells[page.HEAD[7]])
        axis.plot([p50, p99], [at, at], color=MARK["filter"], linewidth=2, solid_capstyle="round")
        axis.plot([p50], [at], "o", color=MARK["filter"], markersize=6)
        labelled(axis, p99, at, f"{cells[page.HEAD[6]]} to {cells[page.HEAD[7]]}")
    axis.set_xlim(0, max(page.number(cells[page.HEAD[7]]) for cells in rows.values()) * 1.3)


def labelled(axis: pyplot.Axes, x: float, y: float, text: str) -> None:
    """Write a text to the right of a place."""
    axis.annotate(text, (x, y), xytext=(4, 0), textcoords="offset points", va="center", fontsize=8)


def with_style(svg: str) -> str:
    """Replace each colour by a variable, which has another value where the reader prefers dark pages."""
    values = ["".join(f"--{name}:{colours[place]};" for name, colours in COLOURS.items()) for place in (1, 2)]
    for name, (mark, light, _) in COLOURS.items():
        svg = svg.replace(mark, f"var(--{name},{light})")
    style = f"<style>:root{{{values[0]}}}@media (prefers-color-scheme:dark){{:root{{{values[1]}}}}}</style>"
    head, tag, rest = svg.partition("<defs>")
    return f"{head}{style}\n {tag}{rest}"


def main() -> None:
    matplotlib.rcParams.update(SETTINGS)
    figure = draw(page.read(page.PATH.read_text()))
    # Without a date and a version the file changes only if the figures do.
    metadata = {"Date": None, "Creator": None, "Title": "What deciding on a tool call costs in Envoy"}
    figure.savefig(page.PLOT, metadata=metadata)
    lines = with_style(page.PLOT.read_text()).splitlines()
    page.PLOT.write_text("\n".join(line.rstrip() for line in lines) + "\n")
    print(f"{page.PLOT.relative_to(page.PATH.parents[1])}: drawn")


if __name__ == "__main__":
    main()
