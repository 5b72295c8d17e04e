"""Moves an alias of an MLflow model registry only to what is live, by a warrant that was just checked.

    python3 -m pawl.mlflow_alias --subject my-agent --model agent --version 7 --alias champion \\
        --file policy.onnx=model.onnx

Each --file names a file of the tree and the version's artifact that has to be the same bytes. The hook fetches the
artifact from the registry, compares its SHA-256 with the live release's, which `pawl current` has verified together with
the warrant and every halt on this machine, and only then notes warrant and tree as tags of the version and moves the
alias. What differs, is missing or cannot be read leaves the alias where it is. --check moves nothing and says whether the
alias names a version with these bytes: run it from time to time, and after every rollback.

The registry is at --registry (default $MLFLOW_TRACKING_URI); a token comes from $MLFLOW_TRACKING_TOKEN, or a name and a
password from $MLFLOW_TRACKING_USERNAME and $MLFLOW_TRACKING_PASSWORD. Artifacts have to be served by it
(`mlflow-artifacts:`), or lie on this machine (`file:`); other stores are refused by name.

An alias is a pointer that whoever may write to the registry can move, and artifacts can be replaced after they were
compared. A program that has to be sure takes its files with pawl.load, which checks them as it hands them over.

Exit status: 0 the alias names the live bytes; 1 no; 2 usage; 5 where somebody could not be asked.
"""

import argparse
import base64
import hashlib
import os
import pathlib
import sys
import typing
import urllib.parse

from ._client import Client
from ._http import HttpRefused, ask, ask_json, check_base
from ._loader import Release
from ._program import Refused

_ARTIFACT_BYTES_MAX = 1 << 30
_Files = typing.Mapping[str, str]  # path in the tree -> path of the artifact below the version's source


class Registry:
    """MLflow's REST API 2.0, as far as it is needed here."""

    def __init__(self, address: str, headers: typing.Mapping[str, str]) -> None:
        self._address = check_base(address)
        self._headers = headers

    def artifact(self, source: str, path: str) -> bytes:
        """One artifact of the version whose artifacts are at `source`."""
        if not path or path.startswith("/") or ".." in path.split("/"):
            raise Refused("mlflow.path", f"{path!r} is no path of an artifact", exit_status=1)
        parts = urllib.parse.urlsplit(source)
        if parts.scheme == "mlflow-artifacts":
            folder = urllib.parse.unquote(parts.path).strip("/")
            if ".." in folder.split("/"):
                raise Refused("mlflow.path", f"{source!r} is no place of artifacts", exit_status=1)
            return ask("GET", f"{self._address}/api/2.0/mlflow-artifacts/artifacts/"
                              f"{urllib.parse.quote(f'{folder}/{path}')}", self._headers, bytes_max=_ARTIFACT_BYTES_MAX)
        if parts.scheme in ("", "file") and not parts.netloc:
            folder = urllib.parse.unquote(parts.path) if parts.scheme else source
            return (pathlib.Path(folder) / path).read_bytes()
        raise Refused("mlflow.source", f"artifacts at {source!r} are not fetched by this hook",
                      "let the tracking server serve them (mlflow server --serve-artifacts)", 1)

    def source(self, model: str, version: str) -> str:
        """Where a version's artifacts are."""
        self._version("model-versions/get", {"name": model, "version": version}, version)
        answer = self._get("model-versions/get-download-uri", {"name": model, "version": version})
        uri = answer.get("artifact_uri")
        if not isinstance(uri, str):
            raise Refused("http.answer", "the registry did not say where the artifacts are")
        return uri

    def aliased(self, model: str, alias: str) -> typing.Optional[str]:
        """Which version an alias names; None where there is none."""
        try:
            return self._version("registered-models/alias", {"name": model, "alias": alias}, None)
        except HttpRefused as refused:
            if refused.status in (400, 404):  # MLflow says 400 INVALID_PARAMETER_VALUE or 404 RESOURCE_DOES_NOT_EXIST
                return None
            raise

    def note(self, model: str, version: str, key: str, value: str) -> None:
        self._post("model-versions/set-tag", {"name": model, "version": version, "key": key, "value": value})

    def move(self, model: str, version: str, alias: str) -> None:
        self._post("registered-models/alias", {"name": model, "alias": alias, "version": version})

    def _version(self, call: str, query: typing.Mapping[str, str], expected: typing.Optional[str]) -> str:
        said = self._get(call, query).get("model_version")
        version = str(said.get("version", "")) if isinstance(said, dict) else ""
        if not version or (expected is not None and version != expected):
            raise Refused("http.answer", "the registry answered about another version")
        return version

    def _get(self, call: str, query: typing.Mapping[str, str]) -> typing.Dict[str, typing.Any]:
        return ask_json("GET", f"{self._address}/api/2.0/mlflow/{call}?{urllib.parse.urlencode(query)}", self._headers)

    def _post(self, call: str, body: typing.Mapping[str, str]) -> None:
        ask_json("POST", f"{self._address}/api/2.0/mlflow/{call}", self._headers, body)


def compare(release: Release, registry: Registry, model: str, version: str, files: _Files) -> None:
    """Raises Refused "mlflow.differs" unless each artifact has the bytes that the live release has."""
    source = registry.source(model, version)
    for path, artifact in files.items():
        digest = release.files.get(path)
        if digest is None:
            raise Refused("mlflow.file", f"the live release has no file {path!r}", exit_status=1)
        found = "sha256:" + hashlib.sha256(registry.artifact(source, artifact)).hexdigest()
        if found != digest:
            raise Refused("mlflow.differs", f"artifact {artifact!r} of version {version} is {found}; the live release has "
                          f"{digest} at {path!r}", exit_status=1)


def move_alias(client: Client, registry: Registry, model: str, version: str, alias: str, files: _Files) -> Release:
    """Moves the alias to a version that was found to be what is live; raises Refused, and then it is where it was."""
    if not files:
        raise Refused("mlflow.arguments", "nothing was named that could be compared", exit_status=2)
    release = client.live()
    compare(release, registry, model, version, files)
    for key, value in (("pawl.warrant", release.warrant), ("pawl.tree", release.tree), ("pawl.epoch", str(release.epoch))):
        registry.note(model, version, key, value)
    if client.live() != release:  # halted, or another release, while artifacts were fetched
        raise Refused("mlflow.moved", "another release became live meanwhile", "run it again", 1)
    registry.move(model, version, alias)
    return release


def check_alias(client: Client, registry: Registry, model: str, alias: str, files: _Files) -> str:
    """The version that an alias names, if it has the live release's bytes; raises Refused."""
    if not files:
        raise Refused("mlflow.arguments", "nothing was named that could be compared", exit_status=2)
    version = registry.aliased(model, alias)
    if version is None:
        raise Refused("mlflow.no-alias", f"{model!r} has no alias {alias!r}", exit_status=1)
    compare(client.live(), registry, model, version, files)
    return version


def _headers() -> typing.Dict[str, str]:
    environment = os.environ
    if environment.get("MLFLOW_TRACKING_TOKEN"):
        return {"Authorization": f"Bearer {environment['MLFLOW_TRACKING_TOKEN']}"}
    if environment.get("MLFLOW_TRACKING_USERNAME"):
        pair = f"{environment['MLFLOW_TRACKING_USERNAME']}:{environment.get('MLFLOW_TRACKING_PASSWORD', '')}"
        return {"Authorization": "Basic " + base64.b64encode(pair.encode()).decode()}
    return {}


def main(words: typing.Optional[typing.Sequence[str]] = None) -> int:
    parser = argparse.ArgumentParser(prog="python3 -m pawl.mlflow_alias",
                                     description="Moves an alias of a model registry only to what is live.")
    parser.add_argument("--subject", required=True)
    parser.add_argument("--home", help="default: as for pawl")
    parser.add_argument("--state", help="the loader's state file; default: the one in the home")
    parser.add_argument("--model", required=True, help="registered model")
    parser.add_argument("--alias", required=True)
    parser.add_argument("--version", help="which version the alias is to name")
    parser.add_argument("--check", action="store_true", help="move nothing")
    parser.add_argument("--file", action="append", required=True, metavar="PATH[=ARTIFACT]",
                        help="a file of the tree, and the artifact that has to be the same")
    parser.add_argument("--registry", default=os.environ.get("MLFLOW_TRACKING_URI", ""))
    given = parser.parse_args(words)
    if given.check == (given.version is not None):
        parser.error("either --version or --check")
    files = {path: artifact or path for path, _, artifact in (one.partition("=") for one in given.file)}
    try:
        client = Client(given.subject, home=given.home, state=given.state)
        registry = Registry(given.registry, _headers())
        if given.check:
            version = check_alias(client, registry, given.model, given.alias, files)
            print(f"{given.alias} names version {version}, which has the live release's bytes")
        else:
            release = move_alias(client, registry, given.model, given.version, given.alias, files)
            print(f"{given.alias} names version {given.version}: epoch {release.epoch}, warrant {release.warrant}")
        return 0
    except Refused as refused:
        print(f"pawl: {refused}", file=sys.stderr)
        return refused.exit_status if refused.exit_status in (1, 2) else 5
    except OSError as error:
        print(f"pawl: {error}", file=sys.stderr)
        return 5


if __name__ == "__main__":
    sys.exit(main())
