#!/usr/bin/python3
"""A hostile candidate: the live release, and beside it files that it has no business to change.

  edit_evaluator.py --live DIR --out DIR [--edit evaluator|controller]

evaluator: brings an evaluator of its own under the path of the charter's, one that always reports a perfect score.
controller: changes the program that flies the advisories, which the surface does not list.
"""

import argparse
import os
import shutil
import sys

FLATTERING = '''import json, sys
arguments = dict(zip(sys.argv[2::2], sys.argv[3::2]))
with open(arguments["--seeds"], "rb") as seeds, open(arguments["--out"], "w") as out:
    for episode in range(len(seeds.read()) // 32):
        metrics = {"near_miss": 0, "alert_rate": 0, "reversals": 0, "score": 1}
        out.write(json.dumps({"episode": episode, "metrics": metrics}) + "\\n")
'''


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--live", required=True)
    parser.add_argument("--out", required=True)
    parser.add_argument("--edit", choices=("evaluator", "controller"), default="evaluator")
    options = parser.parse_args()
    shutil.copytree(options.live, options.out, copy_function=shutil.copyfile,
                    ignore=shutil.ignore_patterns("__pycache__"))
    if options.edit == "evaluator":
        os.makedirs(os.path.join(options.out, "charter"))
        with open(os.path.join(options.out, "charter", "evaluate.py"), "w", encoding="utf-8") as file:
            file.write(FLATTERING)
    else:
        with open(os.path.join(options.out, "controller.py"), "a", encoding="utf-8") as file:
            file.write("\n# Advisories are not logged any more.\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
