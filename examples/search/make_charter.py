#!/usr/bin/python3
"""Makes a charter directory for this example from charter/ and keys that were made on this machine.

  make_charter.py --out DIR --baseline sha256:... --signers FILE --keys FILE [--from DIR]

--from: another directory than charter/ with a charter.toml.in, as examples/permissions has one.
signers: an OpenSSH allowed_signers file with at least three principals. keys: a JSON file as for examples/collision;
roles: evaluator (two principals), integrity, auditor. Check the result with `pawl charter check DIR`.
"""
import argparse
import importlib.util
import json
import pathlib
import shutil
import sys

HERE = pathlib.Path(__file__).resolve().parent


def template_functions():
    spec = importlib.util.spec_from_file_location("collision_charter", HERE.parent / "collision/make_charter.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=pathlib.Path, required=True, help="directory to write, must not exist")
    parser.add_argument("--baseline", required=True, help="digest of the first release's tree")
    parser.add_argument("--signers", type=pathlib.Path, required=True)
    parser.add_argument("--keys", type=pathlib.Path, required=True)
    parser.add_argument("--from", dest="source", type=pathlib.Path, default=HERE / "charter")
    options = parser.parse_args()
    shared = template_functions()
    keys = json.loads(options.keys.read_text())
    text = shared.fill((options.source / "charter.toml.in").read_text(), {
        "BASELINE": shared.quoted(options.baseline)[1:-1], "REVIEWERS": shared.reviewers(keys["reviewers"]),
        "LOG_KEY": shared.quoted(keys["log"])[1:-1], "CLOCK_KEY": shared.quoted(keys["clock"])[1:-1]})
    shutil.copytree(options.source, options.out, copy_function=shutil.copyfile,
                    ignore=shutil.ignore_patterns("__pycache__", "charter.toml.in"))
    shutil.copyfile(options.signers, options.out / "approvers.allowed_signers")
    (options.out / "charter.toml").write_text(text)


if __name__ == "__main__":
    sys.exit(main())
