"""The review of a change: the first click shows the diff, the second one writes exactly what was shown."""

from collections.abc import Sequence

from starlette.requests import Request
from starlette.responses import Response

from compiler import Problem
from flows.studio.files import Edit, version_of_edits, write
from flows.studio.rendering import page, studio_of, written
from flows.studio.security import form_of

CONFIRM = "confirm"
"""The field of the second click: the version of the change that was shown."""


def review(
    request: Request,
    edits: Sequence[Edit],
    title: str,
    done: str,
    problems: Sequence[Problem] = (),
    notes: Sequence[str] = (),
    back: str = "/",
    starting: Sequence[str] = (),
) -> Response:
    """Show a change, or write it if the request confirms the change that was shown, and go on to `done`.

    The form of the review has the fields of the request, so that the second click makes the change again from the files
    as they are then; if it differs from what was shown, the new one is shown instead. `starting` are the workflows that
    the change activates: the page says whom they would write to.
    """
    form, studio = form_of(request), studio_of(request)
    folder = studio.settings.workflows
    version = version_of_edits(edits)
    if form[CONFIRM] == version:
        write(folder, edits, studio.umask)
        return written(request, sum(one.before != one.after for one in edits), done)
    fields = [(name, value) for name in form.fields if name not in ("csrf", CONFIRM) for value in form.all(name)]
    return page(
        request,
        "review.html",
        title=title,
        edits=[one for one in edits if one.before != one.after],
        folder=folder.absolute(),
        fields=fields,
        version=version,
        problems=problems,
        notes=notes,
        back=back,
        has_changed=CONFIRM in form,
        starting=starting,
    )
