# The CPU kernels, compiled once for each instruction set that PyTorch tells apart: the baseline of
# the platform and, on x86-64, AVX2 and AVX-512. Sets TORCH_RBM_KERNELS.

include(CheckCXXCompilerFlag)
check_cxx_compiler_flag(-mavx512dq compiler_has_avx512)
if(compiler_has_avx512 AND CMAKE_SYSTEM_PROCESSOR MATCHES "x86_64|AMD64")
  set(TORCH_RBM_X86_KERNELS ON)
endif()

set(TORCH_RBM_KERNELS)
function(torch_rbm_kernels capability)
  set(target torch_rbm_kernels_${capability})
  add_library(${target} OBJECT
    csrc/cpu/kernels/bernoulli.cpp
    csrc/cpu/kernels/centering.cpp
    csrc/cpu/kernels/enumeration.cpp
    csrc/cpu/kernels/panels.cpp
    csrc/cpu/kernels/ratings.cpp
    csrc/cpu/kernels/states.cpp
    csrc/cpu/kernels/sums.cpp
    csrc/cpu/kernels/table.cpp
    csrc/cpu/kernels/uniform.cpp
  )
  target_compile_features(${target} PUBLIC cxx_std_20)
  target_include_directories(${target} PRIVATE "${CMAKE_CURRENT_SOURCE_DIR}/csrc")
  target_compile_definitions(${target} PRIVATE TORCH_RBM_CAPABILITY=${capability})
  # Without contraction to fused multiply-add every instruction set gives the same bits. Loops only
  # vectorise where comparisons and conversions may be done for elements whose result is not used.
  target_compile_options(${target} PRIVATE
    $<$<CONFIG:Release,RelWithDebInfo>:-O3> -ffp-contract=off -fno-math-errno -fno-trapping-math
    ${ARGN})
  set_target_properties(${target} PROPERTIES
    CXX_EXTENSIONS OFF
    CXX_VISIBILITY_PRESET hidden
    VISIBILITY_INLINES_HIDDEN ON
    POSITION_INDEPENDENT_CODE ON
  )
  torch_rbm_warnings(${target})
  set(TORCH_RBM_KERNELS ${TORCH_RBM_KERNELS} ${target} PARENT_SCOPE)
endfunction()

torch_rbm_kernels(baseline)
if(TORCH_RBM_X86_KERNELS)
  set(avx2_options -mavx2 -mfma -mf16c -mbmi -mbmi2 -mlzcnt -mpopcnt)
  torch_rbm_kernels(avx2 ${avx2_options})
  torch_rbm_kernels(avx512 ${avx2_options} -mavx512f -mavx512bw -mavx512dq -mavx512vl
    -mprefer-vector-width=512)
endif()
