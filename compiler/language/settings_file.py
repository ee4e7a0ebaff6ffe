"""A YAML file of settings beside the definitions, such as contact_policy.yml: read by a model, refused with places."""

from collections.abc import Mapping
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from compiler.errors import DefinitionError, Problem, did_you_mean
from compiler.yaml_source import Source, YamlPath, read_yaml

Settings = TypeVar("Settings", bound=BaseModel)


def read_settings_file(
    path: str, text: str, model: type[Settings], code: str, what: str, remedies: Mapping[str, str]
) -> tuple[Source, Settings]:
    """Return the file with its places, and its settings. Raises DefinitionError with every problem of the file.

    `code` is that of its problems, `what` the sentence about a file that is not a mapping, and `remedies` says how to
    write each key.
    """
    *others, last = model.model_fields
    keys = f"The keys are {', '.join(others)} and {last}."
    source = read_yaml(path, text)
    if not isinstance(source.value, dict):
        raise DefinitionError([source.problem((), code, what, keys)])

    def invalid(detail: Any) -> Problem:
        place: YamlPath = detail["loc"]
        key = str(place[0])
        if detail["type"] == "extra_forbidden":
            return source.problem(place, code, f"There is no key {key}.", did_you_mean(key, model.model_fields) + keys)
        return source.problem(place, code, f"{detail['input']!r} is not a valid value of {key}.", remedies[key])

    try:
        return source, model.model_validate(source.value)
    except ValidationError as error:
        raise DefinitionError([invalid(detail) for detail in error.errors(include_url=False)]) from None
