"""Uploads by the thousand: boto3 takes two milliseconds of a core for each, and is the oracle of listings only."""

import datetime as dt
import hashlib
import hmac
import http.client
import threading
from urllib.parse import quote, urlsplit

from process import PATIENCE

REGION = "us-east-1"


def signed(key, text):
    return hmac.new(key, text.encode(), hashlib.sha256).digest()


class Putter:
    """PutObject, signed (AWS4-HMAC-SHA256), over one connection a thread."""

    def __init__(self, facts):
        self.host = urlsplit(facts["endpoint"]).netloc
        self.access_key, self.secret_key = facts["access_key"], facts["secret_key"]
        self.of_thread = threading.local()

    def put(self, bucket, key, body):
        if not hasattr(self.of_thread, "connection"):
            self.of_thread.connection = http.client.HTTPConnection(self.host, timeout=PATIENCE)
        connection, path = self.of_thread.connection, f"/{bucket}/{quote(key, safe='-_.~/')}"
        connection.request("PUT", path, body, self.headers(path, hashlib.sha256(body).hexdigest()))
        answer = connection.getresponse()
        said = answer.read()
        assert answer.status == 200, f"PUT {path}: {answer.status} {said}"

    def headers(self, path, digest):
        now = f"{dt.datetime.now(dt.timezone.utc):%Y%m%dT%H%M%SZ}"
        scope = f"{now[:8]}/{REGION}/s3/aws4_request"
        headers = {"host": self.host, "x-amz-content-sha256": digest, "x-amz-date": now}
        names = ";".join(headers)
        lines = "".join(f"{name}:{value}\n" for name, value in headers.items())
        request = hashlib.sha256(f"PUT\n{path}\n\n{lines}\n{names}\n{digest}".encode()).hexdigest()
        key = f"AWS4{self.secret_key}".encode()
        for part in (now[:8], REGION, "s3", "aws4_request"):
            key = signed(key, part)
        signature = signed(key, f"AWS4-HMAC-SHA256\n{now}\n{scope}\n{request}").hex()
        credential = f"Credential={self.access_key}/{scope}"
        authorization = f"AWS4-HMAC-SHA256 {credential}, SignedHeaders={names}, Signature={signature}"
        return {**headers, "authorization": authorization}
