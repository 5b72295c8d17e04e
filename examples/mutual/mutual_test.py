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
import trees

HERE = pathlib.Path(__file__).resolve().parent
CORNERS = [[own, intruder, 0.0, 0.06] for own in (-28.0, 28.0) for intruder in (-28.0, 28.0)]
SEED = bytes(range(32))


class Mutual(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory()
        root = pathlib.Path(cls.folder.name)
        cls.charter = pathlib.Path(trees.adversary_rules(root / "charter"))
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

    def evaluated(self, text, mode="episodes"):
        """The lines that the adversary's evaluator writes about such an experience, or nothing where it refuses it."""
        root = pathlib.Path(self.folder.name)
        tree = root / self.id()
        tree.mkdir(exist_ok=True)
        (tree / "experience.json").write_text(text)
        (root / "seeds").write_bytes(SEED * 100)
        done = subprocess.run(["/usr/bin/python3", "-B", self.charter / "evaluate.py", mode, "--subject", tree, "--seeds",
                               root / "seeds", "--out", tree / "out"], capture_output=True, text=True)
        self.assertEqual(done.returncode in (0, 1), True, done.stderr)
        return (tree / "out").read_text().splitlines() if done.returncode == 0 else None

    def test_the_adversarys_evaluator_reads_nothing_but_places(self):
        lines = self.evaluated(json.dumps(self.experience(components=CORNERS)))
        self.assertEqual(len(lines), 100)
        self.assertEqual(len(set(line.split(",", 1)[1] for line in lines)), 1)  # an episode depends on its seed alone
        self.assertIn(json.loads(lines[0])["metrics"]["seen"], (0, 1))
        self.assertIn(json.loads(self.evaluated(json.dumps(self.experience()), "decisions")[0])["decision"], ("looks", "passes"))
        for components in ('[[0,0,0]]', '[[0,0,0,0.1,0]]', '[[31,0,0,0.1]]', '[[0,0,0,0]]', '[[true,0,0,0.1]]', '["0000"]', '{}',
                           '[[NaN,0,0,0.1]]', "[" + ",".join(["[0,0,0,0.1]"] * 25) + "]"):
            self.assertIsNone(self.evaluated('{"alpha":0.1,"components":' + components + ',"worse":0.1}'), components)
        self.assertIsNone(self.evaluated("[" * 10_000))
        self.assertIsNone(self.evaluated('[1]'))

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
