#!/usr/bin/env bash
# Which input matters most? Prints the elasticity of a formula in each of its inputs, largest first: by how many per
# cent the value changes when that input alone grows by one per cent.
#
#     samples/elasticity.sh samples/black_scholes.expr
#     samples/elasticity.sh "k*m^2/r^3" k=2 m=3 r=4
#
# The elasticity in x is (df/dx)·x/f. diffcli works out the gradient and hands it over as JSON, where the point stands
# in `at` under the same names; jq does the rest. A power law has its exponents as elasticities, at every point.
set -euo pipefail

if ! command -v jq >/dev/null; then
    echo "elasticity.sh needs jq: https://jqlang.org" >&2
    exit 2
fi

diffcli grad "$@" --json | jq --raw-output '
    .value as $value | .at as $at
    | .gradient
    | to_entries
    | map({name: .key, elasticity: (.value * $at[.key] / $value)})
    | sort_by(-(.elasticity | fabs))[]
    | "\(.name)\t\(.elasticity)"'
