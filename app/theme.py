"""Colours, fonts, camera and light: each once. style.css holds the same tokens as CSS variables."""

from typing import Any

INK = "#1c1b1a"
MUTE = "#6d6a66"  # the page swaps the hex tokens for its own in the dark
LINE = "#e6e2db"
GRID = "rgba(138,133,126,.22)"
ACCENT = "#1b7a6b"
CLEAR = "rgba(0,0,0,0)"
FONT = "Inter, system-ui, 'Noto Sans', 'Noto Sans JP', sans-serif"

# Okabe-Ito vermilion and blue; the symbol carries the class too.
CLASSES = {
    1: {"colour": "#d55e00", "symbol": "circle", "open": "circle-open", "line": "#7c3600"},
    -1: {"colour": "#0072b2", "symbol": "diamond", "open": "diamond-open", "line": "#003e63"},
}

# Height: diverging purple - white - teal, so that neither class colour is confused with it.
HEIGHT_SCALE = [[0, "#5e3c99"], [0.25, "#b2abd2"], [0.5, "#f4f1ea"], [0.75, "#9ecfc4"], [1, "#1b7a6b"]]
GRADIENT_SCALE = [[0, "#f6f3ec"], [0.35, "#e3cf9b"], [0.7, "#b8893c"], [1, "#5f3d12"]]
PLAIN_SCALE = [[0, "#d9d4ca"], [1, "#d9d4ca"]]
SCALES = {"height": HEIGHT_SCALE, "gradient": GRADIENT_SCALE, "plain": PLAIN_SCALE}

SHEET_OFFSET = "#6f51ad"
DIMPLES = "#1b7a6b"
FREE, ON, OFF = "#2b2927", "#9a6a00", "#2b2927"
FREE_CHART = "#7d7770"
FLIP = "#c2247f"  # round the points that an attack flips

LIGHT = {"ambient": 0.55, "diffuse": 0.65, "specular": 0.15, "roughness": 0.6, "fresnel": 0.1}
LIGHT_FROM = {"x": -2000, "y": -3000, "z": 4000}
CAMERA: dict[str, Any] = {"eye": {"x": 1.38, "y": -1.48, "z": 0.82}, "center": {"x": 0, "y": 0, "z": -0.19}}
ASPECT = {"x": 1.3, "y": 1.3, "z": 0.75}
