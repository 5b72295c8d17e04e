#!/usr/bin/python3
"""Makes the next candidate from the live release: improve.py --live DIR --out DIR --seed N

1. Reads the live network and its own hyperparameters. Every `widen_every` rounds the network first grows, as the same
   function with more neurons, so that there is something left to learn.
2. Trains on freshly drawn states of the decision process, under the promises (improver/promises.json).
3. Paces itself. Training may gain more than one step is allowed to; so it walks from the live weights towards the
   trained ones and takes the first point whose rehearsed gain is about `target_gain` and which keeps the promises with
   a margin. Without such a point it trains on, and after `attempts` gives up: no candidate, exit 1.
4. After such a step come `inside_rounds` small ones that stay inside the envelopes in which the step's proofs hold, where
   the gate says that there are some: each update of the training is projected into them, and nothing has to be proven.
5. Writes the complete candidate tree: policy.onnx, hyperparameters adjusted for the next round, the rest unchanged.

It knows nothing of the gate and is not trusted. Same live release, same seed: same bytes (see network.py).
"""

import argparse
import json
import os
import shutil
import sys

import numpy as np

import acas
import inside
import network
import rehearsal
import training

MARGIN_MIN = 0.03  # sampled margin of every promise, in units of the network's outputs; the prover needs some room
SHARES = [k / 16 for k in range(1, 17)]
INSIDE_SHARES = [k / 8 for k in range(2, 9)]


def grow(policy, settings, generator):
    if settings["round"] % settings["widen_every"] != 0:
        return policy
    for layer, size in enumerate(policy.hidden):
        count = min(settings["widen_by"], settings["hidden_max"] - size)
        if count > 0:
            policy = policy.wider(layer, count, generator)
    return policy


class Rehearsal:
    """Compares networks with the live one on fixed encounters."""

    def __init__(self, live, settings, generator):
        self.encounters = rehearsal.draw(generator, settings["rehearsals"])
        score, near_miss = rehearsal.fly(live, self.encounters)
        self.score, self.near_miss = score.mean(), near_miss.mean()

    def gain(self, policy):
        """(mean gain in score, increase of the near-miss rate)."""
        score, near_miss = rehearsal.fly(policy, self.encounters)
        return float(score.mean() - self.score), float(near_miss.mean() - self.near_miss)


def pick(start, trained, compare, promises, settings, generator):
    """(gain, share, network) nearest to the target on the way from start to trained, or None."""
    best = None
    for share in SHARES:
        policy = start.between(trained, share)
        gain, harm = compare.gain(policy)
        # Beyond the target by half: the rest of the way only gets farther in nearly all runs.
        if gain > settings["target_gain"] * 1.5:
            break
        if gain < settings["least_gain"] or harm > settings["near_miss_slack"]:
            continue
        if min(training.worst_margins(policy, promises, generator, 4000).values()) < MARGIN_MIN:
            continue
        distance = abs(gain - settings["target_gain"])
        if best is None or distance < abs(best[0] - settings["target_gain"]):
            best = (gain, share, policy)
    return best


def improve(live, settings, promises, seed):
    """(candidate network, next round's hyperparameters), or None where no honest step was found."""
    generator = np.random.Generator(np.random.PCG64(seed))
    start = grow(live, settings, generator)
    data = training.examples(acas.solve(), generator, settings["examples"])
    compare = Rehearsal(live, settings, generator)
    trained = start.copy()
    trainer = training.Trainer(trained, data, promises, generator, settings["rate"], promise_weight=2.0)
    for attempt in range(settings["attempts"]):
        trainer.run(settings["steps"], rate_end=0.5)
        best = pick(start, trained, compare, promises, settings, generator)
        if best:
            gain, share, policy = best
            print(f"round {settings['round']}: rehearsed gain {gain:.4f} at {share:.3f} of the way, hidden "
                  f"{policy.hidden}, attempt {attempt + 1}")
            return policy, adjusted(settings, attempt)
    return None


def improve_inside(live, settings, promises, seed, bounds):
    """A small step that the live release's certificates prove as well, by projected gradient; None where what is left of
    the envelope gains too little to be shown in a trial."""
    generator = np.random.Generator(np.random.PCG64([seed, 1]))
    data = training.examples(acas.solve(), generator, settings["examples"])
    # More encounters than for a large step: the gain is smaller, and so is its deviation.
    compare = Rehearsal(live, dict(settings, rehearsals=settings["inside_rehearsals"]), generator)
    trained = live.copy()
    trainer = training.Trainer(trained, data, promises, generator, settings["rate"] * settings["inside_rate"],
                               promise_weight=2.0, project=bounds.project)
    for attempt in range(settings["attempts"]):
        trainer.run(settings["inside_steps"])
        for share in INSIDE_SHARES:  # no further than needed, so that something is left for the next step
            policy = live.between(trained, share)
            bounds.project(policy)  # the mean is rounded
            gain, harm = compare.gain(policy)
            if gain >= settings["inside_gain"] and harm <= settings["near_miss_slack"]:
                print(f"round {settings['round']}, inside the envelope: rehearsed gain {gain:.4f} at {share:.3f} of the "
                      f"way, attempt {attempt + 1}")
                return policy, dict(settings, round=settings["round"] + 1, inside_left=settings["inside_left"] - 1)
    return None


def adjusted(settings, attempt):
    """Longer training once a step was hard to find: later gains are smaller and need more of it."""
    after = dict(settings, round=settings["round"] + 1, inside_left=settings["inside_rounds"])
    if attempt > 0:
        after["steps"] = min(settings["steps"] + 200, 1200)
    return after


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--live", required=True, help="the live release's tree, only read")
    parser.add_argument("--out", required=True, help="the candidate's tree, must not exist")
    parser.add_argument("--seed", required=True, type=int)
    parser.add_argument("--envelope", default="/in/envelope", help="where the gate says what is proven already (inside.py)")
    options = parser.parse_args()

    directory = os.path.join(options.live, "improver")
    with open(os.path.join(directory, "hyperparameters.json"), encoding="utf-8") as file:
        settings = json.load(file)
    live = network.load(os.path.join(options.live, "policy.onnx"))
    promises = training.load_promises(directory)
    bounds = inside.load(options.envelope, live) if settings["inside_left"] > 0 else None
    result = improve_inside(live, settings, promises, options.seed, bounds) if bounds else None
    if result is None:
        result = improve(live, settings, promises, options.seed)
    if result is None:
        print("no step found that gains enough and keeps the promises", file=sys.stderr)
        return 1
    policy, after = result
    shutil.copytree(options.live, options.out, copy_function=shutil.copyfile,
                    ignore=shutil.ignore_patterns("__pycache__"))
    network.save(policy, os.path.join(options.out, "policy.onnx"))
    with open(os.path.join(options.out, "improver", "hyperparameters.json"), "w", encoding="utf-8") as file:
        json.dump(after, file, indent=2)
        file.write("\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
