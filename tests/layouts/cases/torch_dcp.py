"""Two ranks that save their shards with torch.distributed.checkpoint."""

import sys

import torch
import torch.distributed as dist
import torch.distributed.checkpoint as dcp
from torch.distributed.checkpoint.state_dict import get_state_dict
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import fully_shard

import killed


def main(folder):
    dist.init_process_group("gloo")
    killed.before_writing("step-2000/.metadata.tmp")
    model = torch.nn.Sequential(torch.nn.Linear(64, 128), torch.nn.Linear(128, 64))
    fully_shard(model, mesh=init_device_mesh("cpu", (dist.get_world_size(),)))
    optimizer = torch.optim.AdamW(model.parameters())
    for step in (500, 1000, 1500, 2000):
        model(torch.randn(4, 64)).sum().backward()
        optimizer.step()
        optimizer.zero_grad()
        weights, moments = get_state_dict(model, optimizer)
        dcp.save({"model": weights, "optim": moments, "step": step}, checkpoint_id=f"{folder}/run/step-{step}")
    dist.destroy_process_group()


main(sys.argv[2])
