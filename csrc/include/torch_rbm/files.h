// Models in files that Python and C++ share.
#pragma once

#include <torch_rbm/dbn.h>
#include <torch_rbm/export.h>
#include <torch_rbm/rbm.h>

#include <string>

namespace torch_rbm {

/// Writes a model to a file, whole or not at all, for load_rbm or load_dbn and for
/// torch_rbm.load in Python.
TORCH_RBM_API void save(const RBM& rbm, const std::string& path);
TORCH_RBM_API void save(const DBN& dbn, const std::string& path);

/// Reads a model that save, or torch_rbm.save in Python, has written, to the CPU. Nothing in the
/// file is run as code. Throws c10::ValueError where it holds no such model.
[[nodiscard]] TORCH_RBM_API RBM load_rbm(const std::string& path);
/// Nets with a label at the top, or with untied weights, are Python's alone: export those.
[[nodiscard]] TORCH_RBM_API DBN load_dbn(const std::string& path);

}  // namespace torch_rbm
