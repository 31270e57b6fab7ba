"""How kernels are compiled: one decorator, and a cache that notices every change.

numba keys a cached kernel by its own file only, so a change in a function that the kernel calls from
another file would go unseen. The cache directory therefore carries a hash of the source of every kernel
module, and it is set before numba is imported. Kernel modules import `njit` from here, never from numba.
"""

from __future__ import annotations

import functools
import hashlib
import os
import re
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, TypeVar

PACKAGE = Path(__file__).resolve().parent
F = TypeVar("F", bound=Callable[..., Any])


def kernel_sources() -> list[Path]:
    """Return the files in which kernels stand, and those whose constants and functions they can read, in a fixed order.

    The first are those that import this module at their top, the second what they import of finsim, and so on.
    """
    folders = (PACKAGE, PACKAGE / "agents", PACKAGE / "agents" / "fraud", PACKAGE / "dataset")
    texts = {path: path.read_text() for folder in folders for path in folder.glob("*.py")}
    found: set[Path] = set()
    waiting = [path for path, text in texts.items() if re.search(r"^from finsim\.compile import", text, re.MULTILINE)]
    while waiting:
        path = waiting.pop()
        if path in texts and path not in found:
            found.add(path)
            waiting += _imported(texts[path])
    return sorted(found)


def _imported(text: str) -> Iterator[Path]:
    """Yield the files of finsim that a source imports at its top: `from module import name`, either may be a file."""
    for module, names in re.findall(r"^from finsim([\w.]*) import (\([^)]*\)|.*)$", text, re.MULTILINE):
        folder = PACKAGE.joinpath(*module.split(".")[1:])
        yield folder.with_suffix(".py")
        yield folder / "__init__.py"
        yield from (folder / f"{name}.py" for name in re.findall(r"\w+", names))


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
from llvmlite import ir  # noqa: E402
from numba.core import cgutils, types  # noqa: E402
from numba.extending import intrinsic  # noqa: E402

LINE = 64
"""Bytes of a cache line."""

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


def _widened(kind: types.Type) -> types.Type:
    """Return the type as which a called function takes an argument: every narrow or literal integer as int64."""
    kind = types.unliteral(kind)
    return types.int64 if isinstance(kind, types.Integer) and kind != types.uint64 else kind


def _called(function: F, **options: bool) -> F:
    """Compile a function that kernels call: once for all widths of its integers, and without a way in from Python.

    numba would compile it anew for each combination of widths and constants that callers happen to pass (measured:
    `draw` 76 times; the plan of a day took 62 seconds of a processor to compile, and takes 21).
    """
    compiled = numba.njit(
        nogil=True, error_model="numpy", _nrt=False, no_cpython_wrapper=True, no_cfunc_wrapper=True, **options
    )(function)
    template = compiled.get_call_template

    def widened(args: Sequence[types.Type], kws: dict[str, types.Type]) -> Any:
        found, signature, _, _ = template(
            tuple(_widened(kind) for kind in args), {name: _widened(kind) for name, kind in kws.items()}
        )
        _, folded = compiled._compiler.fold_argument_types(args, kws)
        return found, signature, folded, {}

    def record(result: Any) -> None:
        compiled.overloads[tuple(result.signature.args)] = result

    @functools.cache
    def ordinary() -> Callable[..., Any]:
        return numba.njit(error_model="numpy")(function)  # type: ignore[no-any-return]

    compiled.get_call_template = widened
    compiled.add_overload = record
    compiled._compile_for_args = lambda *args, **kws: ordinary()  # from Python, as tests call it: a copy of its own
    called: F = compiled
    return called


def inline(function: F) -> F:
    """Compile a small function that kernels call; it allocates nothing."""
    return _called(function, forceinline=True)


def seldom(function: F) -> F:
    """Compile a function for what happens now and then: called, not copied into its callers; it allocates nothing.

    What is copied everywhere makes a kernel long to compile (measured: a minute for the plan of a day).
    """
    return _called(function)


@intrinsic
def prefetch(typing, array, row):  # type: ignore[no-untyped-def]
    """Ask the processor to bring row `row` of an array into the cache while it does something else.

    A kernel that visits rows in random order waits for memory most of the time; asked some rows ahead, it does not.
    Only a hint: nothing is read, and a row outside the array does no harm.

    Args:
        array: (n,) or (n, m) array of any dtype; a row of several cache lines is brought whole.
        row: int64.
    """
    signature = types.void(array, types.int64)

    def generate(context, builder, signature, arguments):  # type: ignore[no-untyped-def]
        kind = signature.args[0]
        parts = context.make_array(kind)(context, builder, arguments[0])
        strides = cgutils.unpack_tuple(builder, parts.strides)
        byte = ir.IntType(8).as_pointer()
        word = ir.IntType(32)
        start = builder.gep(builder.bitcast(parts.data, byte), [builder.mul(arguments[1], strides[0])])
        hint = cgutils.get_or_insert_function(
            builder.module, ir.FunctionType(ir.VoidType(), [byte, word, word, word]), "llvm.prefetch.p0"
        )
        # The length of a row is known when the kernel is compiled for one column, and taken as given for a table.
        length = context.get_abi_sizeof(context.get_data_type(kind.dtype)) if kind.ndim == 1 else 4 * LINE
        for offset in range(0, length, LINE):
            line = builder.gep(start, [ir.Constant(ir.IntType(64), offset)])
            builder.call(hint, [line, word(0), word(3), word(1)])
        return context.get_dummy_value()

    return signature, generate
