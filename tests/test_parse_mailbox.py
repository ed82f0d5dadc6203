"""Mailboxes: where one mail ends and the next begins."""

from __future__ import annotations

import pytest

from ingest.parse import Options
from ingest.parse import parse as parse_any
from ingest.parse.mailbox import parse
from rag.errors import EmptySource
from rag.records import Document

LINE = "From ann@example.org Fri Nov 20 19:27:16 2026\n"
MAIL = "From: ann@example.org\nTo: b@c.d\nSubject: {}\n\n{}\n\n"


def read(text: str) -> Document:
    return parse(text.encode(), "inbox", Options())


def test_a_page_for_each_mail() -> None:
    document = read(LINE + MAIL.format("One", "First.") + LINE + MAIL.format("Two", "Second."))
    assert [(page.label, page.text.rpartition("\n")[2]) for page in document.pages] == [
        ("mail 1", "First."),
        ("mail 2", "Second."),
    ]
    assert [page.headings[0].text for page in document.pages] == ["mail 1: One", "mail 2: Two"]
    assert document.title is None


@pytest.mark.parametrize(
    ("body", "text"),
    [
        (">From the start, it was clear.", "From the start, it was clear."),
        (">>From x", "> From x"),
        ("Words.\nFrom here at 10:30 we go on.", "From here at 10:30 we go on."),  # no blank line before it
        ("Words.\n\nFrom now on nothing.", "From now on nothing."),  # no time in it
    ],
)
def test_lines_that_only_begin_like_a_mail(body: str, text: str) -> None:
    document = read(LINE + MAIL.format("One", body))
    assert len(document.pages) == 1
    assert document.pages[0].text.endswith(text)


def test_line_ends_of_windows() -> None:
    text = (LINE + MAIL.format("One", "First.") + LINE + MAIL.format("Two", "Second.")).replace("\n", "\r\n")
    assert len(read(text).pages) == 2


def test_attachments_of_each() -> None:
    parts = (
        'From: a@b.c\nSubject: s\nContent-Type: multipart/mixed; boundary="b"\n\n--b\n\nHello.\n--b\n'
        'Content-Type: text/plain\nContent-Disposition: attachment; filename="n.md"\n\n# Tea\n--b--\n\n'
    )
    document = read((LINE + parts) * 2)
    assert [page.label for page in document.pages] == ["mail 1", "mail 1, n.md", "mail 2", "mail 2, n.md"]


def test_a_mail_without_anything_costs_the_others_nothing() -> None:
    document = read(LINE + "X: y\n\n" + LINE + MAIL.format("Two", "Second."))
    assert [page.label for page in document.pages] == ["mail 2"]
    assert document.warnings == ("mail 1 could not be read: the mail has neither headers nor text",)
    with pytest.raises(EmptySource, match="nothing in it could be read: mail 1"):
        read(LINE + "X: y\n\n")


def test_a_mailbox_by_its_name_whose_mails_have_hardly_a_header() -> None:
    line = b"From envelope-sender Mon Jun 01 10:00:00 2009\n"
    document = parse_any(line + b"\nFirst.\n\n" + line + b"X: y\n\nSecond.\n", "archive.mbox")
    assert document.media_type == "application/mbox"
    assert [page.text for page in document.pages] == ["First.", "Second."]
