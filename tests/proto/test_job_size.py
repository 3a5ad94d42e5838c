"""A job is a string, not a model: its bytes on the wire stay below 1 kB in every space."""

from __future__ import annotations

import numpy as np
import pytest

from help_core.records import LeasedJob, StoredModel
from help_core.spaces import GeneSpace, get_space, space_names
from help_core.spaces.base import sample_genes
from help_proto.convert import from_leased_job, to_leased_job
from help_proto.v1 import agent_service_pb2 as pb

LARGEST_ID = (1 << 63) - 1
DEVICE = "d" * 64


def _job(architecture: str) -> LeasedJob:
    return LeasedJob(LARGEST_ID, LARGEST_ID, DEVICE, architecture)


GENE_SPACES = [name for name in space_names() if isinstance(get_space(name), GeneSpace)]


def test_every_space_but_a_users_own_models_has_genotypes() -> None:
    assert set(space_names()) - set(GENE_SPACES) == {"own"}


@pytest.mark.parametrize("name", GENE_SPACES)
def test_a_job_of_a_searched_network_is_below_one_kilobyte(name: str) -> None:
    space = get_space(name)
    assert isinstance(space, GeneSpace)
    for architecture in space.from_genes(sample_genes(space, 500, np.random.default_rng(0))):
        job = _job(str(architecture))
        data = to_leased_job(job).SerializeToString()
        assert len(data) < 1000
        assert from_leased_job(pb.LeasedJob.FromString(data)) == job


def test_a_job_of_a_users_model_is_below_one_kilobyte_whatever_the_model_weighs() -> None:
    model = StoredModel("n" * 64, "a" * 64, 1 << 30, 1 << 28)
    assert str(get_space("own").parse(model.architecture)) == model.architecture
    assert to_leased_job(_job(model.architecture)).ByteSize() < 1000
