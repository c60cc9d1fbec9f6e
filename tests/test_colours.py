"""Colours stay apart for eyes without red, green or blue cones, and never say anything alone."""

import re
from itertools import combinations

import pytest
from coloraide import Color

from app import charts, theme
from app.server import ASSETS

SIGHTS = (None, "protan", "deutan", "tritan")  # dichromats, after Vienot et al. (1999) and Brettel et al. (1997)
STYLE = (ASSETS / "style.css").read_text(encoding="utf-8")
LIGHT = dict(re.findall(r"--([\w-]+): (#\w{6})", re.search(r":root \{(.*?)\}", STYLE, re.S)[1]))
DARK = LIGHT | dict(re.findall(r"--([\w-]+): (#\w{6})", re.search(r'scheme="dark"\] \{(.*?)\}', STYLE, re.S)[1]))
SCHEMES = {"light": LIGHT, "dark": DARK}
# What player-base.js makes of the figures' lines in a scheme.
ROLES = {theme.SHEET_OFFSET: "sheet", theme.DIMPLES: "accent", theme.ON: "along", theme.INK: "ink", theme.MUTE: "mute",
         theme.FREE: "ink"}


def apart(one: str, other: str) -> float:
    """The smallest CIEDE2000 difference in any sight; about 2 can be told side by side, 10 at a glance."""
    seen = [[Color(c).filter(sight) if sight else Color(c) for c in (one, other)] for sight in SIGHTS]
    return min(a.delta_e(b, method="2000") for a, b in seen)


def test_a_simulation_confuses_what_it_should():
    assert apart("#bc5f63", "#5c7c5a") < 12 < Color("#bc5f63").delta_e(Color("#5c7c5a"), method="2000")


@pytest.mark.parametrize("scheme", SCHEMES)
def test_classes_are_apart_in_colour_and_shape(scheme):
    own = SCHEMES[scheme]
    one, other = theme.CLASSES.values()
    assert (one["colour"], other["colour"]) == (own["a"], own["b"])
    assert apart(own["a"], own["b"]) > 20
    assert one["symbol"] != other["symbol"] and one["open"] != other["open"]
    assert min(Color(own[name]).contrast(Color(own["panel"])) for name in "ab") > 3


@pytest.mark.parametrize("scheme", SCHEMES)
def test_phases_are_apart_in_colour_and_pattern(scheme):
    own = SCHEMES[scheme]
    assert min(apart(own[a], own[b]) for a, b in combinations(("cling", "dimple", "settle"), 2)) > 8
    assert all(Color(own[name]).contrast(Color(own["on-band"])) > 4.5 for name in ("cling", "dimple", "settle"))
    assert ".band.dimpling { --band: var(--dimple); background-image" in STYLE


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("name", charts.CHARTS)
def test_lines_of_a_chart_are_apart_in_dash_and_colour(name, scheme):
    own = SCHEMES[scheme]
    lines = charts.CHARTS[name].lines
    assert len({line.dash for line in lines}) == len(lines)
    for line in lines:
        assert Color(own[ROLES[line.colour]]).contrast(Color(own["panel"])) > 3
    for one, other in combinations(lines, 2):
        assert one.colour == other.colour or apart(own[ROLES[one.colour]], own[ROLES[other.colour]]) > 12


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("off", [theme.FREE, theme.DIMPLES])  # of arrows in 3-D and 2-D
def test_arrows_on_and_off_the_manifold_are_apart(off, scheme):
    own = SCHEMES[scheme]
    assert apart(own[ROLES[off]], own[ROLES[theme.ON]]) > 12


def test_the_test_reads_the_colours_the_page_swaps():
    script = (ASSETS / "player-base.js").read_text(encoding="utf-8")
    for colour in (theme.SHEET_OFFSET, theme.DIMPLES, theme.ON):
        assert f'"{colour}": "{ROLES[colour]}"' in script
    assert f'"{theme.FREE}": "ink"' in script and f'ink: "{theme.INK}"' in script and f'mute: "{theme.MUTE}"' in script
