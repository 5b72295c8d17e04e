#!/usr/bin/python3
"""Flies the released policy: one JSON object a line in, one advisory a line out.

  pawl exec collision-avoidance -- /usr/bin/python3 controller.py

  in:  {"h_ft": -250, "own_ft_s": 3, "intruder_ft_s": 0, "tau_s": 17}
  out: {"advisory": "CL1500"}

The previous advisory is remembered; {"reset": true} forgets it. The working directory is the released tree, and
policy.onnx is taken from there and nowhere else. It starts only where `pawl exec` has set PAWL_EXEC_TREE, so that nobody runs it on
some tree by mistake; that is a reminder and no protection, which is the loader's work.
"""

import json
import os
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "improver"))


def main():
    if not os.environ.get("PAWL_EXEC_TREE"):
        print("controller: start me through `pawl exec`, which checks the warrant first", file=sys.stderr)
        return 2
    import acas
    import network
    import training

    policy = network.load(os.path.join(HERE, "policy.onnx"))
    previous = acas.COC
    for line in sys.stdin:
        try:
            state = json.loads(line)
            if state.get("reset"):
                previous = acas.COC
                continue
            x = training.inputs(*(float(state[k]) for k in ("h_ft", "own_ft_s", "intruder_ft_s", "tau_s")), previous)
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            print(f"controller: cannot read {line.strip()!r}: {error}", file=sys.stderr)
            return 3
        previous = int(policy(x.reshape(5, 1))[:, 0].argmin())
        print(json.dumps({"advisory": acas.ADVISORIES[previous]}), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
