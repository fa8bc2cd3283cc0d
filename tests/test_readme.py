"""What the README shows, runs."""

import re
from pathlib import Path

import torch

README = (Path(__file__).parents[1] / "README.md").read_text()


def test_python_blocks_run_one_after_the_other(capsys):
    names: dict[str, object] = {}
    blocks = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
    assert len(blocks) >= 2
    for block in blocks:
        exec(compile(block, "README.md", "exec"), names)
    assert names["visible"].shape == (10, 8)
    assert names["pictures"].shape == (4, 8)
    # The data are eight equally likely states; an untrained model gives each -8 log 2 = -5.5.
    assert names["log_likelihood"].mean() > -4
    assert torch.isfinite(names["net"](torch.eye(8))).all()


def test_the_cpp_block_is_the_one_that_is_built():
    """The C++ of the README is a program of the stranger's project, which the tests compile."""
    (block,) = re.findall(r"```cpp\n(.*?)```", README, re.DOTALL)
    source = (Path(__file__).parent / "cmake_project" / "readme.cpp").read_text()
    assert block.strip() in source
