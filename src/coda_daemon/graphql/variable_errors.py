"""Variables that do not fit, told as if their values stood in the document: so the real daemon sees them (daemon
contract D.2).
"""

from collections.abc import Mapping
from typing import Any

from graphql import (
    BooleanValueNode,
    DocumentNode,
    FloatValueNode,
    GraphQLSchema,
    IntValueNode,
    ListValueNode,
    NameNode,
    NonNullTypeNode,
    NullValueNode,
    ObjectFieldNode,
    ObjectValueNode,
    OperationDefinitionNode,
    StringValueNode,
    ValueNode,
    VariableNode,
    Visitor,
    validate,
    visit,
)

from coda_daemon.graphql.argument_errors import ContractArguments, ContractValues


def fault_of_variables(
    schema: GraphQLSchema,
    document: DocumentNode,
    operation: OperationDefinitionNode,
    given: Mapping[str, Any],
) -> str | None:
    """The first fault of an operation whose variables have these values; None if its arguments all fit."""
    values = {name: _node_of(value) for name, value in given.items()}
    for definition in operation.variable_definitions or ():
        name = definition.variable.name.value
        if definition.default_value is not None:
            values.setdefault(name, definition.default_value)
        elif name not in values and isinstance(definition.type, NonNullTypeNode):
            return f"Missing variable `{name}`"
    literal = visit(document, _InPlace(values))
    faults = validate(schema, literal, (ContractValues, ContractArguments), max_errors=1)
    return faults[0].message if faults else None


class _InPlace(Visitor):
    """Puts values in the place of variables."""

    def __init__(self, values: Mapping[str, ValueNode]) -> None:
        super().__init__()
        self._values = values

    def enter_variable_definition(self, *_: Any) -> bool:
        return False  # the variable in it stays

    def enter_variable(self, node: VariableNode, *_: Any) -> ValueNode:
        return self._values.get(node.name.value) or NullValueNode()


def _node_of(value: Any) -> ValueNode:
    """A value from JSON as GraphQL writes it."""
    match value:
        case bool():
            return BooleanValueNode(value=value)
        case int():
            return IntValueNode(value=str(value))
        case float():
            return FloatValueNode(value=repr(value))
        case str():
            return StringValueNode(value=value)
        case list():
            return ListValueNode(values=tuple(map(_node_of, value)))
        case dict():
            fields = (
                ObjectFieldNode(name=NameNode(value=name), value=_node_of(member))
                for name, member in value.items()
            )
            return ObjectValueNode(fields=tuple(fields))
        case _:
            return NullValueNode()
