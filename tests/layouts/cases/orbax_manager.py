"""A training loop that keeps checkpoints with Orbax's CheckpointManager."""

import pathlib
import sys

import jax
import jax.numpy as jnp
import orbax.checkpoint as ocp

import killed

# In place, on stores that cannot rename: the file before which the process is killed.
ENDS = {"orbax-commit-file": "1500/commit_success.txt", "orbax-commit-file-early": "1500/state/_METADATA"}


def state(step):
    keys = jax.random.split(jax.random.key(step), 3)
    weights, mean, variance = (jax.random.normal(key, (64, 64)) for key in keys)
    return {"params": {"w": weights, "b": jnp.zeros(64)}, "opt_state": {"mu": mean, "nu": variance}, "step": step}


def two_items(step):
    items = {"state": ocp.args.StandardSave(state(step)), "data_iter": ocp.args.JsonSave({"epoch": step // 100})}
    return ocp.args.Composite(**items)


def one_item(step):
    return ocp.args.StandardSave(state(step))


def train(folder, steps, items, **kept):
    with ocp.CheckpointManager(folder, options=ocp.CheckpointManagerOptions(**kept)) as manager:
        for step in steps:
            manager.save(step, args=items(step))


def main(case, folder):
    if case == "orbax-steps":
        killed.before_writing("2000.orbax-checkpoint-tmp/state.orbax-checkpoint-tmp/_METADATA")
        train(folder / "run", (0, 500, 1000, 1500, 2000), two_items, max_to_keep=3)
    elif case == "orbax-prefix":
        train(folder / "a", (500, 1000), one_item, step_prefix="step")
        train(folder / "b", (500, 1000), one_item, step_prefix="step", step_format_fixed_length=8)
    elif case == "orbax-0.11":
        train(folder / "run", (500, 1000, 1500), two_items)
    elif case in ENDS:
        from orbax.checkpoint import options  # what this needs is newer than 0.11

        killed.before_writing(ENDS[case])
        mode = options.AtomicityOptions(mode=options.AtomicityMode.COMMIT_FILE)
        train(folder / "run", (500, 1000, 1500), two_items, atomicity_options=mode)


main(sys.argv[1], pathlib.Path(sys.argv[2]))
