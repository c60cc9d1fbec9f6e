"""Where an export comes from: the few lines that every file carries in its own way."""

import json
import platform
import tomllib
from datetime import UTC, datetime
from functools import cache
from importlib import metadata
from pathlib import Path

from toy.link import Setup, query
from toy.origin import written

PROJECT = Path(__file__).resolve().parent.parent / "pyproject.toml"
PACKAGES = ("jax", "flax", "optax", "numpy", "scipy", "plotly")


@cache
def version() -> str:
    """This program's version."""
    return tomllib.loads(PROJECT.read_text(encoding="utf-8"))["project"]["version"]


def provenance(setup: Setup, link: str = "") -> dict[str, str]:
    """Exhibit, every field of the world, seed, link, versions and date (UTC), in ASCII: GIF and PNG hold no more.

    link: of all that is shown, where that is more than the run.
    """
    fields = setup.world.model_dump() | setup.knobs.model_dump(exclude={"seed"}) | setup.view.model_dump()
    used = {"dimple-lab": version(), "python": platform.python_version()}
    used |= {name: metadata.version(name) for name in PACKAGES}
    return {
        "exhibit": setup.exhibit,
        "world": json.dumps(fields | written(setup.origin)),
        "seed": str(setup.knobs.seed),
        "link": "?" + (link or query(setup)),
        "versions": ", ".join(f"{name} {number}" for name, number in used.items()),
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
    }
