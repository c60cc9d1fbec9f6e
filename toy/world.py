"""World, Knobs and View: what a run is, in validated fields that carry their range, unit and help.

World holds what fixes shapes and code paths (static: one compilation each); Knobs holds numbers that are
traced, so a new value costs no compilation; View says how the boundary is looked at.
"""

import math
from collections.abc import Mapping
from functools import cache
from typing import Annotated, Any, Self

import jax
import numpy as np
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError
from pydantic_core import from_json

from toy import own
from toy.errors import FieldError, one_of
from toy.labels import LABELS, SAMPLINGS
from toy.manifolds import MANIFOLDS, Manifold
from toy.nets import INITS, NETS, layer_sizes, parameter_count
from toy.regimes import COST, REGIMES

OPTIMIZER_SLOTS = {"sgd": 0, "momentum": 1, "adam": 2, "adamw": 2}  # arrays of the size of the net that each keeps
WINDOW_NAMES = ("auto", "ambient", "slice", "unrolled")
DIRECTIONS = ("gradient", "random")
STARTS = ("seed", "other", "branch", "normal-weights")
TRAINING_SETS = ("clean", "wrong-labels", "mislabelled")
CHECKPOINT_BYTES = 120_000_000
REPLAY_FLOPS = 6e10  # about one second on two cores: the longest way from a checkpoint to a step
TRAIN_FLOPS = 3e13  # about ten minutes


def _choice(group: str, names: Any, help: str, used: Mapping[str, Any] | None = None) -> Any:
    extra: dict[str, Any] = {"unit": "", "group": group, "choices": list(names), "used": used or {}}
    return Field(description=help, json_schema_extra=extra)


def _number(group: str, low: float, high: float, help: str, unit: str = "1", scale: str = "linear",
            used: Mapping[str, Any] | None = None) -> Any:
    extra: dict[str, Any] = {"unit": unit, "group": group, "scale": scale, "used": used or {}}
    return Field(ge=low, le=high, allow_inf_nan=False, description=help, json_schema_extra=extra)


def _text(group: str, help: str) -> Any:
    extra: dict[str, Any] = {"unit": "", "group": group, "text": True, "used": {}}
    return Field(description=help, max_length=4000, json_schema_extra=extra)


class Spec(BaseModel):
    """A frozen set of fields; every wrong value raises FieldError."""

    model_config = ConfigDict(frozen=True, extra="forbid", validate_default=False)

    def __init__(self, **values: Any) -> None:
        super().__init__(**{name: self.checked(name, value) for name, value in values.items()})

    @classmethod
    def checked(cls, name: str, value: Any) -> Any:
        """The value of one field as its type; FieldError when the field does not allow it, whatever the others are."""
        names = choices(name, cls)
        # pydantic would take True for 1 and "1" for 1, and does not check names.
        text = isinstance(value, str)
        typed = not isinstance(value, bool | np.bool_) and text == (names is not None or is_text(name, cls))
        if typed and (not names or value in names) and name in cls.model_fields:
            try:
                return _reader(cls, name).validate_python(value)
            except ValidationError:
                pass
        raise FieldError(name, allowed_text(cls, name), value)

    @classmethod
    def model_validate(cls, obj: Any, **_: Any) -> Self:
        """The fields of a dict, refused like any others."""
        if not isinstance(obj, dict):
            raise FieldError("json", f"an object of the fields of {cls.__name__}", obj)
        return cls(**obj)

    @classmethod
    def model_validate_json(cls, json_data: str | bytes | bytearray, **_: Any) -> Self:
        """The fields of a JSON object, refused like any others."""
        try:
            values = from_json(json_data)
        except ValueError as error:
            raise FieldError("json", f"an object of the fields of {cls.__name__}", str(json_data), str(error)) from None
        return cls.model_validate(values)

    def replace(self, **values: Any) -> Self:
        """A copy with some fields changed, validated like a new one."""
        return type(self)(**{**self.model_dump(), **values})

    def model_copy(self, *, update: Mapping[str, Any] | None = None, deep: bool = False) -> Self:
        """The same under pydantic's name, whose own copy would not look at the values."""
        return self.replace(**(update or {}))


@cache
def _reader(spec: type[Spec], name: str) -> TypeAdapter[Any]:
    field = spec.model_fields[name]
    kind: Any = Annotated[field.annotation, field]
    return TypeAdapter(kind)


class World(Spec):
    """One setup without its numbers: manifold, data, labels, net, optimiser. Hashable: a static jit argument."""

    manifold: Annotated[str, _choice("world", MANIFOLDS, "The low-dimensional shape the data lies on.")] = "plane"
    labels: Annotated[
        str, _choice("world", LABELS, "The rule that gives each point its class.", {"sampling": list(SAMPLINGS)})
    ] = "chessboard"
    sampling: Annotated[
        str, _choice("world", (*SAMPLINGS, "own"), "Where the training points stand on the manifold.")
    ] = "grid"
    points: Annotated[str, _text("world", "The placed points, where the sampling is your own.")] = ""
    points_per_side: Annotated[
        int, _number("world", 2, 32, "Training points along each parameter (squared on a surface).", "points",
                     used={"sampling": ["grid", "random"]})
    ] = 5
    codimension: Annotated[
        int, _number("world", 0, 1000, "Dimensions off the manifold: ell = n - k.", "dimensions", "log")
    ] = 30
    hidden_layers: Annotated[int, _number("net", 1, 6, "Hidden layers of the net.", "layers")] = 4
    width: Annotated[int, _number("net", 2, 512, "Neurons in each hidden layer.", "neurons", "log")] = 100
    activation: Annotated[str, _choice("net", NETS, "The nonlinearity of the hidden neurons.")] = "relu"
    init: Annotated[str, _choice("net", INITS, "How the weights are drawn before training.")] = "normal-first"
    optimizer: Annotated[
        str, _choice("training", OPTIMIZER_SLOTS, "The rule that turns gradients into steps.")
    ] = "adam"
    batch_size: Annotated[
        int, _number("training", 0, 1024, "Points in each step's batch; 0 uses all of them.", "points")
    ] = 0
    regime: Annotated[
        str, _choice("training", REGIMES, "What a step makes of its points: as they are, attacked, noisy, ...")
    ] = "standard"
    start: Annotated[
        str, _choice("training", STARTS, "Weights at step 0: the seed's, another draw, or those of an earlier run.")
    ] = "seed"
    training_set: Annotated[
        str, _choice("training", TRAINING_SETS, "The data, or adversarial examples as an earlier net labels them.")
    ] = "clean"

    def __init__(self, **values: Any) -> None:
        super().__init__(**values)
        shape = self.geometry
        if self.codimension < shape.e - shape.k:
            raise FieldError("codimension", f"at least {shape.e - shape.k} for manifold {self.manifold!r}",
                             self.codimension, f"it is embedded in {shape.e} dimensions")
        if self.n < 2:
            raise FieldError("codimension", f"at least 1 for manifold {self.manifold!r}", self.codimension,
                             "a picture needs two dimensions")
        if self.sampling == "five-point" and self.manifold != "line":
            raise FieldError("sampling", "'grid' or 'random' for this manifold", self.sampling,
                             "the five points lie on the line")
        if self.sampling == "own":
            own.parse(self.points, shape)
        elif self.points:  # they wait to be used again, perhaps on another manifold
            own.check(self.points)
        if self.batch_size > self.point_count:
            raise FieldError("batch_size", f"at most the number of points, {self.point_count}", self.batch_size)
        if self.regime == "adversarial-off" and self.codimension == 0:
            raise FieldError("regime", "another regime in a world without normal directions", self.regime)
        if self.start == "normal-weights" and self.n == shape.e:
            raise FieldError("start", "another start in a world without appended dimensions", self.start)

    @property
    def geometry(self) -> Manifold:
        """The manifold itself."""
        return MANIFOLDS[self.manifold]

    @property
    def derived(self) -> bool:
        """Whether the run takes something from another: its start or its training set."""
        return self.start in ("branch", "normal-weights") or self.training_set != "clean"

    @property
    def k(self) -> int:
        """Dimension of the manifold."""
        return self.geometry.k

    @property
    def n(self) -> int:
        """Dimension of the ambient space, k + codimension."""
        return self.k + self.codimension

    @property
    def point_count(self) -> int:
        """Number of training points N."""
        if self.sampling == "own":
            return self.points.count("~") + 1
        return 5 if self.sampling == "five-point" else self.points_per_side**self.k


class Knobs(Spec):
    """The numbers of a run; a jax pytree, traced by every compiled function."""

    offset: Annotated[
        float, _number("world", -2, 2, "Position of the data in the first appended dimension.", "length")
    ] = 0.0
    class_signal: Annotated[
        float, _number("world", 0, 1, "Moves class +1 up and class -1 down the first appended dimension.", "length")
    ] = 0.0
    noise: Annotated[
        float, _number("world", 0, 0.5, "Standard deviation of the data off the manifold, per dimension.", "length")
    ] = 0.0
    label_noise: Annotated[float, _number("world", 0, 0.5, "Share of labels flipped at random.")] = 0.0
    init_scale: Annotated[
        float, _number("net", 0.01, 10, "Factor on all starting weights and biases.", "1", "log")
    ] = 1.0
    bias_spread: Annotated[
        float, _number("net", 0, 10, "Factor on the starting biases alone; 0 starts them at 0.")
    ] = 1.0
    learning_rate: Annotated[
        float, _number("training", 1e-6, 10, "Length of the optimiser's step.", "1", "log")
    ] = 1e-3
    momentum: Annotated[
        float, _number("training", 0, 0.999, "Share of the last step kept.",
                       used={"optimizer": ["momentum"]})
    ] = 0.9
    weight_decay: Annotated[
        float, _number("training", 0, 1, "Adds this x the weights to the gradient; adamw shrinks the weights instead.")
    ] = 0.0
    eps: Annotated[
        float, _number("training", 0, 2, "Radius of the ball in which the points are attacked.", "length",
                       used={"regime": [name for name in REGIMES if name.startswith("adversarial")]})
    ] = 0.05
    gradient_penalty: Annotated[
        float, _number("training", 0, 10, "Adds this x the mean squared input gradient.",
                       used={"regime": ["gradient-penalty"]})
    ] = 0.01
    input_noise: Annotated[
        float, _number("training", 0, 2, "Standard deviation of the noise added in each step.",
                       "length", used={"regime": ["noise"]})
    ] = 0.05
    label_smoothing: Annotated[
        float, _number("training", 0, 0.5, "Share of each target given to the other class.",
                       used={"regime": ["smoothing"]})
    ] = 0.1
    first_layer_penalty: Annotated[
        float, _number("training", 0, 10, "Adds this x the norm of the first layer's weights and biases to the loss.")
    ] = 0.0
    steps: Annotated[int, _number("training", 1, 100_000, "Training steps at most.", "steps", "log")] = 400
    stop_margin: Annotated[
        float, _number("training", 0, 100, "Stop once every point's y f(x) reaches this; 0 never stops.", "logits")
    ] = 0.0
    stop_accuracy: Annotated[
        float, _number("training", 0, 1, "Stop once the accuracy reaches this; 0 never stops.")
    ] = 0.0
    seed: Annotated[int, _number("training", 0, 2**31 - 1, "The seed of data, labels, weights and batches.")] = 0


class View(Spec):
    """How R^n is cut down to the two or three dimensions of the picture."""

    window: Annotated[
        str, _choice("view", WINDOW_NAMES, "The map from the picture to R^n; auto picks one that fits.")
    ] = "auto"
    direction: Annotated[
        str, _choice("view", DIRECTIONS, "The normal direction shown: mean off-manifold gradient, or a random one.")
    ] = "gradient"
    reference_step: Annotated[
        int, _number("view", -1, 100_000, "Step whose gradient fixes the direction; -1 is the last.", "steps",
                     used={"direction": ["gradient"]})
    ] = -1
    half_height: Annotated[
        float, _number("view", 0, 2, "Half height of the picture; 0 follows the dimples.", "length")
    ] = 0.0
    resolution: Annotated[int, _number("view", 24, 128, "Samples a side of the boundary.", "samples")] = 48


# model_construct skips validation: inside jit the values are tracers, which no range check could read.
jax.tree_util.register_pytree_node(
    Knobs,
    lambda knobs: (tuple(knobs.__dict__[name] for name in Knobs.model_fields), None),
    lambda _, values: Knobs.model_construct(**dict(zip(Knobs.model_fields, values, strict=True))),
)

SPECS: tuple[type[Spec], ...] = (World, Knobs, View)
FIELDS: dict[str, type[Spec]] = {name: spec for spec in SPECS for name in spec.model_fields}


def choices(name: str, spec: type[Spec] | None = None) -> tuple[str, ...] | None:
    """Allowed names of an enumerated field, None for a number."""
    spec = spec or FIELDS[name]
    field = spec.model_fields.get(name)
    extra = field.json_schema_extra if field else None
    return tuple(extra["choices"]) if isinstance(extra, dict) and "choices" in extra else None  # type: ignore[arg-type]


def is_text(name: str, spec: type[Spec] | None = None) -> bool:
    """Whether a field is free text: neither a number nor a choice."""
    field = (spec or FIELDS[name]).model_fields.get(name)
    extra = field.json_schema_extra if field else None
    return isinstance(extra, dict) and "text" in extra


def used(name: str) -> dict[str, list[str]]:
    """The choices of other fields with which a field is used at all; empty for one that always is."""
    return FIELDS[name].model_fields[name].json_schema_extra["used"]  # type: ignore[index, return-value]


def group(name: str) -> str:
    """Where a field belongs: "world", "net", "training" or "view"."""
    return FIELDS[name].model_fields[name].json_schema_extra["group"]  # type: ignore[index, return-value]


def bounds(name: str) -> tuple[float, float]:
    """Lowest and highest allowed value of a number field."""
    metadata = FIELDS[name].model_fields[name].metadata
    low = next(m.ge for m in metadata if hasattr(m, "ge"))
    high = next(m.le for m in metadata if hasattr(m, "le"))
    return low, high


def allowed_text(spec: type[Spec], name: str) -> str:
    """What a field allows, in words."""
    if name not in spec.model_fields:
        return one_of(spec.model_fields)
    names = choices(name, spec)
    if names:
        return one_of(names)
    if is_text(name):
        return "text of at most 4000 characters"
    low, high = bounds(name)
    kind = "a whole number " if spec.model_fields[name].annotation is int else ""
    return f"{kind}between {low:.10g} and {high:.10g}"


def state_bytes(world: World) -> int:
    """Bytes of one checkpoint: float32 parameters and optimiser state."""
    return 4 * parameter_count(world) * (1 + OPTIMIZER_SLOTS[world.optimizer])


def step_flops(world: World) -> float:
    """Floating-point operations of one training step: forward, backward, update."""
    batch = world.batch_size or world.point_count
    passes = 6.0 * batch * sum(a * b for a, b in layer_sizes(world))
    return COST[world.regime] * passes + 20.0 * parameter_count(world)


def stride(world: World, steps: int) -> int:
    """Steps between checkpoints: a few milliseconds' worth, or as many as the memory allowed demands."""
    quick = int(min(64, max(1, 4e8 / step_flops(world))))
    return max(quick, math.ceil(steps / max(1, CHECKPOINT_BYTES // state_bytes(world) - 2)))


def of_kind(argument: str, given: Any, kind: type) -> None:
    """FieldError naming an argument that is something else than it should be."""
    if not isinstance(given, kind):
        raise FieldError(argument, f"a {kind.__name__}", type(given).__name__)


def check(world: World, knobs: Knobs, earlier: float = 0.0) -> None:
    """Refuse a run too large to train or to seek in; raises FieldError naming `steps` and the largest allowed.

    earlier: floating-point operations of the runs that this one starts from, which are trained first. Raises
    FieldError naming `world` or `knobs` for anything else than these.
    """
    of_kind("world", world, World)
    of_kind("knobs", knobs, Knobs)
    cost = step_flops(world)
    most = max(0, int((TRAIN_FLOPS - earlier) / cost))
    while most > 1 and stride(world, most) * cost > REPLAY_FLOPS:
        most = int(most * 0.9)
    if knobs.steps > most:
        advice = "the runs it starts from take steps too" if earlier else "fewer steps, a narrower net or fewer points"
        raise FieldError("steps", f"at most {most} for this net and number of points", knobs.steps, advice)
