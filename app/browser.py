"""Finding an installed Chrome, Chromium or Edge."""

import os
import shutil
import sys
from pathlib import Path

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome", "microsoft-edge", "msedge")
MAC = ("Google Chrome", "Chromium", "Microsoft Edge")
WINDOWS = (r"Google\Chrome\Application\chrome.exe", r"Microsoft\Edge\Application\msedge.exe")
# Software GL when there is no graphics card, and no calls to the outside.
FLAGS = (
    "--no-sandbox", "--enable-unsafe-swiftshader", "--disable-quic", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
)


def find() -> str:
    """The path of a browser; FileNotFoundError says how to get one."""
    places = [shutil.which(name) for name in NAMES]
    if sys.platform == "darwin":
        places += [f"/Applications/{name}.app/Contents/MacOS/{name}" for name in MAC]
    if sys.platform == "win32":
        roots = [os.environ.get(name, "") for name in ("PROGRAMFILES", "PROGRAMFILES(X86)", "LOCALAPPDATA")]
        places += [str(Path(root) / name) for root in roots if root for name in WINDOWS]
    for place in places:
        if place and Path(place).exists():
            return place
    raise FileNotFoundError("no Chrome, Chromium or Edge found: install one (Debian: apt install chromium)")
