"""Headers of certificates, well-formed and not, and what is made of the checker's answers."""

import hashlib
import pathlib
import struct
import unittest

from stand_in import StandInTest
import pawl

NETWORK, SPEC, BASELINE = b"\x11" * 32, b"\x22" * 32, b"\x33" * 32


def text(value):
    return bytes([len(value)]) + value


def header(arithmetic=1, kind=0, middle=b"", version=2, cases=b"\x01"):
    return b"PAWLCERT" + bytes([version, arithmetic, kind]) + NETWORK + SPEC + middle + cases + b"the rest"


ENVELOPE = b"\x02" + text(b"w0") + struct.pack("<d", 0.5) + text(b"b0") + struct.pack("<d", 1e-4)
DRIFT = BASELINE + b"\x02" + text(b"0.5") + text(b"10")


class Certificates(StandInTest):
    def read(self, content):
        path = self.folder / "c.cert"
        path.write_bytes(content)
        return pawl.Certificate.read(path)

    def test_each_kind(self):
        plain = self.read(header())
        self.assertEqual((plain.arithmetic, plain.kind, plain.network_digest, plain.spec_digest, plain.cases),
                         ("float32", "property", "sha256:" + "11" * 32, "sha256:" + "22" * 32, 1))
        envelope = self.read(header(arithmetic=0, kind=1, middle=ENVELOPE))
        self.assertEqual((envelope.arithmetic, dict(envelope.weight_radii)), ("real", {"w0": 0.5, "b0": 1e-4}))
        drift = self.read(header(arithmetic=2, kind=2, middle=DRIFT, cases=b"\x80\x01"))
        self.assertEqual((drift.arithmetic, drift.baseline_digest, drift.within, drift.cases),
                         ("float64", "sha256:" + "33" * 32, ("0.5", "10"), 128))
        self.assertIn("exact real arithmetic", envelope.claim)
        self.assertIn("2 tensors", envelope.claim)
        self.assertIn("0.5, 10", drift.claim)
        self.assertIn("no input of property sha256:2222", plain.claim)

    def test_each_malformed_shape_is_refused(self):
        shapes = [b"", b"PAWLCERX" + header()[8:], header(version=1), header(arithmetic=3), header(kind=3),
                  header(cases=b"\0"), header(cases=b"\x80\0"), header(cases=b"\xff\xff\xff\xff\xff\x01"), header()[:74],
                  header(kind=1, middle=b"\0"), header(kind=1, middle=b"\xff\xff\xff\x7f" + text(b"w")),
                  header(kind=1, middle=b"\x01" + text(b"w\n") + struct.pack("<d", 1)),
                  header(kind=1, middle=b"\x01" + text(b"") + struct.pack("<d", 1)),
                  header(kind=1, middle=b"\x02" + 2 * (text(b"w") + struct.pack("<d", 1))), header(kind=2, middle=BASELINE)[:80]]
        shapes += [header(kind=1, middle=b"\x01" + text(b"w") + struct.pack("<d", radius))
                   for radius in (0.0, -1.0, float("nan"), float("inf"))]
        for shape in shapes:
            with self.assertRaises(pawl.Refused, msg=shape) as caught:
                self.read(shape)
            self.assertEqual(caught.exception.rule, "certificate.header")

    def test_which_files_it_is_about(self):
        for name in ("network", "spec"):
            (self.folder / name).write_bytes(name.encode())
        digests = [hashlib.sha256(name).digest() for name in (b"network", b"spec")]
        certificate = self.read(header().replace(NETWORK + SPEC, b"".join(digests)))
        self.assertTrue(certificate.is_about(self.folder / "network", self.folder / "spec"))
        self.assertFalse(certificate.is_about(self.folder / "spec", self.folder / "network"))

    def test_only_an_accepted_answer_with_its_status_is_a_yes(self):
        certificate = self.read(header())
        no = {"accepted": False, "rule": "check.leaf", "message": "m", "advice": ""}
        self.pawl({})

        def verdict(answer, status):
            self.pawl({"certificate": (answer, status)}, "pawl-check")
            return certificate.check("n.onnx", "s.vnnlib", baseline="b", within="0.1", binary=self.folder / "pawl")
        self.assertTrue(verdict({"accepted": True}, 0))
        words = self.asked()[-1].split()
        self.assertEqual(words[0], "certificate")
        self.assertEqual([pathlib.Path(word).name for word in words[1:4]], ["n.onnx", "s.vnnlib", "c.cert"])
        self.assertEqual(words[4:7], ["--arithmetic", "float32", "--json"])
        for status in (1, 3, 4):
            self.assertEqual(verdict(no, status), pawl.CertificateVerdict(False, "check.leaf", "m"))
        for answer, status in ((no, 0), ({"accepted": True}, 1), ({"accepted": 1}, 0), ("", 0), ("", 1), (no, 5), (no, 2)):
            with self.assertRaises(pawl.Refused):
                verdict(answer, status)


if __name__ == "__main__":
    unittest.main()
