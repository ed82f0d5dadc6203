"""Streamlit's command line, kept from asking anybody outside: `python -m ui.quiet_streamlit run APP OPTIONS`.

When a page from a foreign origin tries to connect, Streamlit asks an outside host for this machine's address
to compare, and no option keeps it from that. Here both of its questions are answered before they are asked.
"""

from __future__ import annotations

import signal
import sys

LOOPBACK = "127.0.0.1"


def main() -> None:
    """Runs Streamlit with the arguments of this process."""
    from streamlit import net_util

    net_util.get_external_ip = lambda: LOOPBACK
    net_util.get_internal_ip = lambda: LOOPBACK
    # Ctrl-C is how the program ends: the server closes its connections, and then raises the signal once more
    signal.signal(signal.SIGINT, lambda *_: sys.exit(0))
    from streamlit.web.cli import main as streamlit

    sys.exit(streamlit())


if __name__ == "__main__":
    main()
