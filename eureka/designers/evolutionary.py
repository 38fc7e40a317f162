"""The built-in designer: an evolutionary search over sums of reward terms. Needs no model, API key or network.

A reward has two to six terms: a shape with a weight and a width, of a feature of the state. Children are mutations of
the best reward of the latest generation, guided by its component statistics: a constant component gets another width
or is dropped, a dominant one is scaled down, and one anticorrelated with the fitness changes its sign.

Replies are text with a code block, as from a language model. The search is the control for language models.
"""

from __future__ import annotations

import json
import random
import re
import statistics
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from itertools import combinations

from eureka.config.description import Description, StateField
from eureka.designers.base import Request
from eureka.runs.candidate import Known, Trained
from eureka.runs.replies import Answer, Reply
from eureka.system.seeds import derive

SHAPES = ("bell", "penalty", "square_penalty", "proportion", "threshold", "inverse", "constant")
_MOST_TERMS = 6
_GENOME = "terms: "


@dataclass(frozen=True)
class Feature:
    """A scalar per world, as an expression of state fields."""

    name: str
    code: str
    fields: tuple[str, ...]
    signed: bool  # Whether its sign is meaningful, so that a reward can be proportional to it
    likelihood: float = 1.0  # Relative sampling weight


@dataclass(frozen=True)
class Term:
    """One summand of a reward."""

    feature: str
    shape: str
    weight: float
    width: float

    @property
    def name(self) -> str:
        """Component name, at most 64 characters."""
        return f"{self.feature}_{self.shape}"[:64] if self.shape != "constant" else "alive"


class Search:
    """Proposes sums of terms. Deterministic for a given seed and parent."""

    name = "built-in search"

    def __init__(self, seed: int):
        self._seed = seed

    def propose(self, requests: Sequence[Request]) -> Iterator[Answer]:
        for request in requests:
            yield Answer(replies=tuple(self._replies(request)), model=self.name)

    def _replies(self, request: Request) -> Iterator[Reply]:
        catalogue = features(request.task)
        for slot in request.slots:
            chance = random.Random(derive(self._seed, "search", request.generation, slot, request.attempt))
            parent = terms_of(request.parent.reply, catalogue) if request.parent else None
            if parent and request.parent and request.parent.trained and request.attempt == 0:
                terms, story = _child(parent, request.parent.trained, catalogue, chance, wild=slot % 3 == 2)
            else:
                terms, story = _random_terms(catalogue, chance), "a new sum of terms"
            yield Reply(slot=slot, text=_reply(terms, catalogue, story))

    def verdict(self, generation: int, slot: int, attempt: int) -> Known | None:
        return None


def features(task: Description) -> dict[str, Feature]:
    """All features of a task, by name."""
    found: list[Feature] = []
    for field in task.state:
        found += _field_features(field)
    for a, b in combinations(task.state, 2):
        found += _pair_features(a, b)
    return {f.name: f for f in found}


def _field_features(field: StateField) -> list[Feature]:
    n, only = field.name, (field.name,)
    if not field.shape:
        return [Feature(n, n, only, signed=True, likelihood=2.0)]
    if "quaternion" in field.doc:
        return []
    if len(field.shape) > 1:
        return [Feature(f"{n}_size", f"torch.norm({n}, dim=-1).mean(dim=-1)", only, signed=False, likelihood=0.5)]
    size = Feature(f"{n}_size", f"torch.norm({n}, dim=-1)", only, signed=False)
    width = [*field.shape][-1]
    if width > 4 or n in ("action", "last_action"):
        return [replace(size, likelihood=0.5)]
    axes = [Feature(f"{n}_{i}", f"{n}[:, {i}]", only, signed=True, likelihood=0.5) for i in range(width)]
    return [size, *axes]


def _pair_features(a: StateField, b: StateField) -> list[Feature]:
    both = (a.name, b.name)
    name = f"{a.name}_to_{b.name}"
    # A field named after a goal usually defines the task.
    likelihood = 4.0 if any(n.startswith(("goal", "target", "command")) for n in both) else 0.3
    if "quaternion" in a.doc and "quaternion" in b.doc and a.shape == b.shape == (4,):
        code = f"2.0 * torch.acos(torch.abs(torch.sum({a.name} * {b.name}, dim=-1)).clamp(max=1.0))"
        return [Feature(name, code, both, signed=False, likelihood=likelihood)]
    if "quaternion" in a.doc or "quaternion" in b.doc or not a.shape or _unit(a) != _unit(b):
        return []
    if a.shape == b.shape and len(a.shape) == 1:
        return [Feature(name, f"torch.norm({a.name} - {b.name}, dim=-1)", both, signed=False, likelihood=likelihood)]
    if len(a.shape) + len(b.shape) == 3 and a.shape[-1] == b.shape[-1]:
        many, one = (a, b) if len(a.shape) == 2 else (b, a)
        code = f"torch.norm({many.name} - {one.name}.unsqueeze(1), dim=-1).mean(dim=-1)"
        return [Feature(name, code, both, signed=False, likelihood=likelihood)]
    return []


def _unit(field: StateField) -> str:
    """The first word after the shape in a field's doc."""
    return (field.doc.partition(") ")[2].split(",")[0].split() or [""])[0]


def _random_terms(catalogue: dict[str, Feature], chance: random.Random) -> list[Term]:
    terms = [_random_term(catalogue, chance) for _ in range(chance.choice((2, 2, 3, 3, 4)))]
    if chance.random() < 0.5:
        terms.append(Term("", "constant", 1.0, 1.0))
    return _deduplicate(terms)


def _random_term(catalogue: dict[str, Feature], chance: random.Random) -> Term:
    pool = list(catalogue.values())
    feature = chance.choices(pool, [f.likelihood for f in pool])[0]
    shapes = ["bell", "bell", "penalty", "square_penalty", "threshold", "inverse"]
    if feature.signed:
        shapes += ["proportion", "proportion"]
    shape = chance.choice(shapes)
    weight = _round(10 ** chance.uniform(-1.0, 0.5))
    if "action" in feature.name:
        shape, weight = chance.choice(("penalty", "square_penalty")), _round(weight / 10)
    if shape == "proportion" and chance.random() < 0.5:
        weight = -weight
    return Term(feature.name, shape, weight, _round(10 ** chance.uniform(-1.5, 0.3)))


def _child(
    parent: list[Term], trained: Trained, catalogue: dict[str, Feature], chance: random.Random, wild: bool
) -> tuple[list[Term], str]:
    """A mutated copy of `parent`, and a description of the changes."""
    curves = trained.curves
    if max(curves.fitness) == min(curves.fitness) and chance.random() < 0.5:
        return _random_terms(catalogue, chance), "the fitness was constant: a new sum of terms"
    terms, story = [], []
    sizes = {t.name: _mean_size(curves.components.get(t.name, [])) for t in parent}
    for term in parent:
        series = curves.components.get(term.name, [])
        others = [size for name, size in sizes.items() if name != term.name]
        if term.shape != "constant" and series and _flat(trained, term.name):
            if chance.random() < 0.4:
                story.append(f"{term.name} was almost constant: dropped")
                continue
            term = replace(term, width=_round(term.width * chance.choice((0.3, 3.0))))
            story.append(f"{term.name} was almost constant: width {term.width}")
        elif others and sizes[term.name] > 10 * max(statistics.median(others), 1e-9):
            term = replace(term, weight=_round(term.weight / 5))
            story.append(f"{term.name} dominated the others: weight {term.weight}")
        elif term.shape == "proportion" and _correlation(series, curves.fitness) < -0.5:
            term = replace(term, weight=-term.weight)
            story.append(f"{term.name} was anticorrelated with the fitness: sign changed")
        terms.append(term)
    for _ in range(3 if wild else 1):
        terms = _mutate(terms, catalogue, chance, story)
    terms = _deduplicate(terms)[:_MOST_TERMS] or _random_terms(catalogue, chance)
    return terms, "; ".join(story)


def _mutate(terms: list[Term], catalogue: dict[str, Feature], chance: random.Random, story: list[str]) -> list[Term]:
    terms = list(terms)
    act = chance.choices(("weight", "width", "add", "replace", "drop"), (3, 3, 3, 2, 1))[0]
    if act == "add" or not terms:
        terms.append(_random_term(catalogue, chance))
        story.append(f"added {terms[-1].name}")
        return terms
    i = chance.randrange(len(terms))
    if act == "weight":
        terms[i] = replace(terms[i], weight=_round(terms[i].weight * 10 ** chance.uniform(-0.5, 0.5)))
        story.append(f"{terms[i].name}: weight {terms[i].weight}")
    elif act == "width":
        terms[i] = replace(terms[i], width=_round(terms[i].width * 10 ** chance.uniform(-0.5, 0.5)))
        story.append(f"{terms[i].name}: width {terms[i].width}")
    elif act == "replace":
        old, terms[i] = terms[i], _random_term(catalogue, chance)
        story.append(f"{terms[i].name} in place of {old.name}")
    elif len(terms) > 1:
        story.append(f"dropped {terms.pop(i).name}")
    else:  # the only term is replaced instead of dropped
        terms[i] = _random_term(catalogue, chance)
        story.append(f"{terms[i].name} alone")
    return terms


def _deduplicate(terms: list[Term]) -> list[Term]:
    return list({t.name: t for t in terms}.values())


def _flat(trained: Trained, name: str) -> bool:
    """Whether a component's range over all worlds and the whole training is within 0.1% of its magnitude."""
    least, greatest = min(trained.curves.least[name]), max(trained.curves.greatest[name])
    return greatest - least <= 1e-3 * max(abs(least), abs(greatest), 1e-9)


def _mean_size(series: Sequence[float]) -> float:
    return statistics.fmean(map(abs, series)) if series else 0.0


def _correlation(a: Sequence[float], b: Sequence[float]) -> float:
    if len(a) < 3 or len(a) != len(b) or min(a) == max(a) or min(b) == max(b):
        return 0.0
    return statistics.correlation(a, b)


def _round(x: float) -> float:
    return float(f"{x:.2g}")


def _reply(terms: list[Term], catalogue: dict[str, Feature], story: str) -> str:
    genome = json.dumps([asdict(t) for t in terms])
    return f"{story[0].upper()}{story[1:]}.\n\n{_GENOME}{genome}\n\n```python\n{code(terms, catalogue)}```\n"


def code(terms: list[Term], catalogue: dict[str, Feature]) -> str:
    """Python code of the reward function for a sum of terms."""
    wanted = [f for t in terms if t.feature for f in catalogue[t.feature].fields]
    arguments = list(dict.fromkeys(wanted)) or [next(iter(catalogue.values())).fields[0]]
    lines = [f"def compute_reward({', '.join(arguments)}):"]
    for term in terms:
        lines.append(f"    {term.name} = {_expression(term, catalogue, arguments[0])}")
    names = [t.name for t in terms]
    lines.append(f"    total = {' + '.join(names)}")
    lines.append("    return total, {")
    lines += [f'        "{n}": {n},' for n in names]
    lines.append("    }")
    return "import torch\n\n\n" + "\n".join(lines) + "\n"


def _expression(term: Term, catalogue: dict[str, Feature], any_field: str) -> str:
    if term.shape == "constant":
        return f"torch.full(({any_field}.shape[0],), {term.weight}, device={any_field}.device)"
    x, w, s = catalogue[term.feature].code, term.weight, term.width
    match term.shape:
        case "bell":
            return f"{w} * torch.exp(-torch.square({x}) / {_round(s * s)})"
        case "penalty":
            return f"-{w} * torch.abs({x})"
        case "square_penalty":
            return f"-{w} * torch.square({x})"
        case "proportion":
            return f"{w} * {x}"
        case "threshold":
            return f"{w} * (torch.abs({x}) < {s}).float()"
        case _:
            return f"{w} * {s} / (torch.abs({x}) + {s})"


def terms_of(reply: str, catalogue: dict[str, Feature]) -> list[Term] | None:
    """Parse the terms of a reply of the built-in search; None for any other reply."""
    found = re.search(rf"^{_GENOME}(\[.*\])$", reply, re.MULTILINE)
    if not found:
        return None
    try:
        terms = [Term(**t) for t in json.loads(found.group(1))]
    except (ValueError, TypeError):
        return None
    known = all(t.shape in SHAPES and (t.shape == "constant" or t.feature in catalogue) for t in terms)
    return terms if known and terms else None
