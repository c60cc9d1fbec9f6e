"""Controls -> link -> player. Python reads and refuses settings; what the page alone decides runs in the browser."""

import json
import secrets
from functools import partial
from typing import Any
from urllib.parse import urlencode

from dash import ALL, ClientsideFunction, Dash, Input, Output, State, ctx, no_update
from segno import DataOverflowError

from app import classroom
from app.controls import fields, said, spelled
from app.layout import ranges
from app.shown import RUN, asked, read, strange, unknown
from app.text import say, told, words
from toy import FieldError
from toy.exhibits import EXHIBITS
from toy.link import Setup, branch, build, parse
from toy.origin import PREFIX
from toy.world import FIELDS, used

LONGEST = 20_000  # characters of an address that are looked at
TOLD = 4  # unknown names of which an address that has more is told


def register(app: Dash, address: str = "") -> None:
    """Tie the page together; `address` is that of the class, "" without one."""
    app.callback(
        Output({"control": ALL}, "value"), Output("exhibit", "value"), Output("message", "data"),
        Output("origin", "data"),
        Input("address", "search"), Input("exhibit", "value"), Input("reset", "n_clicks"),
        Input("new-seed", "n_clicks"), Input("branched", "data"), Input("undo", "n_clicks"), State("before", "data"),
        State({"control": ALL}, "id"), State({"control": ALL}, "value"),
    )(settings)
    app.callback(
        Output({"control": ALL}, "error"), Output("link", "data"), Output("refused", "children"),
        Input({"control": ALL}, "value"), Input("exhibit", "value"), Input("origin", "data"),
        State({"control": ALL}, "id"), State({"control": ALL}, "error"),
    )(linked)
    if address:
        app.callback(
            Output("class", "opened"), Output("class-code", "src"), Output("class-address", "children"),
            Output("class-address", "href"), Input("class-open", "n_clicks"), State("link", "data"),
            prevent_initial_call=True,
        )(partial(invitation, address))
    _in_browser(app)


def invitation(address: str, _clicks: Any, link: str) -> tuple[bool, str, str, str]:
    """(open, QR code, words, link) of what is seen, for the class; of the page alone where a link is too long."""
    full = f"{address}?{link}"
    try:
        return True, classroom.image(full), address, full
    except DataOverflowError:
        return True, classroom.image(address), address, address


def settings(
    search: str | None, exhibit: str, _reset: Any, _seed: Any, branched: Any, _undo: Any, before: str | None,
    ids: list[dict[str, str]], shown: list[Any],
) -> tuple[Any, ...]:
    """Values of the controls that `shown` lacks, the exhibit, a message and the run this one comes from: from the
    address, the picker, or a button."""
    message: dict[str, Any] = {}
    names = [ident["control"] for ident in ids]
    if ctx.triggered_id == "new-seed":
        return [secrets.randbelow(10_000) if name == "seed" else no_update for name in names], no_update, {}, no_update
    if ctx.triggered_id == "branched":
        try:
            setup = branch(parse(branched["link"]), branched["step"])
        except FieldError as error:
            return [no_update] * len(names), no_update, {"said": told(error)[0]}, no_update
    elif ctx.triggered_id == "undo":
        setup, message = opened(before or "")
    elif ctx.triggered_id in ("exhibit", "reset"):
        setup = build(exhibit, {})
    else:
        setup, message = opened(search or "")
    values = fields(setup)
    return changed([values[name] for name in names], shown), setup.exhibit, message, spelled(setup)


def changed(values: list[Any], shown: list[Any]) -> list[Any]:
    """Values that are not shown yet: to set a hundred that are takes Dash more than half a second."""
    return [no_update if value == before else value for value, before in zip(values, shown, strict=True)]


def opened(search: str) -> tuple[Setup, dict[str, Any]]:
    """The setup of a link; and what of it is not followed, if anything: {without: its names, said: why}.

    A wrong way to look is left out; instead of a wrong run the exhibit's own is shown.
    """
    given = asked(search[:LONGEST])
    others = strange(given)
    left: dict[str, str] = {}
    refused: dict[str, str] = {}
    for name in others:
        value = given.pop(name)
        if len(left) < TOLD:
            left[name] = told(unknown(name, value))[0]
    while True:
        try:
            read(urlencode(given))
            return parse(urlencode(given)), {"without": [*dict.fromkeys((*others, *left))], "said": " ".join(
                say(key, message=" · ".join(parts.values()))
                for key, parts in (("notice.link", refused), ("notice.link_part", left)) if parts)}
        except FieldError as error:
            name = "with" if error.field.startswith("with.") else error.field
            if name in given and name not in RUN and not name.startswith(PREFIX):
                left[name] = told(error)[0]
                del given[name]
            else:
                refused[name] = told(error)[0]
                shown = given.get("exhibit")
                given = {"exhibit": shown} if shown in EXHIBITS else {}


def linked(
    values: list[Any], exhibit: str, origin: dict[str, Any] | None, ids: list[dict[str, str]], shown: list[str | None]
) -> tuple[list[Any], Any, str]:
    """Errors beside the controls that `shown` lacks; the link of what they say, where an error leaves the last one; and
    which controls keep it from being trained, for whoever does not see them."""
    names = [ident["control"] for ident in ids]
    errors, link = said(dict(zip(names, values, strict=True)), exhibit, origin)
    wrong = ", ".join(words()[f"field.{name}"] for name in errors if errors[name])
    return (changed([errors.get(name, "") for name in names], [error or "" for error in shown]), link or no_update,
            say("notice.refused", names=wrong) if wrong else "")


def _in_browser(app: Dash) -> None:
    """Callbacks of page.js: the address bar and the player, sliders, looks, folding."""
    here = "dimplePage"
    app.clientside_callback(
        ClientsideFunction(here, "open"), Output("sent", "data"), Input("link", "data"), State("address", "search"),
        State("message", "data"))
    # One callback both ways: two would be a circle, which Dash refuses.
    for name in ranges():
        slider, number = {"slider": name}, {"control": name}
        app.clientside_callback(
            ClientsideFunction(here, "tie"), Output(number, "value", allow_duplicate=True), Output(slider, "value"),
            Input(slider, "value"), Input(number, "value"), State(slider, "id"), prevent_initial_call=True)
    for name in FIELDS:
        for other, values in used(name).items():
            app.clientside_callback(
                f"(value) => {json.dumps(values)}.includes(value) ? null : ''", Output({"use": name}, "data-idle"),
                Input({"control": other}, "value"))
    app.clientside_callback(
        ClientsideFunction(here, "show"), Output("shown", "data"), Input({"look": ALL}, "value"),
        State({"look": ALL}, "id"))
    app.clientside_callback(
        ClientsideFunction(here, "message"), Output("link-notice", "children"), Input("message", "data"))
    app.clientside_callback(
        ClientsideFunction(here, "fold"), Output("folded", "data"), Input("fold", "n_clicks"),
        prevent_initial_call=True)
    app.clientside_callback(
        ClientsideFunction(here, "remember"), Output("before", "data"), Output("undo", "style"),
        Input("reset", "n_clicks"), Input("undo", "n_clicks"), State("link", "data"),
        prevent_initial_call=True)
    app.clientside_callback(
        ClientsideFunction(here, "again"), Output("again", "data"), Input("same-start", "n_clicks"),
        prevent_initial_call=True)
    app.clientside_callback(
        ClientsideFunction(here, "present"), Output("presenting", "data"), Input("present-open", "n_clicks"),
        prevent_initial_call=True)
    app.clientside_callback(
        ClientsideFunction(here, "share"), Output("share", "children"), Input("share", "n_clicks"),
        prevent_initial_call=True)
    app.clientside_callback(
        ClientsideFunction(here, "board"), Output("placed", "data"), Input("board", "n_clicks"),
        State("link", "data"), prevent_initial_call=True)
    app.clientside_callback(
        ClientsideFunction(here, "branch"), Output("branched", "data"), Input("branch", "n_clicks"),
        State("link", "data"), prevent_initial_call=True)
    app.clientside_callback(
        ClientsideFunction(here, "compare"), Output("compared", "data"), Input("compare", "n_clicks"),
        State("link", "data"), prevent_initial_call=True)
    app.clientside_callback(
        ClientsideFunction(here, "speak"), Output("speak", "disabled"), Input("speak", "n_clicks"),
        prevent_initial_call=True)
    app.clientside_callback(
        "(n) => true", Output("about", "opened"), Input("about-open", "n_clicks"), prevent_initial_call=True)
