"""Models written with transformers' save_pretrained, in shards; the last one is killed before its index."""

import pathlib
import sys

import torch
from transformers import LlamaConfig, LlamaForCausalLM

import killed

TINY = {"vocab_size": 64, "hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 2}


def main(folder):
    killed.before_writing("llama-3/model.safetensors.index.json")
    for number in (1, 2, 3):
        torch.manual_seed(number)
        model = LlamaForCausalLM(LlamaConfig(**TINY))
        model.save_pretrained(folder / "models" / f"llama-{number}", max_shard_size="40KB")


main(pathlib.Path(sys.argv[2]))
