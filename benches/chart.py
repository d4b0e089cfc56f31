"""Draws what benches/makespan has measured: `benches/chart.py RESULTS.json CHART.svg`"""

import html
import json
import pathlib
import sys

WIDTH, LEFT, RIGHT = 920, 320, 80
BAR, GAP, GROUP, TOP = 14, 3, 18, 92
CLIENTS = [("hotset", "hotset"), ("pool_300", "a fixed pool of 300"), ("pool_32", "a fixed pool of 32")]
GOAL = 1.1
STYLE = """
    .page { fill: #ffffff } text { fill: #1f2328; font: 13px system-ui, sans-serif }
    .title { font-size: 16px; font-weight: 600 } .quiet { fill: #59636e; font-size: 12px } .number { font-size: 12px }
    .grid { stroke: #d1d9e0 } .one { stroke: #1f2328; stroke-width: 1.5 } .goal { stroke: #1a7f37; stroke-dasharray: 4 3 }
    .hotset { fill: #0969da } .pool_300 { fill: #bf8700 } .pool_32 { fill: #8c959f }
    @media (prefers-color-scheme: dark) {
      .page { fill: #0d1117 } text { fill: #f0f6fc } .quiet { fill: #9198a1 }
      .grid { stroke: #3d444d } .one { stroke: #f0f6fc } .goal { stroke: #3fb950 }
      .hotset { fill: #4493f8 } .pool_300 { fill: #d29922 } .pool_32 { fill: #656c76 }
    }
"""


def text(x, y, words, kind="", anchor="start"):
    return f'<text x="{x:.1f}" y="{y:.1f}" class="{kind}" text-anchor="{anchor}">{html.escape(words)}</text>'


def line(x, top, bottom, kind):
    return f'<line x1="{x:.1f}" x2="{x:.1f}" y1="{top}" y2="{bottom}" class="{kind}"/>'


def legend():
    x = LEFT
    for client, name in CLIENTS:
        yield f'<rect x="{x}" y="52" width="12" height="12" rx="2" class="{client}"/>'
        yield text(x + 18, 63, name)
        x += 40 + 7.2 * len(name)
    yield f'<line x1="{x}" x2="{x + 14}" y1="58" y2="58" class="goal"/>'
    yield text(x + 20, 63, f"goal: {GOAL}")


def group(result, y, place):
    """One scenario: its name, and a bar a client."""
    middle = y + (BAR + GAP) * len(CLIENTS) / 2
    yield text(LEFT - 12, middle - 3, result["title"], anchor="end")
    note = f"bound {result['bound']:.0f} s, {result['bound_by']}" + (f"; {result['scaled']}" if result["scaled"] else "")
    yield text(LEFT - 12, middle + 13, note, "quiet", "end")
    for number, (client, _) in enumerate(CLIENTS):
        run = result["runs"][client]
        top, end = y + number * (BAR + GAP), place(run["ratio"])
        yield f'<rect x="{LEFT}" y="{top}" width="{end - LEFT:.1f}" height="{BAR}" rx="2" class="{client}"/>'
        late = f", {run['late_share']:.1%} throttled" if run["late_share"] > 0.001 else ""
        yield text(end + 6, top + BAR - 3, f"{run['ratio']:.2f}×{late}", "number")


def drawn(results):
    widest = max(run["ratio"] for result in results for run in result["runs"].values())
    place = lambda ratio: LEFT + ratio / widest * (WIDTH - LEFT - RIGHT)
    height = TOP + len(results) * ((BAR + GAP) * len(CLIENTS) + GROUP) + 26
    bottom = height - 30
    yield f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" height="{height}" role="img">'
    yield "<title>How long a warm takes, as a multiple of the shortest time possible</title>"
    yield f"<style>{STYLE}</style>"
    yield f'<rect width="{WIDTH}" height="{height}" class="page"/>'
    yield text(24, 30, "How long a warm takes, as a multiple of the shortest time possible", "title")
    yield from legend()
    for tick in range(int(widest) + 1):
        yield line(place(tick), TOP - 8, bottom, "one" if tick == 1 else "grid")
        yield text(place(tick), bottom + 18, f"{tick}×", "quiet", "middle")
    for number, result in enumerate(results):
        yield from group(result, TOP + number * ((BAR + GAP) * len(CLIENTS) + GROUP), place)
    yield line(place(GOAL), TOP - 8, bottom, "goal")
    yield "</svg>"


def main():
    results = json.loads(pathlib.Path(sys.argv[1]).read_text())["scenarios"]
    pathlib.Path(sys.argv[2]).write_text("\n".join(drawn(results)) + "\n")


main()
