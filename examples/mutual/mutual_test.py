#!/usr/bin/python3
"""The two judges of this example, run as a peer's reviewer runs them, and what they see that a fixed evaluator does not."""
import json
import os
import pathlib
import shutil
import subprocess
import tempfile
import unittest

import measure
import numpy as np

import encounters
import faults
import network
import search

HERE = pathlib.Path(__file__).resolve().parent
CORNERS = [[own, intruder, 0.0, 0.06] for own in (-28.0, 28.0) for intruder in (-28.0, 28.0)]
SEED = bytes(range(32))


class Mutual(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory()
        root = pathlib.Path(cls.folder.name)
        cls.charter = pathlib.Path(measure.adversary_charter(root / "charter"))
        (root / "seed").write_bytes(SEED)
        cls.layers = network.read(os.path.join(measure.COLLISION, "subject/policy.onnx"))
        cls.sound = staticmethod(measure.decides(cls.layers))

    @classmethod
    def tearDownClass(cls):
        cls.folder.cleanup()

    def experience(self, **changes):
        return dict(json.loads((HERE / "adversary/experience.json").read_text()), **changes)

    def judged_by_controller(self, **changes):
        """Its opinion of an adversary that differs from the first release like that."""
        root = pathlib.Path(self.folder.name)
        candidate = root / self.id()
        shutil.copytree(HERE / "adversary", candidate, dirs_exist_ok=True)
        (candidate / "experience.json").write_text(json.dumps(self.experience(**changes)))
        done = subprocess.run(["/usr/bin/python3", "-B", HERE / "controller/judge.py", "--candidate", candidate, "--charter",
                               self.charter, "--seed", root / "seed", "--policy",
                               os.path.join(measure.COLLISION, "subject/policy.onnx")], capture_output=True, text=True)
        self.assertEqual(done.returncode, 0, done.stderr)
        return json.loads(done.stdout)

    def test_the_pair_finds_what_the_fixed_evaluator_misses(self):
        generator = np.random.default_rng(7)
        finds = {"harm limit": 0, "first release": 0, "learned": 0}
        for _ in range(6):
            broken = measure.decides(faults.break_at(self.layers, faults.corner(generator, 0.03, 0.06)))
            rate, _ = measure.fixed_evaluator(self.sound, broken, search.seeds_from(generator, 4_000))
            finds["harm limit"] += rate >= measure.HARM_LIMIT
            for name, components in (("first release", []), ("learned", CORNERS)):
                finds[name] += search.search(encounters, broken, self.sound, self.experience(components=components),
                                             generator)["found"]
        self.assertEqual(finds["harm limit"], 0, finds)
        self.assertGreaterEqual(finds["learned"], 5, finds)
        self.assertLess(finds["first release"], finds["learned"], finds)

    def test_nobody_objects_to_what_is_as_good(self):
        generator = np.random.default_rng(8)
        for components in ([], CORNERS):
            found = search.search(encounters, self.sound, self.sound, self.experience(components=components), generator)
            self.assertEqual((found["found"], found["worse"], found["p"]), (False, 0, 1.0))

    def test_a_fault_is_silent_in_its_corner_alone(self):
        broken = measure.decides(faults.break_at(self.layers, (1.0, 0.0, 20.0)))
        observed = encounters.observe(np.array([600.0, 300.0]), np.array([25.0, 10.0]), np.array([-25.0, -10.0]), 10.0, np.full(2, 2))
        self.assertEqual(broken(observed)[0], encounters.COC)
        self.assertEqual(broken(observed)[1], self.sound(observed)[1])
        self.assertNotEqual(self.sound(observed)[0], encounters.COC)

    def test_the_controller_judges_the_adversary(self):
        self.assertEqual(self.judged_by_controller()["objection"], False)
        lowered = self.judged_by_controller(alpha=1.0, worse=-1.0)
        self.assertTrue(lowered["objection"])
        self.assertIn("it objects to the live network rounded", lowered["reasons"][0])

    def test_the_adversary_answers_as_a_peer(self):
        root = pathlib.Path(self.folder.name)
        parent = os.path.join(measure.COLLISION, "subject")
        done = subprocess.run(["/usr/bin/python3", "-B", HERE / "adversary/judge.py", "--candidate", parent, "--parent", parent,
                               "--charter", self.charter, "--seed", root / "seed"], capture_output=True, text=True)
        self.assertEqual(done.returncode, 0, done.stderr)
        opinion = json.loads(done.stdout)
        self.assertEqual((opinion["objection"], opinion["references"]), (False, ["policy.onnx"]))
        self.assertIn("0 of 800 fresh encounters", opinion["reasons"][0])


if __name__ == "__main__":
    unittest.main()
