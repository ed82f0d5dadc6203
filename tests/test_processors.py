"""How many processors a process may keep busy, by its affinity and its control groups' quotas."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from rag.processors import processors


@pytest.fixture(autouse=True)
def eight(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: set(range(8)), raising=False)


def written(folder: Path, files: dict[str, str]) -> tuple[Path, Path]:
    """Where the groups are told, and where they are mounted."""
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    return folder / "groups", folder / "mount"


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({}, 8),
        ({"groups": "0::/\n"}, 8),
        ({"groups": "0::/\n", "mount/cpu.max": "max 100000\n"}, 8),
        ({"groups": "0::/\n", "mount/cpu.max": "200000 100000\n"}, 2),
        ({"groups": "0::/\n", "mount/cpu.max": "250000 100000\n"}, 2),
        ({"groups": "0::/\n", "mount/cpu.max": "50000 100000\n"}, 1),
        ({"groups": "0::/\n", "mount/cpu.max": "6400000 100000\n"}, 8),
        ({"groups": "0::/\n", "mount/cpu.max": "nonsense"}, 8),
        # a unit in a slice that has the smaller quota
        (
            {
                "groups": "0::/user.slice/rag.service\n",
                "mount/user.slice/cpu.max": "300000 100000\n",
                "mount/user.slice/rag.service/cpu.max": "500000 100000\n",
            },
            3,
        ),
        # the first version of control groups, each controller with a tree of its own
        (
            {
                "groups": "4:memory:/box\n3:cpu,cpuacct:/box\n",
                "mount/cpu/box/cpu.cfs_quota_us": "400000\n",
                "mount/cpu/box/cpu.cfs_period_us": "100000\n",
            },
            4,
        ),
        (
            {
                "groups": "3:cpu:/\n",
                "mount/cpu/cpu.cfs_quota_us": "-1\n",
                "mount/cpu/cpu.cfs_period_us": "100000\n",
            },
            8,
        ),
        # a container is told a path that only the machine outside knows: its own is the mount
        ({"groups": "0::/docker/1234\n", "mount/cpu.max": "200000 100000\n"}, 2),
    ],
)
def test_quotas(tmp_path: Path, files: dict[str, str], expected: int) -> None:
    assert processors(*written(tmp_path, files)) == expected


def test_this_process_has_one_at_least() -> None:
    assert 1 <= processors() <= 8
