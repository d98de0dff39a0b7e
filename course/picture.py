"""A picture of bars as SVG: a line for each name, a panel for each thing that was measured of it."""

from dataclasses import dataclass
from xml.sax.saxutils import escape

LEFT, WIDTH, GAP, LINE, TOP = 246, 180, 78, 27, 92  # pixels
STYLE = """
text { font: 13px system-ui, -apple-system, "Segoe UI", sans-serif; fill: #24292f }
.title { font-size: 19px; font-weight: 600 }
.head { font-weight: 600 }
.quiet { fill: #6a737d; font-size: 12px }
.name { text-anchor: end }
.strong { font-weight: 600 }
.track { fill: #f1f3f6 }
.bar { fill: #9db8dc }
.bar.strong { fill: #2563b8 }
.aim { stroke: #d1531f; stroke-width: 1.5; stroke-dasharray: 4 3 }
.aim-name { fill: #d1531f; font-size: 11px; text-anchor: middle }
"""


@dataclass
class Panel:
    """What was measured: a value for each name, or None; and a value to compare with, by its name."""

    heading: str
    values: list
    aim: float
    aim_name: str


def bars(title, names, strong, panels, note):
    """The picture's text; the names in `strong` stand out."""
    height, width = TOP + LINE * len(names) + 58, LEFT + (WIDTH + GAP) * len(panels) + 24
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}">',
        f"<style>{STYLE}</style>",
        f'<rect width="{width}" height="{height}" rx="10" fill="#ffffff"/>',
        f'<text class="title" x="24" y="36">{escape(title)}</text>',
    ]
    for place, name in enumerate(names):
        weight = "strong" if name in strong else ""
        parts.append(f'<text class="name {weight}" x="{LEFT - 14}" y="{middle(place)}">{escape(name)}</text>')
    for place, panel in enumerate(panels):
        parts += draw(panel, LEFT + place * (WIDTH + GAP), [name in strong for name in names])
    parts += [f'<text class="quiet" x="24" y="{height - 20}">{escape(note)}</text>', "</svg>"]
    return "\n".join(parts) + "\n"


def draw(panel, x, strong):
    """A panel with its left side at x. No bar is longer than twice the aim, so that a giant leaves the others room."""
    most = min(max([panel.aim, *filter(None, panel.values)]) * 1.05, panel.aim * 2.2)
    aim, bottom = x + WIDTH * panel.aim / most, TOP + LINE * len(panel.values)
    yield f'<text class="head" x="{x}" y="{TOP - 22}">{escape(panel.heading)}</text>'
    for place, value in enumerate(panel.values):
        y, weight = TOP + LINE * place, "strong" if strong[place] else ""
        yield f'<rect class="track" x="{x}" y="{y + 5}" width="{WIDTH}" height="{LINE - 10}" rx="3"/>'
        if value is None:
            yield f'<text class="quiet" x="{x + WIDTH + 8}" y="{middle(place)}">–</text>'
            continue
        long = WIDTH * min(max(value, 0) / most, 1)
        yield f'<rect class="bar {weight}" x="{x}" y="{y + 5}" width="{long:.1f}" height="{LINE - 10}" rx="3"/>'
        yield f'<text class="{weight}" x="{x + WIDTH + 8}" y="{middle(place)}">{value:,.0f}</text>'
    yield f'<line class="aim" x1="{aim:.1f}" x2="{aim:.1f}" y1="{TOP - 1}" y2="{bottom}"/>'
    yield f'<text class="aim-name" x="{aim:.1f}" y="{bottom + 13}">{escape(panel.aim_name)}</text>'


def middle(place):
    """Where the writing of a line stands."""
    return TOP + LINE * place + LINE // 2 + 5
