"""Quick tests of the collision example: dynamics, solution, network, properties, mutants, evaluator."""

import hashlib
import json
import os
import re
import subprocess
import sys
import tempfile
import unittest
from fractions import Fraction

import numpy as np

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
SUBJECT, CHARTER = os.path.join(ROOT, "subject"), os.path.join(ROOT, "charter")
sys.dont_write_bytecode = True
sys.path[:0] = [os.path.join(SUBJECT, "improver"), os.path.join(ROOT, "authoring"), ROOT]

import acas  # noqa: E402
import inside  # noqa: E402
import make_charter  # noqa: E402
import make_mutants  # noqa: E402
import make_probes  # noqa: E402
import make_properties  # noqa: E402
import measure  # noqa: E402
import network  # noqa: E402
import train  # noqa: E402
import training  # noqa: E402

ENVIRONMENT = dict(os.environ, PYTHONDONTWRITEBYTECODE="1", OMP_NUM_THREADS="1", OPENBLAS_NUM_THREADS="1")


def read(*parts):
    with open(os.path.join(*parts), "rb") as file:
        return file.read()


def charter_module(name):
    """A module of the charter under a name of its own: the charter and the subject each have a network.py."""
    import importlib.util
    spec = importlib.util.spec_from_file_location("charter_" + name, os.path.join(CHARTER, name + ".py"))
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


encounters, charter_network = charter_module("encounters"), charter_module("network")


class Inside(unittest.TestCase):
    def bounds(self, radii, centre):
        with tempfile.TemporaryDirectory() as directory:
            network.save(centre, os.path.join(directory, "centre.onnx"))
            entries = [{"network": "policy.onnx", "centre": "centre.onnx", "radii": radius} for radius in radii]
            with open(os.path.join(directory, "envelopes.json"), "w", encoding="utf-8") as file:
                json.dump(entries, file)
            return inside.load(directory, self.live)

    def setUp(self):
        self.live = network.load(os.path.join(SUBJECT, "policy.onnx"))

    def test_projects_into_every_envelope(self):
        bounds = self.bounds([{"w0": 0.002, "b0": 0.01}, {"w0": 0.001, "b0": 0.02, "w1": 0.5}], self.live)
        moved = self.live.copy()
        for parameter in moved.parameters():
            parameter += np.float32(0.1)
        bounds.project(moved)
        for name, before, after in zip(self.live.names(), self.live.parameters(), moved.parameters()):
            most = {"w0": 0.001, "b0": 0.01}.get(name, 0.0)
            away = after.astype(np.float64) - before
            self.assertLessEqual(float(np.abs(away).max()), most)
            self.assertGreaterEqual(float(away.min()), most - 1e-6)

    def test_knows_where_nothing_is_proven(self):
        self.assertIsNone(inside.load("/nonexistent", self.live))
        wider = self.live.wider(0, 2, np.random.Generator(np.random.PCG64(1)))
        self.assertIsNone(self.bounds([{"w0": 0.1}], wider))  # another shape is proven


class Dynamics(unittest.TestCase):
    def fly(self, advisory, seconds, own=0.0, h=0.0):
        state = np.array([h]), np.array([own]), np.array([0.0])
        for _ in range(seconds):
            state = acas.advance(*state, advisory, 0.0, 0.0)
        return [float(x[0]) for x in state]

    def test_level_flight_closes_linearly(self):
        h, own, intruder = acas.advance(np.array([100.0]), np.array([10.0]), np.array([-5.0]), acas.COC, 0.0, 0.0)
        self.assertEqual((float(h[0]), float(own[0]), float(intruder[0])), (85.0, 10.0, -5.0))

    def test_climb_reaches_its_rate_and_keeps_it(self):
        # 8.33 ft/s^2 to 25 ft/s takes 3.001 s: in whole seconds 8.33, 16.66, 24.99, 25; then 25 ft a second.
        h, own, _ = self.fly(acas.CL, 10)
        self.assertAlmostEqual(own, 25.0, places=9)
        climbed = (0 + 8.33) / 2 + (8.33 + 16.66) / 2 + (16.66 + 24.99) / 2 + (24.99 + 25) / 2 + 6 * 25
        self.assertAlmostEqual(h, -climbed, places=9)

    def test_faster_than_advised_is_left_alone(self):
        self.assertEqual(self.fly(acas.CL, 5, own=40.0)[1], 40.0)

    def test_mirror_image(self):
        up, down = self.fly(acas.SCL, 7, own=3.0, h=50.0), self.fly(acas.SDES, 7, own=-3.0, h=-50.0)
        np.testing.assert_allclose(up[:2], [-x for x in down[:2]], atol=1e-12)

    def test_interpolation_is_exact_for_affine_functions(self):
        h, own, intruder = (x.ravel() for x in np.meshgrid(acas.H_GRID, acas.V_GRID, acas.V_GRID, indexing="ij"))
        table = 2 * h - 3 * own + 5 * intruder + 7
        point = np.array([123.0]), np.array([-17.0]), np.array([4.5])
        value = sum(table[i] * w for i, w in zip(*acas.corners(*point)))
        self.assertAlmostEqual(float(value[0]), 2 * 123 + 3 * 17 + 5 * 4.5 + 7, places=9)


class ValueIteration(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.future = acas.solve()

    def best(self, h, own, intruder, tau, previous=acas.COC):
        state = (np.array([x], dtype=float) for x in (h, own, intruder, tau))
        return int(acas.action_costs(self.future, *state, np.array([previous])).argmin())

    def test_costs_to_go_are_probabilities_of_harm_at_most(self):
        self.assertGreaterEqual(self.future.min(), 0.0)
        # Never alerting costs at most one collision, so no best continuation costs more than that and one advisory.
        self.assertLessEqual(self.future[:, acas.COC].max(), 1.0 + 1e-9)

    def test_mirror_image(self):
        shape = (41, 5, len(acas.H_GRID), len(acas.V_GRID), len(acas.V_GRID))
        table = self.future.reshape(shape)
        np.testing.assert_allclose(table, table[:, ::-1, ::-1, ::-1, ::-1], atol=1e-9)

    def test_decisions_that_everybody_knows(self):
        self.assertEqual(self.best(3500, 0, 0, 20), acas.COC)
        self.assertEqual(self.best(150, 0, 0, 8), acas.DES)
        self.assertEqual(self.best(-150, 0, 0, 8), acas.CL)
        self.assertEqual(self.best(-400, 25, 0, 5, acas.CL), acas.COC)

    def test_deterministic(self):
        self.assertEqual(self.future.tobytes(), acas.solve().tobytes())


class Networks(unittest.TestCase):
    def setUp(self):
        self.generator = np.random.Generator(np.random.PCG64(5))
        self.policy = network.load(os.path.join(SUBJECT, "policy.onnx"))
        self.x = training.inputs(*training.draw_states(self.generator, 500))

    def test_gradient_against_differences(self):
        small = network.Network.random([4, 3], self.generator)
        small.weights = [w.astype(np.float64) for w in small.weights]
        small.biases = [b + 0.1 * self.generator.random(len(b)) for b in small.biases]
        x = self.x[:, :16].astype(np.float64)
        values = small.layers(x)
        gradients = small.gradients(values, 2 * values[-1])
        for parameter, gradient in zip(small.parameters(), gradients):
            flat = parameter.reshape(-1)
            for i in range(len(flat)):
                losses = []
                for step in (1e-6, -2e-6, 1e-6):
                    flat[i] += step
                    losses.append(float((small(x) ** 2).sum()))
                difference = (losses[0] - losses[1]) / 2e-6
                self.assertAlmostEqual(difference, gradient.reshape(-1)[i], delta=1e-4 * max(1.0, abs(difference)))

    def test_growing_keeps_the_function(self):
        for grown in (self.policy.wider(0, 4, self.generator), self.policy.wider(1, 5, self.generator),
                      self.policy.deeper()):
            np.testing.assert_allclose(grown(self.x), self.policy(self.x), atol=2e-5)

    def test_onnx_round_trip_and_the_charters_reader_agree(self):
        data = network.to_bytes(self.policy)
        self.assertEqual(data, read(SUBJECT, "policy.onnx"))
        layers = charter_network.read(os.path.join(SUBJECT, "policy.onnx"))
        self.assertEqual(charter_network.run(layers, self.x).tobytes(), self.policy(self.x).tobytes())

    def test_baseline_is_reproduced_byte_for_byte(self):
        self.assertEqual(network.to_bytes(train.train(3)), read(SUBJECT, "policy.onnx"))

    def test_bytes_depend_neither_on_blas_nor_on_vector_extensions(self):
        features = "AVX2 FMA3 AVX512F AVX512CD AVX512_SKX AVX512_CLX AVX512_CNL AVX512_ICL"
        with tempfile.TemporaryDirectory() as scratch:
            out = os.path.join(scratch, "policy.onnx")
            subprocess.run(["/usr/bin/python3", os.path.join(SUBJECT, "improver", "train.py"), "--out", out], check=True,
                           env=dict(ENVIRONMENT, NPY_DISABLE_CPU_FEATURES=features, OPENBLAS_CORETYPE="Prescott"))
            self.assertEqual(read(out), read(SUBJECT, "policy.onnx"))


class Properties(unittest.TestCase):
    def setUp(self):
        self.promises = {p.name: p for p in training.load_promises()}

    def test_files_are_what_the_scripts_write(self):
        for name, entry in make_properties.PROPERTIES.items():
            self.assertEqual(read(CHARTER, "properties", name + ".vnnlib").decode(), make_properties.vnnlib(name, entry))
        self.assertEqual(read(SUBJECT, "improver", "promises.json").decode(), make_properties.promises())
        self.assertEqual(len(os.listdir(os.path.join(CHARTER, "properties"))), len(make_properties.PROPERTIES))
        self.assertEqual(read(CHARTER, "probes.bin"), make_probes.probes())

    def test_baseline_keeps_them_with_a_margin(self):
        policy = network.load(os.path.join(SUBJECT, "policy.onnx"))
        margins = training.worst_margins(policy, self.promises.values(), np.random.Generator(np.random.PCG64(9)), 50_000)
        for name, margin in margins.items():
            self.assertGreater(margin, 0.02, name)

    def test_every_mutant_breaks_its_property(self):
        witnesses = json.loads(read(CHARTER, "mutants", "witnesses.json"))
        self.assertEqual(witnesses.keys(), self.promises.keys())
        for name, promise in self.promises.items():
            x = np.array(witnesses[name]["input"], dtype=np.float32).reshape(5, 1)
            for value, bounds, (_, _, scale, _), offset in zip(x[:, 0], promise.ranges, make_properties.INPUTS,
                                                               (0, 0, 0, 0, 2)):
                unscaled = Fraction(float(value)) * scale  # exactly inside, no tolerance
                self.assertTrue(bounds[0] - offset <= unscaled <= bounds[1] - offset, name)
            layers = charter_network.read(os.path.join(CHARTER, "mutants", name + ".onnx"))
            y = charter_network.run(layers, x)[:, 0]
            self.assertLess(min(y[promise.never]), min(y[promise.allowed]), name)
            self.assertEqual(acas.ADVISORIES[int(y.argmin())], witnesses[name]["advisory"])

    def test_mutants_are_reproduced_byte_for_byte(self):
        with tempfile.TemporaryDirectory() as scratch:
            subprocess.run(["/usr/bin/python3", os.path.join(ROOT, "authoring", "make_mutants.py"), "--out", scratch],
                           check=True, env=ENVIRONMENT)
            for name in os.listdir(os.path.join(CHARTER, "mutants")):
                self.assertEqual(read(scratch, name), read(CHARTER, "mutants", name), name)


class Evaluator(unittest.TestCase):
    def setUp(self):
        scratch = tempfile.TemporaryDirectory()
        self.addCleanup(scratch.cleanup)
        self.scratch = scratch.name
        self.seeds = measure.seeds("test", 300)

    def run_evaluator(self, mode, seeds, subject=SUBJECT):
        with open(os.path.join(self.scratch, "seeds"), "wb") as file:
            file.write(seeds)
        out = os.path.join(self.scratch, "out")
        done = subprocess.run(["/usr/bin/python3", "evaluate.py", mode, "--subject", subject, "--seeds",
                               os.path.join(self.scratch, "seeds"), "--out", out], cwd=CHARTER, env=ENVIRONMENT,
                              stderr=subprocess.PIPE, text=True)
        return done, read(out).decode() if done.returncode == 0 else ""

    def subject_with(self, data):
        with open(os.path.join(self.scratch, "policy.onnx"), "wb") as file:
            file.write(data)
        return self.scratch

    def test_episodes_follow_the_protocol(self):
        done, text = self.run_evaluator("episodes", self.seeds)
        self.assertEqual(done.returncode, 0, done.stderr)
        rows = [json.loads(line) for line in text.splitlines()]
        self.assertEqual([row["episode"] for row in rows], list(range(300)))
        for row in rows:
            self.assertEqual(row["metrics"].keys(), {"near_miss", "alert_rate", "reversals", "score"})
            self.assertTrue(all(0 <= value <= 1 for value in row["metrics"].values()))
            self.assertIn(row["metrics"]["near_miss"], (0, 1))
        climbing = encounters.draw(encounters.read_seeds(self.seeds))["intruder"] > 20
        self.assertEqual([row["group"] == "climbing" for row in rows], climbing.tolist())
        self.assertEqual({row["group"] for row in rows}, {"climbing", "other"})
        for row in rows:  # what the encounter was, within the protocol's 160 characters
            self.assertRegex(row["input"], r"^intruder [+-]\d+ ft, own rate [+-]\d+ ft/s, its rate [+-]\d+ ft/s, "
                                           r"pilot [1-4] s late$")
        self.assertLessEqual(max(len(row["input"]) for row in rows), 160)

    def test_each_episode_depends_on_its_seed_alone(self):
        _, text = self.run_evaluator("episodes", self.seeds)
        _, backwards = self.run_evaluator("episodes", b"".join(self.seeds[i:i + 32] for i in range(9568, -1, -32)))
        metrics = lambda text: [line.split('"metrics"')[1] for line in text.splitlines()]
        self.assertEqual(metrics(text), metrics(backwards)[::-1])

    def test_every_bit_of_a_seed_counts(self):
        seed = bytes(32)
        reference = encounters.uniforms(encounters.read_seeds(seed), 96)
        for bit in range(256):
            other = bytearray(seed)
            other[bit // 8] ^= 1 << bit % 8
            self.assertLess((encounters.uniforms(encounters.read_seeds(bytes(other)), 96) == reference).mean(), 0.05)

    def test_uniform_numbers_are_uniform(self):
        u = encounters.uniforms(encounters.read_seeds(measure.seeds("uniform", 2000)), 96)
        self.assertAlmostEqual(float(u.mean()), 0.5, delta=0.004)
        counts, _ = np.histogram(u, bins=64, range=(0, 1))
        expected = u.size / 64
        self.assertLess(float(((counts - expected) ** 2 / expected).sum()), 120)  # 63 degrees of freedom, p about 1e-5
        self.assertLess(abs(np.corrcoef(u[0], u[1])[0, 1]), 0.1)

    def test_decisions_follow_the_protocol(self):
        done, text = self.run_evaluator("decisions", self.seeds)
        self.assertEqual(done.returncode, 0, done.stderr)
        rows = [json.loads(line) for line in text.splitlines()]
        self.assertEqual([row["probe"] for row in rows], list(range(300)))
        self.assertGreater(len({row["decision"] for row in rows}), 2)
        self.assertTrue({row["decision"] for row in rows} <= set(acas.ADVISORIES))
        # What each probe asked is said, is within the protocol's 160 characters, and is what the network was asked.
        for row in rows:
            said = re.fullmatch(r"intruder ([+-]\d+) ft, own rate ([+-]\d+) ft/s, its rate ([+-]\d+) ft/s, (\d+) s left, "
                                r"advised (\w+)", row["input"])
            self.assertIsNotNone(said, row["input"])
            self.assertIn(said[5], acas.ADVISORIES)
        self.assertLessEqual(max(len(row["input"]) for row in rows), 160)
        observed, states = encounters.probe(encounters.read_seeds(self.seeds))
        h, own, intruder, tau, previous = next(iter(states))
        self.assertEqual(observed[:, 0].tolist(), encounters.observe(
            np.array([h]), np.array([own]), np.array([intruder]), np.array([tau]),
            np.array([encounters.ADVISORIES.index(previous)]))[:, 0].tolist())

    def test_silence_is_worse_than_the_baseline_and_the_solution_better(self):
        seeds = encounters.read_seeds(measure.seeds("order", 3000))
        layers = charter_network.read(os.path.join(SUBJECT, "policy.onnx"))
        future = acas.solve()

        def solution(x):
            x = x.astype(np.float64) * training.INPUT_SCALE[:, None]
            return acas.action_costs(future, *x[:4], np.rint(x[4]).astype(np.int64) + acas.COC).argmin(axis=0)

        silent = encounters.fly(seeds, lambda x: np.full(x.shape[1], encounters.COC))
        baseline = encounters.fly(seeds, lambda x: charter_network.advisories(layers, x))
        best = encounters.fly(seeds, solution)
        self.assertGreater(silent["near_miss"].mean(), 0.1)
        self.assertLess(baseline["near_miss"].mean(), 0.02)
        self.assertLess(silent["score"].mean(), baseline["score"].mean() - 0.05)
        self.assertLess(baseline["score"].mean(), best["score"].mean() - 0.04)

    def test_bad_seeds_are_refused(self):
        for seeds in (b"", self.seeds[:-1]):
            done, _ = self.run_evaluator("episodes", seeds)
            self.assertEqual(done.returncode, 1)
            self.assertIn("32 bytes per episode", done.stderr)

    def test_hostile_networks_are_refused(self):
        import onnx
        from onnx import helper

        def changed(edit):
            model = onnx.load_model_from_string(read(SUBJECT, "policy.onnx"))
            edit(model)
            return model.SerializeToString()

        def not_finite(model):
            tensor = model.graph.initializer[0]
            tensor.raw_data = np.full(12 * 5, np.nan, dtype="<f4").tobytes()

        def outside_file(model):
            tensor = model.graph.initializer[0]
            tensor.ClearField("raw_data")
            tensor.data_location = onnx.TensorProto.EXTERNAL
            tensor.external_data.add(key="location", value="/etc/passwd")

        def wide(model):
            del model.graph.initializer[0].dims[:]
            model.graph.initializer[0].dims.extend([1 << 40, 5])

        def other_operator(model):
            model.graph.node[1].op_type = "Tanh"

        def skips_a_layer(model):
            model.graph.node[2].input[0] = "x"

        def shadowed_input(model):
            model.graph.initializer[0].name = "x"

        def scaled(model):
            model.graph.node[0].attribute.append(helper.make_attribute("alpha", 2.0))

        cases = {"not finite": changed(not_finite), "outside the file": changed(outside_file),
                 "odd sizes": changed(wide), "Relu expected": changed(other_operator),
                 "not a plain chain": changed(skips_a_layer), "two values have one name": changed(shadowed_input),
                 "must be 1": changed(scaled), "not an ONNX file": b"\xff" * 64,
                 "larger than": bytes((1 << 20) + 1), "one input": b""}
        for message, data in cases.items():
            done, _ = self.run_evaluator("episodes", self.seeds, self.subject_with(data))
            self.assertEqual(done.returncode, 1, message)
            self.assertIn(message, done.stderr)
            self.assertNotIn("Traceback", done.stderr)

    def test_a_subject_without_a_network_is_refused(self):
        done, _ = self.run_evaluator("episodes", self.seeds, os.path.join(self.scratch, "nowhere"))
        self.assertEqual(done.returncode, 1)
        self.assertIn("policy.onnx", done.stderr)


class Charter(unittest.TestCase):
    KEYS = {"log": "log+01234567+AQ==", "clock": "clock+01234567+BA==",
            "reviewers": [{"name": "prover-a", "principal": "lab-a", "role": "prover", "key": "a+01234567+AQ=="}]}

    def make(self, keys):
        scratch = tempfile.TemporaryDirectory()
        self.addCleanup(scratch.cleanup)
        paths = {name: os.path.join(scratch.name, name) for name in ("keys", "signers", "out")}
        with open(paths["keys"], "w", encoding="utf-8") as file:
            json.dump(keys, file)
        with open(paths["signers"], "w", encoding="utf-8") as file:
            file.write("# none yet\n")
        done = subprocess.run(["/usr/bin/python3", os.path.join(ROOT, "make_charter.py"), "--out", paths["out"],
                               "--baseline", "sha256:" + "0" * 64, "--signers", paths["signers"], "--keys", paths["keys"],
                               "--presence", "software", "--min-interval", "1s"], env=ENVIRONMENT,
                              stderr=subprocess.PIPE, text=True)
        return done, paths["out"]

    def test_template_becomes_toml_with_every_property_and_its_mutant(self):
        import tomllib
        done, out = self.make(self.KEYS)
        self.assertEqual(done.returncode, 0, done.stderr)
        charter = tomllib.loads(read(out, "charter.toml").decode())
        self.assertEqual({p["name"] for p in charter["property"]}, make_properties.PROPERTIES.keys())
        for entry in charter["property"]:
            for key in ("spec", "falsified_by"):
                self.assertTrue(os.path.exists(os.path.join(out, entry[key])), entry[key])
        self.assertEqual(charter["reviewer"], self.KEYS["reviewers"])
        self.assertFalse(os.path.exists(os.path.join(out, "charter.toml.in")))

    def test_names_that_would_need_escapes_are_refused(self):
        done, _ = self.make(dict(self.KEYS, log='x"\nthreshold = 1'))
        self.assertNotEqual(done.returncode, 0)
        self.assertIn("no plain name", done.stderr)


class Controller(unittest.TestCase):
    def run_controller(self, text, **environment):
        return subprocess.run(["/usr/bin/python3", "controller.py"], cwd=SUBJECT, input=text, capture_output=True,
                              text=True, env=dict(ENVIRONMENT, **environment))

    def test_advises(self):
        state = {"h_ft": -50, "own_ft_s": 0, "intruder_ft_s": 0, "tau_s": 9}
        far = dict(state, h_ft=3500)
        done = self.run_controller("".join(json.dumps(s) + "\n" for s in (state, {"reset": True}, far)),
                                   PAWL_EXEC_TREE="sha256:0")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual([json.loads(line)["advisory"] for line in done.stdout.splitlines()][1], "COC")
        self.assertNotEqual(json.loads(done.stdout.splitlines()[0])["advisory"], "COC")

    def test_starts_only_through_the_loader(self):
        self.assertEqual(self.run_controller("").returncode, 2)

    def test_nonsense_ends_it(self):
        self.assertEqual(self.run_controller("[1]\n", PAWL_EXEC_TREE="sha256:0").returncode, 3)


class Measuring(unittest.TestCase):
    def test_e_process_reproduces_known_sample_sizes(self):
        # No violation seen, rate below 1 %: 577 samples at 1e-2 and 1,595 at 1e-6 with bets capped at 0.9.
        clean = np.ones(4000)
        self.assertEqual(measure.e_process(clean, 0.99, 1e-2), 577)
        self.assertEqual(measure.e_process(clean, 0.99, 1e-6), 1595)
        # Splitting the wealth costs at most ln 2, here 77 samples.
        self.assertTrue(577 <= measure.e_process(clean, 0.99, 1e-2, mixed=True) <= 654)

    def test_e_process_stays_silent_under_the_null(self):
        generator = np.random.Generator(np.random.PCG64(4))
        shown = sum(measure.e_process((generator.random(500) < 0.5).astype(float), 0.5, 0.05) is not None
                    for _ in range(400))
        self.assertLessEqual(shown, 32)  # 20 expected at most; binomial(400, 0.05) exceeds 32 with probability 0.003

    def test_upper_bound_covers(self):
        generator = np.random.Generator(np.random.PCG64(6))
        misses = sum(measure.upper_bound((generator.random(400) < 0.1).astype(float), 0.05) < 0.1 for _ in range(400))
        self.assertLessEqual(misses, 32)


if __name__ == "__main__":
    unittest.main()
