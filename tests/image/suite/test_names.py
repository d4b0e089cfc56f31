"""Names are looked up in the image as in any other: in /etc/hosts, and by a name server. And a server is believed only by
its certificate."""

import http.server
import ssl
import threading

import pytest

from container import bind, run
from names import ADDRESS, ZONE, NameServer
from process import wait_until

ENDPOINT = """
[credentials.files]
access_key_id_file = "/etc/hotset/id"
secret_access_key_file = "/etc/hotset/secret"

[endpoint.lota]
cache_url = "CACHE"
list_url = "LIST"
region = "us-east-1"
credentials = "files"
retries = 0
outage_wait = "1s"

[profile.all]
objects = ["s3://training/d/**"]
max_bytes = "1 GiB"
"""
HOSTED = "hosted.test"
BUNDLE = "/etc/ssl/certs/ca-certificates.crt"


@pytest.fixture
def name_server():
    server = NameServer()
    yield server
    server.close()


def configured(bench, cache, to_list):
    folder = bench.folder / "etc"
    folder.mkdir()
    (folder / "hotset.toml").write_text(ENDPOINT.replace("CACHE", cache).replace("LIST", to_list))
    (folder / "id").write_text("somebody")
    (folder / "secret").write_text("a-secret-that-nobody-checks")
    return bind(folder, "/etc/hotset")


def looked_up(bench, hosts="", servers=ADDRESS):
    """What a runtime mounts into every container."""
    return [
        bind(bench.file("hosts", f"127.0.0.1 localhost\n{hosts}"), "/etc/hosts"),
        bind(bench.file("resolv.conf", f"nameserver {servers}\noptions timeout:30 attempts:1\n"), "/etc/resolv.conf"),
    ]


def simulator(bench, domain):
    ports = ["--list-port", "8000", "--cache-port", "8001"]
    made = bench.start(["sim", "--base-domain", domain, *ports, "--bucket", "training=d/{0..9}.tar:8MiB"])
    wait_until(lambda: "8001" in made.said(), made.said)
    return made


def warmed(bench, domain, binds, **options):
    simulator(bench, domain)
    etc = configured(bench, f"http://{domain}:8001", f"http://{domain}:8000")
    return bench.runs("warm", "--json", binds=[etc, *binds, bench.state()], **options)


def test_names_of_the_hosts_file(bench):
    hosts = f"127.0.0.1 training.{HOSTED} {HOSTED}\n"
    assert '"outcome":"complete"' in warmed(bench, HOSTED, looked_up(bench, hosts)).replace(" ", "")


def test_names_of_a_name_server(bench, name_server):
    """Buckets are hosts below the endpoint's name, as at the vendor's."""
    assert '"outcome":"complete"' in warmed(bench, ZONE, looked_up(bench)).replace(" ", "")
    assert f"training.{ZONE}" in name_server.asked


def test_the_check_sees_an_image_that_cannot_look_up_names(bench, name_server):
    """The same without `dns` in nsswitch.conf is an image that does not resolve."""
    lame = bind(bench.file("nsswitch.conf", "hosts: files\n"), "/etc/nsswitch.conf")
    said = warmed(bench, ZONE, [*looked_up(bench), lame], exits=5)
    assert "complete" not in said and not name_server.asked, said


class Answering(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.server.asked += 1
        self.send_response(503)
        self.send_header("Content-Length", "0")
        self.end_headers()

    do_HEAD = do_GET

    def log_message(self, *_):
        pass


@pytest.fixture
def https(tmp_path):
    """A server whose certificate is signed by nobody that the image knows."""
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    names = f"subjectAltName=DNS:{ZONE},DNS:*.{ZONE}"
    new = ["-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2", "-subj", "/CN=suite"]
    run("openssl", "req", *new, "-addext", names, "-addext", "basicConstraints=critical,CA:FALSE", "-keyout", key, "-out", certificate)
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 8443), Answering)
    server.asked = 0
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    server.certificate = certificate.read_text()
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()


def online(bench, binds, **environment):
    url = f"https://{ZONE}:8443"
    etc = configured(bench, url, url)
    return bench.runs("check", "--online=list", binds=[etc, *looked_up(bench), *binds], environment=environment, exits=None)


def test_a_certificate_of_nobody_known_is_refused(bench, name_server, https):
    said = online(bench, [])
    assert "the issuer of its certificate is not known" in said and https.asked == 0, said


def test_the_images_own_list_of_authorities_is_the_one_that_is_read(bench, name_server, https):
    """With one more in it, the same server is believed."""
    bundle = bench.file("bundle.crt", bench.rootfs_file(BUNDLE.lstrip("/")) + https.certificate)
    said = online(bench, [bind(bundle, BUNDLE)])
    assert https.asked > 0 and "UnknownIssuer" not in said, said


def test_another_list_of_authorities_may_be_named(bench, name_server, https):
    bundle = bench.file("authority.crt", https.certificate)
    said = online(bench, [bind(bundle, "/run/authority.crt")], SSL_CERT_FILE="/run/authority.crt")
    assert https.asked > 0 and "UnknownIssuer" not in said, said
