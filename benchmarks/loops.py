"""Values and derivatives by hand, in C: a loop over the points for each formula, what its results share computed once.

Inputs go by their names; `F` is the value and `D(x)` the derivative in x. Of two outputs, a and b, there are `VALUE(a)`
and `ENTRY(a, x)`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

#: By the name of the formula.
BODIES: Mapping[str, str] = {
    "three variables": """
        double r = 1.0 / sqrt(x * z), e = exp(y) * r, s = sin(x) * e;
        F = s + log(z);
        D(x) = cos(x) * e - 0.5 * s / x;
        D(y) = s;
        D(z) = 1.0 / z - 0.5 * s / z;
    """,
    "polynomial": """
        double x2 = x * x, y2 = y * y, y3 = y2 * y;
        F = 3 * x2 * x * y - 2 * x * y2 + x * y + 5 * y3 - 7 * x + y2 * y2 * x2;
        D(x) = 9 * x2 * y - 2 * y2 + y - 7 + 2 * y2 * y2 * x;
        D(y) = 3 * x2 * x - 4 * x * y + x + 15 * y2 + 4 * y3 * x2;
    """,
    "transcendental": """
        double e = exp(-y * y), s = sin(x), o = 1.0 + x * x, l = log(o), t = tanh(y * z), h = sqrt(x * x + z * z);
        double q = l * (1.0 - t * t);
        F = s * e + l * t + h;
        D(x) = cos(x) * e + 2.0 * x / o * t + x / h;
        D(y) = q * z - 2.0 * y * s * e;
        D(z) = q * y + z / h;
    """,
    "Black–Scholes": """
        double root = sqrt(t), w = v * root, d1 = (log(s / k) + (r + 0.5 * v * v) * t) / w, d2 = d1 - w;
        double n1 = 0.5 * erfc(-d1 * M_SQRT1_2), n2 = 0.5 * erfc(-d2 * M_SQRT1_2), later = exp(-r * t);
        double density = s * exp(-0.5 * d1 * d1) * (0.5 * M_SQRT1_2 * M_2_SQRTPI);
        F = s * n1 - k * later * n2;
        D(s) = n1;
        D(k) = -later * n2;
        D(r) = k * t * later * n2;
        D(v) = density * root;
        D(t) = 0.5 * density * v / root + r * k * later * n2;
    """,
    "robot arm": """
        double c1 = cos(p), s1 = sin(p), c2 = 0.8 * cos(p + q), s2 = 0.8 * sin(p + q);
        double c3 = 0.3 * cos(p + q + w), s3 = 0.3 * sin(p + q + w);
        VALUE(a) = c1 + c2 + c3;
        VALUE(b) = s1 + s2 + s3;
        ENTRY(a, p) = -s1 - s2 - s3;
        ENTRY(a, q) = -s2 - s3;
        ENTRY(a, w) = -s3;
        ENTRY(b, p) = c1 + c2 + c3;
        ENTRY(b, q) = c2 + c3;
        ENTRY(b, w) = c3;
    """,
    "small network": """
        double f = 0.0, dx = 0.0, dy = 0.0, dz = 0.0;
        for (int k = 0; k < 8; k++) {
          double a = 0.3 * k - 1.0, b = 0.7 - 0.2 * k, c = 0.1 * k, o = k % 2 ? -0.5 : 0.5;
          double h = tanh(a * x + b * y + c * z), g = o * (1.0 - h * h);
          f += o * h, dx += g * a, dy += g * b, dz += g * c;
        }
        F = f, D(x) = dx, D(y) = dy, D(z) = dz;
    """,
    "where": """
        double f, dx = 0.0, dy = 0.0, dz = 0.0;
        if (x > 1.0) { double r = sqrt(x); f = r * y, dx = 0.5 * y / r, dy = r; }
        else if (y > 1.0) { double l = log(y); f = l * z, dy = z / y, dz = l; }
        else { f = x * x, dx = 2.0 * x; }
        double most = x > y ? x : y, least = y < z ? y : z;
        f += most * least;
        if (x > y) dx += least; else dy += least;
        if (y < z) dy += most; else dz += most;
        if (z < 1.0) { double e = exp(z); f += e, dz += e; }
        else { double i = 1.0 / z; f += i, dz -= i * i; }
        F = f, D(x) = dx, D(y) = dy, D(z) = dz;
    """,
}


def source(name: str, inputs: Sequence[str], outputs: Sequence[str]) -> str:
    """A program in C with ``loop(n, in, out)``: pointers to the inputs in order, and to the results: the values of the
    outputs, then the derivatives row by row.
    """
    m, n = len(outputs), len(inputs)
    at = {each: j for j, each in enumerate(inputs)}
    reads = " ".join(f"double {each} = in[{j}][i];" for each, j in at.items())
    names = "".join(f"#define VALUE_{out} out[{o}][i]\n" for o, out in enumerate(outputs))
    names += "".join(
        f"#define ENTRY_{out}_{each} out[{m + o * n + j}][i]\n"
        for o, out in enumerate(outputs)
        for each, j in at.items()
    )
    return f"""
#define _GNU_SOURCE
#include <math.h>
{names}
#define VALUE(o) VALUE_##o
#define ENTRY(o, x) ENTRY_##o##_##x
#define F VALUE_{outputs[0]}
#define D(x) ENTRY_{outputs[0]}_##x
void loop(long n, const double *const *in, double *const *out) {{
  for (long i = 0; i < n; i++) {{
    {reads}
    {BODIES[name]}
  }}
}}
"""
