"""later"""
from __future__ import annotations

from ui.workspace import Workspace


def library_page(workspace: Workspace) -> None:
    pass
