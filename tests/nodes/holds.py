"""What has to hold at the end, from the log as it is exported, read here byte by byte, and by what the loaders of three
nodes say."""

import base64
import collections
import hashlib
import json
import subprocess
import threading
import time

from load import live
from setting import BIN, SUBJECT, WITNESSES


class Holds:
    def __init__(self, root, world, nodes, state, load, heard):
        self.root, self.world, self.nodes, self.state, self.load, self.heard = root, world, nodes, state, load, heard
        self.demand = heard.demand

    def check(self):
        heads = {json.dumps(node.ask("log", "verify"), sort_keys=True) for node in self.nodes}
        self.demand(len(heads) == 1, f"the nodes do not agree on the log: {heads}")
        export = self.root / "export"
        self.nodes[0].ask("log", "export", export)
        self.world.run(BIN / "pawl-check", "log", export, "--charter", self.world.charter, "--store", self.nodes[0].home / "store")
        events = list(read_export(export))
        self.candidates = {digest: predicate for digest, kind, predicate, _ in events if kind == "candidate"}
        self.nothing_lost(events)
        self.releases = self.one_release_each(events)
        self.halts_hold(events)
        self.every_warrant_passes()
        self.witnesses_have_seen_this_log(events)

    def nothing_lost(self, events):
        """What somebody was told of is there, once, and every proposal has an outcome."""
        there = collections.Counter()
        for _, kind, predicate, signers in events:
            proposal = self.candidates.get(predicate.get("candidate"), {}).get("proposal")
            if kind == "proposal":
                there["proposal", predicate["proposal"]] += 1
            if kind == "outcome":
                there["outcome", predicate["proposal"], predicate["outcome"]] += 1
                there["ended", predicate["proposal"]] += 1
            if kind == "vote":
                there["vote", predicate["reviewer"], proposal] += 1
            if kind == "closing":
                for signer in signers:
                    there["closing", signer, proposal] = 1
            if kind == "decision" and proposal:
                for signer in signers:
                    there["approval", signer.removesuffix("@test"), proposal] = 1
        for fact in self.heard.told:
            self.demand(there[fact] > 0, f"somebody was told of {fact}, and the log does not have it")
        for fact, count in there.items():
            self.demand(count == 1, f"{fact} stands in the log {count} times")
        self.outcomes = collections.Counter(fact[2] for fact in there if fact[0] == "outcome")
        self.proposals = sum(fact[0] == "proposal" for fact in there)
        ended = {fact[1] for fact in there if fact[0] == "outcome"}
        pending = sorted(fact[1] for fact in there if fact[0] == "proposal" and fact[1] not in ended)
        self.demand(not pending, f"everything was mended, and nothing ended any more: {pending}")

    def one_release_each(self, events):
        """One release an epoch, in order; of what an accepted proposal was about."""
        releases = [predicate for _, kind, predicate, _ in events if kind == "release"]
        epochs = [release["epoch"] for release in releases]
        self.demand(epochs == list(range(1, len(epochs) + 1)), f"epochs of the releases: {epochs}")
        self.demand(self.outcomes["accepted"] == len(releases), f"{self.outcomes} and {len(releases)} releases")
        actions = {candidate["proposal"]: candidate["action"] for candidate in self.candidates.values()}
        return [dict(release, action=actions[release["proposal"]]) for release in releases]

    def halts_hold(self, events):
        """Once somebody was told "halted", nothing becomes live before people have resumed: the log has no release between
        the two but of what was live then."""
        self.demand(len(self.heard.halts) == len(self.load.halts), f"halted {len(self.heard.halts)} times of {len(self.load.halts)}")
        said = [(index, predicate) for index, (_, kind, predicate, _) in enumerate(events)
                if kind == "decision" and predicate["action"] in ("halt", "resume")]
        for why, epoch, looked in self.heard.halts:
            halts = [index for index, predicate in said if predicate["reason"] == why]
            resumes = [index for index, predicate in said if predicate["reason"] == looked]
            self.demand(halts and resumes and halts[-1] < resumes[0], f"{why} stands at {halts}, {looked} at {resumes}")
            late = [predicate["epoch"] for _, kind, predicate, _ in events[halts[-1]:resumes[0]] if kind == "release"]
            self.demand(all(each <= epoch for each in late), f"{why} when epoch {epoch} was live, and then released: {late}")

    def every_warrant_passes(self):
        """A loader on each node but the gate's follows from the genesis on, with what the database has brought it."""
        followed = [live(self.state)]

        def follow(node):
            followed.append(self.follow(node))
        threads = [threading.Thread(target=follow, args=(node,)) for node in self.nodes[1:]]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        trees = [release["tree"] for release in self.releases if release["action"] != "amendment"]
        self.demand(len(followed) == len(self.nodes) and set(followed) == {(len(self.releases), trees[-1])},
                    f"more than one release is live, or not the log's last one: {followed}, {self.releases[-1]}")

    def follow(self, node):
        state, charter = node.home / f"loader/{SUBJECT}/state.json", self.world.charter
        for release in self.releases:
            digest = release["warrant"].removeprefix("sha256:")
            words = [BIN / "pawl-check", "warrant", node.home / "store/blobs" / digest[:2] / digest, "--charter", charter,
                     "--store", node.home / "store", "--state", state, "--json", "--commit"]
            for _ in range(2):
                result = subprocess.run(list(map(str, words)), capture_output=True, text=True, check=False)
                if result.returncode == 0 or json.loads(result.stdout)["rule"] != "pace.interval":
                    break
                time.sleep(1.1)  # whoever follows keeps the charter's interval by a clock of its own
            self.demand(result.returncode == 0,
                        f"node {node.number} refuses epoch {release['epoch']}: {result.stdout}{result.stderr}")
            if release["action"] == "amendment":
                charter = self.load.charters[release["tree"]]
        return live(state)

    def witnesses_have_seen_this_log(self, events):
        """Each remembers a size that the log has had; a quorum of them that of the last release's warrant, which others may
        have appended to before the release. (What they remember of the tree is held to the log by every warrant: pawl-check
        counts cosignatures.)"""
        sizes = [self.nodes[number].ask("witness", "list", name)[0]["size"] for name, number in WITNESSES.items()]
        boards = [len(list(self.nodes[number].home.glob(f"*/{name}/notices/*/posted/*.json"))) for name, number in WITNESSES.items()]
        self.demand(all(boards), f"witnesses keep so many votes: {boards}")
        at = [index for index, (_, kind, predicate, _) in enumerate(events)
              if kind == "warrant" and predicate["warrant"] == self.releases[-1]["warrant"]]
        self.demand(all(size <= len(events) for size in sizes), f"witnesses have seen {sizes} of {len(events)} entries")
        self.demand(len(at) == 1 and sorted(sizes)[1] >= at[0] - 3,
                    f"witnesses have seen {sizes}, the last release's warrant is at {at}")


def read_export(folder):
    """(digest of the statement, kind, predicate, who signed) of each entry, from C2SP tiles."""
    entries = folder / "tile/entries"
    size = int((folder / "checkpoint").read_text().splitlines()[1])
    for first in range(0, size, 256):
        index, width = first // 256, min(256, size - first)
        path = entries / (f"{index:03}" if index < 1000 else f"x{index // 1000:03}/{index % 1000:03}")
        bundle = (path if width == 256 else path.with_name(path.name + ".p") / str(width)).read_bytes()
        while bundle:
            length = int.from_bytes(bundle[:2], "big")
            envelope, bundle = json.loads(bundle[2:2 + length]), bundle[2 + length:]
            payload = base64.b64decode(envelope["payload"])
            statement = json.loads(payload)
            kind = statement["predicateType"].split(":")[2]
            signers = [signature["keyid"] for signature in envelope["signatures"]]
            yield "sha256:" + hashlib.sha256(payload).hexdigest(), kind, statement["predicate"], signers
