"""A fit under Lightning with its ModelCheckpoint."""

import sys

import lightning
import torch
from lightning.pytorch.callbacks import ModelCheckpoint
from lightning.pytorch.strategies import ModelParallelStrategy
from torch.distributed.fsdp import fully_shard


class Model(lightning.LightningModule):
    def __init__(self, is_sharded):
        super().__init__()
        self.layer = torch.nn.Linear(64, 64)
        self.is_sharded = is_sharded

    def configure_model(self):
        if self.is_sharded:
            fully_shard(self.layer, mesh=self.device_mesh["data_parallel"])

    def training_step(self, batch, _):
        loss = self.layer(batch).square().mean()
        self.log("loss", loss)
        return loss

    def configure_optimizers(self):
        return torch.optim.Adam(self.parameters())


def fit(folder, ranks=1, every=5, **kept):
    keeper = ModelCheckpoint(dirpath=folder, every_n_train_steps=every, **kept)
    strategy = ModelParallelStrategy(data_parallel_size=ranks, tensor_parallel_size=1) if ranks > 1 else "auto"
    trainer = lightning.Trainer(
        default_root_dir=folder,
        accelerator="cpu",
        devices=ranks,
        strategy=strategy,
        max_epochs=2,
        logger=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        callbacks=[keeper],
    )
    lightning.seed_everything(0)
    rows = torch.utils.data.DataLoader(torch.randn(64, 64), batch_size=4)
    trainer.fit(Model(ranks > 1), rows)


def main(case, folder):
    if case == "lightning-files":
        for _ in range(2):  # the second fit into the same folder gives its files a version
            fit(f"{folder}/run", every=10, save_top_k=-1, save_last=True)
    elif case == "lightning-metric":
        name = "{epoch:02d}-{step:06d}-{loss:.2f}"
        fit(f"{folder}/run", save_top_k=3, monitor="loss", filename=name, save_last="link")
    elif case == "lightning-folders":
        fit(f"{folder}/run", ranks=2, save_top_k=-1, save_last=True)


if __name__ == "__main__":  # the second rank imports this file
    main(*sys.argv[1:])
