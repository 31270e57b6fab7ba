"""Check that a wheel and an sdist contain every file of the package: python .ci/contents.py WHEEL SDIST."""

from __future__ import annotations

import os
import sys
import tarfile
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SUFFIXES = (".py", ".yaml", "py.typed")
HOMES = {"finsim": "finsim", **{name: f"finsim/{name}" for name in ("agents", "calibration", "scenarios")}}


def files_of_package() -> dict[str, str]:
    """Return where each file of the package lies in a wheel, by its path in the checkout."""
    found = {}
    for home, name in HOMES.items():
        for folder, _, files in os.walk(ROOT / home):
            for file in files:
                if file.endswith(SUFFIXES):
                    path = (Path(folder) / file).relative_to(ROOT)
                    found[path.as_posix()] = f"{name}{path.as_posix().removeprefix(home)}"
    return found


def main(wheel: str, sdist: str) -> int:
    """Print what is missing and return 1, or 0 if nothing is."""
    expected = files_of_package()
    in_wheel = set(zipfile.ZipFile(wheel).namelist())
    with tarfile.open(sdist) as archive:
        in_sdist = {name.partition("/")[2] for name in archive.getnames()}
    missing = [f"wheel: {name}" for name in expected.values() if name not in in_wheel]
    missing += [f"sdist: {name}" for name in [*expected, "LICENSE", "README.md"] if name not in in_sdist]
    strangers = [name for name in in_wheel if not name.startswith(("finsim/", "finsim-"))]
    print("\n".join([*missing, *(f"does not belong into the wheel: {name}" for name in strangers)]), end="")
    print(f"{len(expected)} files of the package, {len(in_wheel)} in the wheel, {len(in_sdist)} in the sdist")
    return 1 if missing or strangers else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
