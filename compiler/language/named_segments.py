"""The named segments that a segment refers to by `Segment is any of A, B`, and those that they refer to in turn."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from compiler.errors import DefinitionError, Problem, did_you_mean
from compiler.language.sentences import SegmentPlace, read_sentences
from compiler.segment_tree import AnyOf, Condition, NamedSegment, NoneOf
from compiler.vocabulary import Vocabulary
from compiler.yaml_source import Source

MAX_DEPTH = 5
"""The most levels of named segments within one another."""

MAX_CONDITIONS = 200
"""The most conditions of a segment, counted with those of the named segments each time that they are used."""

WHERE = "A named segment is a file in workflows/segments/."


@dataclass
class NamedSegments:
    """Finds the named segments that a segment uses, at any depth, in `found`; what is wrong is in `problems`."""

    sources: Mapping[str, Source]
    vocabulary: Vocabulary
    found: dict[str, SegmentPlace] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    _sizes: dict[str, tuple[int, int]] = field(default_factory=dict)

    def of(self, place: SegmentPlace, name: str | None = None) -> tuple[NamedSegment, ...]:
        """Return the named segments that the conditions of a place use, sorted by name; `name` is its own, if any.

        Raises DefinitionError for segments that do not exist or are not valid, that contain themselves, or that are
        nested too deeply or too large.
        """
        levels, size = self._measure(place, (name,) if name else ())
        at = next((index for index, one in enumerate(place.conditions) if self._names(one)), 0)
        if levels > MAX_DEPTH and not self.problems:
            message = f"Segments are nested {levels} levels deep in this condition."
            hint = f"Use at most {MAX_DEPTH} levels."
            self.problems.append(place.problem(at, "segment-depth", message, hint))
        if size > MAX_CONDITIONS and not self.problems:
            message = f"With the segments that it uses, this segment has {size:,} conditions."
            hint = f"Use at most {MAX_CONDITIONS}; a segment that is used several times counts each time."
            self.problems.append(place.problem(at, "segment-size", message, hint))
        if self.problems:
            raise DefinitionError(self.problems)
        return tuple(NamedSegment(one, self.found[one].conditions) for one in sorted(self.found))

    def _measure(self, place: SegmentPlace, chain: tuple[str, ...]) -> tuple[int, int]:
        """Return the levels of named segments within a place, and its number of conditions with theirs."""
        levels, size = 0, len(place.conditions)
        for index, condition in enumerate(place.conditions):
            for name in self._names(condition):
                inner_levels, inner_size = self._inner(place, index, name, chain)
                levels, size = max(levels, inner_levels + 1), size + inner_size
        return levels, size

    def _inner(self, place: SegmentPlace, index: int, name: str, chain: tuple[str, ...]) -> tuple[int, int]:
        if name in chain:
            circle = " → ".join([*chain[chain.index(name) :], name])
            message = f"The segment {name} contains itself: {circle}."
            hint = "Remove one of these Segment conditions."
            self.problems.append(place.problem(index, "segment-circle", message, hint, value=name))
            return 0, 0
        if name not in self.sources:
            message = f"There is no segment {name[:60]}."
            hint = did_you_mean(name, self.sources) + WHERE
            self.problems.append(place.problem(index, "unknown-segment", message, hint, value=name))
            return 0, 0
        if name not in self._sizes:
            try:
                conditions = read_sentences(self.sources[name], (), self.vocabulary)
            except DefinitionError as error:
                self.problems += error.problems
                return 0, 0
            self.found[name] = SegmentPlace(self.sources[name], (), conditions)
            self._sizes[name] = self._measure(self.found[name], (*chain, name))
        return self._sizes[name]

    def _names(self, condition: Condition) -> tuple[str, ...]:
        is_of_segments = self.vocabulary[condition.label].kind == "segment"
        return condition.values if is_of_segments and isinstance(condition, AnyOf | NoneOf) else ()
