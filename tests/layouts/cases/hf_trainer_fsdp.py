"""Two ranks under transformers' Trainer, sharded by FSDP; each saves its part of model and optimizer."""

import sys

import torch
from transformers import LlamaConfig, LlamaForCausalLM, Trainer, TrainingArguments

import killed

TINY = {"vocab_size": 64, "hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 2}


def main(folder):
    killed.before_writing("checkpoint-20/optimizer_0/.metadata.tmp")
    torch.manual_seed(0)
    rows = torch.randint(0, TINY["vocab_size"], (64, 8))
    arguments = TrainingArguments(
        output_dir=f"{folder}/run",
        max_steps=20,
        save_steps=5,
        save_total_limit=3,
        per_device_train_batch_size=2,
        use_cpu=True,
        report_to=[],
        fsdp="full_shard auto_wrap",
        fsdp_config={
            "version": 2,
            "state_dict_type": "SHARDED_STATE_DICT",
            "transformer_layer_cls_to_wrap": ["LlamaDecoderLayer"],
        },
    )
    model = LlamaForCausalLM(LlamaConfig(**TINY))
    Trainer(model=model, args=arguments, train_dataset=[{"input_ids": row, "labels": row} for row in rows]).train()


main(sys.argv[2])
