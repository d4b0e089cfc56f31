"""The schemas of Kubernetes itself, and the types of other projects' resources."""

import json
import os
import pathlib
import re
import subprocess

import kubernetes_validate

from process import PATIENCE

KUBERNETES = "1.37"
NPM = pathlib.Path(os.environ["HOTSET_TESTS_CACHE"]) / "types"
# apiVersion and kind → where the package made from the project's Go sources has its type.
CUSTOM = {
    ("monitoring.coreos.com/v1", "ServiceMonitor"): "prometheus-operator",
    ("argoproj.io/v1alpha1", "WorkflowTemplate"): "argo-workflows",
    ("argoproj.io/v1alpha1", "Application"): "argo-cd",
    ("source.toolkit.fluxcd.io/v1", "GitRepository"): "flux-cd",
    ("kustomize.toolkit.fluxcd.io/v1", "Kustomization"): "flux-cd",
}


def kind_of(thing):
    return thing["apiVersion"], thing["kind"]


def faults(found):
    """Of what is Kubernetes' own. Unknown fields are faults."""
    for thing in found:
        if kind_of(thing) not in CUSTOM:
            try:
                kubernetes_validate.validate(thing, KUBERNETES, strict=True)
            except kubernetes_validate.ValidationError as error:
                yield f"{thing['kind']}: {'.'.join(map(str, error.path))}: {error.message}"
            except kubernetes_validate.SchemaNotFoundError as error:
                yield f"{thing['kind']}: {error}"


def custom_faults(found, folder):
    """Of the others: written as values of their types, unknown fields are errors of the compiler."""
    lines = []
    for number, thing in enumerate(thing for thing in found if kind_of(thing) in CUSTOM):
        version, kind = kind_of(thing)
        module = f"@kubernetes-models/{CUSTOM[version, kind]}/{version}/{kind}"
        lines.append(f'import type {{ I{kind} as T{number} }} from "{module}";')
        lines.append(f"export const v{number}: T{number} = {json.dumps(thing, indent=1)};")
    (folder / "package.json").write_text('{"type": "module"}', encoding="utf-8")
    modules = folder / "node_modules"
    if not modules.exists():
        modules.symlink_to(NPM / "node_modules")
    file = folder / "resources.ts"
    file.write_text("\n".join(lines), encoding="utf-8")
    done = subprocess.run(
        [NPM / "node_modules/.bin/tsc", "--noEmit", "--strict", "--module", "nodenext", "--target", "es2022", file.name],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
    )
    said = re.findall(r"error TS\d+: .*", done.stdout)
    assert bool(said) == bool(done.returncode), f"tsc ended with {done.returncode}: {done.stdout}{done.stderr}"
    return said
