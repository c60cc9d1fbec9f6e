"""python -m bench [PART ...]: all figures, or those of some parts, as a table and as JSON in bench/out/bench.json."""

import json
import sys
from pathlib import Path

from rich.console import Console
from rich.table import Table

from bench import attacks, export, meshes, page, training

PARTS = {"training": training.bench, "meshes": meshes.bench, "page": page.bench,
         "export": export.bench, "attacks": attacks.bench}
OUT = Path(__file__).parent / "out" / "bench.json"


def main() -> None:
    """Run the parts named on the command line, or every part, one after the other."""
    found = {name: PARTS[name]() for name in sys.argv[1:] or PARTS}
    table = Table("part", "figure", "value")
    for part, figures in found.items():
        for name, value in figures.items():
            table.add_row(part, name, f"{value:.4g}")
    Console().print(table)
    OUT.parent.mkdir(exist_ok=True)
    OUT.write_text(json.dumps(found, indent=1))


if __name__ == "__main__":
    main()
