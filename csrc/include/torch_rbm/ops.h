// The operators of torch_rbm as C++ functions: typed calls into the PyTorch dispatcher, so that
// devices, autograd and autocast behave as they do for torch.ops.torch_rbm.* in Python.
//
// Shapes: `weight` is [hidden, visible], `visible_bias` [visible], `hidden_bias` [hidden]. States
// are [..., visible] or [..., hidden]: any leading dimensions are rows of a batch. States may be of
// the dtype of `weight`, bool or uint8. Bad arguments throw c10::ValueError or c10::TypeError.
#pragma once

#include <torch_rbm/export.h>

#include <ATen/core/Generator.h>
#include <ATen/core/Tensor.h>

#include <cstdint>
#include <optional>
#include <string_view>
#include <tuple>

namespace torch_rbm {

using at::Tensor;

/// The units of one layer: "bernoulli", states {0, 1}; "spin", {-1, +1}; "categorical", one unit
/// whose states are one-hot over the whole layer, or "categorical(5)", units of five elements each;
/// "gaussian", ℝ; "relu", ℝ≥0; or groups with their sizes, "gaussian:784, categorical:10".
struct LayerUnits {
  std::string_view type = "bernoulli";
  /// γ > 0 of gaussian and relu units, [units]; 1 when unset. Values of other units are not used.
  std::optional<Tensor> precision = std::nullopt;
};

/// The units of both layers.
struct Units {
  std::string_view visible = "bernoulli";
  std::string_view hidden = "bernoulli";
  std::optional<Tensor> visible_precision = std::nullopt;
  std::optional<Tensor> hidden_precision = std::nullopt;
};

/// Where random numbers come from: from `key` when set, an int64 tensor [seed, offset] that fixes
/// the result; else one key is drawn from `generator`, or from the device's default generator.
struct Random {
  std::optional<at::Generator> generator = std::nullopt;
  std::optional<Tensor> key = std::nullopt;
};

struct GibbsOptions {
  Units units = {};
  /// bool, broadcastable to `visible`: where true, the visible state keeps its given value.
  std::optional<Tensor> clamp = std::nullopt;
  Random random = {};
};

struct ContrastiveDivergenceOptions {
  Units units = {};
  /// bool, broadcastable to `data` and to `chain`: where false, the value is missing, and its unit
  /// is no part of the model of that row.
  std::optional<Tensor> observed = std::nullopt;
  /// Use sampled hidden states in both phases instead of their means (more variance, same mean).
  bool sampled_hidden = false;
  /// Use the means of the visible units instead of samples in every step of the chain.
  bool mean_visible = false;
  Random random = {};
};

struct ContrastiveDivergence {
  Tensor grad_weight;
  Tensor grad_visible_bias;
  Tensor grad_hidden_bias;
  /// The visible states after `steps` steps, to be handed back as `chain` for PCD.
  Tensor chain;
};

struct ContrastiveDivergenceWithMeans {
  Tensor grad_weight;
  Tensor grad_visible_bias;
  Tensor grad_hidden_bias;
  /// ⟨v⟩ and ⟨h⟩ of the positive phase, [visible] and [hidden].
  Tensor visible_mean;
  Tensor hidden_mean;
  Tensor chain;
};

/// Joint energy E(v, h) = Σ u(v) - bᵀv + Σ u(h) - cᵀh - hᵀWv (Smolensky 1986; Hinton 2002; Welling,
/// Rosen-Zvi and Hinton 2005), one value per row; u(s) = γ s² / 2 for gaussian and relu units of
/// precision γ, 0 for others.
[[nodiscard]] TORCH_RBM_API Tensor energy(const Tensor& visible, const Tensor& hidden,
                                          const Tensor& weight, const Tensor& visible_bias,
                                          const Tensor& hidden_bias, const Units& units = {});

/// Σ Γ(x) over the last dimension of `field`, the fields of independent units, with Γ(x) =
/// log Σ_s exp(x s - u(s)), for Bernoulli units softplus(x): log Z of units without weights, and
/// minus their part of the free energy. In float32 at least.
[[nodiscard]] TORCH_RBM_API Tensor cumulant(const Tensor& field, const LayerUnits& units = {});

/// Free energy F(v) = -log Σ_h exp(-E(v, h)), one value per row, in float32 at least.
[[nodiscard]] TORCH_RBM_API Tensor free_energy(const Tensor& visible, const Tensor& weight,
                                               const Tensor& visible_bias,
                                               const Tensor& hidden_bias, const Units& units = {});

/// E[h | v], for Bernoulli units the probabilities σ(c + Wv).
[[nodiscard]] TORCH_RBM_API Tensor hidden_mean(const Tensor& visible, const Tensor& weight,
                                               const Tensor& hidden_bias,
                                               const LayerUnits& hidden_units = {});

/// E[v | h], for Bernoulli units the probabilities σ(b + Wᵀh).
[[nodiscard]] TORCH_RBM_API Tensor visible_mean(const Tensor& hidden, const Tensor& weight,
                                                const Tensor& visible_bias,
                                                const LayerUnits& visible_units = {});

/// A sample of h given v, in the dtype of `visible`.
[[nodiscard]] TORCH_RBM_API Tensor sample_hidden(const Tensor& visible, const Tensor& weight,
                                                 const Tensor& hidden_bias,
                                                 const LayerUnits& hidden_units = {},
                                                 const Random& random = {});

/// A sample of v given h, in the dtype of `hidden`.
[[nodiscard]] TORCH_RBM_API Tensor sample_visible(const Tensor& hidden, const Tensor& weight,
                                                  const Tensor& visible_bias,
                                                  const LayerUnits& visible_units = {},
                                                  const Random& random = {});

/// Block Gibbs sampling: `steps` times v → h → v. Returns (visible, hidden): the last visible
/// states and the hidden states that they were drawn from; with steps = 0 the visible states as
/// given and hidden states drawn from them.
[[nodiscard]] TORCH_RBM_API std::tuple<Tensor, Tensor> gibbs(
    const Tensor& visible, const Tensor& weight, const Tensor& visible_bias,
    const Tensor& hidden_bias, int64_t steps = 1, const GibbsOptions& options = {});

/// Contrastive-divergence estimate of the gradient of the mean negative log-likelihood: positive
/// phase on `data` minus negative phase on `chain` after `steps` steps, each divided by its own
/// number of rows (Hinton 2002). `chain` = `data` is CD-k, a chain handed back in is PCD-k
/// (Tieleman 2008). A phase without rows contributes nothing.
[[nodiscard]] TORCH_RBM_API ContrastiveDivergence contrastive_divergence(
    const Tensor& data, const Tensor& chain, const Tensor& weight, const Tensor& visible_bias,
    const Tensor& hidden_bias, int64_t steps = 1, const ContrastiveDivergenceOptions& options = {});

/// The same, with the means of both layers in the positive phase, in which a missing value counts
/// as 0: what centring, sparsity targets and monitors want to know besides, at no cost.
[[nodiscard]] TORCH_RBM_API ContrastiveDivergenceWithMeans contrastive_divergence_with_means(
    const Tensor& data, const Tensor& chain, const Tensor& weight, const Tensor& visible_bias,
    const Tensor& hidden_bias, int64_t steps = 1, const ContrastiveDivergenceOptions& options = {});

struct CenteredGradient {
  Tensor grad_weight;
  Tensor grad_visible_bias;
  Tensor grad_hidden_bias;
};

/// The gradient of an RBM's parameters turned into that of the centred RBM (Montavon and Müller
/// 2012), whose energy is -(v - μ)ᵀb' - (h - λ)ᵀc' - (h - λ)ᵀW(v - μ), with the offsets μ [visible]
/// and λ [hidden]: a descent of W, b' and c' written as one of W, b = b' - Wᵀλ and c = c' - Wμ
/// (Melchior, Fischer and Wiskott 2016).
[[nodiscard]] TORCH_RBM_API CenteredGradient centered_gradient(const Tensor& grad_weight,
                                                               const Tensor& grad_visible_bias,
                                                               const Tensor& grad_hidden_bias,
                                                               const Tensor& visible_offset,
                                                               const Tensor& hidden_offset);

/// Exact log Z, a float64 scalar: by enumeration of the smaller layer of bernoulli, spin or
/// categorical units, or in closed form for two layers of gaussian units.
[[nodiscard]] TORCH_RBM_API Tensor log_partition(const Tensor& weight, const Tensor& visible_bias,
                                                 const Tensor& hidden_bias,
                                                 const Units& units = {});

struct Moments {
  /// log Z, a float64 scalar, as the other values float64.
  Tensor log_partition;
  /// ⟨hᵀv⟩, [hidden, visible].
  Tensor weight;
  /// ⟨v⟩, [visible].
  Tensor visible;
  /// ⟨h⟩, [hidden].
  Tensor hidden;
};

/// Exact log Z and its derivatives for weight and biases, the moments of the model: the negative
/// phase without sampling. Where log_partition is exact.
[[nodiscard]] TORCH_RBM_API Moments moments(const Tensor& weight, const Tensor& visible_bias,
                                            const Tensor& hidden_bias, const Units& units = {});

/// Annealed importance sampling (Neal 2001; Salakhutdinov and Murray 2008) along `betas`, float64
/// [2 or more]: from the base model without weights and with `base_visible_bias` (β = 0) to the
/// model (β = 1), or back. `chain` holds samples of the distribution at betas[0]. Returns the log
/// weights, float64, whose exponentials average to Z(last β) / Z(first β), and the states they
/// belong to.
[[nodiscard]] TORCH_RBM_API std::tuple<Tensor, Tensor> annealed_importance_sampling(
    const Tensor& chain, const Tensor& weight, const Tensor& visible_bias,
    const Tensor& hidden_bias, const Tensor& base_visible_bias, const Tensor& betas,
    const Units& units = {}, const Random& random = {});

struct ParallelTempering {
  /// The states after `steps` steps, in the order of `betas`.
  Tensor chain;
  /// The probabilities of all proposals to exchange states of neighbouring betas, added up, float64
  /// [temperatures - 1].
  Tensor accepted;
  /// How many they were, int64 [temperatures - 1].
  Tensor proposed;
  /// At which of the betas each state was at the start, int64 [temperatures, chains].
  Tensor origin;
};

/// Parallel tempering (Geyer 1991; Desjardins et al. 2010): replica exchange along `betas`,
/// float64 [temperatures], between the base model of annealed_importance_sampling, β = 0, and the
/// model, β = 1. `chain` is [temperatures, chains, visible]. Every step first proposes to exchange
/// the states of pairs of neighbouring betas in each chain, of all even or all odd pairs by the
/// toss of a coin, by their free energies, then makes a Gibbs step v → h → v at every β.
[[nodiscard]] TORCH_RBM_API ParallelTempering
parallel_tempering(const Tensor& chain, const Tensor& weight, const Tensor& visible_bias,
                   const Tensor& hidden_bias, const Tensor& base_visible_bias, const Tensor& betas,
                   int64_t steps = 1, const Units& units = {}, const Random& random = {});

/// The random stream that every sampler draws from: float32 in [0, 1), [rows, units], a pure
/// function of `key`, `step`, `layer` (0 visible, 1 hidden, 2 exchanges), row and unit, made by the
/// counter-based Philox4x32-10 (Salmon et al. 2011). The offset of the key adds to `step`.
[[nodiscard]] TORCH_RBM_API Tensor uniform(const Tensor& key, int64_t rows, int64_t units,
                                           int64_t step = 0, int64_t layer = 0);

}  // namespace torch_rbm
