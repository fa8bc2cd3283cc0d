// Deep belief nets as a torch::nn module.
#pragma once

#include <torch_rbm/export.h>
#include <torch_rbm/rbm.h>
#include <torch_rbm/training.h>

#include <torch/nn/cloneable.h>
#include <torch/nn/modules/container/modulelist.h>
#include <torch/nn/modules/container/sequential.h>
#include <torch/nn/pimpl.h>

#include <cstdint>
#include <optional>
#include <ostream>
#include <string>
#include <vector>

namespace torch_rbm {

/// A deep belief net (Hinton, Osindero and Teh 2006): RBMs stacked on each other. The names of its
/// parameters, `layers.0.weight` and so on, are those of Python.
class TORCH_RBM_API DBNImpl : public torch::nn::Cloneable<DBNImpl> {
 public:
  /// `sizes` are the units of each layer from the visible one up, two or more; `units` what they
  /// are, for each layer, or nothing for Bernoulli units.
  explicit DBNImpl(std::vector<int64_t> sizes, std::vector<std::string> units = {});

  void reset() override;
  void pretty_print(std::ostream& stream) const override;

  /// The means of the top layer, differentiable, [..., visible] to [..., top].
  [[nodiscard]] Tensor forward(const Tensor& visible);

  /// [count, visible]: `steps` Gibbs steps in the top RBM from samples of the model without its
  /// weights, then one pass down, which ends in means of the visible units where asked to.
  [[nodiscard]] Tensor sample(int64_t count, int64_t steps = 1000, bool mean_visible = false,
                              std::optional<at::Generator> generator = std::nullopt) const;

  /// Trains the RBMs one after the other, each on the means of the layers below it; see fit. With
  /// `binarize`, states are drawn from these means.
  void pretrain(const Tensor& data, const FitOptions& options = {});

  /// A new classifier that starts from this net: Linear and the means of the units, such as
  /// Sigmoid, for each layer, then Linear to `classes` logits, which starts at zero.
  [[nodiscard]] torch::nn::Sequential classifier(int64_t classes) const;

  /// The RBMs from the bottom up.
  [[nodiscard]] std::vector<RBM> layers() const;
  [[nodiscard]] const std::vector<int64_t>& sizes() const { return sizes_; }
  [[nodiscard]] const std::vector<std::string>& units() const { return units_; }

 private:
  std::vector<int64_t> sizes_;
  std::vector<std::string> units_;
  torch::nn::ModuleList layers_;
};

TORCH_MODULE(DBN);

}  // namespace torch_rbm
