"""A model of fewer tensors than there are ranks: some rank has nothing to write, and writes a file all the same."""

import sys

import torch
import torch.distributed as dist
import torch.distributed.checkpoint as dcp


def main(folder):
    dist.init_process_group("gloo")
    model = torch.nn.Linear(64, 64, bias=False)
    for step in (500, 1000):
        dcp.save({"model": model.state_dict()}, checkpoint_id=f"{folder}/run/step-{step}")
    dist.destroy_process_group()


main(sys.argv[2])
