"""The named worlds: each a World, its Knobs and the View it is best looked at in."""

from dataclasses import dataclass, field

from toy.world import Knobs, View, World


@dataclass(frozen=True)
class Exhibit:
    """A world with a name; titles and explanations are the page's words, found under that name."""

    name: str
    world: World
    knobs: Knobs
    view: View = field(default_factory=View)


_ALL = (
    # Chosen because it shows the picture well; how typical it is, other seeds tell.
    Exhibit("dimpled-sheet", World(), Knobs()),
    # The authors' net for their line is not published. Theirs dimples, which needs large first-layer weights
    # (uniform or He ones give walls): so N(0, 1) first layers, as in the hero world, on their 2 - 100 - 100 - 1.
    Exhibit(
        "authors-line",
        World(manifold="line", labels="alternating", sampling="five-point", codimension=1, hidden_layers=2, width=100),
        Knobs(offset=0.5, steps=1000),
    ),
    Exhibit(
        "authors-chess",
        World(codimension=1, hidden_layers=1, width=400, init="uniform", optimizer="sgd"),
        Knobs(offset=0.5, learning_rate=0.05, steps=100_000, stop_margin=0.01),
    ),
    Exhibit("wall", World(labels="half-space", codimension=1), Knobs()),
    Exhibit("wave", World(manifold="wave", codimension=1), Knobs(steps=1000)),
)

EXHIBITS: dict[str, Exhibit] = {exhibit.name: exhibit for exhibit in _ALL}
