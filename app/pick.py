"""Which steps of a run an export shows."""

import re

import numpy as np

from toy.errors import FieldError

MOST = 2000  # frames of one export


def spaced(last: int, count: int) -> list[int]:
    """`count` different steps from 0 to `last` (all, if there are fewer), evenly spaced in log(1 + step)."""
    places = np.arange(min(count, last + 1))
    steps = np.round(np.expm1(np.linspace(0, np.log1p(last), len(places)))).astype(int)
    # where the early steps lie closer than one apart, one apart
    return (np.maximum.accumulate(steps - places) + places).tolist()


def read(flag: str, text: str, last: int) -> list[int]:
    """The steps that "0,10,100", "5..80" or "all" of 0 .. last mean; FieldError names the flag."""
    allowed = f'steps from 0 to {last}, such as 0,10,100 or 5..80, or "all"'
    if text == "all":
        text = f"0..{last}"
    if span := re.fullmatch(r"(\d{1,9})\.\.(\d{1,9})", text):
        steps = list(range(int(span[1]), min(int(span[2]), last + 1) + 1))
    elif re.fullmatch(r"\d{1,9}(,\d{1,9})*", text):
        steps = sorted({int(step) for step in text.split(",")})
    else:
        raise FieldError(flag, allowed, text)
    if not steps or steps[-1] > last:
        raise FieldError(flag, allowed, text)
    if len(steps) > MOST:
        raise FieldError(flag, f"at most {MOST} steps", len(steps))
    return steps
