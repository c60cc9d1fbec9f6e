"""python -m bench: all speed figures as a table, and as JSON in bench/out/bench.json."""

import json
from pathlib import Path

from rich.console import Console
from rich.table import Table

from bench import export, meshes, page, training

PARTS = {"training": training.bench, "meshes": meshes.bench, "page": page.bench,
         "export": export.bench}
OUT = Path(__file__).parent / "out" / "bench.json"


def main() -> None:
    """Run every part, one after the other."""
    found = {name: bench() for name, bench in PARTS.items()}
    table = Table("part", "figure", "value")
    for part, figures in found.items():
        for name, value in figures.items():
            table.add_row(part, name, f"{value:.4g}")
    Console().print(table)
    OUT.parent.mkdir(exist_ok=True)
    OUT.write_text(json.dumps(found, indent=1))


if __name__ == "__main__":
    main()
