"""A proposal as a check of a commit, in the form of GitHub's Checks API.

    python3 -m pawl.github_check p3 --subject my-agent --sha "$GITHUB_SHA"            # print the document
    python3 -m pawl.github_check p3 --subject my-agent --sha "$GITHUB_SHA" --post     # and send it

The document is the body of `POST /repos/{owner}/{repo}/check-runs`. Only a proposal that is accepted, that is: live, is a
`success`; one that waits is `in_progress`, which a required check waits for; a rejected one is a `failure`, and one
outside the charter is `action_required`. No proposal ever becomes `neutral` or `skipped`, which GitHub counts as passed.

--post sends it to --repository (default $GITHUB_REPOSITORY) at --api (default $GITHUB_API_URL, else GitHub's own) with
the token in $GITHUB_TOKEN, which needs the permission checks:write and so belongs to a GitHub App or a workflow. With
--check-run ID an earlier one is replaced. What is sent is what this machine's ledger says: a status for people to see,
and no warrant. To let a branch hold what is live and nothing else, use pawl.pre_receive.

Exit status: that of the proposal (0 accepted, 1 no, 6 pending); 2 usage; 5 where it could not be asked or sent.
"""

import argparse
import json
import os
import re
import sys
import typing

from ._client import Client, Evidence
from ._http import ask_json, check_base
from ._program import Refused

_TEXT_CHARACTERS_MAX = 60_000  # GitHub takes 65,535
_TITLE_CHARACTERS_MAX = 200
_CONCLUSION = {"accepted": "success", "outside-charter": "action_required"}  # every other one is a failure
_EXIT = {"accepted": 0, "pending": 6}


def check_document(evidence: Evidence, sha: str, *, name: str = "pawl",
                   details_url: str = "") -> typing.Dict[str, typing.Any]:
    """The body of a request that creates a check run for this commit.

    details_url  where people can look, such as the page that `pawl serve` gives
    """
    decision = evidence.decision
    document: typing.Dict[str, typing.Any] = {
        "name": name, "head_sha": sha, "external_id": decision.proposal, "started_at": evidence.proposed,
        "output": {"title": _title(evidence), "summary": _summary(evidence), "text": _text(evidence)}}
    if details_url:
        document["details_url"] = details_url
    if decision.outcome == "pending":
        document["status"] = "in_progress"
    else:
        document["status"] = "completed"
        document["conclusion"] = _CONCLUSION.get(decision.outcome, "failure")
    return document


def _title(evidence: Evidence) -> str:
    decision = evidence.decision
    return _line(f"{decision.proposal} is {decision.outcome} at {decision.step}: {decision.reason}")[:_TITLE_CHARACTERS_MAX]


def _summary(evidence: Evidence) -> str:
    decision = evidence.decision
    rule = f" (`{decision.rule}`)" if decision.rule else ""
    said = [f"**{decision.outcome}** at step {decision.step}{rule}.", ""]
    said += _block([*evidence.reasons, *(f"next: {command}" for command in decision.waits_for), f"tree {evidence.tree}"])
    return "\n".join(said)


def _text(evidence: Evidence) -> str:
    """What reviewers, steps and the proposer said: all of it in one block that no text of theirs can end."""
    lines = [f"note: {evidence.note}"] if evidence.note else []
    lines += [f"{finding.step:10} {finding.outcome:8} {finding.summary}" for finding in evidence.findings]
    lines += [f"{review.reviewer} ({review.role}) voted {review.verdict}{''.join('; ' + why for why in review.reasons)}"
              for review in evidence.reviews]
    lines += [f"{by} approved" for by in evidence.approvals]
    return "\n".join(_block(lines))


def _block(lines: typing.Sequence[str]) -> typing.List[str]:
    """Text of others in a fence that is longer than every one in it, so that it is shown and not interpreted."""
    shown = "\n".join(_line(line) for line in lines)
    if len(shown) > _TEXT_CHARACTERS_MAX:
        shown = shown[:_TEXT_CHARACTERS_MAX] + "\n… (the rest: pawl status PROPOSAL)"
    fence = "`" * max(3, 1 + max((len(run) for run in re.findall("`+", shown)), default=0))
    return [fence, shown, fence]


def _line(text: str) -> str:
    """On one line, with what cannot be seen made visible."""
    return "".join(one if one.isprintable() else f"\\u{{{ord(one):x}}}" for one in text)


def main(words: typing.Optional[typing.Sequence[str]] = None) -> int:
    environment = os.environ
    parser = argparse.ArgumentParser(prog="python3 -m pawl.github_check", description="A proposal as a check of a commit.")
    parser.add_argument("proposal", help="its name, like p3")
    parser.add_argument("--subject", required=True)
    parser.add_argument("--home", help="default: as for pawl")
    parser.add_argument("--sha", default=environment.get("GITHUB_SHA", ""), help="the commit; default $GITHUB_SHA")
    parser.add_argument("--name", default="pawl", help="of the check; default pawl")
    parser.add_argument("--details-url", default="", help="where people can look")
    parser.add_argument("--post", action="store_true", help="send it")
    parser.add_argument("--check-run", type=int, help="replace this one")
    parser.add_argument("--repository", default=environment.get("GITHUB_REPOSITORY", ""), help="OWNER/NAME")
    parser.add_argument("--api", default=environment.get("GITHUB_API_URL", "https://api.github.com"))
    given = parser.parse_args(words)
    if not re.fullmatch("[0-9a-f]{40}|[0-9a-f]{64}", given.sha):
        parser.error("--sha takes the whole name of a commit")
    token = environment.get("GITHUB_TOKEN", "")
    if given.post and (not token or not re.fullmatch(r"[\w.-]+/[\w.-]+", given.repository)):
        parser.error("--post needs $GITHUB_TOKEN, and OWNER/NAME in --repository")
    if given.check_run is not None and not given.post:
        parser.error("--check-run goes with --post")
    try:
        evidence = Client(given.subject, home=given.home).evidence(given.proposal)
        document = check_document(evidence, given.sha, name=given.name, details_url=given.details_url)
        if given.post:
            where = f"{check_base(given.api)}/repos/{given.repository}/check-runs"
            method, where = ("POST", where) if given.check_run is None else ("PATCH", f"{where}/{given.check_run}")
            answer = ask_json(method, where, {"Authorization": f"Bearer {token}", "Accept": "application/vnd.github+json",
                                              "X-GitHub-Api-Version": "2022-11-28"}, document)
            print(json.dumps({"check_run": answer.get("id"), "conclusion": document.get("conclusion")}))
        else:
            print(json.dumps(document, indent=2, ensure_ascii=False))
    except Refused as refused:
        print(f"pawl: {refused}", file=sys.stderr)
        return 2 if refused.exit_status == 2 else 5
    return _EXIT.get(evidence.decision.outcome, 1)


if __name__ == "__main__":
    sys.exit(main())
