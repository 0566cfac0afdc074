"""The bones of an HTML page: escaping, tables, figures and the style sheet; nothing from outside the file."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape

from fastigial.demo.figures import Picture

__all__ = ["bullets", "contents", "figure", "heading", "link", "page", "paragraph", "table"]

STYLE = """
:root { --ink: #222; --soft: #666; --rule: #d9d9d9; --accent: #0a5a8c; }
html { color-scheme: light; }
body { margin: 0 auto; padding: 2.2rem 1.4rem 4rem; max-width: 860px; background: #fff; color: var(--ink);
  font: 16px/1.55 -apple-system, "Segoe UI", "Helvetica Neue", Arial, sans-serif; }
h1 { font-size: 1.75rem; line-height: 1.2; margin: 0 0 .4rem; }
h2 { font-size: 1.35rem; line-height: 1.25; margin: 3rem 0 .6rem; padding-top: .9rem;
  border-top: 2px solid var(--ink); }
h3 { font-size: 1.05rem; margin: 1.9rem 0 .4rem; }
p, ul, ol { margin: .55rem 0; }
li { margin: .25rem 0; }
a { color: var(--accent); }
code { font: .88em ui-monospace, "SF Mono", Menlo, Consolas, monospace; overflow-wrap: anywhere; }
nav { margin: 1.4rem 0; padding: .7rem 1.1rem; border: 1px solid var(--rule); }
nav ol { margin: .2rem 0; padding-left: 1.3rem; }
nav ol ol { list-style: none; padding-left: .2rem; }
nav ol ol li { display: inline-block; margin: 0 1rem 0 0; font-size: .9rem; }
table { border-collapse: collapse; margin: .8rem 0; font-size: .9rem; font-variant-numeric: tabular-nums; }
caption { text-align: left; font-weight: 600; padding: .2rem 0 .3rem; white-space: nowrap; }
th, td { padding: .22rem .9rem .22rem 0; text-align: left; vertical-align: top;
  border-bottom: 1px solid var(--rule); }
thead th { border-bottom: 0; font-weight: 600; vertical-align: bottom; }
thead tr:last-child th { border-bottom: 1px solid var(--ink); }
th[scope="colgroup"] { max-width: 12rem; padding-left: 1.2rem; line-height: 1.3; }
th[scope="colgroup"]:first-child { padding-left: 0; }
tbody th { font-weight: 400; color: var(--soft); white-space: nowrap; }
td.number, th.number { text-align: right; }
figure { margin: 1.2rem 0; }
figure img { display: block; max-width: 100%; height: auto; }
figcaption { color: var(--soft); font-size: .86rem; margin-top: .35rem; }
.soft { color: var(--soft); font-size: .9rem; }
details { margin: .8rem 0; }
summary { cursor: pointer; color: var(--accent); }
@media print {
  body { max-width: none; padding: 0; font-size: 10.5pt; }
  nav { display: none; }
  a { color: inherit; text-decoration: none; }
  figure, table { break-inside: avoid; }
  h2, h3 { break-after: avoid; }
}
"""


def page(title: str, body: str) -> str:
    """Return a whole page.

    Examples
    --------
    >>> from fastigial.demo.page import page
    >>> page("A & B", "<p>text</p>").splitlines()[4]
    '<title>A &amp; B</title>'
    """
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f"<title>{escape(title)}</title>\n"
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<style>{STYLE}</style>\n</head>\n<body>\n{body}\n</body>\n</html>\n"
    )


def heading(level: int, text: str, anchor: str = "") -> str:
    """Return a heading, with an anchor if it is to be linked to."""
    place = f' id="{escape(anchor)}"' if anchor else ""
    return f"<h{level}{place}>{escape(text)}</h{level}>"


def paragraph(text: str, kind: str = "") -> str:
    """Return a paragraph of plain text."""
    return f"<p{_class(kind)}>{escape(text)}</p>"


def bullets(items: Iterable[str]) -> str:
    """Return a list of plain texts; nothing for no items."""
    inner = "".join(f"<li>{escape(item)}</li>" for item in items)
    return f"<ul>{inner}</ul>" if inner else ""


def link(address: str) -> str:
    """Return a link that shows its address; text that is no web address stays text."""
    if address.startswith("https://"):
        return f'<a href="{escape(address)}">{escape(address)}</a>'
    return escape(address)


def table(
    head: Sequence[str],
    rows: Iterable[Sequence[str]],
    *,
    caption: str = "",
    groups: Sequence[tuple[str, int]] = (),
    numbers: bool = False,
) -> str:
    """Return a table; cells are HTML already, the first of a row names it.

    Parameters
    ----------
    head : sequence of str
        Column names; empty for a table of names and values.
    rows : iterable of sequence of str
    caption : str
    groups : sequence of (str, int)
        Names above the column names, and how many columns each spans.
    numbers : bool
        Whether all but the first column are numbers.
    """
    kind = _class("number" if numbers else "")
    above = f"<caption>{escape(caption)}</caption>" if caption else ""
    if head:
        names = "".join(
            f'<th scope="col"{kind if place else ""}>{escape(name)}</th>' for place, name in enumerate(head)
        )
        over = "".join(f'<th scope="colgroup" colspan="{span}">{escape(name)}</th>' for name, span in groups)
        above += f"<thead>{f'<tr>{over}</tr>' if over else ''}<tr>{names}</tr></thead>"
    body = []
    for first, *rest in rows:
        cells = "".join(f"<td{kind}>{cell}</td>" for cell in rest)
        body.append(f'<tr><th scope="row">{first}</th>{cells}</tr>')
    return f"<table>{above}<tbody>{''.join(body)}</tbody></table>"


def figure(picture: Picture) -> str:
    """Return a picture with its caption, inside the page itself."""
    return (
        f'<figure><img src="{picture.address}" width="{picture.width}" alt="{escape(picture.alt)}">'
        f"<figcaption>{escape(picture.caption)}</figcaption></figure>"
    )


def contents(sections: Sequence[tuple[str, str, Sequence[tuple[str, str]]]]) -> str:
    """Return a table of contents from (anchor, title, [(anchor, title), …])."""
    items = []
    for anchor, title, parts in sections:
        inner = "".join(f'<li><a href="#{a}">{escape(t)}</a></li>' for a, t in parts)
        items.append(f'<li><a href="#{anchor}">{escape(title)}</a>{f"<ol>{inner}</ol>" if inner else ""}</li>')
    return f'<nav aria-label="Contents"><ol>{"".join(items)}</ol></nav>'


def _class(kind: str) -> str:
    return f' class="{kind}"' if kind else ""
