#!/usr/bin/python3
"""The Python package as it is installed by `make python`.

usage: package_test.py [TestName ...]     PAWL_BIN: folder with pawl
"""

import email.parser
import os
import pathlib
import subprocess
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent


class Package(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory(prefix="pawl-python-")
        cls.addClassCleanup(cls.folder.cleanup)
        cls.environment = pathlib.Path(cls.folder.name) / "environment"
        subprocess.run([ROOT / "tools/python-environment", cls.environment], check=True,
                       env={**os.environ, "PIP_NO_INDEX": "1", "PYTHONPATH": ""})

    def python(self, *words, **variables):
        environment = {**os.environ, "PYTHONPATH": "", **variables}
        return subprocess.run([self.environment / "bin/python3", *words], cwd=self.folder.name, env=environment, text=True,
                              capture_output=True, check=False)

    def test_it_is_typed_depends_on_nothing_and_holds_no_program(self):
        packages, = self.environment.glob("lib/python3*/site-packages")
        files = {str(file.relative_to(packages)) for file in packages.rglob("*") if file.is_file()}
        ours = {file for file in files if file.startswith("pawl/") and "__pycache__" not in file}
        self.assertEqual(ours, {f"pawl/{file.name}" for file in (ROOT / "python/pawl").iterdir() if file.is_file()})
        self.assertIn("pawl/py.typed", ours)
        self.assertEqual({pathlib.PurePath(file).suffix for file in ours}, {".py", ".typed"})
        metadata, = packages.glob("pawl-*.dist-info/METADATA")
        self.assertIsNone(email.parser.Parser().parsestr(metadata.read_text()).get_all("Requires-Dist"))

    def test_it_finds_the_program_or_says_how_to_be_told(self):
        ask = ("-c", "import pawl; pawl.Client('nobody').status()")
        said = self.python(*ask, PATH="/nowhere", PAWL_BINARY="")
        self.assertIn("client.start", said.stderr)
        self.assertIn("PAWL_BINARY", said.stderr)
        said = self.python(*ask, PATH="/nowhere", PAWL_BINARY=os.environ["PAWL_BIN"] + "/pawl", PAWL_HOME=self.folder.name)
        self.assertNotIn("client.start", said.stderr)
        self.assertIn("pawl._program.Refused", said.stderr)

    def test_its_hooks_say_what_they_take(self):
        for hook in ("pawl.github_check", "pawl.mlflow_alias"):
            said = self.python("-m", hook, "--help")
            self.assertEqual(said.returncode, 0, said.stderr)
            self.assertIn("--subject", said.stdout)


if __name__ == "__main__":
    unittest.main()
