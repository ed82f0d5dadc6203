"""PPTX files written part by part, so that what is in them is known."""

from __future__ import annotations

from docx_by_hand import archive

A = "http://schemas.openxmlformats.org/drawingml/2006/main"
P = "http://schemas.openxmlformats.org/presentationml/2006/main"
R = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
PACKAGE = "http://schemas.openxmlformats.org/package/2006/relationships"
NAMES = f'xmlns:a="{A}" xmlns:p="{P}" xmlns:r="{R}"'


def pptx(*slides: str, order: tuple[int, ...] = (), leads: str = "", **parts: str) -> bytes:
    """A presentation of these slides, shown in `order`; `leads` are the first slide's relations.

    `parts` are members to replace or add, by path with `/` as `__`.
    """
    listed = "".join(f'<p:sldId id="{255 + n}" r:id="r{n}"/>' for n in order or range(1, len(slides) + 1))
    members = {
        "ppt/presentation.xml": f"<p:presentation {NAMES}><p:sldIdLst>{listed}</p:sldIdLst></p:presentation>",
        "ppt/_rels/presentation.xml.rels": relations(
            *(lead(f"r{n}", "slide", f"slides/slide{n}.xml") for n in range(1, len(slides) + 1))
        ),
        "ppt/slides/_rels/slide1.xml.rels": relations(leads),
    }
    for number, slide in enumerate(slides, 1):
        members[f"ppt/slides/slide{number}.xml"] = slide
    for name, text in parts.items():
        members[name.replace("__", "/")] = text
    return archive({name: text.encode() for name, text in members.items()})


def relations(*leads: str) -> str:
    """A part's relations."""
    return f'<Relationships xmlns="{PACKAGE}">{"".join(leads)}</Relationships>'


def lead(name: str, kind: str, target: str) -> str:
    """One relation."""
    return f'<Relationship Id="{name}" Type="{R}/{kind}" Target="{target}"/>'


def slide(*shapes: str, kind: str = "sld", more: str = "") -> str:
    """A slide of these shapes; `more` are its attributes."""
    return f"<p:{kind} {NAMES} {more}><p:cSld><p:spTree>{''.join(shapes)}</p:spTree></p:cSld></p:{kind}>"


def shape(*paragraphs: str, placeholder: str = "", at: tuple[int, int] | None = None) -> str:
    """A shape of these paragraphs; `at` is where it stands: from the left and from the top."""
    mark = f"<p:ph {placeholder}/>" if placeholder else ""
    place = f'<a:xfrm><a:off x="{at[0]}" y="{at[1]}"/></a:xfrm>' if at else ""
    return (
        f"<p:sp><p:nvSpPr><p:nvPr>{mark}</p:nvPr></p:nvSpPr><p:spPr>{place}</p:spPr>"
        f"<p:txBody>{''.join(paragraphs)}</p:txBody></p:sp>"
    )


def title(text: str) -> str:
    """A slide's title."""
    return shape(p(text), placeholder='type="title"')


def p(text: str, properties: str = "") -> str:
    """A paragraph."""
    return f"<a:p>{properties}<a:r><a:t>{text}</a:t></a:r></a:p>"


def group(*shapes: str, at: tuple[int, int]) -> str:
    """Shapes that move together."""
    place = f'<p:grpSpPr><a:xfrm><a:off x="{at[0]}" y="{at[1]}"/></a:xfrm></p:grpSpPr>'
    return f"<p:grpSp><p:nvGrpSpPr/>{place}{''.join(shapes)}</p:grpSp>"


def frame(content: str) -> str:
    """A frame with a table, chart or diagram."""
    return f"<p:graphicFrame><a:graphic><a:graphicData>{content}</a:graphicData></a:graphic></p:graphicFrame>"
