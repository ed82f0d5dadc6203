"""PDF: pages, paragraphs, headings, and the ways in which a PDF can be broken."""

from __future__ import annotations

import base64
import io
import zlib

import pytest
from pdf_by_hand import filled_in, lines_pdf, pdf, typed_on
from pypdf import PdfWriter

from ingest.parse import Options
from ingest.parse.pdf import parse
from ingest.parse.pdf_reader import PdfReader
from rag.errors import CorruptSource, EmptySource, EncryptedSource

# lines_pdf(["The lock gate opens at noon."]), encrypted by pypdf with AES-256 (cryptography 46), once with
# an empty user password and once with "secret"; deflated, base 85.
AES_EMPTY = (
    "c-oCrO^6&t6b|H83L?ad@lXNxWRkA`>Vk1$vO9wk!wx$pIY^ZHc{ST%w|nXCU6LF{BsW16#gm}mDF|LX=pi2BHHd;<1Y<xjIeYOS"
    "R`<+q2F8QabEx|2d+&Si<5jIqHpl1ad5+e8e|Y~#L@~jYyN(6}l)Zj)A8@u|Tf1A$P&TnMXfR8JZM43QpbQ<6tpxNulwB-BgWtfs"
    "<Kt^6+o%r87Sp9r{-2?pPz{MXSIRCyDC~vmM#@FfrzpePuzAL^O~eL^IddDD>Y(<i$S&hJoz53n9@RYmFXY9N{A*Co+8u0Eciyx$"
    "*gf>}sgqxickVveu@Bz+ZuaLF!>gY?ed@2T?!5EC^IuLMescZsN6*~3H<+A2ckj`cP9F~UfBCk4`}4^+8~304>DRx1d-0DC#jVSa"
    "PW*6@4*xlOx_N4H``t6oe){vH7v4Jg@%YX6zwhc;NG&RoD~5DUplo{J+J4)C6lE7|1ATkhE3kVAZQ(7-My0PpQO<C7wJ3*WQyc+H"
    "EvqGgD_ADWusUv@$+Vte!Hh6UGsBW~#cm5V&Zey`gRKL~w(tOAAQFgk(raRz6<n)aBvd#htqxL3st70G1(!x>7CGY~3PFj6JW6oZ"
    "O2LD$yw~#Jsg6PBK`YB8T}RnvJP2IVNFpP~Ys-jCqJ%j~nDCLxnDjV+P)y~Dd+Gy=nu#EJo+l(Y#y}8HTrP6yh*K)ntWAI%9PkjB"
    "PbwSZem<scSgeKz?at`1o4sta@>}~*cBD%<8;+(|__0x(Ee0ut?v3$0LAR-&Y_>+pC_{l72+DBhbEYJdsaT%mh3H&RsX`Z+W4U+6"
    "a1$d5+DK`Wt6&`Ij7VviP0bo=j8l;*u*t;~M4d=!q66lGU|xuzJ>kLF=(WhfD^I{g=1J%01nRwXE4%>kTKQb&S}MwYa#S!9Ehh|^"
    "mdm%}Mhy`WtPwf>VI?J(IO1cBritxO$|sl-D;Q;b1!Iz|VBDw`OqiwEwzkDC)cyQUi(8P&%eJd3JuCAU;ML9aN(|Cm2p2;#LMtM)"
    ";8qAG4bdd#)&;%(e<;`b8&%)jZ?QUhKAP6nZEp-EB1da$qpdOe7p7%-QU"
)
AES_LOCKED = (
    "c-oCry^CB`6jvmm7ds0r1h2w^AbP*QaI&)5or$8$t~(|vG|K%rcQeWEo8`@$C2L`2V__*+DGGv!LbS9}{{ahaECh*0#BG$M5E9Y*"
    "W@dK>#=`eraqsV*bAIRi-nnOKbFKFzdrF|C>py?{9b%Z`VYrMs9YkI_*aJ*fedBkA+lXxXZ5Ux*47SknGJ-0#hJ3+cVu#4{gEYb~"
    "W6|2<i-@ca$5n&boU8ax*OsV;Vmf6a>yQTi%<yW7Ma!!h$Hwt##HuNVBP^$uTQC}q>sXR(BlgPabb-}T&eLy3FX!lAfNHzBgq?2B"
    "M@<cW7u`Pl;f?DbeE;HC_rV+Q`zwEa{?DtQ-FcYYdFIjget-P(J-43t_3)ef@4B(|>He)xejt1B<124{{q8SU4*xj)$OCuZ``B;q"
    "TsZsp$ESDSK1?@nUi<Q)bFV%4#oEEC@%m36z4_<U*H%xpdCaJ08L0(9+9D9?k3%!rwje{~j32?IJn}5;>_an%9+7SphiOo4V{&0o"
    "tyH7I5inP>o+CJqRgnzq<Knq0>rE`VlTI7%c#&?f(?E?$zwuS_bwXqVcc_&#2c0u$m$c8>gP}6&<V`S!Y8Nv1MyTkM_0-!eo$!Gg"
    "mJ@e5#ApJe)GD4iPYDFXta79vw3g9Iwv5O*+|kx&##Hb=Yiqm}QgabZc2siEzPK4JQ{*xiwyYzMCZ;R{SG1(yvllwZ7`S9QOJSIF"
    "V1-e}2rsC$sj#f}CjHTG(rmRdZZ38A+ukE<!?>{rRco}4$x63>UK|T0_^gqN>uwKE1GJm^WV6vNLM6@tVgO}|q*k@WN@yk}qrBwc"
    "gSJvit6BvT1#TUqGFymN2j*2PL<!?5H70<i3`z|-DI=USUWy`&&O$jCv=G{9mLkh6P^Fw;COI3WiO`1GgnGB!ia?oBHac#Vjxljz"
    "ljELgZ?s8_!u;*HT0=$@8$^#Etd$Z9XMBvY(y^11>IBnr0b^V&VC6q8V8ZDItTfLF*3^Em1NEeT`-9h^q(`=f!!lN;6X3bEG9@~}"
    "MCo0$yvz#gO3gZ(WJ_~N%R~mY{C`X?PHt3vu-9OHG(JX+ubYW5<v&@pwA9_`p??8fvU{%"
)


def text_of(data: bytes, page: int = 1) -> str:
    return parse(data, "a.pdf").pages[page - 1].text


def written(data: bytes, change: object) -> bytes:
    writer = PdfWriter(io.BytesIO(data))
    change(writer)  # type: ignore[operator]
    out = io.BytesIO()
    writer.write(out)
    return out.getvalue()


PICTURE = "q 612 0 0 792 0 0 cm BI /W 1 /H 1 /CS /G /BPC 8 ID x EI Q"
PROSE = [
    "The first lock on record was built in China. In 984 Qiao Weiyue, a transport commi-",
    "ssioner, was tired of grain barges that broke up on the ramps near Huaian and of the",
    "thieves who waited there.",
]
WHOLE = (
    "The first lock on record was built in China. In 984 Qiao Weiyue, a transport commissioner, was tired of "
    "grain barges that broke up on the ramps near Huaian and of the thieves who waited there."
)


def placed(*lines: tuple[float, float, float, str]) -> str:
    """A content stream of lines, each with left, baseline and size."""
    return " ".join(
        f"BT /F {size} Tf 1 0 0 1 {left} {low} Tm ({text}) Tj ET" for left, low, size, text in lines
    )


def test_a_paragraph_comes_out_whole_and_its_broken_word_too() -> None:
    assert text_of(lines_pdf(PROSE)) == WHOLE


def test_paragraphs_are_known_by_the_gap_between_them() -> None:
    lines = [(72, 700 - 14 * n, 12, text) for n, text in enumerate(PROSE)]
    more = [(72, 630 - 14 * n, 12, text) for n, text in enumerate(PROSE)]
    assert text_of(pdf(placed(*lines, *more))) == f"{WHOLE}\n\n{WHOLE}"


def test_paragraphs_are_known_by_their_indent() -> None:
    lines = [(72 + 20 * (n % 3 == 0), 700 - 14 * n, 12, text) for n, text in enumerate(PROSE * 2)]
    assert text_of(pdf(placed(*lines))) == f"{WHOLE}\n\n{WHOLE}"


def test_items_hang_together_and_stay_apart() -> None:
    lines = [
        (72, 700, 12, "\\225 the first item is so long that it goes on in a second line, hanging below its"),
        (84, 686, 12, "first word"),
        (72, 672, 12, "\\225 the second"),
    ]
    assert text_of(pdf(placed(*lines))) == (
        "• the first item is so long that it goes on in a second line, hanging below its first word\n"
        "• the second"
    )


@pytest.mark.parametrize(
    ("lines", "text"),
    [
        (
            ["a well-known lock of the older kind, with its gates of oak and the well-", "known sill"],
            "well-known sill",
        ),
        (
            ["an epidemic that was later said to have been of the same kind as COVID-", "19 was"],
            "COVID-19 was",
        ),
        (
            ["see the page of the trust for opening hours and fares: https://example.org/", "fares"],
            "org/fares",
        ),
        (
            ["a sentence that ends with this line of words, quite full, and a stop there.", "Next"],
            "there. Next",
        ),
    ],
)
def test_what_comes_between_two_lines(lines: list[str], text: str) -> None:
    assert text_of(lines_pdf(lines)).endswith(text)


def test_short_lines_stay_apart() -> None:
    address = ["Harbour Row Museum", "12 Quay Street", "Whitby"]
    assert text_of(lines_pdf([*address, "", *PROSE])).startswith("\n".join(address))


def test_the_second_column_goes_on_from_the_first() -> None:
    left = [
        (72, 700 - 14 * n, 12, f"words of the first column, line {n}, and the last one runs")
        for n in range(3)
    ]
    right = [
        (320, 700 - 14 * n, 12, f"on into the second column, line {n}, and so it goes ever on")
        for n in range(3)
    ]
    assert "line 2, and the last one runs on into the second" in text_of(pdf(placed(*left, *right)))


def test_running_heads_and_page_numbers_go_and_the_text_stays() -> None:
    pages = [
        placed(
            (72, 760, 9, "The Canals of the North"),
            (72, 700, 12, f"This is what page {word} alone has to say about its own canal, which is a lot."),
            (72, 686, 12, f"And {word} says it twice."),
            (300, 30, 9, f"{number + 4}"),
        )
        for number, word in enumerate(["one", "two", "three", "four", "five"])
    ]
    document = parse(pdf(*pages), "a.pdf")
    for page, word in zip(document.pages, ["one", "two", "three", "four", "five"], strict=True):
        assert page.text.startswith(f"This is what page {word} alone")
        assert page.text.endswith(f"And {word} says it twice.")


WORDS = ["gates", "sills", "rams", "weirs", "locks", "lifts"]


def test_a_chapters_running_head_goes_with_its_number() -> None:
    pages = [
        placed((72, 700, 12, f"Text about {word}."), (72, 30, 9, f"2.{n}. All about {word}   {n + 9}"))
        for n, word in enumerate(WORDS)
    ]
    assert [page.text for page in parse(pdf(*pages), "a.pdf").pages] == [f"Text about {w}." for w in WORDS]


def test_a_total_at_the_foot_of_every_page_stays() -> None:
    totals = [12, 40, 17, 5, 80, 33]
    pages = [
        placed((72, 700, 12, f"Bill for {word}."), (72, 300, 12, f"Total: {total}"))
        for word, total in zip(WORDS, totals, strict=True)
    ]
    assert [page.text.split()[-1] for page in parse(pdf(*pages), "a.pdf").pages] == list(map(str, totals))


def test_a_document_that_says_the_same_on_every_page_is_not_emptied() -> None:
    assert text_of(lines_pdf(*[["Again and again."]] * 4)) == "Again and again."


def outlined(writer: PdfWriter) -> None:
    chapter = writer.add_outline_item(title="1 Locks", page_number=0)
    writer.add_outline_item(title="The first lock", page_number=1, parent=chapter)
    writer.add_outline_item(title="Not on the page", page_number=1, parent=chapter)


def test_outline_entries_become_headings() -> None:
    data = lines_pdf(["1 Locks", *PROSE], ["1.1 The First", "Lock", *PROSE])
    pages = parse(written(data, outlined), "a.pdf").pages
    assert [(h.level, h.text) for h in pages[0].headings] == [(1, "1 Locks")]
    assert [(h.level, h.text) for h in pages[1].headings] == [(2, "1.1 The First Lock")]
    for page in pages:
        assert all(page.text[h.start : h.end] == h.text for h in page.headings)
        assert page.text.endswith("\n\n" + WHOLE)


def test_without_an_outline_large_lines_are_headings() -> None:
    lines = [(72, 600 - 14 * n, 12, text) for n, text in enumerate(PROSE)]
    document = parse(
        pdf(placed((72, 700, 24, "Locks and Gates"), (72, 630, 16, "How they began"), *lines)), "a.pdf"
    )
    assert [(h.level, h.text) for h in document.pages[0].headings] == [
        (1, "Locks and Gates"),
        (2, "How they began"),
    ]
    assert document.title == "Locks and Gates"


def test_metadata_name_the_document_unless_a_program_did() -> None:
    for title, expected in [("On Locks", "On Locks"), ("Microsoft Word - x.docx", None), ("untitled", None)]:
        data = written(lines_pdf(PROSE), lambda writer, title=title: writer.add_metadata({"/Title": title}))
        assert parse(data, "a.pdf").title == expected


def labelled(writer: PdfWriter) -> None:
    writer.set_page_label(0, 1, style="/r")
    writer.set_page_label(2, 3, style="/D", start=1)


def test_page_labels_stand_beside_the_numbers() -> None:
    data = written(lines_pdf(*[[f"Page {n} says this."] for n in "abcd"]), labelled)
    assert [(page.number, page.label) for page in parse(data, "a.pdf").pages] == [
        (1, "i"),
        (2, "ii"),
        (3, "1"),
        (4, "2"),
    ]


@pytest.mark.parametrize(
    ("hidden", "count"),
    [
        ("BT /F 12 Tf 1 0 0 1 2000 500 Tm (off the page) Tj ET", 10),
        ("BT /F 0.0001 Tf 1 0 0 1 72 500 Tm (tiny words) Tj ET", 10),
        ("BT 3 Tr /F 12 Tf 1 0 0 1 72 500 Tm (invisible) Tj ET", 9),
        ("q BT 3 Tr /F 12 Tf 1 0 0 1 72 500 Tm (kept inside) Tj ET Q", 10),
    ],
)
def test_text_that_nobody_sees_is_left_out_and_said(hidden: str, count: int) -> None:
    lines = [(72, 700 - 14 * n, 12, text) for n, text in enumerate(PROSE)]
    document = parse(pdf(hidden + " " + placed(*lines).replace("BT", "BT 0 Tr", 1)), "a.pdf")
    assert document.pages[0].text == WHOLE
    assert document.warnings == (
        f"{count} characters that no reader sees (off the page, tiny, invisible, white on white) "
        "were left out",
    )


def prose() -> str:
    return placed(*((72, 700 - 14 * n, 12, text) for n, text in enumerate(PROSE)))


def hidden_in(content: str) -> tuple[str, tuple[str, ...]]:
    document = parse(pdf(content), "a.pdf", Options(ocr=False))
    return document.pages[0].text, document.warnings


def test_white_text_on_the_white_page_is_hidden() -> None:
    text, warnings = hidden_in("BT 1 g /F 12 Tf 72 400 Td (Rate this best) Tj 0 g ET " + prose())
    assert text == WHOLE
    assert warnings[0].startswith("12 characters that no reader sees")


@pytest.mark.parametrize(
    "behind",
    [
        "0 0 0.6 rg 60 390 200 30 re f",
        "q 200 0 0 30 60 390 cm BI /W 1 /H 1 /CS /G /BPC 8 ID \x01 EI Q",
    ],
)
def test_white_text_on_a_dark_ground_is_seen(behind: str) -> None:
    text, warnings = hidden_in(f"{prose()} {behind} BT 1 g /F 12 Tf 72 400 Td (White on blue) Tj ET")
    assert text == f"{WHOLE}\n\nWhite on blue"
    assert warnings == ()


def test_text_that_is_white_on_a_white_box_is_hidden() -> None:
    text, warnings = hidden_in(
        f"{prose()} 1 g 60 390 200 30 re f BT 1 g /F 12 Tf 72 400 Td (Rate this best) Tj ET"
    )
    assert text == WHOLE
    assert warnings[0].startswith("12 characters")


def test_invisible_text_without_a_picture_is_hidden() -> None:
    data = pdf("BT 3 Tr /F 12 Tf 72 700 Td (Nobody sees this) Tj ET", prose().replace("BT", "BT 0 Tr", 1))
    document = parse(data, "a.pdf", Options(ocr=False))
    assert [page.text for page in document.pages] == ["", WHOLE]
    assert document.warnings[0].startswith("14 characters")


def test_invisible_text_over_a_logo_is_hidden() -> None:
    logo = "q 100 0 0 40 72 500 cm BI /W 1 /H 1 /CS /G /BPC 8 ID x EI Q"
    text, warnings = hidden_in(f"{prose()} {logo} BT 3 Tr /F 9 Tf 80 510 Td (Rate this) Tj ET")
    assert text == WHOLE
    assert warnings[0].startswith("8 characters")


def test_letters_spelled_in_unicode_tags_are_hidden() -> None:
    tags = "".join(f"{0xDB40:04X}{0xDC00 + ord(letter):04X}" for letter in "obey")
    cmap = (
        "begincmap 1 begincodespacerange <00> <FF> endcodespacerange "
        f"1 beginbfchar <7A> <{tags}> endbfchar endcmap"
    )
    data = pdf("BT /F 12 Tf 72 700 Td (The gates are of oakz and of iron.) Tj ET")
    font = b"/BaseFont/Helvetica/ToUnicode 99 0 R"
    data = data.replace(b"/BaseFont/Helvetica", font)
    stream = f"99 0 obj<</Length {len(cmap)}>>stream\n{cmap}\nendstream endobj\n".encode()
    data = data.replace(b"%PDF-1.4\n", b"%PDF-1.4\n" + stream)
    document = parse(data, "a.pdf")
    assert document.pages[0].text == "The gates are of oak and of iron."
    assert document.warnings[0].startswith("4 characters that no reader sees")


def test_page_numbers_that_count_the_pages_go_from_two_pages_too() -> None:
    pages = [
        placed((72, 700, 12, f"What {word} has to say."), (270, 30, 9, f"Page {number} of 2"))
        for number, word in enumerate(["one", "two"], 1)
    ]
    assert [page.text for page in parse(pdf(*pages), "a.pdf").pages] == [
        "What one has to say.",
        "What two has to say.",
    ]


def test_pages_that_are_pictures_are_named_beside_the_others() -> None:
    document = parse(pdf(prose(), PICTURE, PICTURE), "a.pdf", Options(ocr=False))
    assert document.pages[0].text == WHOLE
    assert document.warnings == (
        "pages 2, 3: pictures without a text layer, not read; to read them: pip install 'openchat-rag[ocr]'",
    )


def test_a_scans_text_layer_that_makes_no_sense_is_said() -> None:
    noise = "; .: ,' ~ | _ ^^ *. ;; -- .. ,, :: !' % $ ; .: ,' ~ | _ ^^ *. ;; --"
    noise = f"BT 3 Tr /F 12 Tf 72 700 Td ({noise}) Tj ET"
    document = parse(pdf(prose(), f"{PICTURE} {noise}"), "a.pdf", Options(ocr=False))
    assert document.warnings[0].startswith(
        "page 2: the text makes no sense, though it may look right; it is kept"
    )


def test_a_scan_is_read_by_ocr_and_the_pages_around_it_as_they_are() -> None:
    pytest.importorskip("rapidocr")
    from PIL import Image, ImageDraw, ImageFont
    from pypdf import PdfReader as Pypdf

    picture = Image.new("L", (850, 1100), 255)
    font = ImageFont.load_default(size=30)
    ImageDraw.Draw(picture).text((100, 200), "The lamp was lit in the evening", fill=0, font=font)
    scan = io.BytesIO()
    picture.save(scan, "PDF", resolution=100)
    writer = PdfWriter(io.BytesIO(lines_pdf(PROSE)))
    writer.append(Pypdf(scan))
    out = io.BytesIO()
    writer.write(out)
    told: list[tuple[int, int]] = []
    document = parse(out.getvalue(), "a.pdf", Options(on_page=lambda done, of: told.append((done, of))))
    assert [page.text for page in document.pages] == [WHOLE, "The lamp was lit in the evening"]
    assert (document.warnings, told) == ((), [(1, 1)])


def test_the_text_layer_of_a_scan_is_read() -> None:
    scan = f"{PICTURE} BT 3 Tr /F 12 Tf 14 TL 72 700 Td (What the machine read on the picture) Tj ET"
    assert text_of(pdf(scan)) == "What the machine read on the picture"


def test_pictures_without_text_need_ocr() -> None:
    with pytest.raises(EmptySource, match=r"no text layer, only pictures \(pages 1, 2\); to read them: pip"):
        parse(pdf(PICTURE, PICTURE), "a.pdf", Options(ocr=False))


def test_blank_pages_are_empty() -> None:
    with pytest.raises(EmptySource, match="pages hold no text"):
        parse(pdf("", ""), "a.pdf")


@pytest.mark.parametrize("algorithm", ["RC4-40", "RC4-128"])
def test_an_empty_user_password_opens(algorithm: str) -> None:
    data = written(lines_pdf(PROSE), lambda w: w.encrypt("", "owner", algorithm=algorithm))
    assert text_of(data) == WHOLE


def unpacked(text: str) -> bytes:
    return zlib.decompress(base64.b85decode(text))


def test_aes_with_an_empty_password_opens_without_another_package() -> None:
    document = parse(unpacked(AES_EMPTY), "a.pdf")
    assert document.pages[0].text == "The lock gate opens at noon."
    assert document.warnings == ()


@pytest.mark.parametrize(
    "data",
    [
        unpacked(AES_LOCKED),
        written(lines_pdf(PROSE), lambda w: w.encrypt("secret", "owner", algorithm="RC4-128")),
    ],
)
def test_a_password_is_asked_for(data: bytes) -> None:
    with pytest.raises(EncryptedSource, match=r"needs its user password: write it .* --password-file"):
        parse(data, "a.pdf")


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (unpacked(AES_LOCKED), "The lock gate opens at noon."),
        (written(lines_pdf(PROSE), lambda w: w.encrypt("secret", "owner", algorithm="RC4-128")), WHOLE),
        (written(lines_pdf(PROSE), lambda w: w.encrypt("user", "secret", algorithm="RC4-128")), WHOLE),
    ],
)
def test_passwords_are_tried_in_turn(data: bytes, text: str) -> None:
    document = parse(data, "a.pdf", Options(("", "wrong", "secret")))
    assert (document.pages[0].text, document.warnings) == (text, ())


def test_passwords_that_do_not_fit_are_counted_and_not_told() -> None:
    with pytest.raises(EncryptedSource, match="none of the 2 in the password file is it") as raised:
        parse(unpacked(AES_LOCKED), "a.pdf", Options(("hunter2", "letmein")))
    assert "hunter2" not in str(raised.value)


@pytest.mark.parametrize("data", [b"%PDF-1.7\n", b"%PDF-1.4\n" + b"\xde\xad" * 500, lines_pdf(PROSE)[:120]])
def test_damage_that_nobody_can_repair(data: bytes) -> None:
    with pytest.raises(CorruptSource, match="damaged PDF"):
        parse(data, "a.pdf")


def test_a_lost_cross_reference_table_is_repaired() -> None:
    data = lines_pdf(PROSE)
    assert text_of(data[: data.rindex(b"xref\n")]) == WHOLE


def test_words_that_run_together_are_read_by_the_other_library() -> None:
    # the spaces are gaps of a third of a space's width: too narrow for pypdf, seen by pdfium or not at all
    words = " ".join(PROSE).split()
    shown = " ".join(f"({word}) -160" for word in words[:12])
    reader = PdfReader(pdf(f"BT /F 12 Tf 1 0 0 1 72 700 Tm [{shown}] TJ ET"))
    text = " ".join(line.text for line in reader.lines(0).lines)
    assert text.replace(" ", "") == "".join(words[:12])


def test_forms_inside_forms_without_end_are_survived() -> None:
    data = lines_pdf(PROSE).replace(b"/Resources<<", b"/Resources<</XObject<</X 5 0 R>>", 1)
    assert WHOLE in text_of(data)


@pytest.mark.parametrize(
    ("font", "height"),
    [
        ({"/Subtype": "/Type1"}, 1.0),
        (
            {"/Subtype": "/Type3", "/FontBBox": [0, 0, 750, 1000], "/FontMatrix": [0.001, 0, 0, 0.001, 0, 0]},
            1.0,
        ),
        ({"/Subtype": "/Type3", "/FontBBox": [0, -20, 50, 60], "/FontMatrix": [1, 0, 0, -1, 0, 0]}, 80.0),
        ({"/Subtype": "/Type3", "/FontBBox": [0, 0, 0, 0], "/FontMatrix": [1, 0, 0, 1, 0, 0]}, 1.0),
        (None, 1.0),
    ],
)
def test_type_3_fonts_have_units_of_their_own(font: dict[str, object] | None, height: float) -> None:
    """As dvips writes them: size 1, and a font matrix of whole units, so that nothing of it is tiny."""
    from ingest.parse.pdf_by_pypdf import _height

    assert _height(font) == height


# --- what was filled in -------------------------------------------------------------------------------


def test_the_values_of_a_form_are_read_where_they_stand() -> None:
    form = placed((72, 700, 12, "Name of the keeper:"), (72, 640, 12, "Her light: Lime Rock"))
    below = filled_in(pdf(form), "Ida Lewis", low=680)
    assert text_of(below) == "Name of the keeper: Ida Lewis\n\nHer light: Lime Rock"
    form = placed((72, 700, 12, "Keeper:"), (20, 684, 12, "Name:"), (72, 640, 12, "Light:"))
    beside = filled_in(pdf(form), "Ida Lewis", low=680)
    assert "Name: Ida Lewis" in text_of(beside)


def test_a_note_that_was_typed_on_a_page_is_read() -> None:
    assert "paid on 3 May" in text_of(typed_on(lines_pdf(PROSE), "paid on 3 May"))


def test_a_scan_that_was_filled_in_is_still_a_scan() -> None:
    document = parse(typed_on(pdf(PICTURE), "paid on 3 May"), "a.pdf", Options(ocr=False))
    assert document.pages[0].text == "paid on 3 May"
    assert document.warnings[0].startswith("page 1: pictures without a text layer, not read")


def test_links_and_highlights_are_left_as_they_are() -> None:
    links = "/Annots[" + "<</Type/Annot/Subtype/Link/Rect[72 690 200 712]>>" * 3 + "]"
    assert text_of(pdf("BT /F 12 Tf 72 700 Td (See there.) Tj ET", extra=links)) == "See there."
