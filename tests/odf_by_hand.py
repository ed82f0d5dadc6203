"""ODT, ODS and ODP files written part by part, so that what is in them is known."""

from __future__ import annotations

from docx_by_hand import archive

_URN = "urn:oasis:names:tc:opendocument:xmlns"
_OF_FO = "urn:oasis:names:tc:opendocument:xmlns:xsl-fo-compatible:1.0"
_NAMES = " ".join(
    f'xmlns:{name}="{_URN}:{space or name}:1.0"'
    for name, space in (
        ("office", ""), ("text", ""), ("table", ""), ("style", ""), ("draw", "drawing"),
        ("svg", "svg-compatible"), ("presentation", ""), ("meta", ""),
    )
)  # fmt: skip
NAMES = f'{_NAMES} xmlns:fo="{_OF_FO}" xmlns:dc="http://purl.org/dc/elements/1.1/"'


def odf(kind: str, body: str, *, styles: str = "", **parts: str) -> bytes:
    """A document whose `office:` element of that kind holds `body`; `parts` as in `xlsx`."""
    members = {
        "mimetype": f"application/vnd.oasis.opendocument.{kind}",
        "content.xml": (
            f"<office:document-content {NAMES}><office:automatic-styles>{styles}</office:automatic-styles>"
            f"<office:body><office:{kind}>{body}</office:{kind}></office:body></office:document-content>"
        ),
    }
    for name, text in parts.items():
        members[name.replace("__", "/")] = text
    return archive({name: text.encode() for name, text in members.items()})


def p(text: str, more: str = "") -> str:
    """A paragraph."""
    return f"<text:p {more}>{text}</text:p>"


def h(text: str, level: int = 1) -> str:
    """A heading."""
    return f'<text:h text:outline-level="{level}">{text}</text:h>'


def items(*texts: str, more: str = "") -> str:
    """A list; an item may hold elements behind its words."""
    return (
        f"<text:list {more}>"
        + "".join(f"<text:list-item>{text}</text:list-item>" for text in texts)
        + "</text:list>"
    )


def table(*rows: str, name: str = "Sheet1", more: str = "") -> str:
    """A table of these rows."""
    return f'<table:table table:name="{name}" {more}>{"".join(rows)}</table:table>'


def row(*cells: str, more: str = "") -> str:
    """A row of cells, given as text or as elements."""
    made = (cell if cell.startswith("<") else c(cell) for cell in cells)
    return f"<table:table-row {more}>{''.join(made)}</table:table-row>"


def c(text: str, more: str = "") -> str:
    """A cell."""
    return f"<table:table-cell {more}>{p(text) if text else ''}</table:table-cell>"


def frame(content: str, *, kind: str = "", at: tuple[str, str] = ("0cm", "0cm")) -> str:
    """A text box on a slide; `kind` is its presentation class."""
    mark = f'presentation:class="{kind}"' if kind else ""
    place = f'svg:x="{at[0]}" svg:y="{at[1]}"'
    return f"<draw:frame {mark} {place}><draw:text-box>{content}</draw:text-box></draw:frame>"
