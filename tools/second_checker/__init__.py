"""A second checker of certificates, in exact arithmetic, from spec/certificate.md.

Read in this order: certificate.py (bytes), onnx.py and vnnlib.py (the two files), exact.py (numbers), program.py (the
network as affine steps with their deployed rounding), envelope.py (whether a network is in one), drift.py (two networks joined), curves.py (lines of activations), bounds.py (the recipes),
verdict.py (when yes is said).

It is there to disagree. Whatever pawl-check-certificate accepts, this must accept; whatever this rejects, that must
reject. Where only this one accepts, the exact margin has to be so small that the other's rounding explains it.
Of relabelling operators it reads Flatten, Reshape, Squeeze, Unsqueeze, Identity and Transposes that move nothing.
Nothing but the Python standard library is used, and no floating-point operation except the midpoint of a split, which
the specification defines as one.
"""


class Refused(Exception):
    """The answer is no; `kind` says what kind of no, as the exit status has it."""

    KINDS = {"no": 1, "malformed": 3, "limit": 4}

    def __init__(self, kind: str, rule: str, message: str = ""):
        super().__init__(f"{rule}: {message}" if message else rule)
        assert kind in self.KINDS
        self.kind, self.rule, self.message = kind, rule, message
