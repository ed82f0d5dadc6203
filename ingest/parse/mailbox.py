"""A mailbox in one file (mbox, RFC 4155) -> a Document with the pages of all its mails, one after the other.

Mails begin at lines `From ` below a blank line; lines that were quoted because of that (`>From `) are put
right. Takes bytes; each mail goes to the parser of mails. Folders of the Maildir kind are files of their own.
"""

from __future__ import annotations

import re
from functools import partial
from itertools import pairwise

from ingest.parse import Options
from ingest.parse.mail import parse as parse_mail
from ingest.parse.members import Members
from ingest.parse.recognise import MAIL_START
from rag.records import Document

_QUOTED = re.compile(rb"^>(>*From )", re.MULTILINE)


def parse(data: bytes, name: str, options: Options) -> Document:
    """The pages of the mailbox's mails, in their order."""
    members = Members(options)
    starts = [(found.start(), found.end()) for found in MAIL_START.finditer(data)] or [(0, 0)]
    members.expect(len(starts))
    for number, ((_, begin), (end, _)) in enumerate(pairwise([*starts, (len(data), len(data))]), 1):
        mail = _QUOTED.sub(rb"\1", data[begin:end])
        members.add(f"mail {number}", partial(parse_mail, mail, f"mail {number}"))
    return members.document("application/mbox")
