// uniform on the CPU.
#include "cpu/capability.h"
#include "cpu/key.h"
#include "ops/checks.h"

#include <ATen/Parallel.h>
#include <ATen/ops/empty.h>
#include <torch/library.h>

namespace torch_rbm::cpu {

at::Tensor uniforms(const Draw& draw, int64_t rows, int64_t units) {
  at::Tensor out = at::empty({rows, units}, at::kFloat);
  auto* const out_data = out.mutable_data_ptr<float>();
  constexpr int64_t kUnitsPerTask = 32768;
  const int64_t rows_per_task = kUnitsPerTask / std::max<int64_t>(units, 1) + 1;
  at::parallel_for(0, rows, rows_per_task, [&](int64_t first, int64_t last) {
    Draw part = draw;
    part.first_row += first;
    kernels().uniform(part, last - first, units, out_data + first * units);
  });
  return out;
}

namespace {

at::Tensor uniform(const at::Tensor& key, int64_t rows, int64_t units, int64_t step,
                   int64_t layer) {
  checks::uniform("uniform", key, rows, units, step, layer);
  return uniforms(Key(key).draw(step, static_cast<random::Layer>(layer), 0), rows, units);
}

}  // namespace

TORCH_LIBRARY_IMPL(torch_rbm, CPU, m) {
  m.impl("uniform", &uniform);
}

}  // namespace torch_rbm::cpu
