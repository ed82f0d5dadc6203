"""How many processors there are for this process.

Takes nothing, gives a number. A container or a systemd unit may give a process a share of a machine on which
it still sees all processors (`docker run --cpus=2`); threads beyond that share are put to sleep in the middle
of their work, and those that wait for them spin. Sources: the kernel's cgroup-v2.rst (`cpu.max`) and
sched-bwc.rst (`cpu.cfs_quota_us`).
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

_GROUPS = Path("/proc/self/cgroup")
_MOUNT = Path("/sys/fs/cgroup")


def processors(groups: Path = _GROUPS, mount: Path = _MOUNT) -> int:
    """Those that this process may run on, or fewer whole ones where its control group has a quota."""
    allowed = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, min([allowed, *map(int, _quotas(groups, mount))]))


def _quotas(groups: Path, mount: Path) -> Iterator[float]:
    """The quota of each group that this process is in, in processors; none where there is no limit."""
    for line in _text(groups).splitlines():
        _, _, rest = line.partition(":")
        controllers, _, path = rest.partition(":")
        if controllers and "cpu" not in controllers.split(","):
            continue
        root = mount / "cpu" if controllers else mount
        own = root / path.lstrip("/")
        for folder in (own, *own.parents):
            if folder.is_relative_to(root):
                yield from _quota(folder)


def _quota(folder: Path) -> Iterator[float]:
    if (folder / "cpu.max").exists():
        quota, _, period = _text(folder / "cpu.max").partition(" ")
    else:
        quota, period = _text(folder / "cpu.cfs_quota_us"), _text(folder / "cpu.cfs_period_us")
    if quota.strip().isdecimal() and period.strip().isdecimal() and int(period):
        yield int(quota) / int(period)


def _text(path: Path) -> str:
    try:
        return path.read_text()
    except OSError:
        return ""
