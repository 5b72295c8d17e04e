#!/usr/bin/python3
"""A charter that lets one certificate prove the releases near its network, with the real programs: steps inside are
proven without a search for as long as the charter says, and then there is a new envelope.

usage: envelope_test.py [TestName ...]     PAWL_BIN: folder with pawl and pawl-check
"""

import pathlib
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from attack_home import ROOT, AttackSuite  # noqa: E402

sys.path.insert(0, str(ROOT / "examples/collision/subject/improver"))
import network  # noqa: E402

SECTION = '[envelope]\nmax_radius = 0.005\nmax_generations = 2\ntime_limit = "2s"\n\n[improver]'
INSIDE = r"'clear-above' proven by the live release's envelope \((\d+) % of the way out\)"
ANEW = r"'clear-above' proven \(\d+ lea[^)]*\), with an envelope"


def moved(by):
    """One output bias is so much larger than in the tree that it was made from."""
    def edit(tree):
        policy = network.load(tree / "policy.onnx")
        policy.biases[-1] = policy.biases[-1] + network.np.float32([by, 0, 0, 0, 0])
        network.save(policy, tree / "policy.onnx")
    return edit


class Envelopes(AttackSuite):
    EDIT = staticmethod(lambda toml: toml.replace("[improver]", SECTION))

    def setUp(self):
        self.home = self.template.copy(self.folder / self.id().rsplit(".", 1)[1])

    def released(self, better, by):
        """What the gate says of the properties of a candidate that became a release, and the certificate's digest."""
        home = self.home
        tree = home.candidate(f"candidate-{better}", better=better, edit=moved(by))
        proposal = home.position("propose", tree, expect=(6,))["proposal"]
        home.review()
        home.position("advance", proposal, expect=(6,))
        home.approve(proposal)
        self.assertEqual(home.position("release", proposal, expect=(0,))["outcome"], "accepted")
        about = [event["predicate"] for event in home.events() if event["predicate"].get("proposal") == proposal]
        finding = next(each for each in about if each.get("step") == "properties")
        certificate = next(each["certificates"][0]["certificate"] for each in about if "certificates" in each)
        answer = home.check(home.warrant_path(better + 1), commit=True, expect=0)
        self.assertTrue(answer["accepted"])
        home.wait()
        return finding["summary"], certificate

    def test_steps_inside_need_no_search_as_long_as_the_charter_says(self):
        home = self.home
        first = next(event["predicate"] for event in home.events() if event["kind"] == "candidate")
        certificate = first["certificates"][0]["certificate"]
        words = home.pawl("charter", "check", home.charter)
        self.assertIn("of one of the last 2 releases", words)
        for better, by in ((1, 1e-4), (2, 2e-4)):
            summary, used = self.released(better, by)
            self.assertRegex(summary, INSIDE)
            self.assertEqual(used, certificate)
        # The centre's network is part of a tree that was live, and stays.
        home.pawl("store", "gc", "--older-than", "1s", "--remove", "--rejected")
        summary, used = self.released(3, 3e-4)
        self.assertRegex(summary, ANEW)
        self.assertNotEqual(used, certificate)
        # Further than any envelope reaches: proven by a search.
        summary, beyond = self.released(4, 0.02)
        self.assertRegex(summary, ANEW)
        self.assertNotIn(beyond, (used, certificate))
        # Back to where the latest certificates do not reach, and the one that proved it then is used up.
        position = home.position("rollback", expect=(6,))
        self.assertEqual(position["step"], "quorum")


if __name__ == "__main__":
    unittest.main()
