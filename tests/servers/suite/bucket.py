"""The bucket that every test reads: 5,000 keys, some of them hostile."""

import dataclasses
import random

from server import in_parallel

BUCKET = "suite"

HOSTILE = [
    "/leading",
    "//leading-twice",
    "double//slash",
    "trailing//",
    "./dot",
    "../up",
    "a/./dot",
    "a/../up",
    "..",
    "100%",
    "encoded%2Fslash",
    "encoded%252Fslash",
    "plus+plus",
    " leading space",
    "trailing space ",
    "two  spaces",
    "new\nline",
    "carriage\rreturn",
    "tab\tulator",
    "controls-" + "".join(chr(c) for c in range(1, 32) if c not in (9, 10, 13)),
    "del-\x7f",
    "longest-" + "x" * 1016,
    "longest-" + "é" * 508,
    "emoji-🔥🧊",
    "right-to-left-\u202egnp.exe",
    "mark-\u200f\u200e",
    "combining-e\u0301",
    "composed-\u00e9",
    "\ufeffbyte-order-mark",
    "quotes-\"'`",
    "markup-&<>&amp;",
    "question?mark=1&list-type=2",
    "hash#fragment",
    "back\\slash",
    "star*",
    "bracket[0]",
    "brace{a,b}",
    "semi;colon:at@comma,dollar$excl!paren()tilde~pipe|caret^equals=",
]
EMPTY = ["data/_SUCCESS", "data/logs/_SUCCESS", "ckpt/step-100/.done", "empty", "/empty"]
FOLDER_MARKERS = ["data/", "ckpt/step-100/"]


@dataclasses.dataclass(frozen=True)
class Stored:
    """An object as boto3 lists it."""

    key: str
    size: int
    etag: str
    modified: float

    def __str__(self):
        return f"{self.key!r} ({self.size} bytes)"


def keys():
    """The regular keys, of the shapes that training buckets have."""
    yield from (f"data/imagenet/train-{n:06}.tar" for n in range(2600))
    yield from (f"data/logs/2026/11/{n % 28 + 1:02}/part-{n:05}.parquet" for n in range(1400))
    steps = (100, 500, 1000)
    yield from (f"ckpt/step-{step}/__{rank}_0.distcp" for step in steps for rank in range(300))
    regular = 2600 + 1400 + len(steps) * 300
    yield from (f"misc/{n}" for n in range(5000 - regular - len(HOSTILE) - len(EMPTY) - len(FOLDER_MARKERS)))


def fill(server):
    """Creates the bucket and uploads everything, in an order that is not the order of the keys."""
    client = server.client()
    client.create_bucket(Bucket=BUCKET)
    chance = random.Random(7)
    sized = [(key, chance.choice((1, 7, 512, 1024, 2048, chance.randint(1, 4000)))) for key in [*keys(), *HOSTILE]]
    sized += [(key, 0) for key in EMPTY + FOLDER_MARKERS]
    chance.shuffle(sized)
    bodies = {key: key.encode()[:1] * size for key, size in sized if server.stores(key)}
    server.put_all(BUCKET, {key: body for key, body in bodies.items() if key not in HOSTILE})
    # Keys that are hard to write are left to boto3.
    in_parallel(lambda key: client.put_object(Bucket=BUCKET, Key=key, Body=bodies[key]), [key for key in HOSTILE if key in bodies])


def listed(server):
    """What boto3 lists."""
    pages = server.client().get_paginator("list_objects_v2").paginate(Bucket=BUCKET)
    return [
        Stored(o["Key"], o["Size"], o["ETag"].strip('"'), o["LastModified"].timestamp())
        for page in pages
        for o in page.get("Contents", [])
    ]
