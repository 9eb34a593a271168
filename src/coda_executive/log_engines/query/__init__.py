r"""The query language: which log lines are wanted. A superset of what logproc's filters can say.

    condition   = conjunction { "||" conjunction }
    conjunction = factor { "&&" factor }
    factor      = { "!" } ( "(" condition ")" | "true" | "false" | text | exists | comparison )
    exists      = "exists" "(" path ")"
    comparison  = value ( "==" | "!=" | "<" | "<=" | ">" | ">=" | "in" ) value
                | value "match" "/" regex "/"
                | value "~" text
    value       = path | text | number | "true" | "false" | "[" [ value { "," value } ] "]"
    path        = "node" | "text" | "." key { "." key | "[" index "]" }
    key         = identifier | "[" text "]"

`!` binds tightest, then `&&`, then `||`. Texts are quoted with `"` and know JSON's escapes; numbers may be
negative and have a fraction and an exponent; a `/` within a regex is written `\/`, and a regex may match
anywhere.

A path begins at the log record as the daemon wrote it (`.level`, `.metadata.state_hash`, `.["odd key"]`,
`.metadata.peers[0]`); besides that there are

    node      the name of the node that wrote the line
    text      the message with its placeholders filled in; a line that is no record as it stands
    .time     seconds since the first line of the run; a line without a time has that of the line before it

A text on its own means that `text` contains it; `~` asks the same of any value.

A path that leads nowhere makes every comparison false, `!=` too; a line that is no record has `node`, `text`
and `.time` only. `.level` compares by severity with the name of a level, in any case. A text of digits counts
as its number when it is compared with a number, because daemons write either. Values of different kinds are
unequal, and none is less than the other; texts compare by code point.

What a query says (`syntax`) is apart from how it is answered on lines (`evaluate`).
"""
