"""What the real server ignores and graphql-core would complain of (daemon contract D.2): arguments and input fields
that it does not know. A client of another generation may send them.
"""

from collections.abc import Mapping
from typing import Any

from graphql import (
    REMOVE,
    ArgumentNode,
    DocumentNode,
    GraphQLInputObjectType,
    GraphQLList,
    GraphQLNonNull,
    GraphQLSchema,
    ObjectFieldNode,
    OperationDefinitionNode,
    TypeInfo,
    TypeInfoVisitor,
    Visitor,
    get_named_type,
    type_from_ast,
    visit,
)


def without_unknown_input(document: DocumentNode, schema: GraphQLSchema) -> DocumentNode:
    info = TypeInfo(schema)
    known: DocumentNode = visit(document, TypeInfoVisitor(info, _Unknown(info)))
    return known


def known_variables(
    schema: GraphQLSchema, operation: OperationDefinitionNode, given: Mapping[str, Any]
) -> dict[str, Any]:
    """The variables, without members that their declared types do not have."""
    known = dict(given)
    for definition in operation.variable_definitions or ():
        name = definition.variable.name.value
        if isinstance(known.get(name), dict | list):
            known[name] = _known(known[name], type_from_ast(schema, definition.type))
    return known


def _known(value: Any, kind: Any) -> Any:
    if isinstance(kind, GraphQLNonNull):
        return _known(value, kind.of_type)
    if isinstance(kind, GraphQLList):
        return [_known(item, kind.of_type) for item in value] if isinstance(value, list) else value
    if isinstance(kind, GraphQLInputObjectType) and isinstance(value, dict):
        return {
            name: _known(member, kind.fields[name].type)
            for name, member in value.items()
            if name in kind.fields
        }
    return value


class _Unknown(Visitor):
    """Removes them."""

    def __init__(self, info: TypeInfo) -> None:
        super().__init__()
        self._info = info

    def enter_argument(self, node: ArgumentNode, *_: Any) -> Any:
        field = self._info.get_field_def()
        is_unknown = field is not None and node.name.value not in field.args
        return REMOVE if is_unknown and self._info.get_directive() is None else None

    def enter_object_field(self, node: ObjectFieldNode, *_: Any) -> Any:
        around = get_named_type(self._info.get_parent_input_type())
        if isinstance(around, GraphQLInputObjectType) and node.name.value not in around.fields:
            return REMOVE
        return None
