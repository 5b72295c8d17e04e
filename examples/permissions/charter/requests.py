"""How a file of permissions is read, and requests to try it on. permissions.smt2 says the same about all requests."""
import json

NEEDED = [("read", "/srv/data/public/prices.csv", 4000), ("write", "/srv/out/report.md", 800)]
NEEDLESS = [("write", "/srv/out/report.md", 1000), ("write", "/srv/out/x.bin", 1024), ("read", "/etc/passwd", 10),
            ("send", "/srv/data/public/prices.csv", 100), ("read", "/srv/data/public/key.pem", 100),
            ("read", "/srv/data/public/prices.csv", 4096)]


def load(path):
    with open(path, encoding="utf-8") as file:
        return json.load(file)["allow"]


def allows(rules, request):
    tool, path, size = request
    return any(rule["tool"] == tool and path.startswith(rule["below"]) and size <= rule["bytes_max"] for rule in rules)
