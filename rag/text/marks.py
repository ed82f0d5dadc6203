"""What a mark looks like: `[1]`, `[1, 2]`, `[1-3]`. Shared by those who write, read and take out marks."""

from __future__ import annotations

import re

MARK = re.compile(r"\[\s*\d{1,3}(?:\s*[,;、，；–-]\s*\d{1,3})*\s*\]")
