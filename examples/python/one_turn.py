# %% [markdown]
# # One turn of a loop, from Python
# Cells as notebooks and editors know them; it also runs from top to bottom:
#
#     PAWL_SUBJECT=collision-avoidance python3 examples/python/one_turn.py
#
# It needs a subject that is live (docs/first-subject.md begins one) and `pawl` on the PATH or in PAWL_BINARY, and the
# package of `python/` (`make python`). It changes nothing that is live: what it proposes waits for people.

# %%
import os
import pathlib
import tempfile

import pawl

SUBJECT = os.environ.get("PAWL_SUBJECT", "collision-avoidance")
CHANGED = os.environ.get("PAWL_CHANGED", "improver/hyperparameters.json")  # a text file on the charter's surface
client = pawl.Client(SUBJECT)

# %% [markdown]
# ## Where things stand

# %%
status = client.status()
print(status.sentence)
for row in status.proposals:
    print(f"  {row.decision.proposal}: {row.decision.outcome} at {row.decision.step}")
for warning in status.warnings:
    print(f"  note: {warning}")

# %% [markdown]
# ## What is live, verified again
# `live()` and `load()` raise `pawl.Refused` where the warrant, a file or a halt says no.

# %%
live = client.live()
print(f"epoch {live.epoch}, warrant {live.warrant}")
print(f"{CHANGED} has {len(pawl.load(SUBJECT, CHANGED))} verified bytes")

# %% [markdown]
# ## A candidate
# It begins as a copy of what is live. A real improver would train here; this one only adds white space to a file.

# %%
folder = tempfile.TemporaryDirectory(prefix="candidate-")
candidate = pathlib.Path(folder.name) / "tree"
client.check_out(candidate)
target = candidate / CHANGED
target.write_text(target.read_text() + " \n")

# %% [markdown]
# ## Asking for it
# Where a loop would take the candidate for its own, it asks. A turn is true only where the candidate is what is live.

# %%
with pawl.gate(SUBJECT, review=True) as gate:
    turn = gate.turn(candidate, "white space", timeout_s=0)
print(f"{turn.decision.proposal}: {turn.decision.outcome}")
for reason in turn.reasons:
    print(f"  {reason}")

# %% [markdown]
# ## The evidence
# What each step saw, who voted and why, and what changed, as Pawl computed it.

# %%
evidence = client.evidence(turn.decision.proposal)
for finding in evidence.findings:
    print(f"  {finding.step:10} {finding.outcome:8} {finding.summary[:80]}")
for review in client.reviews(turn.decision.proposal):
    print(f"  {review.reviewer} ({review.role}) voted {review.verdict}")
for change in client.changes(turn.decision.proposal):
    print(change.diff)

# %% [markdown]
# ## What happens next
# People approve with a key, each after looking: nothing in this package can. Whoever waits, follows.

# %%
for decision in client.follow(turn.decision.proposal, timeout_s=0):
    print(f"{decision.proposal} is {decision.outcome}: {decision.reason}")
    for command in decision.waits_for:
        print(f"  next: {command}")

# %% [markdown]
# ## The ledger
# Every signature of it, and the root of all that stands in it.

# %%
root = client.verify()
print(f"{root.size} events hash to {root.root}")
folder.cleanup()
