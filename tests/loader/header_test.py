#!/usr/bin/python3
"""What the C header makes of every kind of answer, compiled as C and as C++. A stand-in takes the place of the program;
the real program is asked in release_test.py.

OPEN_FILE names the two compiled forms of open_file.c, separated by a colon.
"""

import os
import pathlib
import signal
import subprocess
import tempfile
import unittest

PROGRAMS = os.environ["OPEN_FILE"].split(":")


class Header(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)

    def ask(self, script, subject="s", path="f", **options):
        """Asks both forms, which have to agree; gives exit status, standard output and standard error's lines."""
        stand_in = self.folder / "pawl"
        stand_in.write_text("#!/bin/sh\n" + script)
        stand_in.chmod(0o755)
        answers = []
        for program in PROGRAMS:
            result = subprocess.run([program, "--binary", stand_in, subject, path], capture_output=True, **options)
            answers.append((result.returncode, result.stdout, result.stderr.decode().split("\n")))
        self.assertEqual(answers[0], answers[1])
        return answers[0]

    def assert_refused(self, script, status, rule, **options):
        code, out, lines = self.ask(script, **options)
        self.assertEqual((code, out, lines[0]), (1, b"", f"{status} {rule}"))
        return lines

    def test_there_are_two_forms(self):
        self.assertEqual(len(PROGRAMS), 2)

    def test_gives_sealed_bytes_as_they_are(self):
        for script, bytes_ in ((r"printf 'a\000\377\n'", b"a\0\xff\n"), ("true", b""), ("head -c 300000 /dev/zero", bytes(300000))):
            self.assertEqual(self.ask(script)[:2], (0, bytes_))

    def test_asks_for_what_was_named(self):
        self.assertEqual(self.ask('for word; do echo "$word"; done', "-s", "-f x")[1],
                         b"--json\n--subject=-s\ncurrent\n--file=-f x\n")

    def test_says_what_the_program_says(self):
        lines = self.assert_refused(
            """cat <<'END'
{"error":{"advice":"a\\\\b","message":"m \\"rule\\":\\"x\\"\\u007f\\n€","rule":"halt.in-force"}}
END
exit 1""", 1, "halt.in-force")
        self.assertEqual(lines[1:3], ['m "rule":"x"\x7f €', "a\\b"])

    def test_never_gives_bytes_where_the_status_is_not_zero(self):
        for status in (1, 2, 3, 4, 5, 6, 77):
            self.assert_refused(f"printf bytes; exit {status}", status, "loader.answer")

    def test_refuses_answers_of_another_shape(self):
        for answer in ("", "[]", '{"error":', '{"error":{"rule":"x"', '{"error":{"rule":"x","more":"y"}}', '{"error":{"rule":"x',
                       '{"error":{"message":"x"}}', '{"error":{"rule":"\\u00zz"}}', '{"error":{"rule":"\\u00', '{"error":{"rule":"\\',
                       '{"error":{"rule":"\\q"}}', '{"error":{}}'):
            self.assert_refused(f"cat <<'END'\n{answer}\nEND\nexit 1", 1, "loader.answer")

    def test_cuts_what_is_too_long(self):
        lines = self.assert_refused("""printf '{"error":{"advice":"","message":"'; head -c 3000 /dev/zero | tr '\\0' m
printf '","rule":"x.y"}}'; exit 1""", 1, "x.y")
        self.assertEqual(lines[1], "m" * 1023)
        self.assert_refused("""printf '{"error":{"advice":"","message":"'; head -c 9000 /dev/zero | tr '\\0' m
printf '","rule":"x.y"}}'; exit 1""", 1, "loader.answer")

    def test_refuses_a_program_that_was_killed(self):
        self.assert_refused("printf bytes; kill -9 $$", -1, "loader.wait")

    def test_refuses_where_the_end_cannot_be_learnt(self):
        self.assert_refused("printf bytes", -1, "loader.wait",
                            preexec_fn=lambda: signal.signal(signal.SIGCHLD, signal.SIG_IGN))

    def test_refuses_without_a_program(self):
        for program in PROGRAMS:
            result = subprocess.run([program, "--binary", self.folder / "nothing", "s", "f"], capture_output=True)
            self.assertEqual((result.returncode, result.stdout), (1, b""))
            self.assertTrue(result.stderr.startswith(b"-1 loader.start\n"))

    def test_refuses_arguments_that_make_no_sense(self):
        self.assert_refused("printf bytes", -1, "loader.arguments", subject="")
        self.assert_refused("printf bytes", -1, "loader.arguments", path="")

    def test_works_without_standard_streams(self):
        """The memory may then be descriptor 0 or 1 itself."""
        stand_in = self.folder / "pawl"
        stand_in.write_text("#!/bin/sh\nprintf bytes")
        stand_in.chmod(0o755)
        for program in PROGRAMS:
            for closed in ("<&-", "<&- >&-", ">&-"):
                code = subprocess.run(["/bin/sh", "-c", f'"$0" --binary "$1" s f {closed}', program, stand_in],
                                      capture_output=True).returncode
                self.assertIn(code, (0, 3), closed)  # 3: it could not print, which is right


if __name__ == "__main__":
    unittest.main()
