"""The actions `http-request redirect` and `http-response redirect` (manual 4.2): clients are sent elsewhere."""

from __future__ import annotations

from tcproxy.model.redirects import Redirect, read_redirect
from tcproxy.rules.actions.rows import Action, ActionWords, Ends, Made
from tcproxy.rules.sets import MESSAGES, SetKind


def _read(words: ActionWords) -> Made:
    """Read `location|prefix|scheme FORMAT [code N] [OPTION ...]`, in any order. `prefix /` changes nothing."""
    start = words.at
    fields, words.at = read_redirect(words.statement, start)
    rule = Redirect(**fields, origin=words.statement.origin)
    if rule.kind != "location" and words.kind is SetKind.HTTP_RESPONSE:
        raise words.refuse(f"'{rule.kind}' cannot stand here: of a response, 'location' alone is known", start)
    as_it_is = rule.kind == "prefix" and rule.to == "/"
    form = None if as_it_is else words.read_format(rule.to, start)
    return Made(lambda assembly: assembly.redirect(rule, form), (), form.expressions if form is not None else ())


ACTIONS = (
    Action("redirect", MESSAGES, "Send the client elsewhere.", _read,
           "location|prefix|scheme FORMAT [code N] [drop-query] [append-slash] [ignore-empty] "
           "[set-cookie NAME[=VALUE]] [clear-cookie NAME[=]]", Ends.SOMETIMES),
)  # fmt: skip
