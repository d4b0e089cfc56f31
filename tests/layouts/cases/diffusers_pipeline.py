"""Pipelines of Diffusers with a transformer in shards; the last one is killed before its index."""

import pathlib
import sys

import torch
from diffusers import AutoencoderKL, DDIMScheduler, DiTPipeline, DiTTransformer2DModel

import killed


def main(folder):
    killed.before_writing("dit-3/model_index.json")
    for number in (1, 2, 3):
        torch.manual_seed(number)
        transformer = DiTTransformer2DModel(
            num_attention_heads=2,
            attention_head_dim=8,
            in_channels=4,
            num_layers=2,
            sample_size=8,
            num_embeds_ada_norm=10,
        )
        vae = AutoencoderKL(block_out_channels=(32,), norm_num_groups=8)
        pipeline = DiTPipeline(transformer=transformer, vae=vae, scheduler=DDIMScheduler())
        pipeline.save_pretrained(folder / "models" / f"dit-{number}", max_shard_size="40KB")


main(pathlib.Path(sys.argv[2]))
