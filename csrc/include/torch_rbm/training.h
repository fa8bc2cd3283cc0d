// Training RBMs without Python.
#pragma once

#include <torch_rbm/export.h>
#include <torch_rbm/rbm.h>

#include <cstdint>
#include <functional>
#include <optional>

namespace torch_rbm {

struct FitOptions {
  /// Passes over the data; without a value 10, or as many as make 5,000 updates where that is
  /// more.
  std::optional<int64_t> epochs = std::nullopt;
  /// Without a value 100, or where there are fewer than 10,000 cases a hundredth of them, but 10 at
  /// least.
  std::optional<int64_t> batch_size = std::nullopt;
  /// Persistent chains of the negative phase, and their Gibbs steps for each update.
  int64_t chains = 100;
  int64_t steps = 1;
  /// Without a value 0.2, and 0.5 / √n at most for n gaussian or relu visible units, or n visible
  /// units of any type under hidden ones of these, and data of mean 0 and deviation 1; precisions
  /// learn at 0.01 at most. It rises from zero in the first share `warm_up` of the training, and
  /// falls linearly to zero after the share `hold` of it.
  std::optional<double> learning_rate = std::nullopt;
  double hold = 0.0;
  double warm_up = 0.0;
  /// Take the step of the centred RBM (Montavon and Müller 2012).
  bool centered = true;
  /// The share of the training, at its end, whose parameters are averaged to be the result.
  double average = 0.1;
  /// Take grey values in [0, 1] as probabilities, and draw states anew for each batch.
  bool binarize = false;
  /// Applied to every batch first, for example the layers below; called without recording.
  std::function<Tensor(const Tensor&)> transform = nullptr;
  /// Called after each epoch with its number, from 1, and the mean energy gap between data and
  /// chains, which is no likelihood.
  std::function<void(int64_t epoch, double gap)> on_epoch = nullptr;
  /// Shuffles and draws; the default generator when it has no value.
  std::optional<at::Generator> generator = std::nullopt;
};

/// Trains an RBM on `data`, states or means of its visible units [cases, visible], by persistent
/// contrastive divergence (Tieleman 2008) and stochastic gradient descent. Throws c10::ValueError
/// where an option or the data are not as described, and c10::Error, with the RBM as it was, where
/// training diverges.
TORCH_RBM_API void fit(const RBM& rbm, const Tensor& data, const FitOptions& options = {});

}  // namespace torch_rbm
