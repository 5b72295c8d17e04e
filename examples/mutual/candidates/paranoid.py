#!/usr/bin/python3
"""An adversary that has learned and objects to nearly everything: paranoid.py --candidate DIR --out DIR

It takes an honest candidate of the adversary's improver and lowers what an objection takes, as far as the charter lets
it. Its evaluator asks what it sees, not what it cries wolf about, and so finds it better.
"""
import argparse
import json
import os
import shutil
import sys


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--candidate", required=True, help="an honest candidate's tree, only read")
    parser.add_argument("--out", required=True)
    options = parser.parse_args()
    with open(os.path.join(options.candidate, "experience.json"), encoding="utf-8") as file:
        experience = dict(json.load(file), alpha=1.0, worse=0.0)
    shutil.copytree(options.candidate, options.out, copy_function=shutil.copyfile,
                    ignore=shutil.ignore_patterns("__pycache__"))
    with open(os.path.join(options.out, "experience.json"), "w", encoding="utf-8") as file:
        file.write(json.dumps(experience, indent=2, sort_keys=True) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
