import json

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from coda_executive.errors import ConfigError
from coda_executive.log_engines.query.parse import parse_query
from coda_executive.log_engines.query.syntax import (
    AllOf,
    AnyOf,
    Compare,
    Condition,
    Constant,
    Contains,
    Exists,
    Field,
    IsIn,
    Known,
    ListOf,
    Literal,
    Matches,
    Not,
    Operator,
    Severity,
    Value,
)
from coda_executive.log_engines.query.tokens import QueryError
from coda_protocol.structured_events import Level

A, B, C = (Compare(Field((name,)), Operator.EQUAL, Literal(1)) for name in "abc")


def equals(right: Value) -> Condition:
    return Compare(Field(("a",)), Operator.EQUAL, right)


@pytest.mark.parametrize(
    ("query", "meaning"),
    [
        # joining
        (".a == 1 && .b == 1", AllOf((A, B))),
        (".a == 1 && .b == 1 && .c == 1", AllOf((A, B, C))),
        (".a == 1 || .b == 1 && .c == 1", AnyOf((A, AllOf((B, C))))),
        (".a == 1 && .b == 1 || .c == 1", AnyOf((AllOf((A, B)), C))),
        ("(.a == 1 || .b == 1) && .c == 1", AllOf((AnyOf((A, B)), C))),
        ("!.a == 1 && .b == 1", AllOf((Not(A), B))),
        ("! .a == 1 || .b == 1", AnyOf((Not(A), B))),
        ("!(.a == 1 && .b == 1)", Not(AllOf((A, B)))),
        ("!!.a == 1", A),
        ("!!!.a == 1", Not(A)),
        ("true || false", AnyOf((Constant(True), Constant(False)))),
        ("true == .a", Compare(Literal(True), Operator.EQUAL, Field(("a",)))),
        ("(((.a==1)))", A),
        ("\n.a\t==\n1\n", A),
        # comparing
        (".a != 1", Compare(Field(("a",)), Operator.UNEQUAL, Literal(1))),
        (".a<1", Compare(Field(("a",)), Operator.LESS, Literal(1))),
        (".a <= .b", Compare(Field(("a",)), Operator.AT_MOST, Field(("b",)))),
        ("1 > .a", Compare(Literal(1), Operator.MORE, Field(("a",)))),
        (".a >= 1", Compare(Field(("a",)), Operator.AT_LEAST, Literal(1))),
        (".a in [1, .b]", IsIn(Field(("a",)), ListOf((Literal(1), Field(("b",)))))),
        ('"x" in .a', IsIn(Literal("x"), Field(("a",)))),
        (".a match /x[0-9]+$/", Matches(Field(("a",)), "x[0-9]+$")),
        (r".a match /a\/b\d/", Matches(Field(("a",)), r"a/b\d")),
        ('.a ~ "x"', Contains(Field(("a",)), "x")),
        ('text ~ "x"', Contains(Known.TEXT, "x")),
        ('"x" && !"y"', AllOf((Contains(Known.TEXT, "x"), Not(Contains(Known.TEXT, "y"))))),
        ("exists(.a.b) || exists( node )", AnyOf((Exists(Field(("a", "b"))), Exists(Known.NODE)))),
        # severity
        ('.level >= "Warn"', Severity(Operator.AT_LEAST, Level.WARN)),
        ('"faulty_peer" > .level', Severity(Operator.LESS, Level.FAULTY_PEER)),
        (
            '.level in ["Info", "ERROR"]',
            AnyOf((Severity(Operator.EQUAL, Level.INFO), Severity(Operator.EQUAL, Level.ERROR))),
        ),
        ('.level in [.a, "x"]', IsIn(Field(("level",)), ListOf((Field(("a",)), Literal("x"))))),
        (".level match /Err/", Matches(Field(("level",)), "Err")),
        # values
        (".a == -1", equals(Literal(-1))),
        (".a == 1.5", equals(Literal(1.5))),
        (".a == -2e3", equals(Literal(-2000.0))),
        (".a == false", equals(Literal(False))),
        (".a == []", equals(ListOf(()))),
        (".a == [[1], true]", equals(ListOf((ListOf((Literal(1),)), Literal(True))))),
        (r'.a == "q\" b\\ s\/ n\n \u00e9"', equals(Literal('q" b\\ s/ n\n é'))),
        (r'.a == "\ud83d\ude00"', equals(Literal("\U0001f600"))),
        # paths
        ('.metadata.peers[0].["odd key"].x == 1', None),
        ('node == "seed-1"', Compare(Known.NODE, Operator.EQUAL, Literal("seed-1"))),
        (".time < 60", Compare(Known.SECONDS, Operator.LESS, Literal(60))),
        ("exists(.metadata.time)", Exists(Field(("metadata", "time")))),
        ('exists(.a["b c"])', Exists(Field(("a", "b c")))),
        ("exists(.$duplicated_keys.in.true)", Exists(Field(("$duplicated_keys", "in", "true")))),
    ],
)
def test_a_query_means(query: str, meaning: Condition | None) -> None:
    if meaning is None:
        steps = ("metadata", "peers", 0, "odd key", "x")
        meaning = Compare(Field(steps), Operator.EQUAL, Literal(1))
    assert parse_query(query) == meaning


@pytest.mark.parametrize(
    ("query", "column", "problem"),
    [
        ("", 1, "expected a condition, such as"),
        ("   ", 1, "found the end"),
        (".level", 7, "expected ==, !=, <, <=, >, >=, in, match or ~; found the end"),
        (".level >= )", 11, "expected a path such as .metadata.slot"),
        (".level >= )", 11, "found )"),
        (".a = 1", 4, "found = (equality is ==)"),
        (".a == 1 & .b == 1", 9, "expected && or || or the end; found & (and is &&)"),
        (".a == 1 | .b == 1", 9, "(or is ||)"),
        (".a == 1 and .b == 1", 9, "(and is &&)"),
        ("not .a == 1", 1, "(not is !)"),
        ('level >= "Warn"', 1, "(a key of the record begins with a dot: .level)"),
        ('"peer', 1, '(this text has no closing ")'),
        (".a == 'x'", 7, '(a text is quoted with ")'),
        ('.a == "x\\y"', 9, "expected one of the escapes"),
        ('.a == "\\u12"', 8, "expected one of the escapes"),
        ('.level == "Warning"', 11, "expected a log level (Internal, Spam"),
        ('.level in ["Warn", "Eror"]', 20, "got 'Eror'"),
        ('.level in ["Warn", 3]', 20, "got '3'"),
        (".a in 3", 7, "expected a list, or the path of one, after in; found 3"),
        (".a match foo", 10, "expected a regex such as"),
        (".a match /foo", 10, "(a regex stands after match and ends with /)"),
        (".a match /(/", 10, "expected a regex: missing )"),
        (".a match /a{99999999999}/", 10, "expected a regex: "),
        (".a ~ 5", 6, "expected a quoted text to be contained; found 5"),
        ("(.a == 1", 9, "expected &&, || or ); found the end"),
        (".a == 1)", 8, "expected && or || or the end; found )"),
        ("exists .a", 8, "expected ( after exists"),
        ("exists(5)", 8, "expected a path such as"),
        ("exists(.a == 1)", 11, "expected ) or a further step of the path; found =="),
        (". == 1", 3, "expected a key, such as .level"),
        (".[0] == 1", 3, "expected a quoted key"),
        (".a[-1] == 1", 4, "expected a position in a list, counted from 0, or a quoted key"),
        (".a == [1, 2", 12, "expected , or ]; found the end"),
        ("5", 2, "expected ==, !="),
        (".a == " + "9" * 5000, 7, "expected a number of less than 4300 digits"),
        ("(" * 60, 51, "expected brackets in at most 50 levels"),
        (".a == " + "[" * 60, 57, "expected brackets in at most 50 levels"),
    ],
)
def test_an_error_points_at_its_place_and_says_what_was_expected(
    query: str, column: int, problem: str
) -> None:
    with pytest.raises(QueryError) as caught:
        parse_query(query)

    assert caught.value.column == column
    assert problem in caught.value.problem
    assert isinstance(caught.value, ConfigError)


def test_an_error_shows_the_query_with_a_caret_below() -> None:
    with pytest.raises(QueryError) as caught:
        parse_query(".a == 1 &&\t.b = 2")

    assert str(caught.value) == (
        "the filter cannot be understood at column 15: "
        "expected ==, !=, <, <=, >, >=, in, match or ~; found = (equality is ==)\n"
        "    .a == 1 && .b = 2\n"
        "                  ^"
    )


# fmt: off
_FRAGMENTS = st.sampled_from([
    "&&", "||", "!", "(", ")", "[", "]", ",", ".", "==", "<", "in", "match", "~", "exists", "node", "text",
    ".level", ".a", '"Warn"', '"\\', "/a/", "/(?i/", "1", "-2.5", "1e999", "true", " ", "\n", "$", "é",
])
# fmt: on


def column_of_error(query: str) -> int:
    """Where a query stops being one; 1 for a good one."""
    try:
        parse_query(query)
    except QueryError as error:
        return error.column
    return 1


@settings(deadline=None)
@given(st.text() | st.lists(_FRAGMENTS).map("".join) | st.lists(_FRAGMENTS).map(" ".join))
@example(".a match /[[a]/ && .a match /(?P<x>a)(?P<x>b)/")
@example('"\ud800"')
def test_any_text_is_a_query_or_an_error_within_it(text: str) -> None:
    assert 1 <= column_of_error(text) <= len(text) + 1


@pytest.mark.parametrize(
    "query", ["." * 3000, "!" * 5000 + "true", "true" + " && true" * 5000, ".a" * 5000 + "==1"]
)
def test_a_long_query_is_read_like_a_short_one(query: str) -> None:
    assert column_of_error(query) <= 2


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_any_text_can_be_quoted_as_json(text: str) -> None:
    assert parse_query(json.dumps(text)) == Contains(Known.TEXT, text)
    assert parse_query(json.dumps(text, ensure_ascii=False)) == Contains(Known.TEXT, text)
