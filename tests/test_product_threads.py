"""Small products are computed on the thread that asks for them: to wait for others costs more."""

import os
import re
import subprocess
import sys

import pytest
import torch

# What MKL says of each product in its verbose mode names the threads that it takes.
_SCRIPT = """
import torch
import torch_rbm

torch.set_num_threads(2)
units, rows = {units}, {rows}
rbm = torch_rbm.RBM(units, units, visible_units="gaussian")
data = torch.zeros(rows, units)
with torch.no_grad():
    rbm(data)
    rbm.visible_mean(data)
    rbm.sample_visible(data)
    rbm.free_energy(data)
    rbm.gibbs(data, 2)
    torch_rbm.ContrastiveDivergence(rbm).estimate(data)
    options = dict(chains=rows, betas=torch.linspace(0, 1, 10), progress=False)
    torch_rbm.log_partition(rbm, method="ais", **options)
print("after", flush=True)
torch.mm(data, data.t())
"""


@pytest.mark.skipif(not torch.backends.mkl.is_available(), reason="PyTorch without MKL")
@pytest.mark.parametrize(("units", "rows", "expected"), [(30, 50, {1}), (300, 200, {2})])
def test_threads_of_products(units, rows, expected):
    script = _SCRIPT.format(units=units, rows=rows)
    result = subprocess.run(
        [sys.executable, "-c", script],
        env=os.environ | {"MKL_VERBOSE": "1"},
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    ours, after = result.stdout.split("after")
    threads = re.findall(r"GEMM\(.*NThr:(\d+)", ours)
    assert len(threads) > 10
    assert {int(number) for number in threads} == expected
    assert "NThr:2" in after  # what the program has set is set again
