"""Lessons: short steps that drive the page's own controls and ask what a run will show; the words are app.text's."""

from functools import cache
from typing import Any, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from app import controls, theme
from app.report import PHASES
from app.sight import LOOKS, Look
from toy.link import Setup, build
from toy.measures import MEASURES

CHANCE = "chance."


class Part(BaseModel):
    """What all parts of a lesson share: nothing unknown, nothing changed."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Value(Part):
    """A number measured in the run of this lesson step, or of step number `run`.

    of: a measure, `chance.` and a measure for its chance level, or a phase for the step at which it comes.
    at: the step of the time line at which the measure is taken: a number, a phase, or "last".
    """

    of: str
    at: int | str = "last"
    run: int | None = None

    @model_validator(mode="after")
    def _known(self) -> Self:
        name = self.of.removeprefix(CHANCE)
        chance = MEASURES[name].chance if name in MEASURES else None
        if name not in (*MEASURES, *PHASES) or (self.of != name and chance is None):
            raise ValueError(f"of must be a measure, one with a chance level, or a phase, got {self.of!r}")
        if isinstance(self.at, str) and self.at not in (*PHASES, "last"):
            raise ValueError(f"at must be a step, a phase or 'last', got {self.at!r}")
        return self


class Question(Part):
    """What the viewer predicts. Choice i holds when limits[i - 1] <= value / over < limits[i].

    absent: whether "there is none" is a choice too. kind: how the choices are worded.
    """

    value: Value
    limits: tuple[float, ...] = Field(min_length=1, max_length=3)
    over: Value | None = None
    absent: bool = False

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if list(self.limits) != sorted(set(self.limits)) or not 2 <= len(self.limits) + 1 + self.absent <= 4:
            raise ValueError("limits must ascend and leave 2 to 4 choices")
        return self

    @property
    def kind(self) -> str:
        """How the choices are worded: steps, a ratio, or plain numbers."""
        return "step" if self.value.of in PHASES and not self.over else "ratio" if self.over else "number"


class Step(Part):
    """One card: fields changed from here on, step of the time line (or "play"), looks, the eye (x, y, z) of a camera
    that shows what is spoken of (None: the viewer's own), the earlier step whose run stands beside this one's, and a
    question."""

    set: dict[str, Any] = {}
    go: int | str = "last"
    look: dict[str, str] = {}
    camera: tuple[float, float, float] | None = None
    beside: int | None = None
    ask: Question


def setup(exhibit: str, number: int) -> Setup:
    """The setup of a lesson's step 1, 2, ...: the exhibit with all that has been changed up to it."""
    changed: dict[str, Any] = {}
    for step in LESSONS[exhibit][:number]:
        changed |= step.set
    return build(exhibit, changed)


def link(wanted: Setup) -> str:
    """The very link that the controls will say, once they stand as a setup wants them."""
    return controls.said(controls.fields(wanted), wanted.exhibit, controls.spelled(wanted))[1]


@cache
def script() -> dict[str, list[dict[str, Any]]]:
    """What the page's script needs of every step: link, time line, looks, moved controls and question."""
    out: dict[str, list[dict[str, Any]]] = {}
    for exhibit, steps in LESSONS.items():
        looked = {name for step in steps for name in step.look}
        look = {name: getattr(Look(), name) for name in LOOKS if name in looked}
        out[exhibit] = []
        for number, step in enumerate(steps, 1):
            look = look | step.look
            out[exhibit].append({
                "link": link(setup(exhibit, number)), "go": step.go, "look": look, "moved": list(step.set),
                "camera": step.camera, "beside": step.beside, "ask": {**step.ask.model_dump(), "kind": step.ask.kind},
            })
    return out


def _at(of: str, at: int | str = "last", run: int | None = None) -> Value:
    return Value(of=of, at=at, run=run)


def _ask(value: Value, *limits: float, over: Value | None = None, absent: bool = False) -> Question:
    return Question(value=value, limits=limits, over=over, absent=absent)


def _step(ask: Question, **more: Any) -> Step:
    return Step(ask=ask, **more)


# Eyes of the camera: level with the manifold, where a sheet is a line and a wall is not; and its usual place, above.
LEVEL, ABOVE = (1.25, -1.75, 0.1), tuple(theme.CAMERA["eye"].values())

# The same question to several runs: how far it is to the boundary, against the first run of the lesson.
_NEAREST = _ask(_at("distance_free_median"), 1, 1.5, 2.5, over=_at("distance_free_median", run=1))

LESSONS: dict[str, tuple[Step, ...]] = {
    "authors-line": (
        _step(_ask(_at("accuracy", 0), 0.5, 0.9), go=0),
        _step(_ask(_at("accuracy", "t_cling"), 0.5, 0.9, absent=True), go="t_cling"),
        _step(_ask(_at("t_all_right"), 30, 100, absent=True), go="play"),
        _step(_ask(_at("depth_median"), 0.8, 1.25, over=_at("depth_median", run=1)), set={"init_scale": 1}, beside=1),
    ),
    "dimpled-sheet": (
        _step(_ask(_at("accuracy", 0), 0.4, 0.6), go=0),
        _step(_ask(_at("accuracy", "t_cling"), 0.75, 0.95, absent=True), go="t_cling", camera=LEVEL),
        _step(_ask(_at("t_all_right"), 50, 200, absent=True), go="play", camera=ABOVE),
        _step(_ask(_at("distance_on_median"), 1, 3, over=_at("distance_off_median")), look={"arrows": "split"}),
        _step(_ask(_at("gradient_normal_share"), 0.98, 1.02, over=_at("chance.gradient_normal_share"))),
    ),
    "codimension": (
        _step(_ask(_at("depth_median"), 0.05, 0.15), set={"codimension": 1}),
        _step(_ask(_at("depth_median"), 0.5, 1, over=_at("depth_median", run=1)), set={"codimension": 30}, beside=1),
        _step(_ask(_at("depth_median"), 0.2, 0.6, over=_at("depth_median", run=2)), set={"codimension": 300}, beside=2),
        _step(_ask(_at("distance_on_median"), 0.8, 1.25, over=_at("distance_on_median", run=2)),
              look={"arrows": "split"}),
        _step(_ask(_at("single_sheet_share"), 0.5, 0.9), set={"direction": "random"}),
    ),
    "walls-or-dimples": (
        _step(_ask(_at("depth_median"), 0.05, 0.15)),
        _step(_ask(_at("depth_median"), 0.8, 1.25, over=_at("depth_median", run=1)),
              set={"init_scale": 0.33}, beside=1),
        _step(_ask(_at("gradient_normal_share"), 0.5, 1, over=_at("chance.gradient_normal_share"))),
        _step(_ask(_at("gap"), 0.8, 1.25, over=_at("gap", run=1)), beside=1),
    ),
    "frozen-weights": (
        _step(_ask(_at("normal_weight_factor"), 0.5, 0.95)),
        _step(_ask(_at("vertical_gradient"), 2, 5, over=_at("vertical_gradient", 0))),
        _step(_ask(_at("normal_weight_factor"), 0.95, 1.05, over=_at("predicted_decay")), set={"weight_decay": 0.001}),
        _step(_ask(_at("normal_weight_factor"), 0.95, 1.05), set={"weight_decay": 0, "optimizer": "adam"}),
    ),
    "three-arrows": (
        _step(_ask(_at("distance_on_median"), 1, 3, over=_at("distance_off_median")), look={"arrows": "split"}),
        _step(_ask(_at("distance_off_median"), 1.5, 3, over=_at("distance_free_median")), look={"arrows": "free"}),
        _step(_ask(_at("perturbation_normal_share"), 0.95, 1.05, over=_at("chance.perturbation_normal_share"))),
        _step(_ask(_at("distance_on_median"), 1, 3, over=_at("distance_off_median")), set={"codimension": 1},
              look={"arrows": "split"}),
    ),
    "one-direction": (
        _step(_ask(_at("missing_share"), 0.05, 0.3)),
        _step(_ask(_at("missing_share"), 0.05, 0.3), set={"direction": "random"}),
        _step(_ask(_at("missing_share"), 0.05, 0.3), set={"direction": "gradient", "reference_step": 20}),
        _step(_ask(_at("missing_share"), 0.05, 0.3), set={"direction": "random", "codimension": 3}),
    ),
    "robustness-or-accuracy": (
        _step(_ask(_at("distance_off_median"), 0.02, 0.1)),
        _step(_ask(_at("distance_off_median"), 1, 2, over=_at("distance_off_median", run=1)),
              set={"start": "branch", "regime": "adversarial", "eps": 0.06}, beside=1),
        _step(_ask(_at("depth_median"), 1, 2, over=_at("depth_median", run=1)), beside=1),
        _step(_ask(_at("sheet_offset"), 0.5, 2, over=_at("sheet_offset", run=1)), beside=1, camera=LEVEL),
        _step(_ask(_at("accuracy"), 0.85, 1), set={"codimension": 1, "eps": 0.15}, camera=ABOVE),
    ),
    "wrong-labels": (
        _step(_ask(_at("distance_off_median"), 0.02, 0.1)),
        _step(_ask(_at("accuracy"), 0.4, 0.6, 0.8), set={"training_set": "wrong-labels", "start": "other"}),
        _step(_ask(_at("accuracy"), 0.4, 0.6, 0.8), set={"start": "normal-weights"}),
        _step(_ask(_at("accuracy"), 0.4, 0.6, 0.8), set={"start": "branch"}),
        _step(_ask(_at("accuracy"), 0.4, 0.6, 0.8), set={"training_set": "mislabelled"}),
    ),
    "where-it-fails": (
        _step(_ask(_at("single_sheet_share"), 0.5, 0.9)),
        _step(_ask(_at("gap"), 1, 2, over=_at("gap", run=1)), set={"labels": "half-space"}, beside=1, camera=LEVEL),
        _step(_ask(_at("gradient_normal_share"), 0.5, 1, over=_at("chance.gradient_normal_share"))),
        _step(_ask(_at("single_sheet_share"), 0.5, 0.9), set={"labels": "random"}, camera=ABOVE),
        _step(_ask(_at("distance_free_median"), 0.8, 1.25, over=_at("distance_free_median", run=1)),
              set={"labels": "chessboard", "codimension": 0}),
    ),
    "curved-worlds": (
        _step(_ask(_at("single_sheet_share"), 0.5, 0.9)),
        _step(_ask(_at("single_sheet_share"), 0.5, 0.9), set={"codimension": 30}),
        _step(_ask(_at("accuracy", "t_cling"), 0.75, 0.95, absent=True), go="t_cling"),
        _step(_ask(_at("distance_geodesic_median"), 1.05, 1.5, over=_at("distance_on_median")),
              set={"manifold": "swiss-roll", "codimension": 1}, look={"arrows": "split"}),
        _step(_ask(_at("distance_on_median"), 1, 3, over=_at("distance_off_median")), set={"manifold": "sphere"}),
    ),
    "rival-views": (
        _step(_ask(_at("rho", 0), 0.9, 1.1), go=0),
        _step(_ask(_at("rho"), 0.9, 1.1)),
        _step(_ask(_at("gap"), 0.5, 2, over=_at("gap", run=1)), set={"labels": "half-space"}, beside=1),
        _step(_ask(_at("distance_free_median"), 0.8, 2, over=_at("distance_free_median", run=1)),
              set={"labels": "chessboard", "codimension": 0}),
    ),
    "smoother-boundaries": (
        _step(_ask(_at("distance_free_median"), 0.02, 0.1)),
        _step(_NEAREST, set={"weight_decay": 0.01}, beside=1),
        _step(_NEAREST, set={"weight_decay": 0, "regime": "noise"}, beside=1),
        _step(_NEAREST, set={"regime": "adversarial"}, beside=1),
        _step(_NEAREST, set={"regime": "gradient-penalty"}, beside=1),
        _step(_ask(_at("accuracy"), 0.95, 1)),
    ),
}
