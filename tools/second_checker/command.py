"""The command line."""
import json
import pathlib
import sys
from fractions import Fraction

from .certificate import ARITHMETICS, BOUND
from .verdict import Verdict, check


def as_json(verdict: Verdict) -> str:
    text = {"leaves": verdict.leaves, "proven": verdict.proven, "rule": verdict.rule, "status": verdict.status}
    if verdict.message:
        text["message"] = verdict.message
    if verdict.margin is not None:
        text["margin"] = repr(verdict.margin)
    return json.dumps(text, sort_keys=True, separators=(",", ":"))


def run(files: list, arithmetic: str | None, centre: str | None = None, against: str | None = None,
        within: Fraction | None = None) -> Verdict:
    try:
        network, *rest = (pathlib.Path(name).read_bytes() for name in files)
        if against is not None:
            return check(network, *rest, arithmetic, baseline=pathlib.Path(against).read_bytes(), within=within)
        if centre is None:
            return check(network, *rest, arithmetic)
        return check(pathlib.Path(centre).read_bytes(), *rest, arithmetic, candidate=network)
    except OSError as error:
        return Verdict(rule="file.open", message=str(error), status=3)
    except RecursionError:
        return Verdict(rule="limit", message="nesting", status=4)


def serve() -> int:
    for line in sys.stdin:
        *files, arithmetic = line.rstrip("\n").split("\t")
        print(as_json(run(files, None if arithmetic == "-" else arithmetic)), flush=True)
    return 0


def main(arguments: list, usage: str) -> int:
    files, arithmetic, centre, against, within, wants_json = [], None, None, None, None, False
    words = iter(arguments)
    for word in words:
        if word in ("--help", "-h"):
            print(usage)
            return 0
        if word == "--serve":
            return serve()
        if word == "--json":
            wants_json = True
        elif word == "--arithmetic" or word.startswith("--arithmetic="):
            arithmetic = word.partition("=")[2] or next(words, None)
            if arithmetic not in ARITHMETICS:
                print("second-checker: --arithmetic takes real, float32 or float64", file=sys.stderr)
                return 2
        elif word == "--centre" or word.startswith("--centre="):
            centre = word.partition("=")[2] or next(words, None)
            if not centre:
                print("second-checker: --centre takes a network", file=sys.stderr)
                return 2
        elif word == "--against" or word.startswith("--against="):
            against = word.partition("=")[2] or next(words, None)
            if not against:
                print("second-checker: --against takes a network", file=sys.stderr)
                return 2
        elif word == "--within" or word.startswith("--within="):
            text = word.partition("=")[2] or next(words, "")
            if not BOUND.fullmatch(text.encode()):
                print("second-checker: --within takes a decimal", file=sys.stderr)
                return 2
            within = Fraction(text)
        elif word.startswith("-"):
            print(f"second-checker: unknown option {word}", file=sys.stderr)
            return 2
        else:
            files.append(word)
    if len(files) != 3:
        print("second-checker: give a network, a property and a certificate", file=sys.stderr)
        return 2
    if (centre and against) or (within is not None and not against):
        print("second-checker: --against goes without --centre, and --within with --against alone", file=sys.stderr)
        return 2
    verdict = run(files, arithmetic, centre, against, within)
    if wants_json:
        print(as_json(verdict))
    elif verdict.proven:
        print(f"proven: {verdict.leaves} leaves, smallest margin {verdict.margin}")
    else:
        print(f"not proven: {verdict.rule}: {verdict.message}")
    return verdict.status
