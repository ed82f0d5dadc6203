"""How the model's window was spent, as plain data for the screen: the parts of a bar, and what was left out.

Takes a `Ledger`, gives a dictionary that JSON can hold. How it looks is the component's.
"""

from __future__ import annotations

from typing import Any

from rag.records import Ledger
from ui.terminal import plural, visible

_PARTS = ("instruction", "passages", "history", "question", "reserve")


def ledger_data(ledger: Ledger | None) -> dict[str, Any] | None:
    """Parts in the order of the prompt, with tokens and their share of the window; None without a ledger."""
    if ledger is None:
        return None
    parts = [(name, getattr(ledger, name)) for name in _PARTS]
    parts.append(("free", ledger.window - ledger.prompt - ledger.reserve))
    about = "about " if ledger.estimated else ""
    words = f"{about}{ledger.prompt:,} of {ledger.window:,} tokens read"
    if ledger.left_out:
        words += f", {plural(len(ledger.left_out), 'text')} left out"
    return {
        "words": words,
        "parts": [
            {"name": name, "tokens": f"{tokens:,}", "share": tokens / ledger.window} for name, tokens in parts
        ],
        "reused": f"{ledger.reused:,} of these tokens were in memory and not read again",
        "estimated": "The counts are estimates: the server does not count." if ledger.estimated else None,
        "left_out": [
            f"{visible(left.what)} ({left.tokens:,} tokens): {left.reason}" for left in ledger.left_out
        ],
    }
