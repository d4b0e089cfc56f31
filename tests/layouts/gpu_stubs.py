"""Lets the GPU build of torch be imported on a machine without GPU libraries.

    gpu_stubs.py SITE-PACKAGES

The registry's wheel for Linux links against 2.5 GB of libraries that no CPU run calls. Each one that is not installed gets
a library of the same name, whose functions end the process: a capture that reaches one dies instead of making something up.
"""

import pathlib
import re
import subprocess
import sys
import tempfile

# Nothing loads these unless a GPU is there.
LAZY = {"libtorch_cuda_linalg.so", "libcaffe2_nvrtc.so"}
# Symbols without a version are told by how they begin.
BEGINS = {"libnvshmem_host.so.3": "nvshmem", "libcusparseLt.so.0": "cusparseLt", "libnccl.so.2": "nccl"}


def read(*command):
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def wanted(libraries):
    """The names of the libraries that these need, and the symbols with their versions."""
    needed, symbols = set(), {}
    for library in libraries:
        needed |= set(re.findall(r"\(NEEDED\).*\[(.*)\]", read("readelf", "-dW", library)))
        for line in read("nm", "-D", "--undefined-only", "--with-symbol-versions", library).splitlines():
            name, _, version = line.split()[-1].partition("@")
            symbols[name] = version.lstrip("@")
    return needed, symbols


def build(target, symbols):
    """A library `target` in which every symbol ends the process."""
    versions = {version for version in symbols.values() if version} or {""}
    with tempfile.TemporaryDirectory() as folder:
        source, script = pathlib.Path(folder, "stub.c"), pathlib.Path(folder, "stub.map")
        functions = "".join(f"void {name}(void) {{ abort(); }}\n" for name in sorted(symbols))
        source.write_text("#include <stdlib.h>\n" + functions)
        script.write_text("".join(f"{version} {{ global: *; }};\n" for version in versions))
        named = [f"-Wl,-soname,{target.name}", f"-Wl,--version-script,{script}"]
        read("cc", "-shared", "-fPIC", "-w", *named, "-o", str(target), str(source))


def main(site):
    folder = site / "torch" / "lib"
    present = {path.name for path in site.rglob("*.so*")}
    needed, symbols = wanted([path for path in folder.glob("*.so*") if path.name not in LAZY])
    for name in sorted(name for name in needed - present if re.match(r"lib(cu|nccl|nv)", name)):
        begin = BEGINS.get(name)

        def belongs(symbol, version):
            return version == name or (begin and symbol.startswith(begin) and version in ("", "NVSHMEM"))

        build(folder / name, {symbol: version for symbol, version in symbols.items() if belongs(symbol, version)})


main(pathlib.Path(sys.argv[1]))
