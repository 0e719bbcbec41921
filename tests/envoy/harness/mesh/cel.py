"""Rules in CEL, with the functions that Kubernetes adds to the language."""

import functools
from urllib.parse import urlsplit

import celpy
from celpy import celtypes

# Words of the language, which rules write with two underscores before and after them as names of fields.
RESERVED = ("namespace", "package", "function", "import", "return", "const", "var", "for", "if", "in", "as")


def is_url(text: str) -> celtypes.BoolType:
    """Tell whether a text is an absolute URI, or an absolute path, as Go's `url.ParseRequestURI` reads it."""
    try:
        parts = urlsplit(str(text))
    except ValueError:
        return celtypes.BoolType(False)
    return celtypes.BoolType(bool(parts.scheme) or str(text).startswith("/"))


FUNCTIONS = {
    "isURL": is_url,
    "url": lambda text: text,
    "getScheme": lambda text: celtypes.StringType(urlsplit(str(text)).scheme),
    "lowerAscii": lambda text: celtypes.StringType(str(text).lower()),
    "upperAscii": lambda text: celtypes.StringType(str(text).upper()),
}


@functools.cache
def program(rule: str) -> celpy.Runner:
    environment = celpy.Environment()
    return environment.program(environment.compile(rule), functions=FUNCTIONS)


def holds(rule: str, value: object) -> bool:
    """Evaluate a rule; raise `celpy.CELEvalError` if that fails."""
    return bool(program(rule).evaluate({"self": celpy.json_to_cel(escaped(value))}))


def escaped(value: object) -> object:
    """Add the names under which rules find fields whose names are words of the language."""
    if isinstance(value, list):
        return [escaped(one) for one in value]
    if not isinstance(value, dict):
        return value
    made = {name: escaped(one) for name, one in value.items()}
    return {**made, **{f"__{name}__": made[name] for name in RESERVED if name in made}}
