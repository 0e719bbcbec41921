"""Reads `docs/scale.md`: its assumptions, its figures, and the formulas that make the results of them.

The document is the model. It has tables whose first column names a value, and blocks `text` of formulas:

    | assumption | meaning | 10 proxies | 100 proxies | 1,000 proxies |
    | figure | meaning | value | measured by |
    | result | meaning | 10 proxies | 100 proxies | 1,000 proxies |

So a reader can follow each number, and the command computes with what the reader sees.
"""

import ast
import operator
import re
from dataclasses import dataclass

import places

PATH = places.ROOT / "docs" / "scale.md"

ASSUMPTION, FIGURE, RESULT = "assumption", "figure", "result"
# In these columns the tables have values.
VALUES = {ASSUMPTION: slice(2, 5), FIGURE: slice(2, 3), RESULT: slice(2, 5)}

OPERATORS = {ast.Add: operator.add, ast.Sub: operator.sub, ast.Mult: operator.mul, ast.Div: operator.truediv}

_FORMULA = re.compile(r"^(\w+) += (.+?)(?: +#.*)?$")


class Faulty(Exception):
    """Says what is wrong with the document, and where."""


@dataclass
class Table:
    """A table: its kind, which is the first cell of its head, and its rows by their first cell."""

    kind: str
    head: list
    rows: dict


@dataclass
class Document:
    """The document's values, each with one number for each fleet, and its formulas in their order."""

    tables: list
    formulas: dict

    def values(self, kind: str) -> dict:
        """Return the values of all tables of a kind, as texts, by name."""
        tables = [table for table in self.tables if table.kind == kind]
        return {name: cells[VALUES[kind]] for table in tables for name, cells in table.rows.items()}

    def table(self, kind: str) -> Table:
        """Return the only table of a kind."""
        found = [table for table in self.tables if table.kind == kind]
        if len(found) != 1:
            raise Faulty(f"{PATH.name}: {len(found)} tables of `{kind}`, expected one")
        return found[0]

    def numbers(self) -> list:
        """Return assumptions and figures by name, once for each fleet."""
        assumptions, figures = self.values(ASSUMPTION), self.values(FIGURE)
        fleets = range(len(next(iter(assumptions.values()))))
        fixed = {name: number(value) for name, [value] in figures.items()}
        return [{**fixed, **{name: number(each[at]) for name, each in assumptions.items()}} for at in fleets]


def read(text: str) -> Document:
    """Read a document."""
    tables, formulas, inside, table = [], {}, False, None
    for line in text.splitlines():
        if line.startswith("```"):
            inside = line == "```text"
        elif inside and (found := _FORMULA.match(line)):
            formulas[found[1]] = found[2]
        if not line.startswith("|"):
            table = None
        elif table is None:
            head = cells_of(line)
            tables.append(table := Table(head[0], head, {}))
        elif not line.startswith("|--"):
            cells = cells_of(line)
            table.rows[cells[0].strip("`")] = cells
    return Document(tables, formulas)


def cells_of(line: str) -> list:
    return [cell.strip() for cell in line.strip().strip("|").split("|")]


def number(text: str) -> float:
    """Read a number as the document writes it."""
    try:
        return float(text.replace(",", ""))
    except ValueError:
        raise Faulty(f"{PATH.name}: `{text}` is no number; expected one such as `1,234.5`") from None


def results(formulas: dict, numbers: dict) -> dict:
    """Compute all results of one fleet. A formula may use the results before it."""
    known = dict(numbers)
    for name, formula in formulas.items():
        known[name] = _computed(formula, known, f"{name} = {formula}")
    return {name: known[name] for name in formulas}


def _computed(formula: str, known: dict, where: str) -> float:
    try:
        tree = ast.parse(formula.replace("×", "*").replace("÷", "/").replace("−", "-"), mode="eval")
        return _value(tree.body, known, where)
    except SyntaxError:
        raise Faulty(f"{PATH.name}: `{where}` cannot be read") from None
    except ZeroDivisionError:
        raise Faulty(f"{PATH.name}: `{where}` divides by zero") from None


def _value(node: ast.AST, known: dict, where: str) -> float:
    match node:
        case ast.Constant(value=int() | float() as value):
            return value
        case ast.Name(id=name) if name in known:
            return known[name]
        case ast.BinOp(left=left, op=op, right=right) if type(op) in OPERATORS:
            return OPERATORS[type(op)](_value(left, known, where), _value(right, known, where))
    raise Faulty(f"{PATH.name}: `{where}`: `{ast.unparse(node)}` is neither a value, a number nor + − × ÷")


def shown(value: float) -> str:
    """Write a number with three significant digits, and small ones with two."""
    if value == 0:
        return "0"
    rounded = float(f"{value:.{3 if abs(value) >= 100 else 2}g}")
    return f"{rounded:,.10f}".rstrip("0").rstrip(".")


def row(cells: list) -> str:
    return f"| {' | '.join(cells)} |"


def written(text: str, new: dict) -> str:
    """Write new values into the document's tables: `new` has the values of rows, by the table's kind and the row's name."""
    lines, kind = [], None
    for line in text.splitlines():
        if not line.startswith("|"):
            kind = None
        elif kind is None:
            kind = cells_of(line)[0]
        else:
            cells = cells_of(line)
            if (values := new.get(kind, {}).get(cells[0].strip("`"))) is not None:
                cells[VALUES.get(kind, slice(1, None))] = values
                line = row(cells)
        lines.append(line)
    return "\n".join(lines) + "\n"
