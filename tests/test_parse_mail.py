"""Mails: headers, bodies and attachments, in the encodings and the disorder that people receive them in."""

from __future__ import annotations

import base64
from email.message import EmailMessage

import pytest
from zip_by_hand import zipped

from ingest.parse import Options
from ingest.parse.budget import Budget
from ingest.parse.mail import LONGEST_HEADER, parse
from rag.errors import CorruptSource, EmptySource, ParserFailed
from rag.records import Document

HEADERS = "From: Ann <ann@example.org>\nTo: bob@example.org\nSubject: Plan\n"


def read(text: str | bytes) -> Document:
    return parse(text if isinstance(text, bytes) else text.encode(), "a.eml", Options())


def body(text: str, headers: str = "") -> str:
    """What becomes of a plain body, without the headers above it."""
    page = read(HEADERS + headers + "\n" + text).pages[0].text
    return page.removeprefix("From: Ann <ann@example.org>\nTo: bob@example.org\nSubject: Plan\n\n")


def multipart(kind: str, *parts: str) -> str:
    """A mail of these parts, each its headers, a blank line and its body."""
    inner = "".join(f"--b\n{part}\n" for part in parts)
    return f'{HEADERS}MIME-Version: 1.0\nContent-Type: multipart/{kind}; boundary="b"\n\n{inner}--b--\n'


PLAIN, RICH = "Content-Type: text/plain\n\nplain words", "Content-Type: text/html\n\n<p>rich <b>words</b></p>"


def test_the_headers_stand_above_the_text() -> None:
    mail = (
        "Received: from x\nDate: Fri, 20 Nov 2026 19:27:16 +0000\nSUBJECT: Plan\nTo: b@c.d,\n e@f.g\n"
        "From: a@b.c\nX-Mailer: m\nCc: c@d.e\n\nWords.\n"
    )
    document = read(mail)
    assert document.title == "Plan"
    assert document.pages[0].text == (
        "From: a@b.c\nTo: b@c.d, e@f.g\nCc: c@d.e\nDate: Fri, 20 Nov 2026 19:27:16 +0000\nSubject: Plan\n\n"
        "Words."
    )


@pytest.mark.parametrize(
    ("subject", "text"),
    [
        ("=?utf-8?q?Gr=C3=BC=C3=9Fe?=", "Grüße"),
        ("=?GB2312?B?1tDOxA==?=", "中文"),
        ("=?iso-2022-jp?B?GyRCRnxLXDhsGyhC?=", "日本語"),
        ("=?Shift_JIS?B?k/qWe4zq?=", "日本語"),
        ("=?big5?B?pKSk5Q==?=", "中文"),
        ("=?koi8-r?B?8NLJ18XU?=", "Привет"),
        ("=?utf-8?B?5LitX?=", "=?utf-8?B?5LitX?="),  # no Base64 of any length
        ("=?x-unknown?Q?caf=C3=A9?=", "café"),
        ("=?utf-8?B?5Lg=?= =?utf-8?B?reaWhw==?=", "中文"),  # a character over two words
        ("Re: =?utf-8?q?a?= b", "Re: a b"),
        ("=?zlib?q?abc?=", "abc"),
        ("no code at all =?", "no code at all =?"),
    ],
)
def test_encoded_headers(subject: str, text: str) -> None:
    assert read(f"From: a@b.c\nSubject: {subject}\n\nWords.").title == text


@pytest.mark.parametrize("codec", ["utf-8", "gb18030", "shift_jis"])
def test_bytes_that_no_header_declares_are_guessed(codec: str) -> None:
    subject = (
        "関係者各位、来月の会議の日程について" if codec == "shift_jis" else "关于下个月会议日程的通知和安排"
    )
    assert read(b"From: a@b.c\nSubject: " + subject.encode(codec) + b"\n\nWords.").title == subject


@pytest.mark.parametrize(
    ("headers", "data", "text"),
    [
        ("Content-Type: text/plain; charset=gb2312", "镕基".encode("gbk"), "镕基"),  # beyond GB 2312
        ("Content-Type: text/plain; charset=iso-8859-1", "naïve “x”".encode("cp1252"), "naïve “x”"),
        ("Content-Type: text/plain; charset=us-ascii", "naïve".encode(), "naïve"),
        ("Content-Type: text/plain; charset=punycode", b"abc-def", "abc-def"),
        ('Content-Type: text/plain; charset="utf-8"', b"\xff\xfeW\0o\0r\0d\0", "Word"),
        ("Content-Type: text/plain; charset=no-such", "Привет, как дела сегодня".encode("cp1251"), None),
    ],
)
def test_charsets_that_say_less_or_more_than_is_there(headers: str, data: bytes, text: str | None) -> None:
    page = read(HEADERS.encode() + headers.encode() + b"\n\n" + data).pages[0].text
    assert page.endswith("\n\n" + (text or "Привет, как дела сегодня"))


def test_transfer_encodings() -> None:
    assert body("a=3Db =C3=A9=\nnd", "Content-Transfer-Encoding: quoted-printable\n") == "a=b énd"
    packed = base64.b64encode("Wörter".encode()).decode()
    assert (
        body(packed, "Content-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: base64\n")
        == "Wörter"
    )
    assert body("!!! no base64 at all", "Content-Transfer-Encoding: base64\n") != ""


def test_the_plain_form_is_read_and_the_rich_one_where_there_is_no_plain() -> None:
    assert read(multipart("alternative", PLAIN, RICH)).pages[0].text.endswith("\n\nplain words")
    empty = "Content-Type: text/plain\n\n \n"
    assert read(multipart("alternative", empty, RICH)).pages[0].text.endswith("\n\nrich words")
    assert body("<p>x<script>no</script>", "Content-Type: text/html\n") == "x"


def test_html_is_decoded_as_the_mail_says_whatever_the_page_says() -> None:
    page = '<meta charset="gb2312"><p>žluťoučký kůň</p>'
    mail = HEADERS.encode() + b"Content-Type: text/html; charset=iso-8859-2\n\n" + page.encode("iso8859-2")
    assert read(mail).pages[0].text.endswith("žluťoučký kůň")


def test_lines_are_joined_and_quotes_stay() -> None:
    long = "This is a sentence that is as long as lines of mails are, and it goes on\nin the next line.\n"
    quoted = "> When will you send me the plan of the bridge that we both spoke of last\n> week?\n>> Soon.\n"
    assert body(long + "\nOn Monday Bob wrote:\n" + quoted + "-- \nAnn\n") == (
        "This is a sentence that is as long as lines of mails are, and it goes on in the next line.\n\n"
        "On Monday Bob wrote:\n\n"
        "> When will you send me the plan of the bridge that we both spoke of last week?\n\n"
        ">> Soon.\n\n--\nAnn"
    )


def test_flowed_text_is_joined_where_a_line_ends_in_a_space() -> None:
    flowed = "Content-Type: text/plain; format=flowed\n"
    assert body("one \ntwo\nthree\n> four \n> five\n-- \nAnn\n", flowed) == (
        "one two\nthree\n\n> four five\n\n--\nAnn"
    )


def test_short_lines_and_quoted_headers_are_no_paragraph() -> None:
    lines = "From: a@b.c\nTo: d@e.f\n\n12 Main Street\nSpringfield\n__________\nend"
    assert body(lines) == "From: a@b.c\nTo: d@e.f\n\n12 Main Street\nSpringfield\n\nend"


def attached() -> EmailMessage:
    mail = EmailMessage()
    mail["From"], mail["Subject"] = "a@b.c", "Outer"
    mail.set_content("See below.")
    mail.add_attachment(b"# Tea\n\nGreen.", maintype="text", subtype="x", filename="茶/制茶.md")
    mail.add_attachment(b"\x7fELF\0\0", maintype="application", subtype="x", filename="x.xyz")
    mail.add_attachment(b"no pdf", maintype="application", subtype="pdf", filename="plan.pdf")
    return mail


def test_attachments_are_pages_with_their_names() -> None:
    document = read(bytes(attached()))
    assert [page.number for page in document.pages] == [1, 2]
    assert document.pages[0].text.endswith("Attachments: 制茶.md, x.xyz, plan.pdf\n\nSee below.")
    page = document.pages[1]
    assert (page.label, page.text) == ("制茶.md", "Tea\n\nGreen.")
    assert [(h.level, h.start, h.end, h.text) for h in page.headings] == [
        (1, 0, 0, "制茶.md"),
        (2, 0, 3, "Tea"),
    ]
    assert len(document.warnings) == 2
    assert document.warnings[0].startswith("plan.pdf could not be read: named .pdf, but it is none")
    assert document.warnings[1] == "left out, being empty or of no kind that is read: x.xyz"


def test_a_mail_in_a_mail_is_more_pages() -> None:
    inner, outer = attached(), EmailMessage()
    outer["From"], outer["Subject"] = "z@y.x", "Fwd"
    outer.set_content("Look.")
    outer.add_attachment(inner)
    labels = [page.label for page in read(bytes(outer)).pages]
    assert labels == [None, "Outer", "Outer, 制茶.md"]


@pytest.mark.parametrize(
    ("disposition", "name"),
    [
        ("attachment; filename*=gb18030''%D6%C6%B2%E8.txt", "制茶.txt"),  # RFC 2231
        ("attachment; filename*0*=utf-8''%E5%88%B6; filename*1*=%E8%8C%B6.txt", "制茶.txt"),
        ('attachment; filename="=?utf-8?B?5Yi26Iy2LnR4dA==?="', "制茶.txt"),  # RFC 2047, where it may not be
        ('attachment; filename="制茶.txt"', "制茶.txt"),  # undeclared bytes
        ('attachment; filename="../../etc/a.txt"', "a.txt"),
        ("attachment", "attachment 1.txt"),
        ("attachment; filename*=no-such-charset''a.txt", "a.txt"),
    ],
)
def test_names_of_attachments(disposition: str, name: str) -> None:
    part = f"Content-Type: text/plain\nContent-Disposition: {disposition}\n\nWords."
    document = read(multipart("mixed", PLAIN, part))
    assert [page.label for page in document.pages] == [None, name]
    assert document.pages[1].text == "Words."


def test_what_belongs_to_the_looks_is_left_out_in_silence() -> None:
    image = "Content-Type: image/png\nContent-ID: <x>\n\nno picture"
    document = read(multipart("related", RICH, image))
    assert document.pages[0].text.endswith("rich words")
    assert document.warnings == ()
    signature = "Content-Type: application/pgp-signature\n\n-----BEGIN PGP SIGNATURE-----"
    assert read(multipart("signed", PLAIN, signature)).warnings == ()


@pytest.mark.parametrize(
    "mail",
    [
        multipart("encrypted", "Content-Type: application/pgp-encrypted\n\nVersion: 1"),
        HEADERS + "Content-Type: application/pkcs7-mime; smime-type=enveloped-data\n\nMIIB",
        HEADERS + "\n-----BEGIN PGP MESSAGE-----\n\nhQEMA\n-----END PGP MESSAGE-----\n",
    ],
)
def test_encrypted_text_is_said_to_be(mail: str) -> None:
    document = read(mail)
    assert document.pages[0].text == "From: Ann <ann@example.org>\nTo: bob@example.org\nSubject: Plan"
    assert "encrypted" in document.warnings[0]


@pytest.mark.parametrize(
    "mail",
    [
        multipart("mixed", PLAIN).replace("--b--\n", ""),  # cut off
        multipart("mixed", PLAIN).replace('boundary="b"', "x=y"),  # no boundary
        HEADERS + "Content-Type: text/plain; charset*=x'y\n\nplain words",
        HEADERS + "Content-Type: nonsense\n\nplain words",
        HEADERS + "no header at all\nplain words",
        HEADERS.replace("\n", "\r\n") + "\r\nplain words",
    ],
)
def test_broken_mails_are_read_as_far_as_they_go(mail: str) -> None:
    assert "plain words" in read(mail).pages[0].text


def test_a_mail_without_anything() -> None:
    with pytest.raises(EmptySource, match="neither headers nor text"):
        read("X-Mailer: m\n\n")


def test_hidden_tags_are_said() -> None:
    document = read(HEADERS + "Content-Type: text/plain; charset=utf-8\n\nsee\U000e0041\U000e0042n")
    assert document.pages[0].text.endswith("seen")
    assert document.warnings == ("2 characters that no screen shows (Unicode tags) were left out",)


def test_a_header_without_end_is_cut() -> None:
    document = read("From: a@b.c\nSubject: " + "=?a?q?x" * 200_000 + "\n\nWords.")
    assert document.title is not None
    assert len(document.title) <= LONGEST_HEADER
    quotes = 'Content-Type: text/plain; a="' + ";" * 1_000_000
    assert "Words." in read(HEADERS + quotes + "\n\nWords.").pages[0].text


def test_parts_in_parts_without_end() -> None:
    deep = "".join(f'Content-Type: multipart/mixed; boundary="b{n}"\n\n--b{n}\n' for n in range(3000))
    with pytest.raises(CorruptSource, match="nested too deeply"):
        read(HEADERS + deep)


def test_mails_in_mails_without_end() -> None:
    mail = "From: a@b.c\nSubject: s\nContent-Type: message/rfc822\n\n"
    document = read(mail * 20 + "Subject: last\n\nWords.")
    assert [page.label for page in document.pages] == [None, "s", "s, s", "s, s, s"]
    assert "lies in 4 files, one packed in the other; 3 are opened at most" in document.warnings[0]


def test_an_attached_bomb_spends_the_mail_s_budget() -> None:
    mail = EmailMessage()
    mail["From"] = "a@b.c"
    mail.set_content("See below.")
    bomb = zipped({"a.txt": b"a" * (3 << 20)})
    mail.add_attachment(bomb, maintype="application", subtype="zip", filename="a.zip")
    with pytest.raises(ParserFailed, match=r"unpacks to more than 2 MB \(a\.txt\), as a ZIP bomb does"):
        parse(bytes(mail), "a.eml", Options(budget=Budget(unpacked_megabytes=2)))


def test_a_parser_s_own_fault_costs_that_attachment_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(data: bytes, name: str) -> Document:
        raise KeyError("x")

    monkeypatch.setattr("ingest.parse.markdown.parse", fails)
    document = read(bytes(attached()))
    assert len(document.pages) == 1
    assert document.warnings[0] == "制茶.md could not be read: KeyError: 'x'"
