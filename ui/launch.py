"""Starts the browser's page: Streamlit on loopback or behind a password, silent outside, in our colours.

Takes settings, an address and a port; becomes Streamlit's process. Everything that Streamlit could do towards
the outside (usage statistics, asking a host for this machine's address, links to search engines) is switched
off here, on the command line, where no configuration file of the user's can switch it on again.
"""

from __future__ import annotations

import os
import socket
import sys
from pathlib import Path
from typing import NoReturn

from rag.errors import UsageError
from rag.server.guard import is_loopback
from rag.settings import Settings
from ui.password import VARIABLE, require_long
from ui.quiet_streamlit import LOOPBACK

APP = Path(__file__).with_name("web.py")
SESSION_SECONDS = 12 * 3600  # a tab that lost its connection (a closed lid) finds its conversation again

_LIGHT = {
    "primaryColor": "#1b615b",
    "backgroundColor": "#fdfcf9",
    "secondaryBackgroundColor": "#f3f1ea",
    "textColor": "#1f2326",
    "borderColor": "#e3dfd5",
    "linkColor": "#1b615b",
}
_DARK = {
    "primaryColor": "#2d857b",
    "backgroundColor": "#15181a",
    "secondaryBackgroundColor": "#1f2427",
    "textColor": "#e9e7e2",
    "borderColor": "#343b40",
    "linkColor": "#74c3b8",
}
_LIGHT_SIDEBAR = {"backgroundColor": "#f6f4ee", "secondaryBackgroundColor": "#ebe8df"}
_DARK_SIDEBAR = {"backgroundColor": "#1a1e20", "secondaryBackgroundColor": "#262c30"}


def streamlit_arguments(address: str, port: int, *, upload_megabytes: int) -> list[str]:
    """The options of `streamlit run`, each as `--name=value`."""
    options: dict[str, str | int | bool] = {
        "server.address": address,
        "server.port": port,
        "server.headless": True,
        "server.enableCORS": True,
        "server.enableXsrfProtection": True,
        "server.enableStaticServing": False,
        "server.enableAgentApi": False,
        "server.fileWatcherType": "none",
        "server.maxUploadSize": upload_megabytes,
        "server.disconnectedSessionTTL": SESSION_SECONDS,
        "browser.serverAddress": address,  # without it, an outside host is asked for our address
        "browser.gatherUsageStats": False,
        "client.toolbarMode": "minimal",
        "client.showErrorDetails": "none",
        "client.showErrorLinks": False,
        "logger.level": "warning",
        "logger.hideWelcomeMessage": True,  # we say the address ourselves
        # What was sent before is sent again, not named: drawings that interrupt each other (two quick clicks,
        # going back) can name what the page has thrown away, which ends its connection.
        "global.minCachedMessageSize": 1_000_000_000,
        "runner.magicEnabled": False,
        # A full collection after each drawing, several a second while an answer grows, walks all of torch
        # and made answers 20 times slower.
        "runner.postScriptGC": False,
        "theme.font": "sans-serif",
        "theme.headingFont": "serif",
        "theme.headingFontWeights": 500,
        "theme.baseRadius": "0.6rem",
        "theme.baseFontSize": 16,
        "theme.showWidgetBorder": True,
    }
    for section, colours in (
        ("light", _LIGHT),
        ("dark", _DARK),
        ("light.sidebar", _LIGHT_SIDEBAR),
        ("dark.sidebar", _DARK_SIDEBAR),
    ):
        options.update({f"theme.{section}.{name}": colour for name, colour in colours.items()})
    arguments = [f"--{name}={_written(value)}" for name, value in options.items()]
    # A stranger's name that resolves to this machine (DNS rebinding) is refused. Behind a password, whose
    # cookie such a name does not get, people may call the machine what they call it.
    hosts = (address, "localhost") if is_loopback(address) else ("*",)
    return arguments + [f"--server.allowedHosts={host}" for host in hosts]


def run(settings: Settings, *, port: int = 8501, address: str = LOOPBACK) -> NoReturn:
    """Becomes the server, until Ctrl-C; index, model and password reach it through the environment.

    Raises `UsageError` for an address that other machines reach while no password is set
    (`RAG_UI_PASSWORD`), and for a port that is taken.
    """
    _require_password(address)
    _require_free(address, port)
    arguments = streamlit_arguments(address, port, upload_megabytes=settings.file_megabytes)
    print(f"openchat-rag is at http://{_shown(address)}:{port} (Ctrl-C ends it)", flush=True)
    # in place of this process: no signal can end the one and leave the other
    command = [sys.executable, "-m", "ui.quiet_streamlit", "run", str(APP), *arguments]
    os.execve(sys.executable, command, environment(settings))


def _require_password(address: str) -> None:
    password = os.environ.get(VARIABLE, "")
    if password:
        require_long(password)
    elif not is_loopback(address):
        raise UsageError(
            f"the address {address} is reached from other machines, and no password is set: set {VARIABLE}, "
            f"or listen on {LOOPBACK}"
        )


def _shown(address: str) -> str:
    if address in ("0.0.0.0", "::"):
        return socket.gethostname()
    return f"[{address}]" if ":" in address else address


def environment(settings: Settings) -> dict[str, str]:
    """Ours, with the settings that flags can change, and without Streamlit's own variables."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("STREAMLIT_")}
    kept["RAG_INDEX"] = settings.index
    kept["RAG_MODEL"] = settings.model or ""
    kept["PYTHONPATH"] = os.pathsep.join(filter(None, [str(APP.parent.parent), kept.get("PYTHONPATH")]))
    return kept


def _written(value: str | int | bool) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _require_free(address: str, port: int) -> None:
    with socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((address, port))
        except OSError as error:
            raise UsageError(
                f"port {port} can't be used ({error.strerror}); name another one with --port"
            ) from error
