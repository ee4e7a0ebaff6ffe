"""Read and check the bodies of a message in one language: its text and its HTML, alone or in the layout."""

import re
from dataclasses import dataclass, field
from pathlib import Path

from compiler import DefinitionError, Problem, Source
from flows.definitions.loader import shown
from flows.messages.layout import NAME, BodyInLayout, in_layout, layout_file, needs_layout
from flows.messages.liquid.environment import fill, parse
from flows.messages.liquid.lint import TemplateSource, check_template
from flows.messages.liquid.tokens import masked
from flows.messages.mjml.compile import compile_mjml
from flows.messages.mjml.plain_text import plain_text
from flows.messages.mjml.tags import read_tags
from flows.messages.variables import sample

_CODE = re.compile(r"<(script|iframe|frame|object|embed|applet|form|base|link|svg)\b|@import", re.IGNORECASE)


@dataclass
class Bodies:
    """The bodies in one language while they are read: their files, the two templates, and the problems found."""

    folder: Path
    language: str
    default: str
    variables: list[str]
    sources: list[TemplateSource] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    text: str | None = None
    html: str | None = None

    def read(self) -> None:
        """Read body.mjml or body.txt, or both, and set `text` and `html`; the text is derived where it is missing."""
        suffix = "" if self.language == self.default else f".{self.language}"
        files = {kind: self.folder / f"body{suffix}.{kind}" for kind in ("mjml", "txt")}
        mjml = self._mjml(files["mjml"]) if files["mjml"].exists() else None
        body = self._text(files["txt"]) if files["txt"].exists() or not files["mjml"].exists() else None
        if isinstance(mjml, BodyInLayout):
            links = [one for one in (mjml.layout, mjml.body) if "unsubscribe_link" in one.text]
            self.problems += [] if links else [_no_unsubscribe_link(mjml.body)]
            self.text = mjml.plain_text(body.liquid if body else None) if self.html is not None else None
            return
        self.problems += [_no_unsubscribe_link(one) for one in self.sources if "unsubscribe_link" not in one.text]
        if body:
            self.text = body.liquid
        elif mjml and self.html is not None:
            self.text = plain_text(read_tags(mjml.liquid, masked(mjml.liquid)))

    def _text(self, path: Path) -> TemplateSource:
        file = read_file(path)
        body = TemplateSource(file, file.text)
        self.problems += check_template(body, self.variables)
        if not body.text.strip():
            self.problems.append(body.at(0, "empty-text", "The text is empty.", "Write the text."))
        self.sources.append(body)
        return body

    def _mjml(self, path: Path) -> TemplateSource | BodyInLayout:
        """Return the body, in its layout if it needs one and there is one, and set `html` if it has no error."""
        file = read_file(path)
        body = TemplateSource(file, file.text, html=True)
        self.sources.append(body)
        found = check_template(body, self.variables)
        mjml: TemplateSource | BodyInLayout = body
        layout = layout_file(self.folder.parent, self.language, self.default) if needs_layout(body) else None
        if layout:
            found += self._untranslated(layout, body)
            mjml = in_layout(body, read_file(layout))
            found += check_template(mjml.layout, self.variables)
        if not any(problem.severity == "error" for problem in found):
            self.html, wrong = compile_mjml(mjml.liquid, self.language, mjml.at_liquid)
            found += wrong
            found += [_rendered_markup(body)] if self.html and _runs_code(self.html) else []
        self.problems += found
        return mjml

    def _untranslated(self, layout: Path, body: TemplateSource) -> list[Problem]:
        """Return a warning for a translation in a layout of another language."""
        if self.language == self.default or layout.name != f"{NAME}.mjml":
            return []
        hint = f"Copy messages/{layout.name} to {NAME}.{self.language}.mjml, and translate it."
        return [body.at(0, "layout-language", f"There is no layout in {self.language}.", hint, "warning")]


def _runs_code(html: str) -> bool:
    """Return whether an email made of this template has a tag that runs code: filters can assemble one."""
    template = parse(html, html=True)
    rendered = (fill(template, {**sample(omit), "sign_up_link": "https://x.example/"}) for omit in (False, True))
    return any(_CODE.search(text) for text in rendered)


def _rendered_markup(body: TemplateSource) -> Problem:
    message = "Filters make a tag that runs code or loads markup."
    return body.at(0, "hidden-markup", message, "Write the markup without filters.")


def _no_unsubscribe_link(body: TemplateSource) -> Problem:
    hint = "Add one, for example: Unsubscribe: {{ unsubscribe_link }}"
    message = "The body has no unsubscribe link, which mailbox providers require."
    return body.at(0, "no-unsubscribe-link", message, hint, "warning")


def read_file(file: Path) -> Source:
    """Return the text of a file. Raises DefinitionError when it does not exist or is not UTF-8."""
    try:
        return Source(shown(file), file.read_text(encoding="utf-8"))
    except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
        name = f"{file.parent.name}/{file.name}"
        hint = "A message is a folder with message.yml and body.txt or body.mjml."
        problem = Problem(shown(file), 1, 1, "missing-file", "error", f"There is no {name}.", hint)
    except UnicodeDecodeError as error:
        line = file.read_bytes()[: error.start].count(b"\n") + 1
        problem = Problem(shown(file), line, 1, "message", "error", "This is not UTF-8 text.", "Save it as UTF-8.")
    except OSError as error:
        message, hint = f"It cannot be read: {error.strerror}.", "Correct its permissions."
        problem = Problem(shown(file), 1, 1, "unreadable-file", "error", message, hint)
    raise DefinitionError([problem])
