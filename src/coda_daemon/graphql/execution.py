"""Runs GraphQL documents, with answers and errors in the shapes of the real daemon's server (daemon contract
D.2).

Loading this module loads graphql-core. Documents are parsed and checked once and kept: clients repeat theirs.
"""

import re
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any

import msgspec
from graphql import (
    ASTValidationRule,
    DocumentNode,
    ExecutionResult,
    GraphQLError,
    GraphQLObjectType,
    GraphQLResolveInfo,
    GraphQLSchema,
    GraphQLSyntaxError,
    OperationType,
    build_schema,
    execute_sync,
    get_operation_ast,
    parse,
    specified_rules,
    validate,
)

from coda_daemon.graphql.argument_errors import (
    ContractArguments,
    ContractFields,
    ContractValues,
    ContractVariables,
)
from coda_daemon.graphql.leniency import known_variables, without_unknown_input
from coda_daemon.graphql.roots import Mutation, Query
from coda_daemon.graphql.scalars import install
from coda_daemon.graphql.variable_errors import fault_of_variables

if TYPE_CHECKING:
    from coda_daemon.rest import DaemonView

KEPT_DOCUMENTS = 256
_LIMITED = ("daemonStatus", "block", "version")
_REPLACED = (
    "FieldsOnCorrectTypeRule",
    "ValuesOfCorrectTypeRule",
    "ProvidedRequiredArgumentsRule",
    "NoUndefinedVariablesRule",
    "SingleFieldSubscriptionsRule",  # `subscriptions` has the contract's message
    # What the real server does not mind (contract D.2).
    "NoUnusedVariablesRule",
    "NoUnusedFragmentsRule",
    "ScalarLeafsRule",
)
_RULES: tuple[type[ASTValidationRule], ...] = (
    ContractFields,
    ContractValues,
    ContractArguments,
    ContractVariables,
    *(rule for rule in specified_rules if rule.__name__ not in _REPLACED),
)

Answer = tuple[int, bytes]  # HTTP status and body


class Executor:
    """Answers one daemon's GraphQL requests."""

    def __init__(self, view: "DaemonView", *, is_limited: bool = False) -> None:
        self._roots = {
            OperationType.QUERY: Query(view).fields(),
            OperationType.MUTATION: Mutation(view).fields(),
        }
        self.schema = _limited(load_schema()) if is_limited else load_schema()
        self._documents: dict[str, DocumentNode | Answer] = {}

    def execute(self, text: str, variables: dict[str, Any] | None, operation_name: str | None) -> Answer:
        """Run a document and return HTTP status and body."""
        document = self.prepared(text)
        if not isinstance(document, DocumentNode):
            return document
        operation = get_operation_ast(document, operation_name)
        if operation is None:
            return _failed(_no_operation(document, operation_name))
        root = self._roots.get(operation.operation)
        if root is None:
            return 400, b"Subscriptions are only supported via websocket transport"
        if variables:
            variables = known_variables(self.schema, operation, variables)
        result = self.run(document, root, variables, operation_name)
        if result.data is None and result.errors and result.errors[0].path is None:
            fault = fault_of_variables(self.schema, document, operation, variables or {})
            if fault is not None:
                return _failed(fault)
        return 200, _encoded(result)

    def prepared(self, text: str) -> DocumentNode | Answer:
        """A document that may be run, or the answer that its faults get. It is kept: clients repeat theirs."""
        document = self._documents.get(text)
        if document is None:
            document = self._prepared(text)
            if len(self._documents) >= KEPT_DOCUMENTS:
                del self._documents[next(iter(self._documents))]
            self._documents[text] = document
        return document

    def run(
        self,
        document: DocumentNode,
        root: dict[str, Any],
        variables: dict[str, Any] | None,
        operation_name: str | None,
    ) -> ExecutionResult:
        """Run an operation of a prepared document on these values of its root's fields."""
        return execute_sync(
            self.schema,
            document,
            root_value=root,
            variable_values=variables,
            operation_name=operation_name,
            field_resolver=_resolve,
        )

    def _prepared(self, text: str) -> DocumentNode | Answer:
        """The document, or the answer that its faults get."""
        try:
            document = without_unknown_input(parse(text, no_location=True), self.schema)
        except GraphQLSyntaxError as error:
            return 200, msgspec.json.encode(error.message)
        faults = validate(self.schema, document, _RULES, max_errors=1)
        if not faults:
            return document
        if (faults[0].extensions or {}).get("is_unknown_field"):
            return 200, msgspec.json.encode({"errors": [{"message": faults[0].message}]})
        return _failed(faults[0].message)


def load_schema() -> GraphQLSchema:
    """The daemon's schema, with the scalars that check what they are given."""
    text = files("coda_protocol").joinpath("schema.graphql").read_text(encoding="utf-8")
    schema = build_schema(text, assume_valid=True, assume_valid_sdl=True)
    install(schema)
    return schema


def _limited(schema: GraphQLSchema) -> GraphQLSchema:
    """The schema with three queries and nothing else (contract A.2, D.1)."""
    full = schema.query_type
    assert full is not None
    fields = {name: full.fields[name] for name in _LIMITED}
    return GraphQLSchema(query=GraphQLObjectType(full.name, fields))


def _resolve(source: dict[str, Any], info: GraphQLResolveInfo[Any], **arguments: Any) -> Any:
    """A member of a dict; one that is missing is a field that this build does not offer."""
    value = source.get(info.field_name, _MISSING)
    if value is _MISSING:
        raise GraphQLError(f"`{info.field_name}` is not offered by this build of the reference daemon")
    if callable(value):
        return value(info, **{_snake_case(name): given for name, given in arguments.items()})
    return value


@cache
def _snake_case(name: str) -> str:
    return re.sub(r"(?=[A-Z])", "_", name).lower()


_MISSING = object()


def _no_operation(document: DocumentNode, operation_name: str | None) -> str:
    operations = [node for node in document.definitions if node.kind == "operation_definition"]
    if not operations:
        return "No operation found"
    return "Operation name required" if operation_name is None else "Operation not found"


def _failed(message: str) -> Answer:
    return 200, msgspec.json.encode({"errors": [{"message": message}], "data": None})


def _encoded(result: ExecutionResult) -> bytes:
    if not result.errors:
        return msgspec.json.encode({"data": result.data})
    errors = [
        {"message": error.message} if error.path is None else {"message": error.message, "path": error.path}
        for error in result.errors
    ]
    return msgspec.json.encode({"errors": errors, "data": result.data})
