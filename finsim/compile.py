"""How kernels are compiled: one decorator, and a cache that notices every change.

numba keys a cached kernel by its own file only, so a change in a function that the kernel calls from
another file would go unseen. The cache directory therefore carries a hash of the source of every kernel
module, and it is set before numba is imported. Kernel modules import `njit` from here, never from numba.
"""

from __future__ import annotations

import hashlib
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

PACKAGE = Path(__file__).resolve().parent
F = TypeVar("F", bound=Callable[..., Any])


def kernel_sources() -> list[Path]:
    """Return the files among which kernels and the constants that they read are defined, in a fixed order."""
    folders = (PACKAGE, PACKAGE / "agents", PACKAGE / "agents" / "fraud", PACKAGE / "dataset")
    return sorted(path for folder in folders for path in folder.glob("*.py"))


def kernel_hash() -> str:
    """Return a hexadecimal hash of all kernel sources, 16 characters."""
    digest = hashlib.blake2b(digest_size=8)
    for path in kernel_sources():
        digest.update(path.name.encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()


def cache_directory() -> Path:
    """Return where compiled kernels of exactly these sources, at this place, are kept: numba keys them by path too."""
    place = hashlib.blake2b(str(PACKAGE).encode(), digest_size=4).hexdigest()
    root = os.environ.get("FINSIM_CACHE_DIR") or os.path.join(
        os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache"), "finsim"
    )
    return Path(root) / f"kernels-{kernel_hash()}-{place}-py{sys.version_info[0]}{sys.version_info[1]}"


def is_warm() -> bool:
    """Return True when compiled kernels for these sources are already on this machine."""
    directory = cache_directory()
    return directory.is_dir() and any(directory.rglob("*.nbi"))


if "numba" not in sys.modules:
    os.environ["NUMBA_CACHE_DIR"] = str(cache_directory())

import numba  # noqa: E402  (the cache directory has to be known first)

numba.config.CACHE_DIR = str(cache_directory())


def njit(function: F) -> F:
    """Compile a kernel: no Python objects, no global lock, cached on disk."""
    compiled: F = numba.njit(nogil=True, cache=True, error_model="numpy")(function)
    return compiled


def kernel(function: F) -> F:
    """Compile a kernel that allocates no arrays, without counting references to the ones it is given.

    Passing tuples of arrays on to small functions would otherwise count dozens of references a call
    (measured: planning a day took three times as long).
    """
    compiled: F = numba.njit(nogil=True, cache=True, error_model="numpy", _nrt=False)(function)
    return compiled


def inline(function: F) -> F:
    """Compile a small function that kernels call; it allocates nothing."""
    compiled: F = numba.njit(nogil=True, error_model="numpy", forceinline=True, _nrt=False)(function)
    return compiled
