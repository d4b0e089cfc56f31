"""What is in the image, and what it says of itself."""

import pathlib
import re
import stat

from container import run, settings

ROOT = pathlib.Path(__file__).resolve().parents[3]


def labels():
    standard = "org.opencontainers.image."
    return {name.removeprefix(standard): text for name, text in settings()["Labels"].items() if name.startswith(standard)}


def files(rootfs):
    return [path for path in pathlib.Path(rootfs).rglob("*") if path.is_file() and not path.is_symlink()]


def test_it_is_started_as_somebody_who_is_not_root():
    said = settings()
    assert said["Entrypoint"] == ["hotset"] and said["Cmd"] == ["daemon"], "exec form: no shell stands before hotset"
    assert re.fullmatch(r"[1-9]\d*:[1-9]\d*", said["User"]), "a number, which runAsNonRoot can judge"
    assert list(said["Volumes"]) == ["/var/lib/hotset"] and list(said["ExposedPorts"]) == ["9464/tcp"]


def test_a_volume_that_is_made_for_it_is_its_users(rootfs):
    """Docker gives a new volume the owner that the folder has in the image."""
    state = (pathlib.Path(rootfs) / "var/lib/hotset").stat()
    assert f"{state.st_uid}:{state.st_gid}" == settings()["User"]
    assert (pathlib.Path(rootfs) / "var/lib").stat().st_uid == 0


def test_its_labels_are_those_of_oci(bench):
    said = labels()
    assert set(said) == {"title", "description", "version", "revision", "created", "source", "documentation", "licenses"}
    assert all(said.values()), said
    assert f"hotset {said['version']}\n" == bench.runs("-V")
    assert said["revision"] == run("git", "-C", ROOT, "rev-parse", "HEAD").stdout.strip()
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", said["created"])
    cargo = (ROOT / "Cargo.toml").read_text()
    assert f'license = "{said["licenses"]}"' in cargo and f'version = "{said["version"]}"' in cargo


def test_nothing_in_it_is_a_way_to_become_somebody_else(rootfs):
    for path in files(rootfs):
        assert not path.stat().st_mode & (stat.S_ISUID | stat.S_ISGID), path
    assert not [path.name for path in (pathlib.Path(rootfs) / "usr/bin").iterdir() if path.name != "hotset"], "hotset alone"


def test_what_is_not_hotsets_own_names_its_package_and_its_licence(rootfs):
    root = pathlib.Path(rootfs)
    packages = {path.name for path in (root / "var/lib/dpkg/status.d").iterdir()}
    assert packages >= {"libc6", "ca-certificates", "tzdata"}, packages
    for package in packages:
        assert (root / "usr/share/doc" / package / "copyright").stat().st_size > 100, package
    assert (root / "usr/share/doc/hotset/LICENSE-MIT").read_text() == (ROOT / "LICENSE-MIT").read_text()


def test_certificates_and_time_zones_are_there(rootfs):
    root = pathlib.Path(rootfs)
    bundle = root / "etc/ssl/certs/ca-certificates.crt"
    subjects = run("openssl", "crl2pkcs7", "-nocrl", "-certfile", bundle, "-out", "/dev/null")
    assert bundle.read_text().count("BEGIN CERTIFICATE") > 100, subjects.stderr
    for zone in ["UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe"]:
        assert (root / "usr/share/zoneinfo" / zone).read_bytes().startswith(b"TZif"), zone
