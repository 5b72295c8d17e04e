"""Verified files of the live release, and a way to ask for the next one, for Python programs.

    import pawl

    network = pawl.load("collision-avoidance", "policy.onnx")      # bytes
    with pawl.open("collision-avoidance", "rules.json") as file:   # a binary file in memory
        rules = json.load(file)

    with pawl.gate("collision-avoidance") as gate:                   # where a loop would accept a candidate by itself
        decision = gate.propose("candidates/17", "wider second layer")
        if not decision:                                             # pending and rejected alike
            print(decision.outcome, decision.rule, decision.reason)

    client = pawl.Client("collision-avoidance")                      # for tools: what is waited for, on what evidence
    print(client.status().sentence, client.evidence("p3").reviews)

Every call starts the program `pawl`, which checks the live release's warrant again, against the loader's state and the
halts that were delivered to this machine, and hashes the file as it hands it over. What is returned are those bytes, in
this process's memory: no path is opened again that somebody could have swapped in between. Where Pawl says no, Refused
is raised; no call ever returns bytes that were not verified.

What has to be trusted: the program (`binary`, else what the variable PAWL_BINARY names, else the first `pawl` on PATH),
the loader's state in its home, and this process's environment. Only the standard library is used; propose_module alone
needs PyTorch. Calls may run in any number of threads.
"""

from ._certificate import Certificate, CertificateVerdict
from ._client import (Change, Client, Complaint, Decision, Event, Evidence, Finding, LogRoot, PastRelease, ProposalRow,
                      Refusal, Review, Status)
from ._gate import Gate, Turn, gate
from ._loader import Release, current, load, open  # pylint: disable=redefined-builtin
from ._module import propose_module
from ._program import Refused

__all__ = ["Certificate", "CertificateVerdict", "Change", "Client", "Complaint", "Decision", "Event", "Evidence", "Finding",
           "Gate", "LogRoot", "PastRelease", "ProposalRow", "Refusal", "Refused", "Release", "Review", "Status", "Turn",
           "current", "gate", "load", "open", "propose_module"]
__version__ = "0.1.0"
