"""How the adversary looks for encounters in which one controller fails and another does not. Fixed: people change it.

The cross-entropy method (R. Y. Rubinstein and D. P. Kroese, The Cross-Entropy Method, Springer 2004), which looks for
rare failures of collision avoidance in Y. Kim and M. J. Kochenderfer, "Improving Aircraft Collision Risk Estimation
using the Cross-Entropy Method", Journal of Air Transportation 24(2), 2016. An encounter is searched for by three numbers, both vertical
rates and the projected miss, within what the charter's encounters span; everything else about it (pilots, noise,
levelling off) comes from seeds as in those. What the search finds is then tested on encounters of its own: a search that
tries much finds something by chance, a fresh test does not.
"""

import math

import numpy as np

LOW = np.array([-30.0, -30.0, -300.0])   # own rate, intruder's rate (ft/s), projected miss (ft): the charter's span
HIGH = -LOW
FIRST, ROUND, ROUNDS, TESTED = 800, 400, 3, 800  # encounters flown by each of the two controllers: 2,800
ELITE = 0.1


def seeds_from(generator, count):
    return generator.integers(0, 2**64, (count, 4), dtype=np.uint64)


def encounters_at(encounters, points, seeds):
    """Episodes as encounters.draw makes them, from a seed each, at these points (n, 3)."""
    drawn = encounters.draw(seeds)
    own, intruder, miss = np.clip(points, LOW, HIGH).T
    drawn.update(own=own, intruder=intruder, h=miss - (intruder - own) * encounters.SECONDS)
    return drawn


def sample(components, count, generator):
    """Points from a mixture: [[own, intruder, miss, spread], ...], spread as a share of each span; half are uniform."""
    points = LOW + (HIGH - LOW) * generator.random((count, 3))
    if components:
        chosen = np.array(components)[generator.integers(0, len(components), count // 2)]
        points[: count // 2] = chosen[:, :3] + chosen[:, 3:] * (HIGH - LOW) * generator.standard_normal((count // 2, 3))
    return np.clip(points, LOW, HIGH)


def fly(encounters, points, decides, generator):
    """What is left of the separation with each of `decides`, in the same encounters."""
    drawn = encounters_at(encounters, points, seeds_from(generator, len(points)))
    return [encounters.fly_drawn(drawn, decide)["separation"] for decide in decides]


def gap(encounters, points, candidate, parent, generator):
    """How much nearer the candidate comes than its parent, where near means below SEPARATED_FT."""
    ours, theirs = (np.minimum(separation, encounters.SEPARATED_FT)
                    for separation in fly(encounters, points, (candidate, parent), generator))
    return theirs - ours


def sign_test(worse, better):
    """The chance of so many of worse + better fair coins, one-sided, exactly."""
    count = worse + better
    return sum(math.comb(count, k) for k in range(worse, count + 1)) / 2**count


def search(encounters, candidate, parent, experience, generator):
    """Where the candidate is worst against its parent, and what a fresh test says of it. `experience`: the places to
    begin at, and what an objection takes: that the share of near misses is larger by `worse`, and that chance shows as
    much in a share `alpha` of searches."""
    points = sample(experience["components"], FIRST, generator)
    for number in range(ROUNDS):
        gaps = gap(encounters, points, candidate, parent, generator)
        elite = points[np.argsort(-gaps, kind="stable")[: max(10, int(ELITE * len(points)))]]
        centre, spread = elite.mean(axis=0), np.maximum(elite.std(axis=0), 0.01 * (HIGH - LOW))
        if number == 0:  # several places may stand out: go on from the worst one's neighbourhood
            nearest = np.argsort((((elite - elite[0]) / (HIGH - LOW)) ** 2).sum(axis=1))[: max(5, len(elite) // 4)]
            centre, spread = elite[nearest].mean(axis=0), np.maximum(elite[nearest].std(axis=0), 0.03 * (HIGH - LOW))
        points = np.clip(centre + spread * generator.standard_normal((ROUND, 3)), LOW, HIGH)
    fresh = np.clip(centre + spread * generator.standard_normal((TESTED, 3)), LOW, HIGH)
    ours, theirs = fly(encounters, fresh, (candidate, parent), generator)
    ours, theirs = ours < encounters.NEAR_MISS_FT, theirs < encounters.NEAR_MISS_FT
    worse, better = int((ours & ~theirs).sum()), int((theirs & ~ours).sum())
    return {"centre": [round(float(x), 3) for x in centre], "spread": round(float((spread / (HIGH - LOW)).mean()), 4),
            "worse": worse, "better": better, "tested": TESTED, "p": sign_test(worse, better),
            "found": worse - better >= experience["worse"] * TESTED and sign_test(worse, better) <= experience["alpha"]}
