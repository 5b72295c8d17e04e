"""What breaks, a fault after another; the seed says which, when and for how long."""

import collections
import random
import signal
import time

from setting import GATES, NODE_OF

STUCK_S = 120


class Faults:
    def __init__(self, seed, nodes, pair, reviewers, witnesses):
        self.random, self.counted = random.Random(f"{seed} faults"), collections.Counter()
        self.nodes, self.pair, self.reviewers, self.witnesses = nodes, pair, reviewers, witnesses

    def go_on_while(self, load):
        """A fault after another, each mended before the next one of its kind. Gives up where nothing moves any more."""
        chance = self.random
        kinds = [self.kill_reviewer] * 3 + [self.pause_reviewer] * 2 + [self.kill_command] * 4 + [self.pause_command] * 2
        kinds += [self.kill_witness] * 2 + [self.pause_witness, self.cut_witness]
        kinds += [self.cut_node] * 3 + [self.delay_node] * 2 + [self.stall_node] * 2 + [self.cut_replication] * 2
        kinds += [self.revive_primary] * 2 + [self.pause_primary] * 2 + [self.restart_standby, self.fail_over]
        # Each seed has both ways in which a primary ends.
        order = [self.fail_over, self.revive_primary]
        moved, before = time.time(), None
        while (not load.all_asked() or order) and time.time() - moved < STUCK_S:
            if load.progress() != before:
                moved, before = time.time(), load.progress()
            time.sleep(chance.uniform(0.2, 1.2))
            due = order and (chance.random() < 0.3 or load.all_asked())
            fault = order.pop() if due else chance.choice(kinds)
            fault(chance, chance.uniform(0.2, 1.5))
            self.counted[fault.__name__.replace("_", " ")] += 1

    def kill_reviewer(self, chance, _):
        self.send(chance.choice(self.reviewers).process, signal.SIGKILL)

    def pause_reviewer(self, chance, seconds):
        self.pause(chance.choice(self.reviewers).process, seconds)

    def kill_witness(self, chance, _):
        self.send(chance.choice(self.witnesses).process, signal.SIGKILL)

    def pause_witness(self, chance, seconds):
        self.pause(chance.choice(self.witnesses).process, seconds)

    def cut_witness(self, chance, seconds):
        self.on_links(chance.choice(self.witnesses).links, seconds, lambda link: link.cut())

    def kill_command(self, chance, _):
        """Of a gate, also the one that runs by itself, or of a person."""
        self.send(self.some_command(chance), signal.SIGKILL)

    def pause_command(self, chance, seconds):
        self.pause(self.some_command(chance), seconds)

    def some_command(self, chance):
        node = self.nodes[chance.choice((*GATES, *GATES, *sorted(set(NODE_OF.values()))))]
        overseers = {reviewer.process for reviewer in self.reviewers}
        pick = chance.random()
        return node.some_command(
            lambda all_: (lambda others: others[int(pick * len(others))] if others else None)(
                [process for process in all_ if process not in overseers]))

    @staticmethod
    def send(process, number):
        if process is not None and process.poll() is None:
            process.send_signal(number)

    def pause(self, process, seconds):
        self.send(process, signal.SIGSTOP)
        time.sleep(seconds)
        self.send(process, signal.SIGCONT)

    def on_links(self, links, seconds, what):
        for link in links:
            what(link)
        time.sleep(seconds)
        for link in links:
            link.heal()

    def cut_node(self, chance, seconds):
        self.on_links(chance.choice(self.nodes).links(), seconds, lambda link: link.cut())

    def delay_node(self, chance, seconds):
        self.on_links(chance.choice(self.nodes).links(), seconds, lambda link: link.delay(0.1))

    def stall_node(self, chance, seconds):
        self.on_links(chance.choice(self.nodes).links(), seconds, lambda link: link.stall())

    def cut_replication(self, _, seconds):
        self.on_links(self.pair.replication.values(), seconds, lambda link: link.cut())

    def pause_primary(self, _, seconds):
        self.pair.primary.signal_all(signal.SIGSTOP)
        time.sleep(seconds)
        self.pair.primary.signal_all(signal.SIGCONT)

    def revive_primary(self, _, seconds):
        self.pair.kill_primary()
        time.sleep(seconds / 2)
        self.pair.revive()

    def restart_standby(self, _, seconds):
        self.pair.standby.kill()
        time.sleep(seconds)
        self.pair.standby.start()

    def fail_over(self, _, seconds):
        # Only a standby that has everything is promoted: whoever does this by hand looks first, too.
        self.pair.wait_until_synchronous()
        self.pair.kill_primary()
        time.sleep(seconds / 3)
        self.pair.fail_over()
