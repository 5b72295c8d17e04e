#!/usr/bin/python3
"""deploy/ says nothing that is not so: every command and option exists, everything that is referred to is there, keys
are those of the formats, containers and units run without rights. PAWL_BIN: the folder with pawl."""
import functools
import os
import re
import shutil
import subprocess
import tempfile
import unittest

import yaml

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
DEPLOY = os.path.join(ROOT, "deploy")
PAWL = os.path.join(os.environ.get("PAWL_BIN", os.path.join(ROOT, "build/release/bin")), "pawl")


class Strict(yaml.SafeLoader):
    """Refuses a key that stands twice, of which YAML would take the last."""


def mapping(loader, node, deep=False):
    seen = set()
    for key, _ in node.value:
        if key.tag == "tag:yaml.org,2002:merge":
            continue
        name = loader.construct_object(key, deep=True)
        if name in seen:
            raise ValueError(f"{name!r} stands twice: {key.start_mark}")
        seen.add(name)
    loader.flatten_mapping(node)
    return yaml.SafeLoader.construct_mapping(loader, node, deep=True)


Strict.add_constructor("tag:yaml.org,2002:map", mapping)


def load(path):
    with open(path, encoding="utf-8") as file:
        return [one for one in yaml.load_all(file, Loader=Strict) if one is not None]


@functools.lru_cache(maxsize=None)
def help_of(words):
    done = subprocess.run([PAWL, *words, "--help"], capture_output=True, text=True, check=False, timeout=60)
    if done.returncode != 0:
        raise AssertionError(f"pawl {' '.join(words)}: {done.stderr}")
    return done.stdout


def objection_to(arguments):
    """What is wrong with a command line of pawl's, or nothing."""
    words, rest = [], list(arguments)
    general = help_of(())
    while rest:
        word = rest.pop(0)
        if word.startswith("-"):
            if not re.search(rf"^\s+(-\w,\s*)?{re.escape(word)}(\s|$)", help_of(tuple(words)) + general, re.M):
                return f"pawl {' '.join(words)} has no option {word}"
            if re.search(rf"^\s+(-\w,\s*)?{re.escape(word)}\s+(TEXT|UINT|INT|URL)", help_of(tuple(words)) + general, re.M):
                if not rest:
                    return f"{word} takes a value"
                rest.pop(0)
        elif re.search(rf"^\s+{re.escape(word)}\s", help_of(tuple(words)).partition("ubcommands:")[2], re.M):
            words.append(word)
        elif not words:
            return f"pawl has no command {word}"
        else:
            positionals = re.search(r"^Usage:.*", help_of(tuple(words)), re.M).group(0)
            if not re.search(r"\b[A-Z][A-Z-]+\b", positionals.replace("OPTIONS", "")):
                return f"pawl {' '.join(words)} takes no {word}"
    return None if words else "no command"


# Of the formats, what these files use: a key that is not here is a slip of the pen or has to be looked up first.
KEYS = {
    "Deployment.spec": {"replicas", "strategy", "selector", "template"},
    "StatefulSet.spec": {"serviceName", "replicas", "selector", "template", "volumeClaimTemplates"},
    "pod": {"automountServiceAccountToken", "terminationGracePeriodSeconds", "securityContext", "containers", "volumes"},
    "container": {"name", "image", "args", "env", "envFrom", "ports", "readinessProbe", "livenessProbe",
                  "securityContext", "resources", "volumeMounts"},
    "probe": {"httpGet", "tcpSocket", "periodSeconds", "timeoutSeconds", "failureThreshold"},
    "Service.spec": {"selector", "ports", "clusterIP"},
    "NetworkPolicy.spec": {"podSelector", "policyTypes", "ingress"},
    "PersistentVolumeClaim.spec": {"accessModes", "resources"},
    "Cluster.spec": {"instances", "imageName", "minSyncReplicas", "maxSyncReplicas", "postgresql", "bootstrap",
                     "storage", "resources", "affinity"},
    "service": {"image", "user", "read_only", "cap_drop", "security_opt", "tmpfs", "restart", "stop_grace_period",
                "environment", "env_file", "secrets", "volumes", "networks", "network_mode", "healthcheck", "command",
                "depends_on", "ports"},
}
API = {"Namespace": "v1", "Service": "v1", "PersistentVolumeClaim": "v1", "Deployment": "apps/v1",
       "StatefulSet": "apps/v1", "NetworkPolicy": "networking.k8s.io/v1", "Cluster": "postgresql.cnpg.io/v1"}


def read(path):
    with open(os.path.join(ROOT, path), encoding="utf-8") as file:
        return file.read()


def selects(selector, labels):
    return (selector.get("matchLabels", {}).items() <= labels.items() and
            all({"In": labels.get(one["key"]) in one["values"]}[one["operator"]] for one in selector.get("matchExpressions", [])))


class Deploy(unittest.TestCase):
    def known(self, kind, value):
        self.assertEqual(set(value) - KEYS[kind], set(), kind)

    def test_the_check_of_commands_can_fail(self):
        self.assertIsNone(objection_to(["--home", "x", "serve", "--listen", "127.0.0.1:1"]))
        self.assertIsNone(objection_to(["witness", "run", "witness-a"]))
        for wrong in (["serve", "--lisen", "x"], ["sreve"], ["serve", "thing"], ["serve", "--listen"], []):
            self.assertIsNotNone(objection_to(wrong), wrong)

    def says_how_it_is(self, arguments):
        """Whether that command answers /healthz and /metrics."""
        return "serve" in arguments or {"witness", "run"} <= set(arguments) or "--health" in arguments

    def test_units(self):
        folder = os.path.join(DEPLOY, "systemd")
        units = sorted(os.listdir(folder))
        self.assertEqual(units, ["pawl-gate.service", "pawl-listen@.service", "pawl-oversee@.service", "pawl-serve.service",
                                 "pawl-witness@.service", "pawl-work@.service"])
        self.assertIsNotNone(shutil.which("systemd-analyze"), "tools/packages.txt has systemd, which verifies the units")
        health = []
        with tempfile.TemporaryDirectory() as scratch:
            for unit in units:
                with open(os.path.join(folder, unit), encoding="utf-8") as file:
                    text = file.read()
                command = re.search(r"^ExecStart=/usr/local/bin/pawl (.*)$", text, re.M).group(1).split()
                self.assertIsNone(objection_to([word.replace("%i", "name") for word in command]), unit)
                # README.md: every program says how it is, at an address of its own, and writes its log as JSON.
                self.assertTrue(self.says_how_it_is(command), unit)
                health += re.findall(r"--health (\S+)", text)
                self.assertIn("\nEnvironment=PAWL_LOG_FORMAT=json\n", text, unit)
                for variable, value in re.findall(r"^Environment=(\w+)=(.*)$", text, re.M):
                    option = re.search(rf"^.*\(Env:{variable}\).*$", help_of(()), re.M)
                    self.assertIsNotNone(option, f"{unit}: nothing reads {variable}")
                    self.assertIn(value, re.search(r"\{(.*)\}", option.group(0)).group(1).split(","), unit)
                page = re.search(r"^Documentation=man:pawl-(\S+)\(1\)$", text, re.M).group(1)
                self.assertTrue(help_of((page,)))
                for needed in ("NoNewPrivileges=yes", "CapabilityBoundingSet=\n", "ProtectSystem=strict", "UMask=0077",
                               "SystemCallArchitectures=native", "User=pawl"):
                    self.assertIn(needed, text, unit)
                # As one that this machine can verify: with the program that was built, for a user that it has.
                runnable = re.sub(r"^(User|Group)=.*$", r"\1=root", text.replace("/usr/local/bin/pawl ", PAWL + " "), flags=re.M)
                with open(os.path.join(scratch, unit.replace("@", "@name")), "w", encoding="utf-8") as file:
                    file.write(runnable)
            self.assertEqual((len(health), len(set(health))), (4, 4), "an address for two")
            readme = read("deploy/README.md")
            for address in health:
                self.assertIn(address.removeprefix("127.0.0.1:"), readme)
            for unit in units:
                named = os.path.join(scratch, unit.replace("@", "@name"))
                done = subprocess.run(["systemd-analyze", "verify", "--man=no", "--recursive-errors=no", named],
                                      capture_output=True, text=True, check=False, timeout=60)
                self.assertEqual((done.returncode, done.stderr), (0, ""), unit)
                # As it is in the repository, for a user without rights: how much of the system it could touch, 0 to 10.
                original = os.path.join(scratch, "as-it-is-" + os.path.basename(named))
                shutil.copy(os.path.join(folder, unit), original)
                limit = 50 if unit.startswith(("pawl-oversee", "pawl-gate", "pawl-work")) else 20
                done = subprocess.run(["systemd-analyze", "security", "--offline=yes", f"--threshold={limit}",
                                       "--no-pager", original], capture_output=True, text=True, check=False, timeout=60)
                self.assertEqual(done.returncode, 0, done.stdout[-3000:] + done.stderr)

    def test_compose(self):
        (compose,) = load(os.path.join(DEPLOY, "compose/compose.yaml"))
        self.assertEqual(set(compose), {"name", "x-pawl", "services", "networks", "volumes", "secrets"})
        for name, service in compose["services"].items():
            self.known("service", service)
            for secret in service.get("secrets", []):
                self.assertIn(secret, compose["secrets"])
            for volume in service.get("volumes", []):
                source = volume.split(":")[0]
                self.assertTrue(source.startswith("./") or source in compose["volumes"], volume)
            for network in service.get("networks", []):
                self.assertIn(network, compose["networks"])
            for other, how in service.get("depends_on", {}).items():
                self.assertTrue(how["condition"] == "service_healthy" and "healthcheck" in compose["services"][other])
            for port in service.get("ports", []):
                self.assertTrue(port.startswith("127.0.0.1:"), f"{name} is open to everybody")
            self.assertTrue("networks" in service or service["network_mode"].split(":")[1] in compose["services"])
            if service["image"].startswith("pawl"):
                self.check_program(name, service["command"], service["environment"])
                self.assertTrue(service["read_only"] and service["cap_drop"] == ["ALL"] and service["user"] == "10001:10001")
                self.assertIn("no-new-privileges:true", service["security_opt"])
        self.assertEqual([name for name, one in compose["services"].items()
                          if any("unconfined" in option for option in one.get("security_opt", []))], ["reviewer"])

        # As deploy/README.md has it: everything but the gate and its loader.
        commands = {service["command"][0] for service in compose["services"].values() if service["image"].startswith("pawl")}
        self.assertEqual(commands, {"serve", "oversee", "work", "witness"})
        self.assertIn("**The containers have no gate, and no `pawl listen`.**", read("deploy/README.md"))
        for folder in re.findall(r"^ +- \./(\w+):/var/lib/pawl$", read("deploy/compose/compose.yaml"), re.M):
            self.assertIn(f"`{folder}`", read("deploy/README.md"))

    def test_the_page_s_numbers_are_behind_no_login(self):
        for file in ("compose/compose.yaml", "kubernetes/page.yaml"):
            routes = re.findall(r"--skip-auth-route=GET=(\S+?)\$?\$$", read(f"deploy/{file}"), re.M)
            self.assertEqual(routes, ["^/(healthz|metrics)"], file)

    def test_operations_lists_what_runs_as_a_service(self):
        listed = re.findall(r"^\| `pawl ([a-z]+)", read("docs/operations.md").split("## Many subjects")[0], re.M)
        for unit in os.listdir(os.path.join(DEPLOY, "systemd")):
            command = re.search(r"^ExecStart=/usr/local/bin/pawl (.*)$", read(f"deploy/systemd/{unit}"), re.M).group(1)
            self.assertTrue(set(listed) & set(command.split()), unit)
        self.assertIn("batches", re.search(r"^\| `pawl work`.*$", read("docs/operations.md"), re.M).group(0))

    def check_program(self, name, arguments, environment):
        self.assertIsNone(objection_to(arguments), name)
        self.assertTrue(self.says_how_it_is(arguments), name)
        self.assertEqual(environment.get("PAWL_LOG_FORMAT"), "json", name)

    def check_pod(self, pod, claims):
        self.known("pod", pod)
        self.assertFalse(pod["automountServiceAccountToken"])
        self.assertTrue(pod["securityContext"]["runAsNonRoot"])
        volumes = {one["name"] for one in pod["volumes"]} if "volumes" in pod else set()
        ports = {}
        for container in pod["containers"]:
            self.known("container", container)
            context = container["securityContext"]
            self.assertEqual((context["allowPrivilegeEscalation"], context["readOnlyRootFilesystem"],
                              context["capabilities"]), (False, True, {"drop": ["ALL"]}))
            self.assertTrue({"cpu", "memory"} <= set(container["resources"]["requests"]))
            self.assertIn("memory", container["resources"]["limits"])
            mounts = {one["name"] for one in container.get("volumeMounts", [])}
            self.assertEqual(mounts - volumes - claims, set(), "mounted and not there")
            ports.update({one["name"]: one["containerPort"] for one in container.get("ports", [])})
            for probe in (container[key] for key in ("readinessProbe", "livenessProbe") if key in container):
                self.known("probe", probe)
                self.assertIn((probe.get("httpGet") or probe["tcpSocket"])["port"], ports)
            if container["image"].startswith("pawl"):
                self.check_program(container["name"], container["args"],
                                   {one["name"]: one.get("value") for one in container.get("env", [])})
        return ports

    def test_manifests(self):
        folder = os.path.join(DEPLOY, "kubernetes")
        (kustomization,) = load(os.path.join(folder, "kustomization.yaml"))
        self.assertEqual(sorted(kustomization["resources"]),
                         sorted(name for name in os.listdir(folder) if name != "kustomization.yaml"))
        objects = [one for name in kustomization["resources"] for one in load(os.path.join(folder, name))]
        claims = {one["metadata"]["name"] for one in objects if one["kind"] == "PersistentVolumeClaim"}
        pods, names = {}, set()
        for one in objects:
            kind, meta = one["kind"], one["metadata"]
            self.assertEqual(one["apiVersion"], API[kind])
            self.assertNotIn((kind, meta["name"]), names)
            names.add((kind, meta["name"]))
            self.assertEqual(meta.get("namespace"), None if kind == "Namespace" else "pawl", meta["name"])
            if f"{kind}.spec" in KEYS:
                self.known(f"{kind}.spec", one["spec"])
            if kind in ("Deployment", "StatefulSet"):
                template = one["spec"]["template"]
                labels = template["metadata"]["labels"]
                self.assertTrue(one["spec"]["selector"]["matchLabels"].items() <= labels.items(), meta["name"])
                own = {claim["metadata"]["name"] for claim in one["spec"].get("volumeClaimTemplates", [])}
                ports = self.check_pod(template["spec"], own)
                pods[meta["name"]] = (labels, ports)
                for volume in template["spec"].get("volumes", []):
                    if "persistentVolumeClaim" in volume:
                        self.assertIn(volume["persistentVolumeClaim"]["claimName"], claims)
        self.assertEqual(set(pods), {"pawl-page", "pawl-prover-a", "pawl-witness", "pawl-worker"})
        for one in objects:
            if one["kind"] == "Service":
                found = [ports for labels, ports in pods.values() if one["spec"]["selector"].items() <= labels.items()]
                self.assertEqual(len(found), 1, one["metadata"]["name"])
                for port in one["spec"].get("ports", []):
                    self.assertIn(port["targetPort"], found[0])
            if one["kind"] == "StatefulSet":
                self.assertIn(("Service", one["spec"]["serviceName"]), names)
            if one["kind"] == "Cluster":
                self.assertGreaterEqual(one["spec"]["instances"], 3)
                self.assertGreaterEqual(one["spec"]["minSyncReplicas"], 1)
            if one["kind"] == "NetworkPolicy":
                selector = one["spec"]["podSelector"]
                self.assertTrue("cnpg.io/cluster" in selector.get("matchLabels", {}) or
                                any(selects(selector, labels) for labels, _ in pods.values()))
        # Whoever says how it is at a port is reached there by Prometheus, and by nobody else.
        policies = [one["spec"] for one in objects if one["kind"] == "NetworkPolicy"]
        watched = [(labels, ports["health"]) for labels, ports in pods.values() if "health" in ports]
        self.assertEqual(len(watched), 2)
        for labels, port in watched:
            rules = [rule for policy in policies if selects(policy["podSelector"], labels) for rule in policy.get("ingress", [])]
            self.assertEqual([(rule["from"], rule["ports"]) for rule in rules],
                             [([{"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "monitoring"}}}],
                               [{"port": port}])])

    def test_the_image_has_what_programs_load(self):
        with open(os.path.join(DEPLOY, "Containerfile"), encoding="utf-8") as file:
            text = file.read()
        installed = set(re.findall(r"[a-z0-9.+-]+", text.split("apt-get install")[2].split("rm -rf")[0]))
        libraries = re.findall(r"=> (/\S+)", subprocess.run(["ldd", PAWL], capture_output=True, text=True, check=True).stdout)
        owners = subprocess.run(["dpkg-query", "--search", *{path.removeprefix("/lib").join(("/usr/lib", ""))
                                                             if path.startswith("/lib/") else path for path in libraries},
                                 *libraries], capture_output=True, text=True, check=False).stdout
        needed = {line.split(":")[0] for line in owners.splitlines()} - {"libc6", "libgcc-s1", "libstdc++6", "libgcc1"}
        self.assertTrue(needed)
        self.assertEqual(needed - installed, set(), "deploy/Containerfile installs too little")


if __name__ == "__main__":
    unittest.main(verbosity=2)
