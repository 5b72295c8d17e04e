#!/usr/bin/python3
"""Makes a charter directory for this example from charter/ and keys that were made on this machine.

  make_charter.py --out DIR --baseline sha256:... --signers FILE --keys FILE
                  [--presence required|software] [--min-interval 24h] [--episodes 48000] [--envelope-time 1s]
                  [--no-envelope] [--page ORIGIN] [--waiting-period 1d]

signers: an OpenSSH allowed_signers file with at least three principals. keys: a JSON file with the verifier key lines
(name+hash+base64) of the gate and the reviewers:

  {"log": "...", "clock": "...",
   "reviewers": [{"name": "prover-a", "principal": "lab-a", "role": "prover", "key": "..."}, ...]}

Roles: prover (two principals), evaluator (two), integrity, auditor. Check the result with `pawl charter check DIR`.
"""

import argparse
import json
import os
import re
import shutil
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
# What is to be proven of the drift from the first release's network, in its own units. Not on the other three: README.md.
DRIFT_WITHIN = dict.fromkeys(("alert-when-imminent", "keep-climbing", "keep-descending", "no-climb-into-traffic",
                              "no-descent-into-traffic"), 1.0)
ENVELOPE = """# Small steps may be proven by the certificate of a release nearby.
[envelope]
max_radius = 0.005
max_generations = 10
time_limit = "@ENVELOPE_TIME@"
"""
EPISODES = "episodes = 48000\n"  # in the template
PLAIN = re.compile(r"[A-Za-z0-9+/=@:. _-]+\Z")  # what may stand between quotes in TOML without an escape


def quoted(text):
    if not isinstance(text, str) or not PLAIN.match(text):
        raise SystemExit(f"make_charter: {text!r} is no plain name, key or digest")
    return f'"{text}"'


def properties(directory):
    """One [[property]] for each specification, with the mutant of the same name."""
    tables = []
    for name in sorted(os.path.splitext(file)[0] for file in os.listdir(os.path.join(directory, "properties"))):
        drift = f"drift_within = {DRIFT_WITHIN[name]}\n" if name in DRIFT_WITHIN else ""
        tables.append(f'[[property]]\nname = "{name}"\nnetwork = "policy.onnx"\nspec = "properties/{name}.vnnlib"\n'
                      f'arithmetic = "float32"\ntime_limit = "1m"\n{drift}falsified_by = "mutants/{name}.onnx"\n')
    return "\n".join(tables)


def reviewers(entries):
    return "\n".join("[[reviewer]]\n" + "".join(f"{key} = {quoted(entry[key])}\n"
                                                for key in ("name", "principal", "role", "key")) for entry in entries)


def passkeys(origin):
    """Lines of [approval] that let passkeys count on the page with this origin."""
    if origin is None:
        return ""
    host = re.fullmatch(r"https?://([a-z0-9.-]+)(?::[0-9]+)?", origin)
    if not host:
        raise SystemExit(f"make_charter: {origin!r} is no origin like http://localhost:8440")
    return f"rp_id = {quoted(host[1])}\norigins = [{quoted(origin)}]\n"


def fill(template, values):
    for word, value in values.items():
        template = template.replace(f"@{word}@", value)
    left = re.findall(r"@[A-Z_]+@", template)
    if left:
        raise SystemExit(f"make_charter: nothing given for {left}")
    return template


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", required=True, help="directory to write, must not exist")
    parser.add_argument("--baseline", required=True, help="digest of the first release's tree")
    parser.add_argument("--signers", required=True)
    parser.add_argument("--keys", required=True)
    parser.add_argument("--presence", choices=("required", "software"), default="required")
    parser.add_argument("--min-interval", default="24h")
    parser.add_argument("--episodes", type=int, default=48000, help="of a trial, at most; more show smaller steps")
    parser.add_argument("--envelope-time", default="1s", help="for the search for each property's largest envelope")
    parser.add_argument("--page", help="origin of a page on which passkeys count, like http://localhost:8440")
    parser.add_argument("--waiting-period", default="1d", help="of an amendment")
    parser.add_argument("--no-envelope", action="store_true", help="prove each candidate by a search")
    options = parser.parse_args()
    with open(options.keys, encoding="utf-8") as file:
        keys = json.load(file)
    source = os.path.join(HERE, "charter")
    with open(os.path.join(source, "charter.toml.in"), encoding="utf-8") as file:
        template = file.read()
    if EPISODES not in template:
        raise SystemExit("make_charter: the template names another number of episodes")
    text = fill(template.replace(EPISODES, f"episodes = {options.episodes}\n"), {
        "BASELINE": quoted(options.baseline)[1:-1], "PROPERTIES": properties(source),
        "ENVELOPE": "" if options.no_envelope else ENVELOPE.replace("@ENVELOPE_TIME@", quoted(options.envelope_time)[1:-1]),
        "REVIEWERS": reviewers(keys["reviewers"]), "PRESENCE": options.presence,
        "MIN_INTERVAL": quoted(options.min_interval)[1:-1], "WAITING_PERIOD": quoted(options.waiting_period)[1:-1],
        "PASSKEYS": passkeys(options.page),
        "LOG_KEY": quoted(keys["log"])[1:-1], "CLOCK_KEY": quoted(keys["clock"])[1:-1]})
    shutil.copytree(source, options.out, copy_function=shutil.copyfile,
                    ignore=shutil.ignore_patterns("__pycache__", "charter.toml.in"))
    shutil.copyfile(options.signers, os.path.join(options.out, "approvers.allowed_signers"))
    with open(os.path.join(options.out, "charter.toml"), "w", encoding="utf-8") as file:
        file.write(text)


if __name__ == "__main__":
    sys.exit(main())
