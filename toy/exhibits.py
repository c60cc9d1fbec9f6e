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
    # The authors' net for their line is not published: 2 - 100 - 100 - 1, He times 4. Of seven initialisations
    # tried on four seeds this one came nearest to their animation; smaller ones give walls instead of dimples.
    Exhibit(
        "authors-line",
        World(manifold="line", labels="alternating", sampling="five-point", codimension=1, hidden_layers=2, init="he"),
        Knobs(offset=0.5, init_scale=4.0),
    ),
    Exhibit("codimension", World(), Knobs()),
    Exhibit(
        "walls-or-dimples",
        World(codimension=1, hidden_layers=1, width=400, init="uniform", optimizer="sgd"),
        Knobs(offset=0.5, learning_rate=0.05, steps=100_000, stop_margin=0.01),
    ),
    # The theorem is about one hidden layer and plain descent; at width 100 and rate .01 it learns nothing in time.
    Exhibit(
        "frozen-weights", World(hidden_layers=1, width=400, optimizer="sgd"),
        Knobs(offset=0.5, learning_rate=0.1, steps=5000),
    ),
    Exhibit("three-arrows", World(), Knobs()),
    Exhibit("one-direction", World(), Knobs()),
    Exhibit("robustness-or-accuracy", World(), Knobs()),
    Exhibit("wrong-labels", World(), Knobs()),
    Exhibit("where-it-fails", World(codimension=1), Knobs()),
    Exhibit("curved-worlds", World(manifold="wave", codimension=1), Knobs(steps=1000)),
    Exhibit("rival-views", World(), Knobs()),
    Exhibit("smoother-boundaries", World(), Knobs()),
    # Worlds without an experiment of their own.
    Exhibit(
        "authors-chess",
        World(codimension=1, hidden_layers=1, width=400, init="uniform", optimizer="sgd"),
        Knobs(offset=0.5, learning_rate=0.05, steps=100_000, stop_margin=0.01),
    ),
    Exhibit("wall", World(labels="half-space", codimension=1), Knobs()),
    Exhibit("wave", World(manifold="wave", codimension=1), Knobs(steps=1000)),
)

EXHIBITS: dict[str, Exhibit] = {exhibit.name: exhibit for exhibit in _ALL}
