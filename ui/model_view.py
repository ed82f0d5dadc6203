"""What the screen shows of the model: which one answers, how fast, and the files that there are.

Takes a workspace's settings, a listing, speeds and the transfer; gives plain data for the component. Words
for people are made here. Knows nothing about Streamlit, and asks no server.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from rag.model_files.listing import ListedFile, Listing
from rag.remote.address import is_address, parse_address
from ui.model_speed import Speed
from ui.terminal import duration, one_line, size, visible
from ui.transfer import Transfer

_STATES = {
    "verified": "here, verified",
    "recorded": "here",
    "changed": "here, changed since it was verified",
    "unknown": "here, not verified",
    "absent": "",
}


def at_work(model: str | None, *, loading: bool, trouble: str | None, window: int) -> dict[str, Any]:
    """Which model answers, in a title and a few lines."""
    if model is None:
        title, lines = "No model", ["Answers are the documents' own sentences, quoted word for word."]
        return {"kind": "none", "title": title, "lines": lines, "trouble": _line(trouble)}
    if is_address(model):
        address = parse_address(model)
        title = one_line(address.host, 120)
        where = "on this machine" if address.loopback else "on another machine"
        lines = [f"A server {where} writes the answers."]
        if address.model:
            lines[0] = f"A server {where} writes the answers with {one_line(address.model, 120)}."
        if not address.loopback:
            lines.append("Questions and the passages found are sent there.")
        return {"kind": "server", "title": title, "lines": lines, "trouble": _line(trouble)}
    path = Path(model)
    state = "It is being loaded." if loading else f"It reads at most {window:,} tokens, the answer included."
    lines = ["It runs on this machine; nothing is sent anywhere.", state]
    return {"kind": "file", "title": one_line(path.name, 120), "lines": lines, "trouble": _line(trouble)}


def speeds(speed: Speed | None) -> list[dict[str, str]]:
    """Measured figures with what they are of; the words for none yet."""
    if speed is None:
        return []
    if not speed.answers:
        return [{"name": "Speed", "value": "not known yet", "under": "It is measured from the next answer."}]
    under = f"median of {speed.answers} answers" if speed.answers > 1 else "measured from 1 answer"
    figures = [("Reading", speed.read), ("Writing", speed.written)]
    return [
        {"name": name, "value": f"{rate:,.{0 if rate >= 100 else 1}f} tokens a second", "under": under}
        for name, rate in figures
        if rate is not None
    ]


def files(listing: Listing) -> dict[str, Any]:
    """The files: those to choose from first, and the others, which are published but smaller or too large."""
    rows = [_row(file) for file in listing.files]
    memory = f"{listing.memory_bytes / 1e9:.1f} GB"
    words = (
        f"This machine has {memory} of memory; {listing.reserved_bytes / 1e9:.1f} GB of it are kept for the "
        "rest."
    )
    if listing.recommended is None:
        words += " None of the recommended files fits."
    return {"words": words, "folder": visible(listing.folder), "files": rows}


def transfer_data(transfer: Transfer) -> dict[str, Any]:
    """What is under way, or what came of it."""
    progress = transfer.progress
    going = None
    if transfer.going and progress is not None:
        share = progress.done / progress.total if progress.total else None
        far = [one_line(progress.stage)] if progress.stage else ["beginning"]
        if progress.total:
            far.append(f"{size(progress.done)} of {size(progress.total)}")
        left = progress.seconds_left
        if left is not None:
            far.append(f"about {duration(left)} left")
        verb = "Getting" if progress.what == "download" else "Checking"
        going = {
            "words": f"{verb} {visible(progress.name)}",
            "far": ", ".join(far),
            "share": share,
            "stopping": transfer.stopping,
        }
    return {"going": going, "said": _line(transfer.said), "error": _line(transfer.error)}


def _row(file: ListedFile) -> dict[str, Any]:
    known = file.published
    share = f"{100 * file.here_bytes // max(1, file.size_bytes)} % of it is here"
    state = share if file.state == "part" else _STATES[file.state]
    if file.state == "absent" and file.in_use:
        state = "missing"
    return {
        "name": visible(file.name),
        "path": file.path,
        "size": size(file.size_bytes),
        "memory": f"needs {known.memory_bytes / 1e9:.1f} GB of memory" if known else "",
        "fits": file.fits,
        "state": state,
        "advice": "" if known is None else known.advice,
        "best": file.recommended,
        "in_use": file.in_use,
        "act": _act(file),
        "first": file.recommended or file.in_use or file.state != "absent" or _worth_offering(file),
    }


def _act(file: ListedFile) -> str | None:
    """What can be done with it: `use`, `download` or `go on`."""
    if file.state == "part":
        return "go on"
    if file.state == "absent":
        return "download" if file.published else None
    return None if file.in_use else "use"


def _worth_offering(file: ListedFile) -> bool:
    known = file.published
    return known is not None and known.recommended and file.fits is True and "0106" in known.name


def _line(words: str | None) -> str | None:
    return None if words is None else visible(words)
