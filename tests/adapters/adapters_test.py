#!/usr/bin/python3
"""A loop and a client in Python, agents over MCP and a git repository that ask Pawl where they would accept a change by themselves: real programs, real
git, a small charter (tests/attack/attack_home.py).

usage: adapters_test.py [TestName ...]     PAWL_BIN: folder with pawl and pawl-check
"""

import contextlib
import hashlib
import io
import json
import os
import pathlib
import platform
import runpy
import shutil
import signal
import subprocess
import sys
import unittest
import unittest.mock

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent / "attack"), str(HERE.parent.parent / "python")]
from attack_home import AttackSuite, BIN, SUBJECT  # noqa: E402
import pawl  # noqa: E402

GIT = {"GIT_CONFIG_GLOBAL": "/dev/null", "GIT_CONFIG_NOSYSTEM": "1", "GIT_AUTHOR_NAME": "a", "GIT_AUTHOR_EMAIL": "a@b",
       "GIT_COMMITTER_NAME": "a", "GIT_COMMITTER_EMAIL": "a@b"}


class Adapters(AttackSuite):
    def setUp(self):
        self.home = self.template.copy(self.folder / self.id().rsplit(".", 1)[-1])

    # ---- a loop

    def test_a_loop_asks_and_goes_on_from_what_is_live(self):
        home = self.home
        with pawl.gate(SUBJECT, home=home.home, binary=BIN / "pawl", review=True) as gate:
            parent = gate.live()
            off_surface = home.candidate("off", edit=lambda tree: (tree / "controller.py").write_text("x = 1\n"))
            decision = gate.propose(off_surface, "a new program")
            self.assertEqual((decision.outcome, decision.step, decision.rule, bool(decision)),
                             ("outside-charter", "surface", "surface.unlisted", False))
            linked = home.candidate("linked", edit=lambda tree: (tree / "link").symlink_to("/etc/passwd"))
            self.assertEqual(gate.propose(linked).rule, "tree.file-type")
            decision = gate.propose(home.candidate("better"), "better")
            self.assertEqual((decision.outcome, decision.step), ("pending", "approval"), decision)
            self.assertFalse(gate.wait(decision.proposal, timeout_s=0))
            self.assertFalse(gate.release(decision.proposal), "nobody has approved")
            self.assertEqual(gate.live(), parent)
            home.approve(decision.proposal)
            self.assertTrue(gate.wait(decision.proposal, timeout_s=20, every_s=0.2))
            self.assertNotEqual(gate.live().tree, parent.tree)

    # ---- a client

    def run_module(self, module, *words, **variables):
        """Exit status and output of `python3 -m pawl.…`, in this process."""
        out = io.StringIO()
        with unittest.mock.patch.dict(os.environ, PAWL_BINARY=str(BIN / "pawl"), PAWL_HOME=str(self.home.home), **variables):
            with contextlib.redirect_stdout(out), unittest.mock.patch.object(sys, "argv", [module, *words]):
                try:
                    runpy.run_module(module, run_name="__main__")
                except SystemExit as ended:
                    return ended.code, out.getvalue()
        return None, out.getvalue()

    def test_a_client_sees_what_happens_and_a_turn_ends_with_the_release(self):
        home = self.home
        client = pawl.Client(SUBJECT, home=home.home, binary=BIN / "pawl")
        self.assertEqual([release.epoch for release in client.status().releases], [1])
        gate = pawl.gate(SUBJECT, home=home.home, binary=BIN / "pawl", review=True)
        off_surface = home.candidate("off", edit=lambda tree: (tree / "controller.py").write_text("x = 1\n"))
        turn = gate.turn(off_surface)
        self.assertFalse(turn)
        self.assertIn("surface.unlisted", turn.reasons[0])
        candidate = home.root / "mine"
        self.assertEqual(client.check_out(candidate).tree, client.live().tree)
        path = candidate / "improver/hyperparameters.json"
        path.write_text(path.read_text().replace("\n", " \n", 1))
        turn = gate.turn(candidate, "mine", timeout_s=0)
        name = turn.decision.proposal
        self.assertEqual((bool(turn), turn.decision.step, turn.release), (False, "approval", None))
        self.assertEqual([review.verdict for review in client.reviews(name)], ["for"] * 5)
        self.assertEqual([change.path for change in client.changes(name)], ["improver/hyperparameters.json"])
        self.assertIn(("vote", "prover-a"), [(event.kind, event.signed_by) for event in client.history()])
        self.assertEqual(client.verify().size, len(client.history()))
        check = ("pawl.github_check", name, f"--subject={SUBJECT}", f"--sha={'0' * 40}")
        status, document = self.run_module(*check)
        self.assertEqual((status, '"in_progress"' in document), (6, True))
        home.approve(name)
        self.assertEqual(gate.wait(name, timeout_s=20, every_s=0.2).outcome, "accepted")
        self.assertEqual(client.evidence(name).tree, gate.live().tree)
        self.assertEqual([one.outcome for one in client.follow(name, timeout_s=0)], ["accepted"])
        status, document = self.run_module(*check)
        self.assertEqual((status, '"conclusion": "success"' in document), (0, True))

    def test_a_certificate_is_read_and_checked(self):
        files = self.home.subject / "policy.onnx", self.home.charter / "properties/clear-above.vnnlib"
        proof = self.home.root / "clear-above.cert"
        subprocess.run([BIN / "pawl", "--quiet", "prove", *files, "--certificate", proof], check=True, stdout=subprocess.PIPE)
        certificate = pawl.Certificate.read(proof)
        self.assertEqual((certificate.kind, certificate.arithmetic, certificate.is_about(*files)),
                         ("property", "float32", True))
        self.assertEqual(certificate.network_digest, "sha256:" + hashlib.sha256(files[0].read_bytes()).hexdigest())
        self.assertTrue(certificate.check(*files, binary=BIN / "pawl"))
        another = self.home.root / "another.onnx"
        another.write_bytes(files[0].read_bytes()[:-1])
        self.assertFalse(certificate.check(another, files[1], binary=BIN / "pawl"))
        with self.assertRaises(pawl.Refused):
            certificate.check(self.home.root / "nothing", files[1], binary=BIN / "pawl")

    def test_the_example_runs_from_top_to_bottom(self):
        out = io.StringIO()
        variables = {"PAWL_BINARY": str(BIN / "pawl"), "PAWL_HOME": str(self.home.home), "PAWL_SUBJECT": SUBJECT}
        with unittest.mock.patch.dict(os.environ, variables), contextlib.redirect_stdout(out):
            runpy.run_path(str(HERE.parent.parent / "examples/python/one_turn.py"))
        said = out.getvalue()
        for words in ("p2: pending", "improver/hyperparameters.json has", "voted for", "next: pawl approve p2",
                      "events hash to"):
            self.assertIn(words, said)

    # ---- agents

    def install(self, folder):
        """The packages of a lock file, and nothing that they would run."""
        target = self.home.root / folder.name
        target.mkdir()
        for name in ("package.json", "package-lock.json"):
            shutil.copyfile(folder / name, target / name)
        done = subprocess.run(["npm", "ci", "--no-audit", "--no-fund", "--ignore-scripts"], cwd=target, check=False,
                              stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        self.assertEqual(done.returncode, 0, "npm has to reach its registry (npm config get registry):\n" + done.stderr)
        return target

    def node(self):
        """The clients want Node.js 20; where the system's is older, one from a pinned package."""
        said = subprocess.run(["node", "--version"], text=True, capture_output=True, check=True).stdout
        if int(said.removeprefix("v").split(".")[0]) >= 20:
            return "node"
        kind = {"x86_64": "x64", "aarch64": "arm64"}[platform.machine()]
        return self.install(HERE / "mcp/node") / f"node_modules/node-linux-{kind}/bin/node"

    def test_clients_of_others_read_and_propose_and_cannot_approve(self):
        home = self.home
        home.candidate("candidates/better")
        home.candidate("candidates/off", edit=lambda tree: (tree / "controller.py").write_text("x = 1\n"))
        (home.root / "candidates/link").symlink_to(home.subject)
        command = [BIN / "pawl", "--home", home.home, "mcp", "--candidates", home.root / "candidates", "--review",
                   "--page", "https://pawl.example/"]
        command = [str(word) for word in command]
        with subprocess.Popen([*command, "--json", "--listen", "127.0.0.1:0"], stdout=subprocess.PIPE,
                              stderr=subprocess.DEVNULL, text=True) as server:
            try:
                access = json.loads(server.stdout.readline())
                folder = self.install(HERE / "mcp")
                shutil.copyfile(HERE / "mcp/clients.mjs", folder / "clients.mjs")
                asked = {**access, "command": command, "folder": "better", "offSurface": "off", "proposal": "p2"}
                done = subprocess.run([self.node(), folder / "clients.mjs", json.dumps(asked)], text=True,
                                      capture_output=True, check=False, timeout=300)
            finally:
                server.send_signal(signal.SIGTERM)
        self.assertEqual(done.returncode, 0, done.stdout[-3000:] + done.stderr[-3000:])
        said = json.loads(done.stdout)
        self.assertEqual(server.returncode, 0)
        for way, revision in (("modern stdio", "2026-07-28"), ("modern http", "2026-07-28"), ("automatic http", "2026-07-28"),
                              ("legacy stdio", None), ("legacy http", "2025-11-25")):
            got = said[way]
            self.assertEqual((got.get("revision"), got["server"]), (revision, "pawl"), way)
            self.assertIn("Nothing here approves", got["instructions"])
            names = [tool["name"] for tool in got["tools"]]
            self.assertEqual(names, ["pawl_status", "pawl_charter", "pawl_follow", "pawl_evidence", "pawl_event",
                                     "pawl_propose", "pawl_advance"])
            self.assertEqual((got["status"]["subject"], got["status"]["live_epoch"]), (SUBJECT, 1))
            self.assertEqual((got["charter"]["digest"], "[approval]" in got["charter"]["toml"]),
                             (got["status"]["charter"], True))
            self.assertIn("approv", json.dumps(got["charter"]["words"]))
            self.assertEqual(got["event"]["kind"], "decision")
            for refused in ("links", "link"):
                self.assertEqual(got[refused]["error"]["rule"], "mcp.folder", way)
            self.assertTrue(got["wrong"]["isError"])
            self.assertEqual(got["approve"]["code"], -32602)
        proposed = said["modern http"]["proposed"]
        self.assertEqual((proposed["proposal"], proposed["outcome"], proposed["step"]), ("p2", "pending", "approval"))
        for way in ("modern http", "automatic http", "legacy stdio", "legacy http"):
            person = said[way]["followed"]["for_a_person"]
            self.assertEqual((person["command"], person["page"]), ("pawl approve p2", "https://pawl.example/"))
            evidence = said[way]["evidence"]
            self.assertEqual([vote["verdict"] for vote in evidence["votes"]], ["for"] * 5)
            self.assertEqual([change["path"] for change in evidence["changes"]], ["improver/hyperparameters.json"])
        refused = said["legacy stdio"]["refused"]
        self.assertEqual((refused["outcome"], refused["rule"]), ("outside-charter", "surface.unlisted"))
        self.assertIsNotNone(said["stranger"], "a client without the token was let in")
        self.assertEqual(pawl.Client(SUBJECT, home=home.home, binary=BIN / "pawl").status().live_epoch, 1)

    # ---- a repository

    def git(self, *words, expect=0):
        environment = dict(os.environ, **GIT, PYTHONPATH=str(HERE.parent.parent / "python"))
        result = subprocess.run(["git", "-C", str(self.work), *words], env=environment, text=True, capture_output=True,
                                check=False)
        if expect is not None:
            self.assertEqual(result.returncode == 0, expect == 0, result.stdout + result.stderr)
        return result.stdout + result.stderr

    def commit(self, path, text, message):
        target = self.work / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text)
        self.git("add", "-A")
        self.git("commit", "-q", "-m", message)

    def make_repository(self):
        home = self.home
        bare, self.work = home.root / "bare.git", home.root / "work"
        subprocess.run(["git", "init", "-q", "--bare", "-b", "main", bare], check=True, env=dict(os.environ, **GIT))
        hook = bare / "hooks/pre-receive"
        hook.parent.mkdir(exist_ok=True)
        hook.write_text("#!/bin/sh\nexec /usr/bin/python3 -m pawl.pre_receive\n")
        hook.chmod(0o755)
        for name, value in (("subject", SUBJECT), ("home", home.home), ("binary", BIN / "pawl"), ("review", "true")):
            subprocess.run(["git", "-C", bare, "config", f"pawl.{name}", str(value)], check=True)
        subprocess.run(["cp", "-r", home.subject, self.work], check=True)
        self.git("init", "-q", "-b", "main")
        self.git("remote", "add", "origin", str(bare))
        self.git("add", "-A")
        self.git("commit", "-q", "-m", "baseline")
        return bare

    def on_the_branch(self, bare):
        return subprocess.run(["git", "-C", bare, "rev-parse", "main"], text=True, capture_output=True,
                              check=False).stdout.strip()

    def test_a_branch_only_ever_holds_what_is_live(self):
        home, bare = self.home, self.make_repository()
        self.git("push", "origin", "main")  # the baseline is live
        baseline = self.on_the_branch(bare)
        path = "improver/hyperparameters.json"
        self.commit(path, (self.work / path).read_text().replace("\n", " \n", 1), "better")
        told = self.git("push", "origin", "main", expect=1)
        self.assertIn("p2 is pending at approval", told)
        self.assertIn("p2 is pending", self.git("push", "origin", "main", expect=1))  # proposes nothing twice
        self.assertEqual(self.on_the_branch(bare), baseline)
        home.approve("p2")
        home.position("release", "p2", expect=(0,))
        self.git("push", "origin", "main")
        better = self.on_the_branch(bare)
        self.assertNotEqual(better, baseline)

        def hidden():
            """Attributes that keep a file out of `git archive`."""
            (self.work / "hidden.py").write_text("x = 1\n")
            self.commit(".gitattributes", "hidden.py export-ignore\n.gitattributes export-ignore\n", "hidden")
        for change, words in ((lambda: self.commit("controller.py", "x = 1\n", "off the surface"), "surface.unlisted"),
                              (hidden, "outside-charter at surface"),
                              (lambda: os.symlink("/etc/passwd", self.work / "link"), "git.file-type")):
            change()
            self.git("add", "-A")
            self.git("commit", "-q", "--allow-empty", "-m", "hostile")
            self.assertIn(words, self.git("push", "origin", "main", expect=1))
            self.git("reset", "-q", "--hard", better)
        self.assertIn("git.removal", self.git("push", "origin", ":main", expect=1))
        self.git("push", "origin", "main:refs/heads/side")  # other branches are for nobody to guard
        self.assertEqual(self.on_the_branch(bare), better)
        # A gate that cannot be asked takes nothing.
        subprocess.run(["git", "-C", bare, "config", "pawl.binary", "/nowhere/pawl"], check=True)
        self.git("commit", "-q", "--allow-empty", "-m", "nothing")
        self.git("push", "origin", "main", expect=1)
        self.assertEqual(self.on_the_branch(bare), better)

    def test_what_the_hook_reads_is_what_others_get(self):
        bare = self.make_repository()
        self.git("push", "origin", "main")
        baseline = self.on_the_branch(bare)
        tree = self.git("rev-parse", "main^{tree}").strip()

        def refused(made, words):
            hostile = self.git("commit-tree", "-p", baseline, "-m", "hostile", made).strip()
            self.assertIn(words, self.git("push", "origin", f"{hostile}:main", expect=1))
            self.assertEqual(self.on_the_branch(bare), baseline)
        # A replacement in the repository, by which git itself would read the live tree.
        self.commit("controller.py", "x = 1\n", "hostile")
        hostile = self.git("rev-parse", "HEAD^{tree}").strip()
        self.git("update-ref", f"refs/replace/{hostile}", tree)
        self.assertIn("git.replacement", self.git("push", "origin", f"refs/replace/{hostile}", expect=1))
        self.git("update-ref", "-d", f"refs/replace/{hostile}")
        self.git("push", "origin", "HEAD:refs/heads/side")
        subprocess.run(["git", "-C", bare, "update-ref", f"refs/replace/{hostile}", tree], check=True)
        refused(hostile, "surface.unlisted")
        self.git("push", "origin", f":refs/replace/{hostile}")
        # Entries that stand there twice, of which one would be read and the other be checked out; and those that git
        # writes in another order or form.
        listed = subprocess.run(["git", "-C", self.work, "cat-file", "tree", tree], capture_output=True, check=True).stdout
        blob = bytes.fromhex(self.git("rev-parse", "HEAD:controller.py").strip())
        before = listed.index(b"100644 controller.py\0")
        for made in (listed[:before] + b"100644 controller.py\0" + blob + listed[before:],
                     listed.replace(b"100644 controller.py\0", b"0100644 controller.py\0"),
                     b"40000 empty\0" + bytes.fromhex("4b825dc642cb6eb9a060e54bf8d69288fbee4904") + listed):
            subprocess.run(["git", "-C", self.work, "hash-object", "-t", "tree", "-w", "/dev/null"], check=True,
                           capture_output=True)
            written = subprocess.run(["git", "-C", self.work, "hash-object", "--literally", "-t", "tree", "-w", "--stdin"],
                                     input=made, capture_output=True, check=True).stdout.decode().strip()
            refused(written, "git.tree-form")

    def test_every_commit_of_the_branch_has_a_tree_that_was_live(self):
        """What is live comes last: a tip alone says nothing of the commits that can be checked out below it."""
        bare = self.make_repository()
        self.git("tag", "live")
        self.commit("controller.py", "x = 1\n", "hostile")
        self.git("tag", "hostile")
        self.git("revert", "--no-edit", "HEAD")
        for revision in ("HEAD", "HEAD^0"):
            self.assertIn("git.history", self.git("push", "origin", f"{revision}:refs/heads/main", expect=1))  # creates it
        self.assertEqual(self.on_the_branch(bare), "main")
        self.git("push", "origin", "live^0:refs/heads/main")
        live = self.on_the_branch(bare)
        tree = self.git("rev-parse", "live^{tree}").strip()
        self.git("push", "origin", "hostile^0:refs/heads/side")  # there already, and yet new on the branch
        merged = self.git("commit-tree", "-p", "live", "-p", "hostile", "-m", "merge", tree).strip()
        beside = self.git("commit-tree", "-p", merged, "-m", "beside", tree).strip()
        for revision in ("HEAD", merged, beside):
            self.assertIn("git.history", self.git("push", "origin", f"{revision}:refs/heads/main", expect=1))
            self.assertIn("git.history", self.git("push", "--force", "origin", f"{revision}:refs/heads/main", expect=1))
            self.assertEqual(self.on_the_branch(bare), live)
        again = live
        for _ in range(2):
            again = self.git("commit-tree", "-p", again, "-m", "the same once more", tree).strip()
        self.git("push", "origin", f"{again}:refs/heads/main")
        self.assertEqual(self.on_the_branch(bare), again)
        self.git("push", "--force", "origin", f"{live}:refs/heads/main")  # nothing new, and what is live
        self.assertEqual(self.on_the_branch(bare), live)

    def test_no_other_name_moves_the_branch(self):
        bare = self.make_repository()

        def symbolic(*words):
            subprocess.run(["git", "-C", bare, "symbolic-ref", *words], check=True)
        symbolic("refs/heads/alias", "refs/heads/main")
        symbolic("refs/notes/farther", "refs/heads/alias")
        symbolic("refs/heads/round", "refs/heads/about")
        symbolic("refs/heads/about", "refs/heads/round")
        self.commit("controller.py", "x = 1\n", "hostile")
        for name in ("refs/heads/alias", "refs/notes/farther"):  # where the branch is not there yet
            self.assertIn("git.alias", self.git("push", "origin", f"HEAD:{name}", expect=1))
        self.assertEqual(self.on_the_branch(bare), "main")
        self.git("push", "origin", "HEAD^:refs/heads/main")
        live = self.on_the_branch(bare)
        for words in (["HEAD:refs/heads/alias"], ["HEAD:refs/notes/farther"], [":refs/heads/alias"], ["HEAD:refs/heads/round"],
                      ["HEAD:refs/heads/side", "HEAD:refs/heads/alias"]):
            told = self.git("push", "origin", *words, expect=1)
            self.assertTrue("git.alias" in told or "round" in words[0], told)
            self.assertEqual(self.on_the_branch(bare), live)
        symbolic("refs/heads/other", "refs/heads/elsewhere")  # of no concern
        self.git("push", "origin", "HEAD:refs/heads/other")
        # The branch itself under another name: whoever writes that one would move it.
        symbolic("refs/heads/guarded", "refs/heads/main")
        subprocess.run(["git", "-C", bare, "config", "pawl.branch", "guarded"], check=True)
        for name in ("guarded", "main"):
            self.assertIn("git.symbolic", self.git("push", "origin", f"HEAD:refs/heads/{name}", expect=1))
        self.assertEqual(self.on_the_branch(bare), live)

    # ---- trees in and out

    def import_git(self, repository, revision, name, expect=0):
        home = self.home
        done = subprocess.run([BIN / "pawl", "import-git", repository, revision, os.path.join(home.root, name)],
                              capture_output=True, text=True, check=False)
        self.assertEqual(done.returncode == 0, expect == 0, done.stdout + done.stderr)
        return done.stdout + done.stderr

    def test_releases_go_out_as_commits_and_come_in_as_the_same_trees(self):
        home = self.home
        live = home.pawl("tree", home.subject).strip()
        stream, bare = home.root / "releases.fi", home.root / "releases.git"
        home.pawl("export-git", stream, "--branch", "released")
        self.assertIn("git.not-a-file", home.pawl("--json", "export-git", "/dev/null", expect=(2,)))
        subprocess.run(["git", "init", "-q", "--bare", bare], check=True, env=dict(os.environ, **GIT))
        with open(stream, "rb") as given:
            subprocess.run(["git", "-C", bare, "fast-import", "--quiet"], stdin=given, check=True, env=dict(os.environ, **GIT))
        message = subprocess.run(["git", "-C", bare, "log", "-1", "--format=%B", "released"], capture_output=True, text=True,
                                 check=True).stdout
        self.assertIn(f"Pawl-Tree: {live}", message)
        self.assertIn(live, self.import_git(bare, "released", "back"))
        self.assertEqual(home.pawl("tree", home.root / "back").strip(), live)

    def test_a_strangers_repository_is_read_in_the_sandbox(self):
        home = self.home
        self.make_repository()
        marker = home.root / "ran"
        self.commit("notes with \"quotes\".md", "as it is\r\n", "odd names")
        # What would run or rewrite things where git is run plainly.
        attributes = self.work / ".git/info/attributes"
        attributes.parent.mkdir(exist_ok=True)
        attributes.write_text("* filter=evil\n*.md eol=crlf\nimprover export-ignore\n")
        evil = ("filter.evil.smudge", "filter.evil.clean", "core.fsmonitor", "core.pager", "core.sshCommand")
        for name in evil:
            self.git("config", name, f"touch {marker}")
        told = self.import_git(self.work, "main", "candidate")
        self.assertFalse(marker.exists())
        self.assertEqual((home.root / "candidate" / "notes with \"quotes\".md").read_bytes(), b"as it is\r\n")
        self.assertFalse((home.root / "candidate/.git").exists())
        self.assertTrue((home.root / "candidate/improver").is_dir())
        attributes.unlink()
        for name in reversed(evil):
            self.git("config", "--unset", name)
        marker.unlink(missing_ok=True)  # of this test's own use of git
        self.assertIn("git.exists", self.import_git(self.work, "main", "candidate", expect=1), told)
        for revision, words in (("nowhere", "git.no-commit"), ("$(touch x)", "git.revision")):
            self.assertIn(words, self.import_git(self.work, revision, "none", expect=1))
        self.assertIn("git.repository", self.import_git(home.root / "nothing", "main", "none", expect=1))
        self.assertIn("git.failed", self.import_git(home.subject, "main", "none", expect=1))
        head = self.git("rev-parse", "HEAD").strip()
        for make, words in ((lambda: os.symlink("/etc/passwd", self.work / "link"), "git.symlink"),
                            (lambda: self.git("update-index", "--add", "--cacheinfo", f"160000,{head},lib"), "git.submodule")):
            make()
            if words == "git.symlink":
                self.git("add", "link")
            self.git("commit", "-q", "-m", "hostile")
            self.assertIn(words, self.import_git(self.work, "HEAD", "none", expect=1))
            self.git("reset", "-q", "--hard", head)
        # A pack that is broken: an error, and nothing that looks like a tree.
        broken = sorted((self.work / ".git/objects").glob("[0-9a-f][0-9a-f]/*"))
        for file in broken:
            file.chmod(0o644)
            file.write_bytes(b"x\x9cnonsense")
        self.assertIn("git.failed", self.import_git(self.work, "HEAD", "none", expect=1))
        self.assertFalse((home.root / "none").exists())
        self.assertEqual([path.name for path in home.root.glob("none*")], [])
        self.assertFalse(marker.exists())

    def test_a_commits_name_is_held_against_what_comes_out(self):
        self.make_repository()
        for text in ("one", "two"):
            self.commit("improver/notes.md", text, text)
        self.import_git(self.work, "HEAD", "honest")

        def loose(revision):
            name = self.git("rev-parse", revision).strip()
            return self.work / ".git/objects" / name[:2] / name[2:]
        # Git itself looks at the names of a commit and of its first folder, and at no others.
        for what, words in ((":improver/notes.md", "git.object"), (":improver", "git.object"), ("^{tree}", "git.failed"),
                            ("^{commit}", "git.failed")):
            victim, other = loose("HEAD" + what), loose("HEAD~1" + what)
            honest = victim.read_bytes()
            victim.chmod(0o644)
            victim.write_bytes(other.read_bytes())
            self.assertIn(words, self.import_git(self.work, "HEAD", "none", expect=1), what)
            self.assertFalse((self.home.root / "none").exists())
            victim.write_bytes(honest)
        self.import_git(self.work, "HEAD", "again")

    def test_a_branch_does_not_pass_for_a_commit(self):
        self.make_repository()
        for text in ("one", "two"):
            self.commit("improver/notes.md", text, text)
        name = self.git("rev-parse", "HEAD").strip()
        self.git("update-ref", f"refs/heads/{name[:10]}", "HEAD~1")
        self.assertIn("git.other-object", self.import_git(self.work, name[:10], "none", expect=1))
        self.assertIn("git.other-object", self.import_git(self.work, name[:10] + "~1", "none", expect=1))
        self.import_git(self.work, f"refs/heads/{name[:10]}", "branch")
        self.assertIn(name, self.import_git(self.work, name, "whole"))
        self.assertIn(name, self.import_git(self.work, name[:12], "cut-short"))

    def test_a_repository_that_is_not_whole_is_refused_with_what_to_do(self):
        self.make_repository()
        root, env = self.home.root, dict(os.environ, **GIT)
        subprocess.run(["git", "clone", "-q", "--shared", self.work, root / "shared"], check=True, env=env)
        subprocess.run(["git", "init", "-q", root / "empty"], check=True, env=env)
        self.git("worktree", "add", "-q", "--detach", root / "worktree")
        for repository, words in (("shared", "--no-local"), ("worktree", "--no-local"), ("empty", "commit first")):
            told = self.import_git(root / repository, "HEAD", "none", expect=1)
            self.assertIn(words, told)
            self.assertNotIn("\\x0A", told)

    def test_an_import_touches_nothing_but_the_directory_it_makes(self):
        self.make_repository()
        root = self.home.root
        (root / "new.importing").mkdir()
        (root / "new.importing/mine").write_text("x")
        self.import_git(self.work, "main", "new//")
        self.assertTrue((root / "new/controller.py").exists())
        self.assertEqual((root / "new").stat().st_mode & 0o700, 0o700)
        self.assertEqual(sorted(path.name for path in root.glob("new*")), ["new", "new.importing"])
        self.assertEqual((root / "new.importing/mine").read_text(), "x")
        self.import_git(self.work, "main", "deep/down/new")
        self.assertTrue((root / "deep/down/new/controller.py").exists())

    def test_a_repository_starts_no_transport(self):
        self.make_repository()
        for name, value in (("core.repositoryformatversion", "1"), ("extensions.partialClone", "origin"),
                            ("protocol.ext.allow", "always"), ("protocol.allow", "always"),
                            ("remote.origin.promisor", "true"), ("remote.origin.partialclonefilter", "blob:none"),
                            ("remote.origin.url", "ext::sh -c echo% it-ran>&2")):
            self.git("config", name, value)
        name = self.git("rev-parse", "HEAD:improver").strip()
        (self.work / ".git/objects" / name[:2] / name[2:]).unlink()
        told = self.import_git(self.work, "main", "none", expect=1)
        self.assertIn("git.failed", told)
        self.assertNotIn("it-ran", told)


if __name__ == "__main__":
    unittest.main()
