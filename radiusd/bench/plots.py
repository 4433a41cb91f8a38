"""Plots as SVG: bars, and lines over an axis. Readable on paper, on a dark screen, and by those who hear the text."""

import math
from collections.abc import Iterable, Sequence
from html import escape

from attrs import field, frozen

_WIDTH = 760
_LEFT, _RIGHT, _TOP, _BOTTOM = 70, 30, 64, 56
_HEIGHT = 400
_BAR, _GAP = 22, 14
_LABELS = 300  # what bars' labels need
_VALUES = 70
_STYLE = """
  text { font: 13px system-ui, sans-serif; fill: #1f2328 }
  .title { font-size: 16px; font-weight: 600 }
  .faint { fill: #59636e }
  .paper { fill: #ffffff }
  .grid { stroke: #d1d9e0; stroke-width: 1 }
  .aim { stroke: #bc4c00; stroke-width: 2 }
  .aimed { fill: #bc4c00 }
  .s0 { fill: #0969da; stroke: #0969da } .s1 { fill: #8250df; stroke: #8250df }
  .s2 { fill: #1a7f37; stroke: #1a7f37 } .s3 { fill: #9a6700; stroke: #9a6700 }
  path { fill: none !important; stroke-width: 2 }
  @media (prefers-color-scheme: dark) {
    text { fill: #f0f6fc } .faint { fill: #9198a1 } .paper { fill: #0d1117 } .grid { stroke: #3d444d }
    .aim { stroke: #f0883e } .aimed { fill: #f0883e }
    .s0 { fill: #4493f8; stroke: #4493f8 } .s1 { fill: #ab7df8; stroke: #ab7df8 }
    .s2 { fill: #3fb950; stroke: #3fb950 } .s3 { fill: #d29922; stroke: #d29922 }
  }
"""


@frozen(kw_only=True)
class Bar:
    """One bar; `aim` is a mark that it should reach."""

    label: str
    value: float
    aim: float | None = None


@frozen(kw_only=True)
class Series:
    """Points that belong together, joined by a line."""

    name: str
    points: Sequence[tuple[float, float]]


@frozen(kw_only=True)
class Axis:
    """What is told along one edge, with its unit; `ends_at` is the highest value it shows at least."""

    label: str
    is_log: bool = False
    ends_at: float = 0.0


@frozen
class _Scale:
    """From values to places on the paper."""

    axis: Axis
    ticks: tuple[float, ...]
    at: tuple[float, float] = field()

    def __call__(self, value: float) -> float:
        first, last = self.ticks[0], self.ticks[-1]
        if self.axis.is_log:
            part = math.log(max(value, first) / first) / math.log(last / first)
        else:
            part = (value - first) / (last - first)
        return self.at[0] + part * (self.at[1] - self.at[0])


def bars(title: str, unit: str, all_bars: Sequence[Bar]) -> str:
    """Horizontal bars under each other, each with its value; marks where they should reach."""
    height = _TOP + len(all_bars) * (_BAR + _GAP) + _BOTTOM
    most = max([each.value for each in all_bars] + [each.aim or 0 for each in all_bars], default=1.0)
    axis = Axis(label=unit)
    scale = _Scale(axis, _steps(0, most), (_LABELS, _WIDTH - _VALUES))
    drawn = [_upright(scale, tick, _TOP - 10, height - _BOTTOM) for tick in scale.ticks]
    for number, each in enumerate(all_bars):
        drawn.append(_bar(each, _TOP + number * (_BAR + _GAP), scale))
    drawn.append(_text((_LABELS + _WIDTH - _VALUES) / 2, height - 14, unit, "faint", "middle"))
    return _svg(height, title, drawn)


def _bar(bar: Bar, top: float, scale: _Scale) -> str:
    start, end = scale(0), scale(bar.value)
    drawn = (
        _text(start - 10, top + _BAR - 6, bar.label, "", "end")
        + f'<rect class="s0" x="{_n(start)}" y="{_n(top)}" width="{_n(max(1.0, end - start))}" height="{_BAR}"/>'
        + _text(end + 6, top + _BAR - 6, _told(bar.value), "", "start")
    )
    if bar.aim is not None:
        at = _n(scale(bar.aim))
        drawn += f'<line class="aim" x1="{at}" x2="{at}" y1="{_n(top - 5)}" y2="{_n(top + _BAR + 5)}"/>'
    return drawn


def lines(title: str, x: Axis, y: Axis, series: Sequence[Series], aim: float | None = None) -> str:
    """Lines over `x`; `aim` is a height that none should pass."""
    points = [point for each in series for point in each.points] or [(1.0, 1.0)]
    most = max([height for _, height in points] + [aim or 0.0, y.ends_at])
    least = min(height for _, height in points)
    across = _Scale(x, _ticks(x, min(at for at, _ in points), max(at for at, _ in points)), (_LEFT, _WIDTH - _RIGHT))
    up = _Scale(y, _ticks(y, least if y.is_log else 0.0, most), (_HEIGHT - _BOTTOM, _TOP))
    drawn = [_upright(across, tick, _TOP, _HEIGHT - _BOTTOM) for tick in across.ticks]
    drawn += [_level(up, tick) for tick in up.ticks]
    drawn += [_curve(number, each, across, up) for number, each in enumerate(series)]
    if aim is not None:
        height = _n(up(aim))
        drawn.append(f'<line class="aim" x1="{_LEFT}" x2="{_WIDTH - _RIGHT}" y1="{height}" y2="{height}"/>')
        drawn.append(_text(_WIDTH - _RIGHT, up(aim) - 6, f"at most {_told(aim)}", "aimed", "end"))
    drawn.append(_text((_LEFT + _WIDTH - _RIGHT) / 2, _HEIGHT - 14, x.label, "faint", "middle"))
    drawn.append(_text(12, _TOP - 14, y.label, "faint", "start"))
    drawn += _legend(series)
    return _svg(_HEIGHT, title, drawn)


def _curve(number: int, series: Series, across: _Scale, up: _Scale) -> str:
    places = [(across(x), up(y)) for x, y in series.points]
    way = " L ".join(f"{_n(x)} {_n(y)}" for x, y in places)
    drawn = f'<path class="s{number % 4}" d="M {way}"/>' if places else ""
    if len(places) <= 20:
        drawn += "".join(f'<circle class="s{number % 4}" cx="{_n(x)}" cy="{_n(y)}" r="3"/>' for x, y in places)
    return drawn


def _legend(series: Sequence[Series]) -> list[str]:
    drawn, right = [], _WIDTH - _RIGHT
    for number, each in reversed(list(enumerate(series))):
        drawn.append(_text(right, _TOP - 14, each.name, "", "end"))
        right -= 7 * len(each.name) + 22
        drawn.append(f'<rect class="s{number % 4}" x="{_n(right + 4)}" y="{_TOP - 24}" width="10" height="10"/>')
        right -= 10
    return drawn


def _ticks(axis: Axis, least: float, most: float) -> tuple[float, ...]:
    if axis.is_log:
        first = math.floor(math.log10(max(least, 1e-3)))
        last = max(first + 1, math.ceil(math.log10(max(most, 1e-3))))
        return tuple(10.0**each for each in range(first, last + 1))
    return _steps(least, max(most, axis.ends_at))


def _steps(least: float, most: float) -> tuple[float, ...]:
    """Round values from just below `least` to just above `most`, about six of them."""
    if most - least < abs(most) * 1e-6 + 1e-9:
        most = least + 1  # all are the same, and still need an axis
    width = (most - least) / 5
    size = 10 ** math.floor(math.log10(width))
    step = next(each * size for each in (1, 2, 2.5, 5, 10) if each * size >= width * 0.999)
    first = math.floor(least / step)
    last = max(first + 1, math.ceil(most / step - 1e-9))
    return tuple(round(each * step, 9) for each in range(first, last + 1))


def _upright(scale: _Scale, tick: float, top: float, bottom: float) -> str:
    at = scale(tick)
    line = f'<line class="grid" x1="{_n(at)}" x2="{_n(at)}" y1="{_n(top)}" y2="{_n(bottom)}"/>'
    return line + _text(at, bottom + 18, _told(tick), "faint", "middle")


def _level(scale: _Scale, tick: float) -> str:
    at = scale(tick)
    line = f'<line class="grid" x1="{_LEFT}" x2="{_WIDTH - _RIGHT}" y1="{_n(at)}" y2="{_n(at)}"/>'
    return line + _text(_LEFT - 8, at + 4, _told(tick), "faint", "end")


def _told(value: float) -> str:
    """A number as people write it, with spaces between thousands."""
    if value >= 1000 or value == int(value):
        return f"{value:,.0f}".replace(",", "\N{NARROW NO-BREAK SPACE}")
    return f"{value:.3g}"


def _text(x: float, y: float, words: str, kind: str, anchor: str) -> str:
    marked = f' class="{kind}"' if kind else ""
    return f'<text{marked} x="{_n(x)}" y="{_n(y)}" text-anchor="{anchor}">{escape(words)}</text>'


def _n(value: float) -> str:
    return f"{value:.1f}".removesuffix(".0")


def _svg(height: float, title: str, drawn: Iterable[str]) -> str:
    tall = _n(height)
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{_WIDTH}" height="{tall}" viewBox="0 0 {_WIDTH} {tall}"'
        f' role="img" aria-label="{escape(title, quote=True)}">'
    )
    paper = f'<rect class="paper" width="{_WIDTH}" height="{tall}" rx="6"/>'
    parts = [head, f"<style>{_STYLE}</style>", paper, _text(12, 26, title, "title", "start"), *drawn, "</svg>"]
    return "\n".join(parts) + "\n"
