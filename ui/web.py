"""The web application that `rag ui` serves: Streamlit's, with a route for original files and, where one is
set, a password in front of all of it.

What `streamlit run` is given; it finds `app` here. The pages themselves are ui/app.py.
"""

from __future__ import annotations

import os
from pathlib import Path

from starlette.middleware import Middleware
from starlette.routing import Route
from streamlit.starlette import App

from ui.originals import PATH, serve_original
from ui.password import VARIABLE, PasswordDoor


def _tell(error: Exception) -> bool:
    """What a click's own function raises, which no page is around to show in words."""
    from ui.page_errors import tell  # it makes components, and those need Streamlit to be running

    return tell(error)


_password = os.environ.pop(VARIABLE, "")  # for this process alone, not for those that it starts

app = App(
    Path(__file__).with_name("app.py"),
    routes=[Route(PATH, serve_original, methods=["GET"])],
    middleware=[Middleware(PasswordDoor, password=_password)] if _password else [],
    on_script_error=_tell,
)
