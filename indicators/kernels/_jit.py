"""The one place that sets numba's flags.

Numba's on-disk cache keeps a caller's code when a callee in another file changes, and a cache compiled without bounds
checks would silently serve a run that asks for them. So the cache folder is named after the version, the hash of every
kernel's source, and the bounds-check flag.
"""

import hashlib
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar, cast

_F = TypeVar("_F", bound=Callable[..., Any])


def _cache_root() -> Path:
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA", Path.home() / "AppData" / "Local"))
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches"
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")


def source_hash() -> str:
    """Sha256 over the sources of all kernels, in name order: the version of what they compute."""
    digest = hashlib.sha256()
    for path in sorted(Path(__file__).parent.glob("*.py")):
        digest.update(path.name.encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()


if "NUMBA_CACHE_DIR" not in os.environ:
    _bounds = os.environ.get("NUMBA_BOUNDSCHECK", "0") or "0"
    os.environ["NUMBA_CACHE_DIR"] = str(_cache_root() / "bullbear" / f"kernels-{source_hash()[:16]}-{_bounds}")

import numba  # noqa: E402 - the cache folder must be set before numba is imported


def jit(function: _F) -> _F:
    """Compile a kernel: no Python objects, no GIL, cached on disk, IEEE order of floating-point sums kept.

    Workers of a cluster race on a shared cache folder: `BULLBEAR_KERNEL_CACHE=0` turns it off for them.
    """
    cached = os.environ.get("BULLBEAR_KERNEL_CACHE", "1") != "0"
    return cast(_F, numba.njit(cache=cached, nogil=True, fastmath=False)(function))
