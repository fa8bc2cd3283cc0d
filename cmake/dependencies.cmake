# LibTorch and OpenMP. Defines the target `torch` and sets TORCH_RBM_LIBTORCH_DIR, the folder that holds
# libtorch, and TORCH_RBM_TORCH_MINOR, its major and minor version.

# Targets of LibTorch are for projects, too, that have this one as a subdirectory (CMake 3.24).
set(CMAKE_FIND_PACKAGE_TARGETS_GLOBAL TRUE)

# The CMake package of a CUDA build of PyTorch cannot be found without a CUDA toolkit. torch_rbm's
# own files need none, so that the few properties it needs are then written down here.
find_file(torch_config_file TorchConfig.cmake NO_DEFAULT_PATH NO_CACHE
  HINTS ${Torch_DIR} PATHS ${CMAKE_PREFIX_PATH} PATH_SUFFIXES Torch share/cmake/Torch)
get_filename_component(torch_prefix "${torch_config_file}/../../../.." ABSOLUTE)
if(EXISTS "${torch_prefix}/lib/libtorch_cuda.so")
  find_package(CUDAToolkit QUIET)
endif()
if(EXISTS "${torch_prefix}/lib/libtorch_cuda.so" AND NOT CUDAToolkit_FOUND)
  set(PACKAGE_FIND_VERSION 2.11)
  include("${torch_prefix}/share/cmake/Torch/TorchConfigVersion.cmake")
  set(Torch_VERSION "${PACKAGE_VERSION}")
  set(TORCH_INSTALL_PREFIX "${torch_prefix}")
  add_library(torch INTERFACE IMPORTED)
  target_include_directories(torch INTERFACE
    "${torch_prefix}/include" "${torch_prefix}/include/torch/csrc/api/include")
  foreach(library torch torch_cpu c10)
    target_link_libraries(torch INTERFACE "${torch_prefix}/lib/lib${library}.so")
  endforeach()
  message(STATUS "Found a CUDA build of LibTorch ${Torch_VERSION} at ${torch_prefix}, no CUDA toolkit")
else()
  find_package(Torch 2.11 REQUIRED)
endif()
if(Torch_VERSION VERSION_LESS 2.11 OR NOT Torch_VERSION VERSION_LESS 2.14)
  message(FATAL_ERROR "torch_rbm supports LibTorch 2.11 to 2.13, found ${Torch_VERSION}")
endif()
string(REGEX MATCH "^[0-9]+\\.[0-9]+" TORCH_RBM_TORCH_MINOR "${Torch_VERSION}")
set(TORCH_RBM_LIBTORCH_DIR "${TORCH_INSTALL_PREFIX}/lib")

# at::parallel_for runs serially in a file compiled without OpenMP.
find_package(OpenMP REQUIRED COMPONENTS CXX)
