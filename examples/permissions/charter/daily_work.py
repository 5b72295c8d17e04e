"""The test suite of this charter: ends with status 0 where the candidate allows the daily work."""
import sys

import requests

rules = requests.load("/in/subject/permissions.json")
blocked = [request for request in requests.NEEDED if not requests.allows(rules, request)]
if blocked:
    sys.exit(f"the daily work needs {blocked[0]}")
