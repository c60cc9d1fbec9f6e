"""The simulator speaks English only: its sentences by key, and the way back from a sentence to its key."""

import re
from functools import cache

from toy.experiments import EXPERIMENTS
from toy.measures import MEASURES
from toy.world import FIELDS, choices


@cache
def own() -> dict[str, str]:
    """Help of fields and measures, names of choices and units, and what experiments say, by key."""
    out = {f"help.{name}": str(spec.model_fields[name].description) for name, spec in FIELDS.items()}
    for name in FIELDS:
        out |= {f"choice.{name}.{value}": value.replace("-", " ") for value in choices(name) or ()}
    out |= {f"measure_help.{name}": measure.help for name, measure in MEASURES.items()}
    units = {str(extra["unit"]) for name, spec in FIELDS.items()
             if isinstance(extra := spec.model_fields[name].json_schema_extra, dict)}
    units |= {measure.unit for measure in MEASURES.values()}
    for name, experiment in EXPERIMENTS.items():
        units |= {*experiment.columns.values(), *(claim.unit for claim in experiment.claims)}
        if experiment.note:
            out[f"note.{name}"] = experiment.note
        for claim in experiment.claims:
            out[f"claim.{name}.{claim.name}"] = claim.prediction
            out[f"claim.{name}.{claim.name}.value"] = claim.value
            out[f"claim.{name}.{claim.name}.null"] = claim.null
    out |= {f"unit.{unit}": unit for unit in sorted(units) if unit not in ("", "1")}
    return {key: text for key, text in out.items() if text}


def match(kind: str, english: str, words: dict[str, str]) -> tuple[str, dict[str, str]] | None:
    """The key `kind.*` whose template made a sentence and the values of its {places}; the most specific one first."""
    keys = [key for key in words if key.startswith(f"{kind}.")]
    for key in sorted(keys, key=lambda key: -len(re.sub(r"\{\w+\}", "", words[key]))):
        found = _pattern(words[key]).fullmatch(english)
        if found:
            return key, found.groupdict()
    return None


@cache
def _pattern(template: str) -> re.Pattern[str]:
    return re.compile(re.sub(r"\\\{(\w+)\\\}", r"(?P<\1>.+?)", re.escape(template)), re.DOTALL)
