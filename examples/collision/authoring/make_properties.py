#!/usr/bin/python3
"""Writes charter/properties/*.vnnlib and the improver's copy of them, subject/improver/promises.json, from one table.

Run by people who write the charter: python3 authoring/make_properties.py [--out DIR]
"""

import argparse
import json
import os
from decimal import Decimal

HERE = os.path.dirname(os.path.abspath(__file__))
ADVISORIES = ("SDES2500", "DES1500", "COC", "CL1500", "SCL2500")
DOWN, UP = ["SDES2500", "DES1500"], ["CL1500", "SCL2500"]

# name: (what a pilot would say, h ft, own rate ft/s, intruder rate ft/s, tau s, previous advisory index, never issued)
PROPERTIES = {
    "alert-when-imminent": (
        "Both aircraft level, within 75 ft of one altitude, 8 to 12 s before they meet, nothing advised yet: say something.",
        (-75, 75), (-3, 3), (-3, 3), (8, 12), (2, 2), ["COC"]),
    "clear-above": (
        "Nothing advised and the intruder 3,000 ft or more above, both within 1,500 ft/min: stay silent.",
        (3000, 4000), (-25, 25), (-25, 25), (0, 40), (2, 2), DOWN + UP),
    "clear-below": (
        "Nothing advised and the intruder 3,000 ft or more below, both within 1,500 ft/min: stay silent.",
        (-4000, -3000), (-25, 25), (-25, 25), (0, 40), (2, 2), DOWN + UP),
    "first-advisory-not-strong": (
        "Within 2,000 ft and both within 1,800 ft/min, at any time: a first advisory is never a 2,500 ft/min one.",
        (-2000, 2000), (-30, 30), (-30, 30), (1, 40), (2, 2), ["SDES2500", "SCL2500"]),
    "keep-climbing": (
        "Told to climb, climbing at 900 ft/min or more, intruder 150 to 1,000 ft below: never reverse to a descent.",
        (-1000, -150), (15, 42), (-15, 15), (1, 20), (3, 4), DOWN),
    "keep-descending": (
        "Told to descend, descending at 900 ft/min or more, intruder 150 to 1,000 ft above: never reverse to a climb.",
        (150, 1000), (-42, -15), (-15, 15), (1, 20), (0, 1), UP),
    "no-climb-into-traffic": (
        "Both within 600 ft/min and the intruder 100 to 800 ft above, at most 20 s to go, nothing advised yet: never climb.",
        (100, 800), (-10, 10), (-10, 10), (1, 20), (2, 2), UP),
    "no-descent-into-traffic": (
        "Both within 600 ft/min, the intruder 100 to 800 ft below, at most 20 s to go, nothing advised yet: never descend.",
        (-800, -100), (-10, 10), (-10, 10), (1, 20), (2, 2), DOWN),
}

# name, unit, unscaled = scale * x + offset
INPUTS = [("intruder altitude minus own altitude", "ft", 1000, 0), ("own vertical rate", "ft/s", 50, 0),
          ("intruder vertical rate", "ft/s", 50, 0), ("time to loss of horizontal separation", "s", 40, 0),
          ("previous advisory", "step", 2, 0)]


def scaled(value, scale):
    """Exact: every bound of the table is a short decimal."""
    quotient = Decimal(value) / Decimal(scale)
    assert quotient * scale == value
    text = format(quotient.normalize(), "f")
    return text if "." in text else text + ".0"


def vnnlib(name, entry):
    sentence, *ranges, never = entry
    ranges[4] = tuple(step - 2 for step in ranges[4])
    lines = [f"; {name}", f"; {sentence}", ";", "; Outputs are costs; the cheapest advisory is issued."]
    for i, (what, unit, scale, offset) in enumerate(INPUTS):
        lines.append(f"; X_{i}: {what} [{unit}], unscaled = {scale} * x + {offset}")
    lines.append("; Steps of the previous advisory: -2 SDES2500, -1 DES1500, 0 COC, 1 CL1500, 2 SCL2500.")
    for j, advisory in enumerate(ADVISORIES):
        lines.append(f"; Y_{j}: cost of {advisory}")
    lines.append("")
    lines += [f"(declare-const X_{i} Real)" for i in range(5)] + [f"(declare-const Y_{j} Real)" for j in range(5)]
    for i, ((low, high), (what, unit, scale, _)) in enumerate(zip(ranges, INPUTS)):
        lines += ["", f"; {low} to {high} {unit}",
                  f"(assert (>= X_{i} {scaled(low, scale)}))", f"(assert (<= X_{i} {scaled(high, scale)}))"]
    allowed = [j for j, advisory in enumerate(ADVISORIES) if advisory not in never]
    lines += ["", "; unsafe: " + " or ".join(never) + " costs no more than any of "
              + ", ".join(ADVISORIES[j] for j in allowed), "(assert (or"]
    for advisory in never:
        f = ADVISORIES.index(advisory)
        lines.append("  (and " + " ".join(f"(<= Y_{f} Y_{j})" for j in allowed) + ")")
    lines.append("))")
    return "\n".join(lines) + "\n"


def promises():
    keys = ("h_ft", "own_ft_s", "intruder_ft_s", "tau_s", "previous")
    rows = []
    for name, (_, *ranges, never) in PROPERTIES.items():
        entry = {key: list(bounds) for key, bounds in zip(keys, ranges)} | {"never": never}
        rows.append(f"  {json.dumps(name)}: {json.dumps(entry)}")
    return "{\n" + ",\n".join(rows) + "\n}\n"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", default=os.path.dirname(HERE), help="where charter/ and subject/ are")
    options = parser.parse_args()
    files = {f"charter/properties/{name}.vnnlib": vnnlib(name, entry) for name, entry in PROPERTIES.items()}
    files["subject/improver/promises.json"] = promises()
    for path, text in files.items():
        path = os.path.join(options.out, path)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)


if __name__ == "__main__":
    main()
