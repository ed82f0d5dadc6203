"""XLSX files written part by part, so that what is in them is known, and what no program would write."""

from __future__ import annotations

from docx_by_hand import archive

MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
PACKAGE = "http://schemas.openxmlformats.org/package/2006/relationships"
STYLES = f"""<styleSheet xmlns="{MAIN}"><numFmts><numFmt numFmtId="164" formatCode="0.0%"/></numFmts>
<fonts count="2"><font/><font><b/></font></fonts>
<cellXfs count="4"><xf numFmtId="0" fontId="0"/><xf numFmtId="164" fontId="0"/><xf numFmtId="14" fontId="0"/>
<xf numFmtId="0" fontId="1"/></cellXfs></styleSheet>"""


def xlsx(
    *sheets: str, strings: str = "", names: tuple[str, ...] = (), main: str = MAIN, **parts: str
) -> bytes:
    """A workbook with these rows; `parts` are members to replace or add, by path with `/` as `__`."""
    names = names or tuple(f"Sheet{number}" for number in range(1, len(sheets) + 1))
    listed = "".join(
        f'<sheet name="{name}" sheetId="{number}" r:id="r{number}"/>' for number, name in enumerate(names, 1)
    )
    leads = "".join(
        f'<Relationship Id="r{number}" Type="{OFFICE}/worksheet" Target="worksheets/sheet{number}.xml"/>'
        for number in range(1, len(names) + 1)
    )
    members = {
        "xl/workbook.xml": f'<workbook xmlns="{main}" xmlns:r="{OFFICE}"><sheets>{listed}</sheets>'
        "</workbook>",
        "xl/_rels/workbook.xml.rels": f'<Relationships xmlns="{PACKAGE}">{leads}'
        f'<Relationship Id="s" Type="{OFFICE}/styles" Target="/xl/styles.xml"/>'
        f'<Relationship Id="t" Type="{OFFICE}/sharedStrings" Target="sharedStrings.xml"/></Relationships>',
        "xl/styles.xml": STYLES,
        "xl/sharedStrings.xml": f'<sst xmlns="{main}">{strings}</sst>',
    }
    for number, rows in enumerate(sheets, 1):
        members[f"xl/worksheets/sheet{number}.xml"] = sheet(rows, main=main)
    for name, text in parts.items():
        members[name.replace("__", "/")] = text
    return archive({name: text.encode() for name, text in members.items()})


def sheet(rows: str, *, main: str = MAIN) -> str:
    """A sheet's part."""
    return f'<worksheet xmlns="{main}"><sheetData>{rows}</sheetData></worksheet>'


def row(number: int, *cells: str) -> str:
    """A row of these cells' elements."""
    return f'<row r="{number}">{"".join(cells)}</row>'


def text(reference: str, said: str) -> str:
    """A cell with its text inside."""
    return f'<c r="{reference}" t="inlineStr"><is><t>{said}</t></is></c>'


def number(reference: str, said: str, style: int = 0) -> str:
    """A cell with a number."""
    return f'<c r="{reference}" s="{style}"><v>{said}</v></c>'
