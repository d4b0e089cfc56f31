"""Weights written with safetensors' numpy half, sharded as huggingface_hub says; torch has no part in it."""

import json
import pathlib
import sys

import numpy
from huggingface_hub import split_state_dict_into_shards_factory
from safetensors.numpy import save_file

import killed


def weights(seed):
    chance = numpy.random.default_rng(seed)
    names = [f"model.layers.{n}.mlp.up_proj.weight" for n in range(8)]
    return {name: chance.standard_normal((64, 32), dtype=numpy.float32) for name in names}


def save(folder, tensors, last=None, **sharding):
    """`last`: the process is killed when it has written that many files of weights."""
    folder.mkdir(parents=True)
    size = {"get_storage_size": lambda tensor: tensor.nbytes, "get_storage_id": lambda tensor: None}
    split = split_state_dict_into_shards_factory(
        tensors, filename_pattern="model{suffix}.safetensors", **size, **sharding
    )
    for written, (name, members) in enumerate(split.filename_to_tensors.items()):
        if written == last:
            killed.now()
        save_file({member: tensors[member] for member in members}, folder / name, metadata={"format": "np"})
    if split.is_sharded:
        index = {"metadata": split.metadata, "weight_map": split.tensor_to_filename}
        (folder / "model.safetensors.index.json").write_text(json.dumps(index, indent=2), encoding="utf-8")


def main(folder):
    models = folder / "models"
    save(models / "tiny-1", weights(1), max_shard_size="1GB")
    save(models / "tiny-2", weights(2), max_shard_size="20KB")
    save(models / "tiny-3", weights(3), max_shard_size="20KB", last=2)


main(pathlib.Path(sys.argv[2]))
