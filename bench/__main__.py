"""python -m bench [PART ...]: all figures, or those of some parts, as a table and as JSON in bench/out/bench.json."""

import argparse
import json
from pathlib import Path

from rich.console import Console
from rich.table import Table

from bench import attacks, export, meshes, page, training

PARTS = {"training": training.bench, "meshes": meshes.bench, "page": page.bench,
         "export": export.bench, "attacks": attacks.bench}
OUT = Path(__file__).parent / "out" / "bench.json"


def main() -> None:
    """Run the parts named on the command line, or every part, one after the other."""
    parser = argparse.ArgumentParser(prog="python -m bench")
    parser.add_argument("parts", nargs="*", metavar="PART", help=", ".join(PARTS))
    parts = parser.parse_args().parts or list(PARTS)
    if strange := [name for name in parts if name not in PARTS]:
        parser.error(f"PART must be one of {', '.join(PARTS)}, got {strange[0]!r}")
    found = {name: PARTS[name]() for name in parts}
    table = Table("part", "figure", "value")
    for part, figures in found.items():
        for name, value in figures.items():
            table.add_row(part, name, f"{value:.4g}")
    Console().print(table)
    OUT.parent.mkdir(exist_ok=True)
    OUT.write_text(json.dumps(found, indent=1))


if __name__ == "__main__":
    main()
