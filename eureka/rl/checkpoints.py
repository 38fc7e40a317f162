"""Files of trained policies and checkpoints: safetensors with a JSON record, no pickle."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import torch
from safetensors import safe_open
from safetensors.torch import save
from torch import Tensor

from eureka.rl.normalization import RunningMoments
from eureka.rl.policy import Policy, Shape
from eureka.system.files import write_whole


def save_policies(policy: Policy, moments: RunningMoments, paths: Sequence[Path]) -> None:
    """Write each member's policy to its own file: parameters by name, and observation moments."""
    for p, path in enumerate(paths):
        tensors = {name: view[p].clone() for name, view in policy.views.items()}
        tensors |= {"observation.mean": moments.mean[p].clone(), "observation.var": moments.var[p].clone()}
        record = asdict(policy.shape)
        if not policy.shape.choices:
            del record["choices"]
        write_tensors(path, tensors, record)


def write_tensors(path: Path, tensors: dict[str, Tensor], record: object) -> None:
    """Write a safetensors file with a JSON record, atomically."""
    # safetensors rejects shared storage, which a task's memory may have with the environment.
    own = {name: value.clone(memory_format=torch.contiguous_format) for name, value in tensors.items()}
    write_whole(path, save(own, metadata={"record": json.dumps(record)}))


def read_tensors(path: Path, device: torch.device) -> tuple[dict[str, Tensor], dict]:
    """Read the tensors and the record of a file from `write_tensors`."""
    with safe_open(path, framework="pt", device=str(device)) as file:
        tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - not a mapping
        return tensors, json.loads(file.metadata()["record"])


def load_policies(paths: Sequence[Path], device: torch.device) -> tuple[Policy, RunningMoments]:
    """Load saved policies of equal shape as one population."""
    found = [read_tensors(path, device) for path in paths]
    record = found[0][1]
    hidden, choices = tuple(record["hidden"]), tuple(record.get("choices", ()))
    shape = Shape(record["observation"], record["action"], hidden, record["privileged"], choices)
    flat = torch.stack([torch.cat([t[name].flatten() for name in shape.parameters()]) for t, _ in found])
    moments = RunningMoments(len(paths), (shape.seen,), device)
    for p, (tensors, _) in enumerate(found):
        moments.mean[p], moments.var[p] = tensors["observation.mean"], tensors["observation.var"]
    return Policy(shape, flat), moments
