"""What is warmed, and from what: six caches and what is in them, with the shortest time that each could take."""

import dataclasses
import random

MB, GB, TB = 10**6, 10**9, 10**12
# What hotset allows itself by default, and so no client may have more.
ALLOWED = 300
# The million small objects are scaled down by this: at the 6,000 requests a second of the bound a pool of 32 would take
# half an hour for all of them.
SMALL_SHARE = 10


@dataclasses.dataclass
class Scenario:
    name: str
    title: str
    stage: dict
    objects: str  # patterns of the profile, and what else it says
    scaled: str = ""

    def bound(self, objects, size, largest):
        """Seconds that nothing can beat, and what says so."""
        cache = self.stage["cache"]
        allowed = min(ALLOWED, cache.get("max_in_flight") or ALLOWED)
        bounds = {
            "bandwidth": moved(size, cache["bandwidth"], self.stage.get("then")),
            "largest object": largest / cache["fill_rate"],
            "floor": objects * cache["floor_ms"] / 1000 / allowed,
        }
        by = max(bounds, key=bounds.get)
        return bounds[by], by


def moved(size, bandwidth, then):
    """Seconds for so many bytes, where the bandwidth may change once."""
    if not then or size <= bandwidth * then["after_s"]:
        return size / bandwidth
    return then["after_s"] + (size - bandwidth * then["after_s"]) / then["bandwidth"]


def series(bucket, prefix, count, size, suffix=""):
    return {"bucket": bucket, "prefix": prefix, "count": count, "suffix": suffix, "size": size}


def cache(bandwidth, fill_rate, floor_ms=50, max_in_flight=None):
    limits = {"max_in_flight": max_in_flight} if max_in_flight else {}
    return {"floor_ms": floor_ms, "bandwidth": bandwidth, "fill_rate": fill_rate, **limits}


def checkpoint(share):
    """What torch-dcp leaves of a 70B model with fp32 master weights and two moments, sharded over 256 ranks: 12 bytes a
    parameter; beside each shard the state of a random generator, and one index of everything."""
    ranks = max(256 // share, 8)
    folder = "70b/step-00120000/"
    # No two shards of one size, as tensors never divide evenly.
    sizes = random.Random(70)
    shard = 70 * 10**9 * 12 // 256
    objects = [(f"{folder}__{rank}_0.distcp", shard + sizes.randrange(-shard // 20, shard // 20)) for rank in range(ranks)]
    objects += [(f"{folder}rng_state_{rank}.pt", 16_000) for rank in range(ranks)]
    objects.append((f"{folder}.metadata", 34 * MB))
    return [{"bucket": "ckpt", "key": key, "size": size} for key, size in objects]


ALL = 'objects = ["s3://data/**"]'


def scenarios(share, whole):
    """All six; `share` divides what is in them, `whole` leaves the million whole."""
    small = 1_000_000 // (1 if whole else SMALL_SHARE * share)
    return [
        Scenario(
            "shards",
            "uniform 500 MB shards",
            {"series": [series("data", "shard-", 2880 // share, 500 * MB, ".tar")], "cache": cache(48 * GB, 400 * MB)},
            ALL,
        ),
        Scenario(
            "small",
            "1 M × 100 KB",
            {"series": [series("data", "img/", small, 100_000, ".jpg")], "cache": cache(10 * GB, 400 * MB)},
            ALL,
            "" if small == 1_000_000 else f"{small:,} of them",
        ),
        Scenario(
            "lognormal",
            "log-normal sizes, 8 MB to 40 GB",
            {
                "series": [
                    series("data", "f/", 20_000 // share, {"median": 8 * MB, "sigma": 2.0, "most": 40 * GB})
                ],
                "cache": cache(40 * GB, 1600 * MB),
            },
            ALL,
        ),
        Scenario(
            "checkpoint",
            "a 70B checkpoint of torch-dcp",
            {"objects": checkpoint(share), "cache": cache(30 * GB, 2 * GB)},
            'objects = ["s3://ckpt/70b/**"]\ncheckpoint = { layout = "torch-dcp" }',
        ),
        Scenario(
            "throttle",
            "503 above 120 in flight, 1 MB objects",
            {"series": [series("data", "s/", 72_000 // share, MB)], "cache": cache(10 * GB, 2 * GB, max_in_flight=120)},
            ALL,
        ),
        Scenario(
            "halving",
            "bandwidth halves midway, 200 MB shards",
            {
                "series": [series("data", "shard-", 4500 // share, 200 * MB, ".tar")],
                "cache": cache(40 * GB, 200 * MB),
                "then": {"after_s": 15 / share, "bandwidth": 20 * GB},
            },
            ALL,
        ),
    ]
