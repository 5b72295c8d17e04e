"""The check of a commit and the alias of a registry. GitHub and MLflow are stood in for by servers on this machine that
speak the calls of their documented APIs which the hooks use; neither service itself was asked."""

import contextlib
import hashlib
import io
import json
import os
import unittest
import unittest.mock
import urllib.parse

from stand_in import OTHER, Service, StandInTest, TREE, current, evidence
from pawl import Client, Refused, github_check, mlflow_alias

SHA = "0123456789abcdef0123456789abcdef01234567"


class Hook(StandInTest):
    def run_hook(self, main, words, answers, **variables):
        """Exit status, standard output and error of a hook in this process."""
        out, err = io.StringIO(), io.StringIO()
        variables = {"PAWL_BINARY": str(self.pawl(answers)), **variables}
        with unittest.mock.patch.dict(os.environ, variables), contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            try:
                status = main(words)
            except SystemExit as ended:
                status = ended.code
        return status, out.getvalue(), err.getvalue()


class GithubCheck(Hook):
    def document(self, *outcome, **more):
        answers = {"status": (evidence(*outcome, **more), 0)}
        return github_check.check_document(Client("s", binary=self.pawl(answers)).evidence("p3"), SHA)

    def test_only_what_is_live_is_a_success(self):
        for outcome, state, conclusion in (("accepted", "completed", "success"), ("rejected", "completed", "failure"),
                                           ("outside-charter", "completed", "action_required"),
                                           ("pending", "in_progress", None)):
            document = self.document(outcome, "release", "x.y")
            self.assertEqual((document["status"], document.get("conclusion")), (state, conclusion))
            self.assertEqual((document["head_sha"], document["external_id"], document["name"]), (SHA, "p3", "pawl"))

    def test_texts_of_others_are_shown_and_not_interpreted(self):
        hostile = "``` \n@everyone ![x](http://evil) ````\n</details><script>\u202e\x1b[2J"
        document = self.document("rejected", "bounds", "bounds.harm", note=hostile, findings=[
            {"step": "bounds", "outcome": "fail", "rule": "bounds.harm", "summary": hostile, "time": ""}])
        for part in ("summary", "text"):
            lines = document["output"][part].split("\n")
            fences = [line for line in lines if set(line) == {"`"} and line]
            self.assertEqual(fences, ["`````", "`````"])
            self.assertNotIn("\u202e", document["output"][part])
            self.assertNotIn("\x1b", document["output"][part])
            inside = "\n".join(lines[lines.index("`````"):])
            self.assertEqual(inside.count("@everyone"), document["output"][part].count("@everyone"))
        self.assertNotIn("\n", document["output"]["title"])

    def test_limits_of_the_service_are_kept(self):
        document = self.document("rejected", "bounds", "bounds.harm", note="x" * 200_000)
        self.assertLess(max(map(len, document["output"].values())), 65_535)

    def test_it_prints_or_posts(self):
        answers = {"status": (evidence("accepted", "release", ""), 0)}
        status, printed, _ = self.run_hook(github_check.main, ["p3", "--subject=s", f"--sha={SHA}"], answers)
        self.assertEqual((status, json.loads(printed)["conclusion"]), (0, "success"))
        service = Service(self, lambda *_: (201, {}, {"id": 7}))
        words = ["p3", "--subject=s", f"--sha={SHA}", "--post", "--repository=o/r", f"--api={service.address}"]
        status, printed, _ = self.run_hook(github_check.main, words, answers, GITHUB_TOKEN="secret")
        self.assertEqual((status, json.loads(printed)), (0, {"check_run": 7, "conclusion": "success"}))
        method, path, headers, body = service.asked[0]
        self.assertEqual((method, path, headers["Authorization"], body["conclusion"]),
                         ("POST", "/repos/o/r/check-runs", "Bearer secret", "success"))
        answers = {"status": (evidence(), 0)}
        status, _, _ = self.run_hook(github_check.main, [*words, "--check-run=7"], answers, GITHUB_TOKEN="secret")
        self.assertEqual((status, *service.asked[1][:2]), (6, "PATCH", "/repos/o/r/check-runs/7"))
        self.assertNotIn("conclusion", service.asked[1][3])

    def test_what_is_not_sent_is_no_success(self):
        answers = {"status": (evidence("accepted", "release", ""), 0)}
        words = ["p3", "--subject=s", f"--sha={SHA}", "--post", "--repository=o/r"]
        elsewhere = Service(self, lambda *_: (201, {}, {"id": 7}))
        for answer in ((403, {}, {}), (302, {"Location": elsewhere.address + "/x"}, {}), (201, {}, b"[]"), (201, {}, b"x")):
            service = Service(self, lambda *_, answer=answer: answer)
            status, _, _ = self.run_hook(github_check.main, [*words, f"--api={service.address}"], answers, GITHUB_TOKEN="t")
            self.assertEqual(status, 5)
        self.assertEqual(elsewhere.asked, [], "a redirect took the token elsewhere")
        for api in ("http://example.org", "ftp://127.0.0.1", "https://", "127.0.0.1", "https://h/?q"):
            self.assertEqual(self.run_hook(github_check.main, [*words, f"--api={api}"], answers, GITHUB_TOKEN="t")[0], 2)
        for wrong in (["p3", "--subject=s", "--sha=abc"], words, [*words[:3], "--check-run=7"]):
            self.assertEqual(self.run_hook(github_check.main, wrong, answers, GITHUB_TOKEN="")[0], 2)
        error = {"error": {"rule": "gate.no-proposal", "message": "m", "advice": ""}}
        self.assertEqual(self.run_hook(github_check.main, words[:3], {"status": (error, 5)})[0], 5)


class MlflowAlias(Hook):
    """A registry with one model and two versions, of which the second is what is live."""

    LIVE = b"\x08live network"

    def setUp(self):
        super().setUp()
        self.artifacts = {"/1/a/model.onnx": b"another", "/2/a/model.onnx": self.LIVE}
        self.aliases, self.tags, self.scheme = {"champion": "1"}, {}, "mlflow-artifacts:"
        self.service = Service(self, self.answer)

    def answer(self, method, path, _, body):
        parts = urllib.parse.urlsplit(path)
        query = dict(urllib.parse.parse_qsl(parts.query))
        call = parts.path.removeprefix("/api/2.0/")
        if call.startswith("mlflow-artifacts/artifacts/"):
            content = self.artifacts.get(urllib.parse.unquote(call.removeprefix("mlflow-artifacts/artifacts")))
            return (404, {}, {}) if content is None else (200, {}, content)
        if call == "mlflow/registered-models/alias" and method == "GET":
            if query["alias"] not in self.aliases:
                return 400, {}, {"error_code": "INVALID_PARAMETER_VALUE"}
            return 200, {}, {"model_version": {"name": query["name"], "version": self.aliases[query["alias"]]}}
        if call == "mlflow/registered-models/alias" and method == "POST":
            self.aliases[body["alias"]] = body["version"]
            return 200, {}, {}
        if call == "mlflow/model-versions/set-tag":
            self.tags[(body["version"], body["key"])] = body["value"]
            return 200, {}, {}
        if call == "mlflow/model-versions/get":
            known = query["version"] in ("1", "2")
            return (200, {}, {"model_version": {"version": query["version"]}}) if known else (404, {}, {})
        if call == "mlflow/model-versions/get-download-uri":
            return 200, {}, {"artifact_uri": f"{self.scheme}/{query['version']}/a"}
        return 501, {}, {}

    def hook(self, *words, live=None, status=0, file="policy.onnx=model.onnx"):
        digest = "sha256:" + hashlib.sha256(live or self.LIVE).hexdigest()
        answer = current(OTHER, {"policy.onnx": digest}) if status == 0 else {
            "error": {"rule": "halt.in-force", "message": "halted", "advice": ""}}
        return self.run_hook(mlflow_alias.main, ["--subject=s", "--model=agent", "--alias=champion", f"--file={file}", *words],
                             {"current": (answer, status)}, MLFLOW_TRACKING_URI=self.service.address)

    def test_the_alias_moves_to_what_is_live(self):
        self.assertEqual(self.hook("--check")[0], 1)
        status, said, _ = self.hook("--version=2")
        self.assertEqual((status, self.aliases), (0, {"champion": "2"}))
        self.assertEqual((self.tags[("2", "pawl.warrant")], self.tags[("2", "pawl.tree")]), (TREE, OTHER))
        self.assertIn(TREE, said)
        self.assertEqual(self.hook("--check")[0], 0)

    def test_it_stays_where_anything_is_wrong(self):
        for words, options, expected in (
                (["--version=1"], {}, 1), (["--version=2"], {"live": b"newer"}, 1), (["--version=2"], {"status": 1}, 1),
                (["--version=2"], {"status": 5}, 5), (["--version=3"], {}, 5), (["--version=2"], {"file": "other"}, 1),
                (["--version=2"], {"file": "policy.onnx=nothing"}, 5), (["--version=2"], {"file": "policy.onnx=../x"}, 1),
                (["--version=2", "--registry=http://example.org"], {}, 2), ([], {}, 2), (["--version=2", "--check"], {}, 2)):
            status, _, said = self.hook(*words, **options)
            self.assertEqual((status, self.aliases, self.tags), (expected, {"champion": "1"}, {}), (words, options, said))
        for scheme in ("s3:", "mlflow-artifacts:/..", "file://host"):
            self.scheme = scheme
            self.assertEqual((self.hook("--version=2")[0], self.aliases), (1, {"champion": "1"}))

    def test_artifacts_on_this_machine(self):
        (self.folder / "2/a").mkdir(parents=True)
        (self.folder / "2/a/model.onnx").write_bytes(self.LIVE)
        self.scheme = f"file://{self.folder}"
        self.assertEqual((self.hook("--version=2")[0], self.aliases), (0, {"champion": "2"}))

    def test_it_stays_where_another_release_became_live_meanwhile(self):
        digest = "sha256:" + hashlib.sha256(self.LIVE).hexdigest()
        client = unittest.mock.Mock()
        client.live = iter([Client("s", binary=self.pawl({"current": (current(tree, {"policy.onnx": digest}), 0)})).live()
                            for tree in (OTHER, TREE)]).__next__
        with unittest.mock.patch.object(mlflow_alias, "compare"):
            with self.assertRaises(Refused) as caught:
                mlflow_alias.move_alias(client, mlflow_alias.Registry(self.service.address, {}), "agent", "2", "champion",
                                        {"policy.onnx": "model.onnx"})
        self.assertEqual((caught.exception.rule, self.aliases), ("mlflow.moved", {"champion": "1"}))


if __name__ == "__main__":
    unittest.main()
