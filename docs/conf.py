"""Settings of Sphinx: `make docs`."""

import torch_rbm

project = "torch_rbm"
author = "the torch_rbm authors"
copyright = author
version = release = torch_rbm.__version__

extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "sphinx.ext.viewcode",
]
myst_enable_extensions = ["dollarmath", "colon_fence"]
myst_heading_anchors = 3
autodoc_member_order = "bysource"
autodoc_typehints = "signature"
autodoc_default_options = {
    "members": True,
    # scikit-learn writes these, with links into its own documentation.
    "exclude-members": "set_fit_request, set_partial_fit_request, set_score_request",
}
napoleon_numpy_docstring = False
napoleon_use_ivar = True
# There is an RBM here and one for scikit-learn.
suppress_warnings = ["ref.python"]

html_theme = "furo"
html_title = f"torch_rbm {version}"
html_static_path: list[str] = []
