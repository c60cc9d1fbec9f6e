"""The page: header, controls made from the fields' own metadata, picture, charts."""

import math
from collections.abc import Iterable
from typing import Any

import dash_mantine_components as dmc
from dash import dcc, html

from app import theme
from app.controls import typed
from app.report import choice
from app.sight import LOOKS, Look
from app.text import LANGUAGES, language, say, words
from toy.exhibits import EXHIBITS
from toy.world import FIELDS, bounds, choices, is_text, used

GROUPS = ("world", "net", "training", "view")
TYPED_ONLY = ("seed", "reference_step")  # a slider would be no help
DEFAULTS = {name: FIELDS[name].model_fields[name].default for name in FIELDS}


def extra(name: str) -> dict[str, Any]:
    """A field's own metadata: unit, group, scale."""
    found = FIELDS[name].model_fields[name].json_schema_extra
    return found if isinstance(found, dict) else {}


def named(key: str) -> dict[str, Any]:
    """A name for screen readers."""
    return {"aria-label": words()[key]}


def whole(name: str) -> bool:
    """Whether a number field takes whole numbers only."""
    return FIELDS[name].model_fields[name].annotation is int


def scale(name: str) -> dict[str, Any]:
    """What places a number on its slider."""
    low, high = bounds(name)
    return {"low": low, "high": high, "log": extra(name).get("scale") == "log", "whole": whole(name)}


def ranges() -> dict[str, dict[str, Any]]:
    """The scale of every field that has a slider, for the page's script."""
    return {name: scale(name) for name in FIELDS
            if choices(name) is None and not is_text(name) and name not in TYPED_ONLY}


def place(name: str) -> int:
    """Where the slider of a field stands at its default, 0 .. 1000; page.js moves it by the same rule."""
    of = scale(name)
    bent = (math.log if of["low"] > 0 else math.log1p) if of["log"] else float
    low, high = bent(of["low"]), bent(of["high"])
    return round(1000 * (bent(DEFAULTS[name]) - low) / (high - low))


def helped(name: str) -> dmc.Tooltip:
    """A small i that tells what a field is."""
    label, unit = words()[f"field.{name}"], extra(name).get("unit") or "1"
    low, high = ("", "") if choices(name) or is_text(name) else map("{:.10g}".format, bounds(name))
    span = low and say("control.range", low=low, high=high, unit="" if unit == "1" else " " + words()[f"unit.{unit}"])
    uses = [say("control.used", field=words()[f"field.{other}"], names=" · ".join(choice(other, v) for v in values))
            for other, values in used(name).items()]
    text = " ".join([say("control.help", label=label, help=words()[f"help.{name}"], range=span).strip(), *uses])
    aria: dict[str, Any] = {"aria-label": text}
    mark = html.Button("i", className="help", type="button", **aria)
    return dmc.Tooltip(mark, label=text, multiline=True, w=240, position="right", openDelay=100,
                       events={"hover": True, "focus": True, "touch": True})


def control(name: str) -> html.Div:
    """One field: its name, help, and an input that suits it; dim while other fields leave it without use."""
    use: dict[str, Any] = {"id": {"use": name}} if used(name) else {}
    ident, label = {"control": name}, words()[f"field.{name}"]
    slim = {"size": "xs", "variant": "unstyled", "className": "value"}
    aria: dict[str, Any] = {"aria-label": label}
    names = choices(name)
    head = html.Div([html.Span(label), helped(name)], className="name")
    if names:
        data = [{"value": value, "label": choice(name, value)} for value in names]
        field = dmc.Select(id=ident, data=data, value=DEFAULTS[name], allowDeselect=False, withCheckIcon=False,
                           comboboxProps={"width": 190, "position": "bottom-end"}, **slim, **aria)
        return html.Div([head, field], className="control", **use)
    if is_text(name):
        board = html.Button(words()["board.open"], id="board", type="button", className="board-open")
        return html.Div([head, board, dmc.TextInput(id=ident, value=DEFAULTS[name], debounce=350, style={"gridColumn":
                         "1 / 3", "display": "none"}, **aria)], className="control")
    # As text: an input of numbers drops what it does not expect, and 2.5 would be 25.
    number = dmc.TextInput(id=ident, value=typed(DEFAULTS[name]), debounce=350, **slim, **aria)
    if name in TYPED_ONLY:
        return html.Div([head, number], className="control", **use)
    of = scale(name)
    steps = of["high"] - of["low"]
    few = of["whole"] and not of["log"] and steps <= 50
    slider = dmc.Slider(
        id={"slider": name}, min=0, max=1000, step=1000 / steps if few else 20, value=place(name), label=None, size=4,
        thumbSize=14, color=theme.ACCENT, updatemode="mouseup", className="slide", thumbLabel=label,
    )
    return html.Div([head, number, slider], className="control wide", **use)


def section(group: str, names: Iterable[str]) -> dmc.AccordionItem:
    """The controls of one group, under a heading that folds."""
    return dmc.AccordionItem(
        [dmc.AccordionControl(words()[f"group.{group}"]), dmc.AccordionPanel([control(name) for name in names])],
        value=group,
    )


def controls() -> html.Aside:
    """All fields of World, Knobs and View by group."""
    grouped = {group: [name for name in FIELDS if extra(name).get("group") == group] for group in GROUPS}
    small = {"size": "compact-xs", "color": theme.ACCENT, "variant": "light"}
    quiet = {**small, "color": "gray", "variant": "subtle"}
    buttons = html.Div([
        html.Span(dmc.Button(words()["control.same"], id="same-start", **small), title=words()["control.same.help"]),
        html.Span(dmc.Button(words()["control.seed"], id="new-seed", **small), title=words()["control.seed.help"]),
        dmc.Button(words()["control.reset"], id="reset", **quiet),
        dmc.Button(words()["control.undo"], id="undo", style={"display": "none"}, **small),
    ], className="buttons")
    parts = dmc.Accordion([section(group, names) for group, names in grouped.items()], multiple=True,
                          value=list(GROUPS), variant="filled", chevronPosition="right", className="groups")
    return html.Aside([buttons, parts], id="controls", **named("page.controls"))


def looks() -> html.Div:
    """How the picture is drawn: needs no training."""
    return html.Div([
        html.Div([
            html.Span(words()[f"look.{name}"]),
            dmc.SegmentedControl(
                id={"look": name}, size="xs", value=getattr(Look(), name), **{"aria-label": words()[f"look.{name}"]},
                data=[{"value": value, "label": words()[f"look.{name}.{value}"]} for value in allowed],
            ),
        ])
        for name, allowed in LOOKS.items()
    ] + [html.Button(words()["closer.open"], id="closer-open", type="button", title=words()["closer.open.help"])],
        className="looks", id="looks")


def menu(classroom: str) -> html.Details:
    """What is wanted now and then, behind one button."""
    item = {"variant": "subtle", "color": "gray", "size": "sm", "justify": "space-between", "fullWidth": True}
    items = [dmc.Button(words()["header.present"], id="present-open", rightSection=html.Kbd("P"), **item)]
    if classroom:
        items.append(dmc.Button(words()["header.class"], id="class-open", **item))
    items.append(dmc.Button(words()["header.about"], id="about-open", **item))
    return html.Details([html.Summary(words()["header.more"]), html.Div(items)], className="menu")


def dialogs() -> list[dmc.Modal]:
    """About, the link to copy by hand, and the address of the class."""
    close: dict[str, Any] = {"closeButtonProps": {"aria-label": words()["about.close"]}}
    title: dict[str, Any] = {"aria-label": words()["share.title"], "data-autofocus": True}
    return [
        dmc.Modal([dmc.Text(words()[f"about.{i}"], mb="sm") for i in range(1, 5)], id="about", size="lg",
                  title=words()["about.title"], **close),
        dmc.Modal(dmc.TextInput(id="link-text", readOnly=True, description=words()["share.why"], **title),
                  id="link-box", size="lg", title=words()["share.title"], **close),
        dmc.Modal([html.Img(id="class-code", alt=words()["class.code"]), html.P(html.A(id="class-address")),
                   dmc.Text(words()["class.why"], size="sm")], id="class", size="lg", title=words()["class.title"],
                  className="class", **close),
    ]


def header(classroom: str) -> html.Header:
    """Name, exhibit, about, link, language, colour scheme."""
    other = next(code for code in LANGUAGES if code != language())
    picker = dmc.Select(
        id="exhibit", value=next(iter(EXHIBITS)), allowDeselect=False, withCheckIcon=False, size="sm", w=230,
        data=[{"value": name, "label": words().get(f"exhibit.{name}", name)} for name in EXHIBITS],
        **{"aria-label": words()["header.exhibit"]},
    )
    quiet = {"variant": "subtle", "color": "gray", "size": "compact-sm"}
    return html.Header([
        html.Button("☰", id="fold", type="button", className="fold", title=words()["header.controls"],
                    **named("header.controls")),
        html.B(words()["app.name"]), picker, html.Span(className="sp"),
        dmc.Button(words()["header.lesson"], id="lesson-open", **quiet),
        html.Span(dmc.Button(words()["header.branch"], id="branch", **quiet), title=words()["header.branch.help"]),
        html.Span(dmc.Button(words()["header.compare"], id="compare", **quiet), title=words()["header.compare.help"]),
        dmc.Button(words()["header.share"], id="share", **quiet),
        dmc.Button(words()["export.open"], id="export", **quiet),
        menu(classroom),
        html.Span(dmc.Button(LANGUAGES[other], id="speak", **quiet), lang=other),
        dmc.ColorSchemeToggle(lightIcon="◐", darkIcon="◑", color="gray", variant="subtle",
                              **{"aria-label": words()["header.scheme"]}),
        *dialogs(),
    ])


def stage() -> html.Main:
    """The picture with its words and its time line; all but `looks` is filled by the player."""
    return html.Main([
        html.Div([html.H1(id="title"), *(html.P(id=name) for name in ("look", "subtitle")), html.Div(id="legend")],
                 className="ttl"),
        html.Div([html.Div(id="progress"),
                  html.Div([html.Div(id=name) for name in ("refused", "link-notice", "notice")], className="notices"),
                  *(html.Div(id=name, className="picture") for name in ("picture", "beside")),
                  html.Aside(id="closer", hidden=True)], className="stage"),
        looks(),
        html.Div(id="timeline", className="tl"),
    ])


def page(classroom: str = "") -> dmc.MantineProvider:
    """The whole page. Elements the player fills stay without children and callbacks.

    classroom: the address others on the network open; "" when only this machine can.
    """
    parts = ("tabs", "evidence", "charts", "verdict", "within", "numbers")
    measures = [html.Div(id=name, title=words().get(f"{name}.help")) for name in parts]
    right = html.Section([html.Div(id="lesson", role="region", hidden=True), *measures, html.Details(id="data")],
                         tabIndex=0, **named("page.measures"))
    stores = ("link", "message", "origin", "branched", "compared", "placed", "sent", "shown", "folded", "before",
              "again", "presenting")
    memory = [dcc.Location(id="address", refresh=False), *(dcc.Store(id=name) for name in stores)]
    body = html.Div([header(classroom), controls(), stage(), right, html.Nav(id="present", hidden=True),
                     html.Div(id="summary", className="hidden-text", role="status"), *memory],
                    className="page", id="page")
    return dmc.MantineProvider(body, id="mantine", defaultColorScheme="auto", theme={
        "fontFamily": theme.FONT, "primaryColor": "teal", "defaultRadius": "md",
    })
