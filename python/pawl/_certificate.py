"""What a certificate claims, and whether the checker says that it proves it."""

import dataclasses
import hashlib
import json
import math
import os
import pathlib
import struct
import typing

from ._program import Path, Refused, find_program, run

_ARITHMETICS = ("real", "float32", "float64")
_KINDS = ("property", "envelope", "drift")
_TENSORS_MAX = 65_536
_OUTPUTS_MAX = 65_536


@dataclasses.dataclass(frozen=True)
class CertificateVerdict:
    """What `pawl-check certificate` said. True only where it proves its claim."""

    accepted: bool
    rule: str  # empty where it was accepted: "certificate.network", "check.leaf", …
    message: str

    def __bool__(self) -> bool:
        return self.accepted


@dataclasses.dataclass(frozen=True)
class Certificate:
    """The header of a certificate (spec/certificate.md): what it says it is about.

        certificate = pawl.Certificate.read("clear-above.cert")
        print(certificate.claim)
        if certificate.check("policy.onnx", "clear-above.vnnlib"):      # started: pawl-check, which trusts none of this
            ...

    Reading proves nothing: anybody can write a header. check() does, about the files that it is given.
    """

    path: pathlib.Path
    arithmetic: str  # "real", "float32", "float64"
    kind: str  # "property"; "envelope": of all networks within weight radii; "drift": of the distance to a baseline
    network_digest: str  # "sha256:…" of the network's file; of an envelope, its centre's
    spec_digest: str  # "sha256:…" of the property's file
    weight_radii: typing.Mapping[str, float]  # of an envelope: tensor -> radius
    baseline_digest: typing.Optional[str]  # of drift: "sha256:…" of the baseline's file
    within: typing.Tuple[str, ...]  # of drift: a decimal for each output
    cases: int

    @staticmethod
    def read(path: Path) -> "Certificate":
        """Raises Refused "certificate.header" where the file does not begin as one, OSError where it cannot be read."""
        with pathlib.Path(path).open("rb") as file:
            return _Header(file).read(pathlib.Path(path))

    @property
    def claim(self) -> str:
        """The claim in words, as the file makes it."""
        arithmetic = {"real": "exact real arithmetic"}.get(self.arithmetic, f"every {self.arithmetic} evaluation")
        if self.kind == "drift":
            return (f"in {arithmetic}, on every box of property {self.spec_digest}, no output of network "
                    f"{self.network_digest} is further from that of baseline {self.baseline_digest} than "
                    f"{', '.join(self.within)}")
        networks = f"network {self.network_digest}"
        if self.kind == "envelope":
            networks = f"every network within weight radii of {len(self.weight_radii)} tensors around {self.network_digest}"
        return f"in {arithmetic}, no input of property {self.spec_digest} takes {networks} into its unsafe set"

    def is_about(self, network: Path, spec: Path) -> bool:
        """Whether the header names these two files' bytes."""
        return self.network_digest == _digest(network) and self.spec_digest == _digest(spec)

    def check(self, network: Path, spec: Path, *, centre: typing.Optional[Path] = None,
              baseline: typing.Optional[Path] = None, within: str = "",
              binary: typing.Optional[Path] = None) -> CertificateVerdict:
        """What the checker says of these files, which it reads itself, in this certificate's arithmetic.

        network   an ONNX file
        spec      a VNN-LIB file: the property
        centre    the network that it was made for, where `network` is another one of its envelope
        baseline  of drift: the other network; `within`: what its bounds must not exceed
        binary    `pawl`, beside which pawl-check lies

        Raises Refused where it could not be asked or did not say.
        """
        files = [os.path.abspath(os.fspath(file)) for file in (network, spec, self.path)]
        words = [find_program("certificate", binary, "pawl-check"), "certificate", *files, "--arithmetic", self.arithmetic,
                 "--json"]
        words += ["--centre", os.path.abspath(os.fspath(centre))] if centre is not None else []
        words += ["--against", os.path.abspath(os.fspath(baseline))] if baseline is not None else []
        words += ["--within", within] if within else []
        answer, status = run("certificate", words)
        try:
            said = json.loads(answer)
            if (said["accepted"] is True) != (status == 0) or not isinstance(said["accepted"], bool):
                raise ValueError("answer and exit status differ")
            if status == 0:
                return CertificateVerdict(True, "", "")
            verdict = CertificateVerdict(False, said["rule"], said["message"])
        except (ValueError, KeyError, TypeError) as error:
            raise Refused("certificate.answer", "pawl-check did not say whether it accepts", "run it by hand",
                          status) from error
        if status not in (1, 3, 4):  # no; malformed; beyond a limit. Anything else is no verdict on the certificate
            raise Refused(verdict.rule, verdict.message, said.get("advice", ""), status)
        return verdict


def _digest(path: Path) -> str:
    return "sha256:" + hashlib.sha256(pathlib.Path(path).read_bytes()).hexdigest()


class _Header:
    def __init__(self, file: typing.BinaryIO) -> None:
        self._file = file

    def read(self, path: pathlib.Path) -> Certificate:
        if self._take(8) != b"PAWLCERT" or self._take(1) != b"\x02":
            raise _malformed("it does not begin like a certificate of version 2")
        arithmetic, kind = self._choice(_ARITHMETICS), self._choice(_KINDS)
        network, about = self._sha256(), self._sha256()
        radii: typing.Dict[str, float] = {}
        baseline: typing.Optional[str] = None
        within: typing.Tuple[str, ...] = ()
        if kind == "envelope":
            for _ in range(self._count(_TENSORS_MAX)):
                name = self._text()
                radius = float(struct.unpack("<d", self._take(8))[0])
                if name in radii or not 0 < radius < math.inf:
                    raise _malformed("a weight radius is no number above 0, or stands there twice")
                radii[name] = radius
        elif kind == "drift":
            baseline = self._sha256()
            within = tuple(self._text() for _ in range(self._count(_OUTPUTS_MAX)))
        return Certificate(path, arithmetic, kind, network, about, radii, baseline, within, self._count(1 << 32))

    def _take(self, size: int) -> bytes:
        taken = self._file.read(size)
        if len(taken) != size:
            raise _malformed("it ends in its header")
        return taken

    def _choice(self, names: typing.Tuple[str, ...]) -> str:
        value = self._take(1)[0]
        if value >= len(names):
            raise _malformed(f"{value} stands for nothing")
        return names[value]

    def _sha256(self) -> str:
        return "sha256:" + self._take(32).hex()

    def _count(self, most: int) -> int:
        value = 0
        for shift in range(0, 35, 7):
            byte = self._take(1)[0]
            value |= (byte & 0x7F) << shift
            if byte < 0x80:
                if (byte == 0 and shift > 0) or not 1 <= value <= most:
                    break
                return value
        raise _malformed("a number is longer than it has to be, 0, or too large")

    def _text(self) -> str:
        text = self._take(self._count(1024))
        if any(byte < 0x20 or byte == 0x7F for byte in text):
            raise _malformed("a name has a control character")
        return text.decode("utf-8", "surrogateescape")


def _malformed(why: str) -> Refused:
    return Refused("certificate.header", why)
