"""What the module makes of every kind of answer. A stand-in takes the place of the program, so these need no build; the
real program is asked in tests/loader."""

import os
import pathlib
import sys
import tempfile
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
import pawl  # noqa: E402


class Answers(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)

    def stand_in(self, script):
        program = self.folder / "pawl"
        program.write_text("#!/bin/sh\n" + script)
        program.chmod(0o755)
        return program

    def refused(self, script, **options):
        with self.assertRaises(pawl.Refused) as caught:
            pawl.load("s", "f", binary=self.stand_in(script), **options)
        return caught.exception

    def test_gives_the_bytes_as_they_are(self):
        self.assertEqual(pawl.load("s", "f", binary=self.stand_in(r"printf 'a\000\377\n'")), b"a\0\xff\n")
        with pawl.open("s", "f", binary=self.stand_in("printf abc")) as file:
            self.assertEqual(file.read(), b"abc")

    def test_asks_for_what_was_named(self):
        told = pawl.load("-s", "-f x", home="/h", state="/t", binary=self.stand_in('for word; do echo "$word"; done'))
        self.assertEqual(told.decode().split("\n")[:-1],
                         ["--json", "--subject=-s", "--home=/h", "--state=/t", "current", "--file=-f x"])

    def test_raises_what_the_program_says(self):
        refused = self.refused("""echo '{"error":{"advice":"a","message":"m \\"q\\"","rule":"halt.in-force"}}'; exit 1""")
        self.assertEqual((refused.rule, refused.message, refused.advice, refused.exit_status),
                         ("halt.in-force", 'm "q"', "a", 1))
        self.assertEqual(str(refused), 'm "q" (halt.in-force); a')

    def test_never_gives_bytes_where_the_status_is_not_zero(self):
        for status in (1, 2, 3, 4, 5, 6, 77):
            refused = self.refused(f"printf bytes; exit {status}")
            self.assertEqual((refused.rule, refused.exit_status), ("loader.answer", status))

    def test_refuses_a_program_that_was_killed(self):
        refused = self.refused("printf bytes; kill -9 $$")
        self.assertEqual((refused.rule, refused.exit_status), ("loader.answer", -9))

    def test_refuses_answers_of_another_shape(self):
        for answer in ("[]", '{"error":1}', '{"error":{"rule":1,"message":"","advice":""}}', '{"error":{"rule":"x"}}', "{"):
            self.assertEqual(self.refused(f"echo '{answer}'; exit 1").rule, "loader.answer")

    def test_refuses_without_a_program(self):
        with self.assertRaises(pawl.Refused) as caught:
            pawl.load("s", "f", binary=self.folder / "nothing")
        self.assertEqual((caught.exception.rule, caught.exception.exit_status), ("loader.start", None))

    def test_refuses_arguments_that_make_no_sense(self):
        for subject, path in (("", "f"), ("s", ""), ("s", "f\0g"), ("s\0", "f")):
            with self.assertRaises(pawl.Refused) as caught:
                pawl.load(subject, path, binary=self.stand_in("printf bytes"))
            self.assertEqual(caught.exception.rule, "loader.arguments")

    def test_current(self):
        answer = ('{"epoch":3,"files":[{"digest":"sha256:aa","path":"f"}],"subject":"s","tree":"sha256:bb",'
                  '"verified":%s,"warnings":["w"],"warrant":"sha256:cc"}')
        release = pawl.current("s", binary=self.stand_in(f"echo '{answer % 'true'}'"))
        self.assertEqual(release, pawl.Release("s", 3, "sha256:bb", "sha256:cc", {"f": "sha256:aa"}, ("w",)))
        for script in (f"echo '{answer % 'false'}'", "echo '{}'", "echo", f"echo '{answer % 'true'}'; exit 1"):
            with self.assertRaises(pawl.Refused):
                pawl.current("s", binary=self.stand_in(script))
        with self.assertRaises(pawl.Refused):
            pawl.current("other", binary=self.stand_in(f"echo '{answer % 'true'}'"))

    def test_the_environment_is_handed_on(self):
        os.environ["PAWL_HOME"] = "/some/home"
        self.addCleanup(os.environ.pop, "PAWL_HOME")
        self.assertEqual(pawl.load("s", "f", binary=self.stand_in('printf %s "$PAWL_HOME"')), b"/some/home")


if __name__ == "__main__":
    unittest.main()
