"""HTML pages, from templates/, in which every value is text: nothing that a partner is called becomes markup."""

from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

ENVIRONMENT = Environment(
    loader=FileSystemLoader(Path(__file__).parent / "templates"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)


def page(template: str, **values: object) -> str:
    """The page of a template of templates/."""
    return ENVIRONMENT.get_template(template).render(**values)
