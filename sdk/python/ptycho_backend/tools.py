"""What a plugin's program does when a user starts it: doctor and install."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from . import contract as c


@dataclass
class Finding:
    """Finding is one result of a doctor."""

    check: str
    works: bool
    found: str
    fix: str = ""  # the command, or sentence, that fixes it

    def json(self) -> dict[str, Any]:
        """json returns the finding as the host reads it."""
        out = {"check": self.check, "works": self.works, "found": self.found}
        return {**out, "fix": self.fix} if self.fix else out


def run_doctor(make: Callable[[], c.Backend], more: Callable[[], list[Finding]] | None) -> int:
    """run_doctor writes what works on this machine to standard output, as a JSON array."""
    stdout, findings = os.dup(1), []
    os.dup2(2, 1)  # engines print when they are loaded
    try:
        backend = make()
        i = backend.info()
        findings.append(Finding("backend", True, f"{i.name} {i.version}, {i.engine}, protocol {c.PROTOCOL_MAJOR}.{c.PROTOCOL_MINOR}"))
        findings += more() if more else []
        findings += [Finding(f"device {d.id}", d.usable, d.name, "" if d.usable else d.reason) for d in backend.devices()]
    except Exception as e:
        findings.append(Finding("backend", False, f"{type(e).__name__}: {e}"))
    sys.stdout.flush()
    with os.fdopen(stdout, "w") as out:
        json.dump([f.json() for f in findings], out, indent=2)
        out.write("\n")
    return 0


def install(backend: c.Backend, program: str) -> int:
    """install copies the program's start script to where ptycho finds backends by name, with a description and its digest."""
    i = backend.info()
    base = os.environ.get("XDG_DATA_HOME", "")
    if not os.path.isabs(base):
        base = os.path.join(os.path.expanduser("~"), ".local", "share")
    parent = os.path.join(base, "ptycho", "plugins", i.name)
    folder = os.path.join(parent, i.version)
    name = f"ptycho-backend-{i.name}"
    fresh = None
    try:
        with open(program, "rb") as f:
            raw = f.read()
        old = os.umask(0o022)
        try:
            os.makedirs(parent, exist_ok=True)
            fresh = tempfile.mkdtemp(prefix=".new-", dir=parent)
            os.chmod(fresh, 0o755)
        finally:
            os.umask(old)
        manifest = {"name": i.name, "version": i.version, "protocol": f"{c.PROTOCOL_MAJOR}.{c.PROTOCOL_MINOR}", "file": name,
                    "sha256": hashlib.sha256(raw).hexdigest(), "engine": i.engine, "capabilities": list(i.capabilities)}
        for file, content, mode in ((name, raw, 0o755), ("plugin.json", json.dumps(manifest, indent=2).encode(), 0o644)):
            with open(os.path.join(fresh, file), "wb") as f:
                f.write(content)
                f.flush()
                os.fsync(f.fileno())  # a power cut must not leave an installed version with empty files
            os.chmod(os.path.join(fresh, file), mode)
        _exchange(fresh, folder)
    except OSError as e:
        if fresh is not None:
            shutil.rmtree(fresh, ignore_errors=True)
        print(f"install: {e}", file=sys.stderr)
        return 11
    print(folder)
    return 0


def _exchange(fresh: str, folder: str) -> None:
    """_exchange gives the folder fresh its name. A version that has this name keeps it if that fails, and is removed otherwise."""
    old = os.path.join(os.path.dirname(folder), ".old-" + os.path.basename(folder))
    if os.path.lexists(folder):
        shutil.rmtree(old, ignore_errors=True)  # of an installation that was killed
        os.rename(folder, old)
    try:
        os.rename(fresh, folder)
    except OSError:
        if os.path.lexists(old):
            os.rename(old, folder)
        raise
    shutil.rmtree(old, ignore_errors=True)
