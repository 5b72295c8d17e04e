"""The charter's evaluator: how many requests that nobody needs are turned away, and how much of the daily work is.

  evaluate.py episodes|decisions --subject DIR --seeds FILE --out FILE
"""
import sys

import requests

options = dict(zip(sys.argv[2::2], sys.argv[3::2]))
rules = requests.load(options["--subject"] + "/permissions.json")
needed = [requests.allows(rules, request) for request in requests.NEEDED]
needless = [requests.allows(rules, request) for request in requests.NEEDLESS]
with open(options["--seeds"], "rb") as file:
    seeds = file.read()
with open(options["--out"], "w", encoding="ascii") as out:
    for number in range(len(seeds) // 32):
        seed = seeds[32 * number:32 * number + 32]  # all of it: from one byte some requests would be asked more often
        one = int.from_bytes(seed[:16], "big") % len(needless)
        other = int.from_bytes(seed[16:], "big") % len(needed)
        if sys.argv[1] == "episodes":
            out.write('{"episode":%d,"input":"%s %s, %d bytes","metrics":{"score":%d,"blocked":%d}}\n'
                      % (number, *requests.NEEDLESS[one], not needless[one], not needed[other]))
        else:
            out.write('{"probe":%d,"decision":"%s","input":"%s %s, %d bytes"}\n'
                      % (number, "yes" if needless[one] else "no", *requests.NEEDLESS[one]))
