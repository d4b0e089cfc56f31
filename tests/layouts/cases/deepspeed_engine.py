"""Two ranks under DeepSpeed's engine."""

import sys

import deepspeed
import torch

import killed


def main(case, folder):
    if case == "deepspeed-zero2":
        killed.before_writing("run/latest", once=f"{folder}/run/global_step40")
    torch.manual_seed(0)
    model = torch.nn.Sequential(torch.nn.Linear(64, 128), torch.nn.Linear(128, 64))
    settings = {
        "train_micro_batch_size_per_gpu": 4,
        "optimizer": {"type": "AdamW", "params": {"lr": 1e-3, "torch_adam": True}},
        "zero_optimization": {"stage": int(case[-1])},
    }
    engine, *_ = deepspeed.initialize(model=model, model_parameters=model.parameters(), config=settings)
    for step in range(1, 41):
        engine.backward(engine(torch.randn(4, 64)).square().mean())
        engine.step()
        if step % 10 == 0:
            engine.save_checkpoint(f"{folder}/run")


main(*sys.argv[1:])
