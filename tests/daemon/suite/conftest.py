import os
import random

import pytest

import process
from bench import Bench

process.binary()


@pytest.fixture
def bench(tmp_path):
    made = Bench(tmp_path)
    yield made
    made.clean_up()


@pytest.fixture
def chance(note):
    """Random moments that can be had again."""
    seed = int(os.environ.get("HOTSET_SEED") or random.SystemRandom().randrange(1 << 32))
    note(f"HOTSET_SEED={seed}")
    return random.Random(seed)
