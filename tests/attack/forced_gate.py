"""The gate's clauses, read from its sources, and a gate in which one of them can be forced true.

A clause is a place where `decide` or a step says no, or not yet: a report that it fails or waits, an error that it makes
up itself, and in `Walk` every position before the last. (An error that another module made passes through; it is that
module's clause.) A clause's name is the function it stands in and the rule it gives, as in "Pace/pace.parent"; where
the rule is worked out, the words that do it, or each rule that can come of it. The forced gate is made of the same
sources with a question before each of these places: is it this one that $PAWL_FORCED_CLAUSE names? Then a report says
that the step has passed, and an error is not given. Nothing in the sources knows of it.
"""

import pathlib
import re
import subprocess

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
SOURCES = sorted(path for path in (ROOT / "src/gate").glob("*.cc") if not path.name.endswith("_test.cc"))

REPORT = re.compile(r"(?<![\w:])(Failed|Waiting)\(")
ERROR = re.compile(r"return (Error\{|Refused\(|SystemFailure\()")
DEFINITION = re.compile(r"^[A-Za-z][^=;{}()]*?(\w+)\(", re.M)  # at the beginning of a line
# What stands after an error that ends its function, where the function can go on without.
GOES_ON = {"SignCheckpoint/witness.not-met": "return gathered.note.Serialize();"}
# A property that is forced true is one that needs no certificate; and the prover may be asked to lie.
PASSES_ON = {
    "      if (proof->failure) return *proof->failure;\n":
        "      if (proof->failure && proof->failure->outcome == FindingOutcome::kPass) continue;\n"
        "      if (proof->failure) return *proof->failure;\n",
    "    if (code->failure) return *code->failure;\n":
        "    if (code->failure && code->failure->outcome != FindingOutcome::kPass) return *code->failure;\n",
    "= Prove(gate, material, family, request);": "= ProveOrLie(request);",
}
MAKES_REPORTS = {"Passed", "Failed", "Waiting"}


def literals(path, expression):
    return re.findall(expression, (ROOT / path).read_text())


def worked_out():
    """Rules that are worked out, by the words that do it, and every rule that can come of them."""
    stops, pace = (ROOT / "src/oversight/pace.cc").read_text().split("PaceReport CheckPace(")
    rule = r'\.rule = "([a-z.-]+)"'
    verdicts = literals("src/trial/report.cc", r'case TrialVerdict::k\w+:\n      return "([a-z-]+)";')
    return {"Pace/pace.rule": re.findall(rule, stops) + re.findall(rule, pace),
            "Stopped/pace.rule": re.findall(rule, stops),
            'Bounds/"bounds."+std::string(trial::TrialVerdictName(report->verdict))':
                [f"bounds.{name}" for name in verdicts if name not in ("pass", "void")]}


def argument(text, at, number):
    """The `number`th argument of the call whose arguments begin at `at`, without blanks."""
    depth, found, begin = 0, 0, at
    while True:
        if text[at] == '"':
            at = re.compile(r'"(?:[^"\\]|\\.)*"').match(text, at).end()
            continue
        if depth == 0 and text[at] in ",)}":
            if found == number:
                return re.sub(r"\s+", "", text[begin:at])
            found, begin = found + 1, at + 1
        depth += (text[at] in "([{") - (text[at] in ")]}")
        at += 1


def function_at(text, at):
    before = [match for match in DEFINITION.finditer(text, 0, at)]
    return before[-1].group(1) if before else ""


class Gate:
    """`clauses`: every name, in the order of the sources; `text`: the sources with the question before each clause."""

    def __init__(self):
        self.clauses, self.text, self.counts = [], "", {}
        rules = worked_out()
        for source in SOURCES:
            text = source.read_text()
            edits = []
            for match in REPORT.finditer(text):
                function = function_at(text, match.start())
                if function in MAKES_REPORTS:
                    continue
                name = self.name(function, argument(text, match.end(), 1 if match.group(1) == "Failed" else 0))
                self.clauses += [self.name(function, rule) for rule in rules.pop(name)] if name in rules else [name]
                edits.append((match.start(), match.end(), f'{match.group(1)}Unless("{self.quoted(name)}", '))
            for match in ERROR.finditer(text):
                where = 0 if match.group(1) != "Error{" else 1
                name = self.name(function_at(text, match.start()), argument(text, match.end(), where))
                self.clauses.append(name)
                question = f'IsForced("{self.quoted(name)}", "")'
                goes_on = f"if ({question}) {GOES_ON[name]} " if name in GOES_ON else f"if (!{question}) "
                edits.append((match.start(), match.start(), goes_on))
            if source.name == "decide.cc":
                begin = text.index("Result<Position> Walk(")
                end = text.index("\n}\n", begin)
                returns = [match.start() for match in re.finditer(r"return (?:PositionOf\(|position;)", text[begin:end])]
                for at in returns[:-1]:
                    name = self.name("Walk", "return")
                    self.clauses.append(name)
                    edits.append((begin + at, begin + at, f'if (!IsForced("{name}", "")) '))
            for start, end, words in sorted(edits, reverse=True):
                text = text[:start] + words + text[end:]
            self.text += f'#line 1 "{source}"\n{text}\n'
        if rules:
            raise SystemExit(f"forced_gate: nothing gives {sorted(rules)}")
        for honest, forced in PASSES_ON.items():
            if self.text.count(honest) != 1:
                raise SystemExit(f"forced_gate: not once in the sources: {honest}")
            self.text = self.text.replace(honest, forced)
        # Every include first: the sources become one, and each opens the namespace anew.
        includes = re.findall(r"^#include .*$", self.text, re.M)
        self.text = "\n".join(dict.fromkeys(includes)) + QUESTION + re.sub(r"^#include .*$", "", self.text, flags=re.M)

    def name(self, function, rule):
        name = f"{function}/{rule[1:-1] if re.fullmatch(r'.[a-z.-]+.', rule) and rule[0] == chr(34) else rule}"
        self.counts[name] = self.counts.get(name, 0) + 1
        return name if self.counts[name] == 1 else f"{name} ({self.counts[name]})"

    @staticmethod
    def quoted(name):
        return name.replace('"', '\\"')


QUESTION = """
#include <cstdlib>
#include <fstream>
namespace pawl::gate {
// Whether the clause is the one to be forced: by its name, or by its function and the rule that it gives. It is written
// down, so that a test knows that it got there.
inline bool IsForced(std::string_view clause, std::string_view rule) {
  const char* forced = std::getenv("PAWL_FORCED_CLAUSE");
  if (forced == nullptr) return false;
  const bool worked_out = !rule.empty() && clause.find(rule) == clause.npos;
  const std::string by_rule = std::string(clause.substr(0, clause.find('/') + 1)) + std::string(rule);
  if (forced != clause && !(worked_out && forced == by_rule)) return false;
  std::ofstream(std::getenv("PAWL_FORCED_TOLD"), std::ios::app) << clause << "\\n";
  return true;
}
inline StepReport FailedUnless(std::string_view clause, audit::FindingOutcome outcome, std::string rule,
                               std::string summary) {
  if (IsForced(clause, rule)) return Passed("forced: " + rule);
  return Failed(outcome, std::move(rule), std::move(summary));
}
inline StepReport WaitingUnless(std::string_view clause, std::string rule, std::string summary,
                                std::vector<std::string> waits_for) {
  if (IsForced(clause, rule)) return Passed("forced: " + rule);
  return Waiting(std::move(rule), std::move(summary), std::move(waits_for));
}
// A prover that lies, where a test asks for it: the checker has to find it out.
inline work::HelpedSearch ProveOrLie(const prover::ProofRequest& request) {
  work::HelpedSearch search{prover::Prove(request), 0};
  if (std::getenv("PAWL_LYING_PROVER") == nullptr) return search;
  search.result.status = prover::ProofStatus::kProven;
  search.result.certificate = {'t', 'r', 'u', 's', 't'};
  return search;
}
}  // namespace pawl::gate
"""


def build(gate, compiler, flags, include, inputs, folder):
    """Compiles the forced gate and links it before the archives, whose own is then never taken. Gives the program."""
    source, program = folder / "forced_gate.cc", folder / "pawl"
    source.write_text(gate.text)
    # Where an error that is not given ends a function, the program stops instead of going on anywhere.
    subprocess.run([compiler, "-std=c++20", "-O0", "-w", "-ffp-contract=off", "-fsanitize=return",
                    "-fsanitize-undefined-trap-on-error", *flags.split(), "-I", include, "-c", source, "-o",
                    source.with_suffix(".o")], check=True)
    subprocess.run([compiler, *flags.split(), source.with_suffix(".o"), *inputs, "-o", program, "-pthread"], check=True)
    return program


if __name__ == "__main__":
    print("\n".join(Gate().clauses))
