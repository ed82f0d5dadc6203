"""A mail (RFC 5322 and MIME) -> a Document: the message is the first page, attachments are those after it.

The message's page begins with its headers, a line each, then its text: the plain part, or else the HTML one
as a reader sees it; quoted history stays. What is attached goes to the parser of its kind, a mail in a mail
comes as further pages. Names and words in any encoding are read, wrong ones too. Pictures that belong to the
HTML are left out. Nothing is fetched, no signature is checked, no encryption undone.
"""

from __future__ import annotations

import email
import mimetypes
from email.message import Message
from email.policy import Compat32
from functools import partial
from typing import Any

from ingest.parse import Options
from ingest.parse.blocks import PageText
from ingest.parse.charsets import decode_named
from ingest.parse.clean import hidden_tags
from ingest.parse.html import add_fragment
from ingest.parse.mail_text import add_plain, header_text
from ingest.parse.members import Members, shown
from rag.errors import CorruptSource, EmptySource
from rag.records import Document, Page

MEDIA_TYPE = "message/rfc822"
LONGEST_HEADER = 10_000  # characters; the standard library takes quadratic time for some of them
_SHOWN = ("From", "To", "Cc", "Date", "Subject")
_SIGNATURES = frozenset(
    ("application/pgp-signature", "application/pkcs7-signature", "application/x-pkcs7-signature")
)
_BODIES = frozenset(("text/plain", "text/html", "text/rfc822-headers"))
_ENVELOPES = frozenset(("application/pkcs7-mime", "application/x-pkcs7-mime"))


class _Bounded(Compat32):
    """Python's oldest rules, which take every mail there is, with headers of bounded length."""

    def header_source_parse(self, sourcelines: Any) -> tuple[str, str]:
        name, value = super().header_source_parse(sourcelines)
        return name, value[:LONGEST_HEADER]


_POLICY: Any = _Bounded()


def parse(data: bytes, name: str, options: Options) -> Document:
    """The mail's pages."""
    try:
        return read_mail(email.message_from_bytes(data, policy=_POLICY), options)
    except RecursionError as error:
        raise CorruptSource("its parts are nested too deeply to be read") from error


def read_mail(mail: Message, options: Options) -> Document:
    """The pages of a mail that was taken apart."""
    members = Members(options)
    parts = _Parts(members)
    parts.take(mail)
    subject = _header(mail, "Subject")
    page = parts.page(mail)
    if not page.text and not parts.attached:
        raise EmptySource("the mail has neither headers nor text")
    members.add_page(page)
    members.expect(len(parts.attached))
    for name, part in parts.attached:
        if (inner := _inner(part)) is not None:
            members.add(name, partial(read_mail, inner))
        else:
            members.read(name, partial(_bytes, part))
    return members.document(MEDIA_TYPE, subject or None)


class _Parts:
    """What a mail is made of: the texts that are shown, and what is attached."""

    def __init__(self, members: Members) -> None:
        self.attached: list[tuple[str, Message]] = []
        self._texts: list[Message] = []
        self._members = members

    def take(self, part: Message) -> None:
        """Sorts a part and what it holds."""
        _read_names(part)
        kind = part.get_content_type()
        if kind == "multipart/alternative":
            self._take_best(_children(part))
        elif kind == "multipart/encrypted" or (kind in _ENVELOPES and not part.is_multipart()):
            self._members.warn("the text is encrypted or sealed (OpenPGP or S/MIME) and was not read")
        elif kind == "multipart/related":
            self._take_related(_children(part))
        elif kind.startswith("message/") and kind != "message/delivery-status":
            self.attached.append((self._name(part), part))
        elif part.is_multipart():
            for child in _children(part):
                self.take(child)
        elif kind in _SIGNATURES:
            pass
        elif kind.startswith("multipart/") or (kind in _BODIES and not _is_attached(part)):
            # parts that nothing sets apart are text, too
            self._texts.append(part)
        else:
            self.attached.append((self._name(part), part))

    def page(self, mail: Message) -> Page:
        """The message itself."""
        page = PageText()
        lines = [f"{name}: {value}" for name in _SHOWN if (value := _header(mail, name))]
        if self.attached:
            lines.append("Attachments: " + ", ".join(shown(name) for name, _ in self.attached))
        page.verbatim("\n".join(lines))
        for part in self._texts:
            self._add_text(page, part)
        return page.page()

    def _add_text(self, page: PageText, part: Message) -> None:
        text, warning = decode_named(_bytes(part), part.get_content_charset())
        if warning:
            self._members.warn(warning)
        if hidden := hidden_tags(text):
            self._members.warn(f"{hidden} characters that no screen shows (Unicode tags) were left out")
        if part.get_content_type() == "text/html":
            add_fragment(page, text)
        elif text.lstrip().startswith("-----BEGIN PGP MESSAGE-----"):
            self._members.warn("the text is encrypted (OpenPGP) and was not read")
        else:
            add_plain(page, text, flowed=str(part.get_param("format", "")).lower() == "flowed")

    def _take_best(self, alternatives: list[Message]) -> None:
        """Of several forms of one text the plain one, if anything is in it, or else the last and richest."""
        for part in alternatives:
            if part.get_content_type() == "text/plain" and not part.is_multipart() and _bytes(part).strip():
                self.take(part)
                return
        if alternatives:
            readable = [
                part for part in alternatives if part.get_content_type().startswith(("text/html", "multi"))
            ]
            self.take((readable or alternatives)[-1])

    def _take_related(self, parts: list[Message]) -> None:
        """A text and what it shows; its pictures are part of its looks."""
        for part in parts:
            if part.get_content_maintype() != "image":
                self.take(part)

    def _name(self, part: Message) -> str:
        inner = _inner(part)
        name = header_text(part.get_filename() or "").replace("\\", "/").rpartition("/")[2]
        if not name and inner is not None:
            name = _header(inner, "Subject") or "message"
        if not name:
            name = f"attachment {len(self.attached) + 1}"
            name += mimetypes.guess_extension(part.get_content_type()) or ""
        return name


def _children(part: Message) -> list[Message]:
    payload = part.get_payload()
    return [child for child in payload if isinstance(child, Message)] if isinstance(payload, list) else []


def _inner(part: Message) -> Message | None:
    """The mail that a part forwards."""
    children = _children(part)
    return children[0] if part.get_content_type() == "message/rfc822" and children else None


def _bytes(part: Message) -> bytes:
    if part.is_multipart():  # a report's blocks of headers
        return b"\n\n".join(bytes(child) for child in _children(part))
    payload = part.get_payload(decode=True)
    return payload if isinstance(payload, bytes) else b""


def _is_attached(part: Message) -> bool:
    return part.get_content_disposition() == "attachment" or bool(part.get_filename())


def _header(mail: Message, name: str) -> str:
    value = next((value for key, value in mail.raw_items() if key.lower() == name.lower()), "")
    return header_text(value)


def _read_names(part: Message) -> None:
    """Puts text in place of undeclared bytes, where the standard library would drop them."""
    for key, value in list(part.raw_items()):
        if key.lower() in ("content-type", "content-disposition") and not value.isascii():
            part.replace_header(key, header_text(value))
