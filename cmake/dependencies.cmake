# LibTorch and OpenMP. Sets TORCH_RBM_LIBTORCH_DIR, the folder that holds libtorch.

find_package(Torch 2.11 REQUIRED)
if(NOT Torch_VERSION VERSION_LESS 2.14)
  message(FATAL_ERROR "torch_rbm supports LibTorch 2.11 to 2.13, found ${Torch_VERSION}")
endif()
string(REGEX MATCH "^[0-9]+\\.[0-9]+" TORCH_RBM_TORCH_MINOR "${Torch_VERSION}")
set(TORCH_RBM_LIBTORCH_DIR "${TORCH_INSTALL_PREFIX}/lib")

# at::parallel_for runs serially in a file compiled without OpenMP.
find_package(OpenMP REQUIRED COMPONENTS CXX)
