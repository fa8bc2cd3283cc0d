"""A training to be killed: python kill_target.py CHECKPOINT OUT."""

import sys

import torch

import torch_rbm

checkpoint, out = sys.argv[1:]
torch.set_num_threads(1)
torch.manual_seed(0)
data = (torch.rand(2000, 100) < torch.rand(100)).float()
torch.manual_seed(1)
rbm = torch_rbm.RBM(100, 50)
torch_rbm.fit(
    rbm, data, epochs=30, checkpoint=checkpoint, checkpoint_seconds=0, average=0.5, progress=False
)
torch.save(rbm.state_dict(), out)
