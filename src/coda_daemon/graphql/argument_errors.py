"""graphql-core's checks of fields and arguments, telling what they find in the real daemon's words (daemon
contract D.2).
"""

from typing import Any

from graphql import (
    ArgumentNode,
    FieldNode,
    FieldsOnCorrectTypeRule,
    GraphQLError,
    GraphQLInputObjectType,
    ListValueNode,
    Node,
    NoUndefinedVariablesRule,
    ObjectValueNode,
    ProvidedRequiredArgumentsRule,
    ValuesOfCorrectTypeRule,
    VariableNode,
    get_named_type,
    is_required_argument,
    print_ast,
)
from graphql.pyutils import Undefined


class ContractFields(FieldsOnCorrectTypeRule):
    """Unknown fields."""

    def enter_field(self, node: FieldNode, *_args: Any) -> None:
        parent = self.context.get_parent_type()
        if parent is not None and not self.context.get_field_def():
            message = f"Field '{node.name.value}' is not defined on type '{parent.name}'"
            self.report_error(GraphQLError(message, node, extensions={"is_unknown_field": True}))


class ContractValues(ValuesOfCorrectTypeRule):
    """Arguments whose value is not of their type; the field named is the outermost one."""

    def __init__(self, context: Any) -> None:
        super().__init__(context)
        self._fields: list[str] = []
        self._argument: tuple[ArgumentNode, Any] | None = None

    def enter_field(self, node: FieldNode, *_args: Any) -> None:
        self._fields.append(node.name.value)

    def leave_field(self, *_args: Any) -> None:
        self._fields.pop()

    def enter_argument(self, node: ArgumentNode, *_args: Any) -> None:
        self._argument = node, self.context.get_input_type()

    def leave_argument(self, *_args: Any) -> None:
        self._argument = None

    def report_error(self, error: GraphQLError) -> None:
        if self._argument is not None and self._fields:
            node, kind = self._argument
            culprit = error.nodes[0] if error.nodes else node.value
            name, kind = _place_of(culprit, node.value, node.name.value, kind) or (node.name.value, kind)
            found = print_ast(culprit)
            shown = str(kind) if found == "null" else str(kind).removesuffix("!")
            error = GraphQLError(
                f"Argument `{name}` of type `{shown}` expected on field `{self._fields[0]}`, found {found}."
            )
        super().report_error(error)


def _place_of(culprit: Node, value: Node, name: str, kind: Any) -> tuple[str, Any] | None:
    """Name and type of the argument or input field that holds a value, looked for from `value` inwards."""
    if value is culprit:
        return name, kind
    if isinstance(value, ListValueNode):
        return next((place for item in value.values if (place := _place_of(culprit, item, name, kind))), None)
    named = get_named_type(kind)
    if isinstance(value, ObjectValueNode) and isinstance(named, GraphQLInputObjectType):
        for field in value.fields:
            known = named.fields.get(field.name.value)
            if known and (place := _place_of(culprit, field.value, field.name.value, known.type)):
                return place
    return None


class ContractVariables(NoUndefinedVariablesRule):
    """Variables that the operation does not declare."""

    def report_error(self, error: GraphQLError) -> None:
        variable = error.nodes[0] if error.nodes else None
        assert isinstance(variable, VariableNode)
        super().report_error(GraphQLError(f"Missing variable `{variable.name.value}`", variable))


class ContractArguments(ProvidedRequiredArgumentsRule):
    """Required arguments that are missing."""

    def leave_field(self, node: FieldNode, *_args: Any) -> None:
        field = self.context.get_field_def()
        if not field:
            return
        given = {argument.name.value for argument in node.arguments or ()}
        for name, argument in field.args.items():
            if name not in given and is_required_argument(argument) and argument.default_value is Undefined:
                self.report_error(
                    GraphQLError(
                        f"Argument `{name}` of type `{argument.type}` expected on field `{node.name.value}`, "
                        "but not provided.",
                        node,
                    )
                )
