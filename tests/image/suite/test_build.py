"""What only the program that the Dockerfile compiles can show."""

import pathlib

from container import IMAGE, buildah
from test_image import files, labels

MOST = 40_000_000


def test_it_is_small(rootfs, tmp_path):
    unpacked = sum({path.stat().st_ino: path.stat().st_size for path in files(rootfs)}.values())
    archive = tmp_path / "image.tar"
    buildah("push", "--quiet", IMAGE, f"oci-archive:{archive}")
    program = (pathlib.Path(rootfs) / "usr/bin/hotset").stat().st_size
    print(f"\nthe image: {unpacked / 1e6:.1f} MB unpacked, {archive.stat().st_size / 1e6:.1f} MB to pull; hotset {program / 1e6:.1f} MB")
    archive.unlink()
    assert unpacked <= MOST


def test_the_version_names_the_commit_and_the_features(bench):
    said = labels()
    told, rules = bench.runs("--version").splitlines()
    assert told == f"hotset {said['version']} ({said['revision'][:10]} {said['created'][:10]}, sim)"
    assert rules.startswith("zone rules 20") and rules.endswith(" (/usr/share/zoneinfo)"), rules
