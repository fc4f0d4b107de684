"""What data or people may have written is plain text on every page: each call whose text the framework reads as
Markdown, and each piece of HTML that is put together, is looked at in the source.

A text is harmless that is written in the source, comes from the catalogue of phrases (with harmless values), is a
formatted number, or went through ``escape_markdown``, ``paragraphs`` or ``escape``. What else there is stands below,
reviewed.
"""

import ast
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from pages.ui import components
from tests.code import ROOT

FILES = sorted((ROOT / "pages").rglob("*.py"))

# Of each call, what is read as Markdown beside ``help``: its first argument, and keywords.
MARKDOWN = {
    **dict.fromkeys(
        [
            *("button", "download_button", "form_submit_button", "link_button", "popover", "expander", "dialog"),
            *("text_input", "text_area", "number_input", "date_input", "time_input", "toggle", "checkbox", "slider"),
            *("selectbox", "multiselect", "file_uploader", "uploader", "metric", "feedback", "chat_input", "status"),
            *("title", "header", "subheader", "caption", "markdown", "write", "info", "warning", "error", "success"),
            *("toast", "badge", "spinner", "link", "latex"),
        ],
        ("label", "body"),
    ),
    **dict.fromkeys(["pills", "segmented_control"], ("label", "format_func")),
    "radio": ("label", "format_func", "captions"),
    "tabs": ("tabs",),
    "page_link": ("label",),
    "progress": ("text",),
    **dict.fromkeys(
        ["Column", "TextColumn", "SelectboxColumn", "DateColumn", "CheckboxColumn", "NumberColumn"], ("label",)
    ),
}
FIRST_IS_NONE = {"page_link", "progress"}  # whose first argument is no text
NO_WIDGETS = {"log", "cards", "subscribe", "pivot_table", "panels"}  # whose functions share names with some

# Functions that give nothing of data or people: declared names, formatted numbers and days, texts of the catalogue.
HARMLESS = {
    *("len", "sum", "css_variables", "read_text", "section_name", "metric_title", "verdict", "short_formula"),
    *("format_count", "format_value", "format_period", "format_date", "format_moment", "format_change"),
    *("_kpi_name", "_dimension_name", "_dimension", "_moment", "told_state"),
}
HARMLESS_CALLS = {
    "markdown": {*HARMLESS, "escape_markdown", "paragraphs", "_chip"},
    # These make HTML, or names of classes; their own pieces are looked at here too.
    "html": {
        *(*HARMLESS, "escape", "_marked", "_class", "_head", "_target", "_figure", "_sum", "_summary", "arriving"),
        *("delta", "few_mark", "mark", "tone_of", "_tone"),
    },
}
# Values that hold no text of data or people, wherever they stand: declared names, keys, numbers and colours.
DECLARED = {"DIMENSIONS", "METRICS", "metric", "SECTIONS", "LIMITS"}


def calls(tree: ast.AST) -> Iterator[tuple[ast.Call, str]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            owner = node.func.value
            if not (isinstance(owner, ast.Name) and owner.id in NO_WIDGETS):
                yield node, node.func.attr


def read_as_markdown(node: ast.Call, name: str) -> Iterator[ast.expr]:
    if name not in MARKDOWN:
        return
    if node.args and name not in FIRST_IS_NONE:
        yield node.args[0]
    for keyword in node.keywords:
        if keyword.arg in {*MARKDOWN[name], "help"}:
            yield keyword.value


class Reader:
    """Whether expressions of one function are harmless, with what its names stand for."""

    def __init__(self, function: ast.AST, found: str) -> None:
        self.calls = HARMLESS_CALLS[found]
        self.values: dict[str, list[ast.expr]] = {}
        for node in ast.walk(function):
            if isinstance(node, ast.Assign) and len(node.targets) == 1 and isinstance(node.targets[0], ast.Name):
                self.values.setdefault(node.targets[0].id, []).append(node.value)
            elif isinstance(node, ast.NamedExpr):
                self.values.setdefault(node.target.id, []).append(node.value)

    def harmless(self, node: ast.expr, seen: frozenset[str] = frozenset()) -> bool:
        def ask(one: ast.expr) -> bool:
            return self.harmless(one, seen)

        match node:
            case ast.Constant():
                return True
            case ast.JoinedStr(values=values):
                return all(ask(one) for one in values)
            case ast.FormattedValue(value=value, format_spec=spec):
                return spec is not None or ask(value)
            case ast.IfExp(body=body, orelse=orelse):
                return ask(body) and ask(orelse)
            case ast.BoolOp(values=values):
                return all(ask(one) for one in values)
            case ast.BinOp(left=left, right=right):
                return ask(left) and ask(right)
            case ast.Lambda(body=body):
                return ask(body)
            case ast.List(elts=elements) | ast.Tuple(elts=elements):
                return all(ask(one) for one in elements)
            case ast.ListComp(elt=element) | ast.GeneratorExp(elt=element):
                return ask(element)
            case ast.Name(id=name) if name in seen:
                return True  # and what else it stands for is looked at
            case ast.Name(id=name) if name in self.values:
                return all(self.harmless(one, seen | {name}) for one in self.values[name])
            case ast.Call(func=ast.Name(id="phrase"), keywords=keywords):
                return all(keyword.arg == "language" or ask(keyword.value) for keyword in keywords)
            case ast.Call(func=ast.Name(id="say"), args=[ast.Constant() | ast.Name(id="field")]):
                return True  # in the editor of snapshots: the phrase of a field
            case ast.Call(func=ast.Attribute(attr="join"), args=[pieces]):
                return ask(pieces)
            case ast.Call(func=ast.Attribute(attr="name" | "chip", value=owner)):
                return self._declared(owner)
            case ast.Call(func=ast.Name(id=name) | ast.Attribute(attr=name)):
                return name in self.calls
            case ast.Subscript(value=owner):
                return self._declared(owner)
            case ast.Attribute(value=owner):
                return self._declared(owner)
        return False

    def _declared(self, owner: ast.expr) -> bool:
        while isinstance(owner, ast.Subscript | ast.Attribute):
            owner = owner.value
        return isinstance(owner, ast.Name) and owner.id in DECLARED


def functions(tree: ast.Module) -> Iterator[ast.AST]:
    """The outermost functions, and what stands outside of all."""
    outside = ast.Module([one for one in tree.body if not isinstance(one, ast.FunctionDef | ast.ClassDef)], [])
    yield outside
    for one in tree.body:
        if isinstance(one, ast.FunctionDef):
            yield one
        elif isinstance(one, ast.ClassDef):
            yield from (inner for inner in one.body if isinstance(inner, ast.FunctionDef))


def harmful(path: Path, found: str) -> set[str]:
    """What in a file is not harmless: ``FILE: EXPRESSION``. ``found``: markdown or html."""
    left = set()
    for function in functions(ast.parse(path.read_text("utf-8"))):
        reader = Reader(function, found)
        if found == "markdown":
            read = [text for node, name in calls(function) for text in read_as_markdown(node, name)]
        else:
            read = [piece for text in templates(function) for piece in pieces(text)]
        left |= {f"{path.name}: {ast.unparse(one)}" for one in read if not reader.harmless(one)}
    return left


def templates(function: ast.AST) -> Iterator[ast.JoinedStr]:
    """The texts with HTML in them."""
    for node in ast.walk(function):
        if isinstance(node, ast.JoinedStr):
            fixed = "".join(str(one.value) for one in node.values if isinstance(one, ast.Constant))
            if "</" in fixed or "<img" in fixed or "<i " in fixed or "<b " in fixed:
                yield node


def pieces(text: ast.JoinedStr) -> Iterator[ast.expr]:
    for one in text.values:
        if isinstance(one, ast.FormattedValue) and one.format_spec is None:
            yield one.value


# What was looked at by a person: why it holds nothing that anybody could have written.
MARKDOWN_REVIEWED: Mapping[str, str] = {
    "annotations.py: phrase(language, 'annotation_text_help', longest=LONGEST)": "a number of the source",
    "cards.py: phrase(language, 'card_definition', name=name)": "the declared name of a KPI",
    "components.py: label": "of a format of files, or a phrase",
    "components.py: title": "of a page, a phrase",
    "desk.py: name": "of a formula: SL1 … SL5",
    "desk.py: phrase(language, 'desk_formulas_choose', name=name)": "of a formula: SL1 … SL5",
    "drill.py: _too_many(first.total, language)": "a phrase with a number",
    "drill.py: phrase(view.language, 'drill_title', name=name)": "the declared name of a KPI",
    "explore.py: _not_offered(view)": "declared names of KPIs and dimensions",
    "uploads.py: label": "looked at where it is handed over",
}
HTML_REVIEWED: Mapping[str, str] = {
    "cards.py: arrow": "one of three",
    "cards.py: drawn": "in base64",
    "cards.py: how": "a tone",
    "cards.py: pill": "of a step of HTML above it",
    "components.py: as_of": "phrases of moments and days; the names of late feeds are escaped",
    "components.py: kind": "a class, written in the source",
    "components.py: span.tone": "a tone",
    "drill.py: colour": "of the palette",
    "drill.py: good": "a tone",
    "pivot_table.py: body": "rows of HTML, whose pieces are looked at",
    "pivot_table.py: one": "a cell of HTML, whose pieces are looked at",
    "pivot_table.py: tone": "a tone",
    "planner.py: number": "a number that was formatted",
    "snapshots.py: lines": "rows of HTML, whose pieces are looked at",
    "snapshots.py: run.attempts": "a number",
}


@pytest.mark.parametrize(("found", "reviewed"), [("markdown", MARKDOWN_REVIEWED), ("html", HTML_REVIEWED)])
def test_trap_no_text_of_data_is_read_as_markdown_or_html(found, reviewed):
    left = set().union(*(harmful(path, found) for path in FILES))
    assert sorted(left) == sorted(reviewed)


def test_trap_a_text_of_data_that_is_handed_on_as_it_is_would_be_found(tmp_path):
    source = """
def draw(names, value):
    st.button(names.get(value, value))
    st.popover(phrase(language, "panel_menu", title=names[value]))
    st.pills("x", [], format_func=lambda one: names[one])
    st.info(escape(value))
    st.html(f"<b>{escape_markdown(value)}</b>")
"""
    (tmp_path / "page.py").write_text(source)
    assert len(harmful(tmp_path / "page.py", "markdown")) == 4
    assert len(harmful(tmp_path / "page.py", "html")) == 1


@pytest.mark.parametrize(
    "text", ["a b", "12:30", "网上银行 http://x.example", "![b](http://x)", ":material/x: www.x.example a@b.example"]
)
def test_nothing_of_a_text_is_lost(text):
    shown = components.escape_markdown(text)
    assert shown.replace("\\", "").replace("\u2060", "") == text


def test_lines_become_paragraphs():
    assert components.paragraphs("one\n\ntwo") == "one\n\ntwo"
